"""The console script `ingestion-operator`: runs the operator, and shows offline what it would create and which rights it needs."""

from __future__ import annotations

import asyncio
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
from ingestion_operator.adapters.code_check import CodeChecker
from ingestion_operator.blueprint.access import access_of
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.account import ACCOUNT_KIND, parse_account
from ingestion_operator.offline.operator_policy import Reach, operator_policies, trust_policy
from ingestion_operator.offline.operator_rights import ALL, Feature
from ingestion_operator.offline.render import render as render_manifest
from ingestion_operator.settings import LogFormat, Settings
from ingestion_operator.state.copy import copy_state

# The option that a feature needs, and its flag.
NEEDS = {
    Feature.S3_CODE: ("code_bucket", "--code-bucket"),
    Feature.KMS_CODE: ("code_bucket", "--code-bucket"),
    Feature.S3_STATE: ("state_bucket", "--state-bucket"),
    Feature.KMS_STATE: ("state_key", "--state-key"),
    Feature.ACCOUNTS: ("account_role", "--account-role"),
}
# Python puts the logger's name under "name". Users expect the pipeline's name there, so the logger's name moves first.
JSON_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "pipeline": "name"}
TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Turn IngestionPipelines into S3 -> EventBridge -> Lambda on AWS."""


@main.command()
def run() -> None:
    """Run the operator until it is stopped. It reads its settings from INGESTION_* variables. See docs/settings.md."""
    settings = Settings()
    configure_logging(settings)
    # Kopf and Pulumi take seconds to import. The offline commands do not need them.
    import kopf

    from ingestion_handlers.registry import register
    from ingestion_handlers.temporary import own_temporary_directory

    registry = kopf.OperatorRegistry()
    register(settings, registry)
    stop_flag = asyncio.Event()
    with own_temporary_directory():
        kopf.run(
            registry=registry,
            standalone=True,
            stop_flag=stop_flag,
            memo=kopf.Memo(stop_flag=stop_flag),
            clusterwide=not settings.namespace_list,
            namespaces=list(settings.namespace_list),
            liveness_endpoint=f"http://{settings.liveness_address}/healthz" if settings.liveness_address else None,
        )


@main.command()
@click.option("-f", "--filename", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--account", default="123456789012", show_default=True, help="AWS account in the ARNs")
@click.option("--region", default=None, help="AWS region of a manifest that names none")
@click.option("--cluster-id", default="example", show_default=True, help="The operator's INGESTION_CLUSTER_ID")
def render(filename: Path, account: str, region: str | None, cluster_id: str) -> None:
    """Print the AWS resources and the IAM policy that a manifest would produce. Works offline.

    The file must also contain the AWSAccounts and the ConfigMaps with code that the manifest names.
    """
    try:
        code_check = CodeChecker()
        click.echo(render_manifest(filename.read_text(), account, region or Settings().region, cluster_id, code_check))
    except PipelineError as error:
        raise click.ClickException(str(error)) from error


@main.command("iam-policy")
@click.option("--account", required=True, help="AWS account of the pipelines")
@click.option("--region", multiple=True, help="AWS region of pipelines. May be repeated. Default: every region")
@click.option("--partition", default="aws", show_default=True, help="aws, aws-cn or aws-us-gov")
@click.option(
    "--feature",
    multiple=True,
    type=click.Choice([f.value for f in Feature]),
    help="Feature to allow. May be repeated. Default: all features",
)
@click.option(
    "--bucket",
    multiple=True,
    help="Pattern of pipelines' bucket names, for example team-*. May be repeated. Default: *",
)
@click.option("--code-bucket", multiple=True, help="Bucket with the code of functions. May be repeated")
@click.option("--state-bucket", default="", help="Bucket with Pulumi's state, if the state is not on a volume")
@click.option("--state-key", default="", help="ARN of the KMS key that encrypts secrets in the state")
@click.option("--account-role", multiple=True, help="ARN of the role of an AWSAccount. May contain *. May be repeated")
@click.option("--permissions-boundary", default="", help="ARN of the policy that bounds every role")
@click.option(
    "--part", type=click.IntRange(min=1), help="Number of the part, if the policy is too long for one IAM policy"
)
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
            f"the policy is longer than IAM allows: leave out features, or print --part 1 to --part {len(parts)} and attach "
            "all parts"
        )
    if part is not None and part > len(parts):
        raise click.UsageError(f"there is no part {part}: the policy has {len(parts)}")
    click.echo(json.dumps(parts[(part or 1) - 1], indent=2))


@main.command("trust-policy")
@click.option("-f", "--filename", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--operator", "operators", multiple=True, required=True, help="ARN of the operator's own role or user")
def print_trust_policy(filename: Path, operators: tuple[str, ...]) -> None:
    """Print the trust policy that the role of an AWSAccount needs. See docs/accounts.md.

    The external ID and the session tags come from the manifest.
    """
    manifests = [m for m in yaml.safe_load_all(filename.read_text()) if isinstance(m, dict)]
    accounts = [m for m in manifests if m.get("kind") == ACCOUNT_KIND]
    if len(accounts) != 1:
        raise click.ClickException(f"{filename} must contain one {ACCOUNT_KIND}, but contains {len(accounts)}")
    try:
        access = access_of(parse_account(accounts[0]), "")
    except PipelineError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(trust_policy(access, operators), indent=2))


@main.group()
def state() -> None:
    """Manage Pulumi's state. See docs/state.md."""


@state.command()
@click.option("--from", "source", required=True, help="URL of the backend with the stacks")
@click.option("--to", "target", required=True, help="URL of the backend to copy them to")
def copy(source: str, target: str) -> None:
    """Copy the stacks of all pipelines to another backend, so that the operator can continue there.

    The command copies files unchanged: secrets in them stay encrypted with the same passphrase or key. The source keeps its
    files and is locked, so that nothing changes it any more. A second run copies what was added after the first.
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
        raise click.ClickException(
            f"the files are copied, but pulumi lists these stacks differently in the target: {', '.join(missing)}"
        )
    click.echo(
        f"copied {len(copied.stacks)} stacks ({copied.files} files); each file reads back unchanged, and pulumi finds every stack"
    )


def configure_logging(settings: Settings) -> None:
    """Log to standard error, in the format and from the level that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    json_wanted = settings.log_format is LogFormat.JSON
    handler.setFormatter(
        JsonFormatter(TEXT_FORMAT, rename_fields=JSON_NAMES) if json_wanted else logging.Formatter(TEXT_FORMAT)
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # These loggers write a line for every event or request at INFO. The core's own lines say what matters.
    for chatty in () if settings.log_level == "DEBUG" else ("kopf", "botocore", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
