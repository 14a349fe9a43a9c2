"""The ports: what the core needs from Pulumi, AWS, Kubernetes and the state's files, and nothing more.

A port may know the model and the blueprint, and no library. Every method is idempotent, and removing what is absent
succeeds. Adapters raise only `PipelineError`s. The hand-written fakes in `tests/` keep the same contracts.
"""
