"""Adapters: each is the only importer of one library, and translates its exceptions into `PipelineError`s."""
