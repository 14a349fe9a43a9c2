"""Random kills: pipelines are created, changed and deleted while the operator, the CLI and the provider are killed."""
