"""`ingestion-local`: a playground for a developer. It keeps running after the command has ended."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import click

from ingestion_local.commands import Commands
from ingestion_local.playground import Component, Endpoints, Playground

NOT_RUNNING = 1
TERMINATED = 128 + signal.SIGTERM


@click.group(cls=Commands)
@click.version_option(package_name="ingestion-operator")
def main() -> None:
    """Run a Kubernetes control plane and an AWS emulator on this machine, on loopback only."""


@main.command()
def up() -> None:
    """Start the playground if it does not run yet, and print how to reach it.

    A shell can evaluate the standard output: eval "$(ingestion-local up)"
    """
    # SIGTERM during the start cleans up, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    click.echo(_exports(Playground().up()))


@main.command()
def down() -> None:
    """Stop the playground. Its objects are lost. Its logs stay until the next `up`."""
    stopped = Playground().down()
    click.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@main.command()
def status() -> None:
    """Show which parts run. The exit code is 0 if all of them run, and 1 otherwise."""
    playground = Playground()
    components = playground.components()
    if not components:
        click.echo("the playground is not running; start it with: ingestion-local up")
        sys.exit(NOT_RUNNING)
    click.echo(_table(components))
    if playground.endpoints() is None:
        click.echo("some parts of the playground have ended; start it again with: ingestion-local up", err=True)
        sys.exit(NOT_RUNNING)


@main.command()
@click.option("--raw", is_flag=True, help="Print the content of the file instead of its path.")
def kubeconfig(raw: bool) -> None:
    """Print the path of the playground's kubeconfig."""
    endpoints = Playground().endpoints()
    if endpoints is None:
        raise click.ClickException("the playground is not running; start it with: ingestion-local up")
    click.echo(Path(endpoints.kubeconfig).read_text() if raw else endpoints.kubeconfig, nl=not raw)


def _exports(endpoints: Endpoints) -> str:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in endpoints.environment.items()]
    return "\n".join(
        [
            *exports,
            *(f"# {name}: {address}" for name, address in endpoints.addresses.items()),
            f"# kubectl in the version of the API server: {endpoints.kubectl}",
            "# stop the playground with: ingestion-local down",
        ]
    )


def _table(components: list[Component]) -> str:
    rows = [("COMPONENT", "PID", "STATE", "ADDRESS", "LOG")]
    rows += [
        (part.name, str(part.pid), "running" if part.running else "ended", part.address or "-", str(part.log))
        for part in components
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


if __name__ == "__main__":
    main()
