"""The console script `ingestion-operator`: run the operator, or show offline what a manifest would produce."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click
import kopf
from pythonjsonlogger.json import JsonFormatter

from ingestion_operator import __version__
from ingestion_operator.errors import PipelineError
from ingestion_operator.render import render as render_manifest
from ingestion_operator.settings import LogFormat, Settings

TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Turns IngestionPipelines into S3 -> EventBridge -> Lambda on AWS."""


@main.command()
def run() -> None:
    """Run the operator until it is told to stop. Settings come from INGESTION_* variables: see docs/settings.md."""
    settings = Settings()
    configure_logging(settings)
    import ingestion_handlers.handlers  # noqa: F401 - importing registers the handlers

    kopf.run(
        standalone=True,
        clusterwide=not settings.namespace_list,
        namespaces=list(settings.namespace_list),
        liveness_endpoint=f"http://{settings.liveness_address}/healthz" if settings.liveness_address else None,
    )


@main.command()
@click.option("-f", "--filename", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--account", default="123456789012", show_default=True, help="AWS account for the ARNs")
@click.option("--region", default=None, help="AWS region, if the manifest names none")
@click.option("--cluster-id", default="example", show_default=True, help="the operator's INGESTION_CLUSTER_ID")
def render(filename: Path, account: str, region: str | None, cluster_id: str) -> None:
    """Print, offline, the AWS resources and the IAM policy that a manifest would produce.

    ConfigMaps that hold code are looked for in the same file.
    """
    try:
        click.echo(render_manifest(filename.read_text(), account, region or Settings().region, cluster_id))
    except PipelineError as error:
        raise click.ClickException(str(error)) from error


def configure_logging(settings: Settings) -> None:
    """Log to standard error, in the format and from the level that the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    json_wanted = settings.log_format is LogFormat.JSON
    handler.setFormatter(JsonFormatter(TEXT_FORMAT) if json_wanted else logging.Formatter(TEXT_FORMAT))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # They tell of every event and every request at INFO; the core's own lines say what matters.
    for chatty in () if settings.log_level == "DEBUG" else ("kopf", "botocore", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
