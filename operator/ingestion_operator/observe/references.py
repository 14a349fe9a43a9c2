"""Looks up what a pipeline refers to: code, Secrets, and buckets, tables and trails that it did not create.

A missing object raises DependencyNotReady, and the message names the object. The pipeline goes on once the object exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingestion_operator.blueprint.function_code import (
    CodeBundle,
    ContainerImage,
    FunctionCode,
    S3Package,
    inline_bundle,
)
from ingestion_operator.blueprint.resources import Blueprint, Sensitive
from ingestion_operator.blueprint.trail_selectors import records_writes
from ingestion_operator.errors import DependencyNotReady, SpecInvalid, TrailMissing
from ingestion_operator.model.code import ConfigMapCode, S3Code
from ingestion_operator.model.environment import SecretKey
from ingestion_operator.model.processor import Processor
from ingestion_operator.model.results import ResultsTable
from ingestion_operator.model.spec import Spec
from ingestion_operator.ports.cloud import CloudReader, TrailView
from ingestion_operator.ports.cluster import Objects
from ingestion_operator.wording import few


def function_code(
    cluster: Objects, cloud: CloudReader, processor: Processor, namespace: str, region: str
) -> FunctionCode:
    """The code that the pipeline names.

    Raises DependencyNotReady, naming the ConfigMap, key or object that is missing.
    """
    code = processor.code
    if code.inline is not None:
        return inline_bundle(processor, code.inline)
    if code.config_map_ref is not None:
        entries = cluster.config_map(namespace, code.config_map_ref.name)
        return _from_config_map(processor, code.config_map_ref, namespace, entries)
    if code.s3 is not None:
        return _from_s3(cloud, code.s3, region)
    if code.image is not None:
        return ContainerImage(code.image.uri)
    raise SpecInvalid("processor.code names no source: write one of inline, configMapRef, s3 and image")


def _from_config_map(
    processor: Processor, reference: ConfigMapCode, namespace: str, entries: Mapping[str, str] | None
) -> CodeBundle:
    if entries is None:
        raise DependencyNotReady(
            f"ConfigMap {namespace}/{reference.name}, named by processor.code.configMapRef, does not exist"
        )
    if not reference.key:
        return CodeBundle.of(entries)
    if reference.key not in entries:
        raise DependencyNotReady(
            f"ConfigMap {namespace}/{reference.name} has no key {reference.key!r}; it has: {_listed(entries)}"
        )
    return inline_bundle(processor, entries[reference.key])


def _from_s3(cloud: CloudReader, reference: S3Code, region: str) -> S3Package:
    package = cloud.package(reference.bucket, reference.key, reference.version_id, region)
    if package is None:
        version = f" in version {reference.version_id}" if reference.version_id else ""
        raise DependencyNotReady(
            f"s3://{reference.bucket}/{reference.key}{version}, named by processor.code.s3, does not exist"
        )
    return S3Package(reference.bucket, reference.key, package.version_id, package.sha256)


def secret_value(cluster: Objects, namespace: str, reference: SecretKey) -> Sensitive:
    """The value of one key of a Secret. Raises DependencyNotReady, naming the Secret or key that is missing."""
    entries = cluster.secret(namespace, reference.name)
    if entries is None:
        raise DependencyNotReady(f"Secret {namespace}/{reference.name}, named by processor.environment, does not exist")
    if reference.key not in entries:
        raise DependencyNotReady(
            f"Secret {namespace}/{reference.name} has no key {reference.key!r} that is text; it has: {_listed(entries)}"
        )
    return entries[reference.key]


def check(cloud: CloudReader, spec: Spec, blueprint: Blueprint) -> None:
    """Check the existing source bucket, results bucket, table and trail that the spec names.

    Raises DependencyNotReady if one does not exist, SpecInvalid if the source bucket is in another region or the table has
    other keys, TrailMissing if the trail does not record the writes.
    """
    names, region = blueprint.names, blueprint.place.region
    if not names.source.made:
        _want_region(_want_bucket(cloud, names.source.name, region, "source.bucket.name"), blueprint)
    if names.results and not names.results.made:
        _want_bucket(cloud, names.results.name, region, "results.bucket.name")
    if spec.results and spec.results.table and not names.table.made:
        _want_table(cloud, spec.results.table, region)
    if spec.source.cloud_trail and spec.source.cloud_trail.trail_arn:
        _want_trail(cloud.trail(blueprint.trail_arn), blueprint, spec.source.filter.prefixes)


def _want_bucket(cloud: CloudReader, bucket: str, region: str, where: str) -> str:
    bucket_region = cloud.bucket_region(bucket, region)
    if bucket_region is None:
        raise DependencyNotReady(f"bucket {bucket}, named by {where}, does not exist")
    return bucket_region


def _want_region(region: str, blueprint: Blueprint) -> None:
    """Raise SpecInvalid for another region: a bucket sends its events only to EventBridge in its own region."""
    if region != blueprint.place.region:
        raise SpecInvalid(
            f"bucket {blueprint.names.source.name} is in {region} and the pipeline in {blueprint.place.region}: create the pipeline "
            f"with region: {region}"
        )


def _want_table(cloud: CloudReader, wanted: ResultsTable, region: str) -> None:
    keys = cloud.table_keys(wanted.name, region)
    if keys is None:
        raise DependencyNotReady(f"table {wanted.name}, named by results.table.name, does not exist in {region}")
    expected = tuple(key for key in (wanted.partition_key, wanted.sort_key) if key)
    if keys != expected:
        raise SpecInvalid(
            f"table {wanted.name} has the keys {', '.join(keys)}, but results.table says {', '.join(expected)}: write "
            "partitionKey and sortKey as the table has them"
        )


def _want_trail(view: TrailView | None, blueprint: Blueprint, prefixes: Sequence[str]) -> None:
    bucket, arn = blueprint.names.source.name, blueprint.trail_arn
    if view is None:
        fault = "does not exist: create it, or leave source.cloudTrail.trailArn out and the operator creates one"
    elif not view.logging:
        fault = "is stopped: start it (aws cloudtrail start-logging)"
    elif not view.multi_region and view.region != blueprint.place.region:
        fault = f"records {view.region} only: name a trail of {blueprint.place.region}, or one of all regions"
    elif not records_writes(view.selectors, blueprint.place.bucket_arn(bucket), prefixes):
        fault = (
            f"does not record the writes to bucket {bucket}: add its data events (aws cloudtrail put-event-selectors), or leave "
            "source.cloudTrail.trailArn out and the operator creates a trail"
        )
    else:
        return
    raise TrailMissing(f"trail {arn} {fault}")


def _listed(entries: Mapping[str, object]) -> str:
    return few(sorted(entries)) or "none"
