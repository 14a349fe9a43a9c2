"""The engine adapter: the core's `Engine` port on Pulumi's Automation API.

It registers blueprints, runs the CLI and reads its events. It decides nothing about a pipeline.
"""
