"""Blueprints: all AWS resources of a pipeline as values, computed from its spec without any call.

The room may know the model and the errors. It names the resources, their owners, their policies and the references between
them, so that the engine, `render` and the fingerprint read the same list.
"""
