"""The command lines of the local environment: an expected failure is one message, not a traceback."""

from __future__ import annotations

import click

from ingestion_local.processes import LocalEnvironmentError


class Commands(click.Group):
    """Commands that end with a message and exit code 1 after a LocalEnvironmentError."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocalEnvironmentError as error:
            raise click.ClickException(str(error)) from error
