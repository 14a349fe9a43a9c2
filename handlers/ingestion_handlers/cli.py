"""The console script `ingestion-operator`: run the operator, or show offline what it would make and what it needs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml
from pythonjsonlogger.json import JsonFormatter

from ingestion_operator import __version__
from ingestion_operator.blueprint.access import access_of
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.account import ACCOUNT_KIND, parse_account
from ingestion_operator.offline.operator_policy import Reach, operator_policies, trust_policy
from ingestion_operator.offline.operator_rights import ALL, Feature
from ingestion_operator.offline.render import render as render_manifest
from ingestion_operator.settings import LogFormat, Settings
from ingestion_operator.state.copy import copy_state

# What a feature is nothing without.
NEEDS = {
    Feature.S3_CODE: ("code_bucket", "--code-bucket"),
    Feature.KMS_CODE: ("code_bucket", "--code-bucket"),
    Feature.S3_STATE: ("state_bucket", "--state-bucket"),
    Feature.KMS_STATE: ("state_key", "--state-key"),
    Feature.ACCOUNTS: ("account_role", "--account-role"),
}
# What Python calls the logger is what users call the pipeline: the second is renamed after the first has made room.
JSON_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "pipeline": "name"}
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
    # Kopf and Pulumi take seconds to import. The offline commands do not need them.
    import kopf

    from ingestion_handlers.registry import register

    registry = kopf.OperatorRegistry()
    register(settings, registry)
    kopf.run(
        registry=registry,
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

    ConfigMaps that hold code, and AWSAccounts, are looked for in the same file.
    """
    try:
        click.echo(render_manifest(filename.read_text(), account, region or Settings().region, cluster_id))
    except PipelineError as error:
        raise click.ClickException(str(error)) from error


@main.command("iam-policy")
@click.option("--account", required=True, help="AWS account of the pipelines")
@click.option("--region", multiple=True, help="AWS region of pipelines; may be repeated. Default: every region")
@click.option("--partition", default="aws", show_default=True, help="aws, aws-cn or aws-us-gov")
@click.option("--feature", multiple=True, type=click.Choice([f.value for f in Feature]), help="Default: all of them")
@click.option(
    "--bucket", multiple=True, help="pattern of pipelines' bucket names, as team-*; may be repeated. Default: *"
)
@click.option("--code-bucket", multiple=True, help="bucket that functions' code is read from; may be repeated")
@click.option("--state-bucket", default="", help="bucket with Pulumi's state, if it is not on a volume")
@click.option("--state-key", default="", help="ARN of the key of KMS that encrypts secrets in the state")
@click.option("--account-role", multiple=True, help="ARN of the role of an AWSAccount, may have *; may be repeated")
@click.option("--permissions-boundary", default="", help="ARN of the policy that every role must have as its boundary")
@click.option("--part", type=click.IntRange(min=1), help="which part, when it does not fit into one policy of IAM")
def iam_policy(*, part: int | None, **options: Any) -> None:
    """Print the operator's own IAM policy, for `aws iam create-policy`. See docs/operator-policy.md."""
    features = frozenset(Feature(name) for name in options["feature"])
    for feature in sorted(features & NEEDS.keys()):
        option, flag = NEEDS[feature]
        if not options[option]:
            raise click.UsageError(f"--feature {feature} needs {flag}")
    parts = operator_policies(
        Reach(
            account_id=options["account"],
            regions=options["region"],
            partition=options["partition"],
            buckets=options["bucket"] or ("*",),
            code_buckets=options["code_bucket"],
            state_bucket=options["state_bucket"],
            state_key=options["state_key"],
            boundary=options["permissions_boundary"],
            account_roles=options["account_role"],
        ),
        features or ALL,
    )
    if part is None and len(parts) > 1:
        raise click.UsageError(
            f"this is more than IAM takes for one policy: leave out features, or print --part 1 to --part {len(parts)} "
            "and attach them all"
        )
    if part is not None and part > len(parts):
        raise click.UsageError(f"there is no part {part} of {len(parts)}")
    click.echo(json.dumps(parts[(part or 1) - 1], indent=2))


@main.command("trust-policy")
@click.option("-f", "--filename", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--operator", "operators", multiple=True, required=True, help="ARN of the operator's own role or user")
def print_trust_policy(filename: Path, operators: tuple[str, ...]) -> None:
    """Print what the role of an AWSAccount has to say in its trust policy. See docs/accounts.md.

    External ID and session tags are those of the manifest.
    """
    manifests = [m for m in yaml.safe_load_all(filename.read_text()) if isinstance(m, dict)]
    found = [m for m in manifests if m.get("kind") == ACCOUNT_KIND]
    if len(found) != 1:
        raise click.ClickException(f"{filename} has to have one {ACCOUNT_KIND}, and has {len(found)}")
    try:
        access = access_of(parse_account(found[0]), "")
    except PipelineError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(trust_policy(access, operators), indent=2))


@main.group()
def state() -> None:
    """Look after Pulumi's state. See docs/state.md."""


@state.command()
@click.option("--from", "source", required=True, help="URL of the backend that has the stacks")
@click.option("--to", "target", required=True, help="URL of the backend that is to get them")
def copy(source: str, target: str) -> None:
    """Copy the stacks of all pipelines to another backend, for the operator to go on there.

    Files are copied as they are: secrets in them stay encrypted, with the same passphrase or key. The source keeps its files
    and is locked, so that nothing changes there any more. Run again, it copies what has come since.
    """
    from ingestion_handlers.services import backend_of, engine_of, store_of

    settings = Settings()
    try:
        backends = [backend_of(settings, url) for url in (source, target)]
        stores = [store_of(backend) for backend in backends]
        engines = [engine_of(settings, *pair) for pair in zip(backends, stores, strict=True)]
        engines[0].check()
        copied = copy_state(stores[0], stores[1], datetime.now(UTC))
        before, after = (engine.stacks() for engine in engines)
    except PipelineError as error:
        raise click.ClickException(str(error)) from error
    if missing := sorted(stack for stack in copied.stacks if before[stack] != after.get(stack)):
        raise click.ClickException(f"copied, but pulumi does not find the same in the target: {', '.join(missing)}")
    click.echo(
        f"copied {len(copied.stacks)} stacks ({copied.files} files), read back, and found by pulumi in the target"
    )


def configure_logging(settings: Settings) -> None:
    """Log to standard error, in the format and from the level that the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    json_wanted = settings.log_format is LogFormat.JSON
    handler.setFormatter(
        JsonFormatter(TEXT_FORMAT, rename_fields=JSON_NAMES) if json_wanted else logging.Formatter(TEXT_FORMAT)
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # They tell of every event and every request at INFO; the core's own lines say what matters.
    for chatty in () if settings.log_level == "DEBUG" else ("kopf", "botocore", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
