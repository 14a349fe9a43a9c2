"""The ports of the core: what it needs from Pulumi, AWS and Kubernetes, and nothing more.

Each is idempotent; removing what is absent succeeds. Adapters raise only `PipelineError`s. The hand-written fakes of
`tests/fakes.py` keep the same contracts.
"""
