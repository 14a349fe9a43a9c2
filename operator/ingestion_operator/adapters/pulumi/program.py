"""The Pulumi program: it registers the resources of a blueprint, and nothing else.

Several programs run in one process at a time, and context variables keep them apart. A program must not start threads.
Before the first resource it asks what to import. At that time the CLI holds the stack's lock
(docs/adr/0015-one-rule-for-the-next-step.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi_aws import (
    Provider,
    ProviderAssumeRoleArgs,
    ProviderEndpointArgs,
    cloudtrail,
    cloudwatch,
    dynamodb,
    iam,
    lambda_,
    s3,
    sqs,
)

from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.resources import Archive, Blueprint, Ref, Resource, Sensitive

PROVIDER = "account"
"""Name of the provider that assumes a role."""
# The services that the provider calls for the types below, by the provider's names.
SERVICES = ("cloudtrail", "dynamodb", "ec2", "eventbridge", "iam", "lambda_", "logs", "s3", "s3control", "sqs", "sts")

CLASSES: Mapping[str, type[pulumi.CustomResource]] = {
    "aws:cloudtrail/trail:Trail": cloudtrail.Trail,
    "aws:cloudwatch/eventRule:EventRule": cloudwatch.EventRule,
    "aws:cloudwatch/eventTarget:EventTarget": cloudwatch.EventTarget,
    "aws:cloudwatch/logGroup:LogGroup": cloudwatch.LogGroup,
    "aws:dynamodb/table:Table": dynamodb.Table,
    "aws:iam/role:Role": iam.Role,
    "aws:iam/rolePolicy:RolePolicy": iam.RolePolicy,
    "aws:lambda/function:Function": lambda_.Function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": lambda_.FunctionEventInvokeConfig,
    "aws:lambda/permission:Permission": lambda_.Permission,
    "aws:s3/bucket:Bucket": s3.Bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": s3.BucketLifecycleConfiguration,
    "aws:s3/bucketNotification:BucketNotification": s3.BucketNotification,
    "aws:s3/bucketPolicy:BucketPolicy": s3.BucketPolicy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": s3.BucketPublicAccessBlock,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        s3.BucketServerSideEncryptionConfiguration
    ),
    "aws:s3/bucketVersioning:BucketVersioning": s3.BucketVersioning,
    "aws:sqs/queue:Queue": sqs.Queue,
    "aws:sqs/queuePolicy:QueuePolicy": sqs.QueuePolicy,
}

Made = dict[str, pulumi.CustomResource]


def nothing() -> Mapping[str, str]:
    """Imports nothing."""
    return {}


def program(
    blueprint: Blueprint, archive: Path, adopt: Callable[[], Mapping[str, str]] = nothing
) -> Callable[[], None]:
    """The inline program of a blueprint.

    `archive` is the zip with its code. `adopt` returns the ids of the resources to import, by logical name.
    """

    def register() -> None:
        adopted = adopt()
        made: Made = {}
        provider = provider_of(blueprint.access, blueprint.place.region)
        for resource in blueprint.resources:
            made[resource.name] = _register(resource, made, archive, adopted.get(resource.name), provider)
        for name, value in blueprint.outputs.model_dump(exclude_none=True).items():
            pulumi.export(name, value)

    return register


def provider_of(access: Access, region: str) -> Provider | None:
    """The provider that assumes the role of an AWSAccount and renews the session itself; None for the default provider.

    The state stores the arguments of the provider, so they contain no secret. The environment gives the identity that
    assumes the role.
    """
    if not access:
        return None
    tags = dict(access.session_tags)
    return Provider(
        PROVIDER,
        region=region,
        allowed_account_ids=[access.account_id],
        assume_roles=[
            ProviderAssumeRoleArgs(
                role_arn=access.role_arn,
                session_name=access.session_name,
                duration=f"{access.session_seconds}s",
                external_id=access.external_id or None,
                tags=tags or None,
            )
        ],
        endpoints=_endpoints(access.endpoint_url),
        s3_use_path_style=True if access.endpoint_url else None,
    )


def _endpoints(url: str) -> list[ProviderEndpointArgs] | None:
    return [ProviderEndpointArgs(**dict.fromkeys(SERVICES, url))] if url else None


def renewal(access: Access, region: str) -> Callable[[], None]:
    """The program of a deletion. It registers only the provider, as the AWSAccount is now; the state may have an older one."""

    def register() -> None:
        provider_of(access, region)

    return register


def _register(
    resource: Resource, made: Made, archive: Path, import_id: str | None, provider: Provider | None
) -> pulumi.CustomResource:
    inputs = {name: _resolve(value, made, archive) for name, value in resource.inputs.items()}
    options = pulumi.ResourceOptions(
        depends_on=[made[name] for name in resource.depends_on],
        retain_on_delete=resource.holds_data,
        # Names are fixed, so the old resource has to be deleted before the new one can be created.
        delete_before_replace=True,
        import_=import_id,
        provider=provider,
    )
    return CLASSES[resource.type](resource.name, **inputs, opts=options)


def _resolve(value: Any, made: Made, archive: Path) -> Any:
    if isinstance(value, Ref):
        return getattr(made[value.resource], value.attribute)
    if isinstance(value, Archive):
        return pulumi.FileArchive(str(archive))
    if isinstance(value, Mapping):
        resolved = {key: _resolve(item, made, archive) for key, item in value.items()}
        # The whole mapping is secret, not one value: AWS returns the whole mapping, and the state stores what AWS returns.
        return pulumi.Output.secret(resolved) if _is_sensitive(value) else resolved
    return value.value if isinstance(value, Sensitive) else value


def _is_sensitive(value: Mapping[str, Any]) -> bool:
    return any(isinstance(item, Sensitive) for item in value.values())
