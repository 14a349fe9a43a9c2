"""What a pipeline refers to: a message names each thing that is missing or wrong, and says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from builders import CODE, SECRETS, TOKEN, make_blueprint, make_spec
from fakes import FakeCloud, FakeCluster
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, S3Package
from ingestion_operator.errors import DependencyNotReady, PipelineError, SpecInvalid, TrailMissing
from ingestion_operator.observe import references
from ingestion_operator.ports.cloud import PackageObject, TrailView

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:" + "a" * 64
SHA = "ab" * 32
HERE, ELSEWHERE = "eu-west-1", "us-east-1"


def code_of(cluster: FakeCluster, cloud: FakeCloud, **code: Any) -> Any:
    processor = make_spec(processor={"code": code}).processor
    return references.function_code(cluster, cloud, processor, "team-a", HERE)


PACKAGES = {
    ("bkt", "k.zip"): PackageObject("v2", SHA),
    ("plain", "k.zip"): PackageObject("", SHA),
}
CONFIG_MAPS = {("team-a", "code"): {"main": CODE, "tool.py": "x = 1"}, ("team-a", "none"): {}}
CLUSTER, CLOUD = FakeCluster(config_maps=CONFIG_MAPS), FakeCloud(packages=PACKAGES)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param({"inline": CODE}, CodeBundle.of({"index.py": CODE}), id="inline"),
        pytest.param({"configMapRef": {"name": "code"}}, CodeBundle.of(CONFIG_MAPS["team-a", "code"]), id="every key a file"),
        pytest.param({"configMapRef": {"name": "code", "key": "main"}}, CodeBundle.of({"index.py": CODE}), id="one key"),
        pytest.param({"s3": {"bucket": "bkt", "key": "k.zip"}}, S3Package("bkt", "k.zip", "v2", SHA), id="the latest zip"),
        pytest.param({"s3": {"bucket": "bkt", "key": "k.zip", "versionId": "v2"}}, S3Package("bkt", "k.zip", "v2", SHA),
                     id="a pinned zip"),
        pytest.param({"s3": {"bucket": "plain", "key": "k.zip"}}, S3Package("plain", "k.zip", "", SHA), id="without versions"),
        pytest.param({"image": {"uri": IMAGE}}, ContainerImage(IMAGE), id="an image"),
    ],
)  # fmt: skip
def test_code_is_found_where_the_pipeline_says(code: dict[str, Any], expected: Any) -> None:
    assert code_of(CLUSTER, CLOUD, **code) == expected


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param({"configMapRef": {"name": "absent"}},
                     "ConfigMap team-a/absent, named by processor.code.configMapRef, does not exist", id="a ConfigMap"),
        pytest.param({"configMapRef": {"name": "code", "key": "x"}},
                     "ConfigMap team-a/code has no key 'x'; it has: main, tool.py", id="a key"),
        pytest.param({"configMapRef": {"name": "none", "key": "x"}},
                     "ConfigMap team-a/none has no key 'x'; it has: none", id="a key of an empty one"),
        pytest.param({"s3": {"bucket": "bkt", "key": "x.zip"}},
                     "s3://bkt/x.zip, named by processor.code.s3, does not exist", id="an object"),
        pytest.param({"s3": {"bucket": "bkt", "key": "k.zip", "versionId": "v1"}},
                     "s3://bkt/k.zip in version v1, named by processor.code.s3, does not exist", id="a version"),
    ],
)  # fmt: skip
def test_code_that_is_missing_names_itself(code: dict[str, Any], said: str) -> None:
    with pytest.raises(DependencyNotReady) as refusal:
        code_of(CLUSTER, CLOUD, **code)
    assert str(refusal.value) == said


def test_a_pipeline_without_code_is_told_what_to_write() -> None:
    with pytest.raises(SpecInvalid, match="write one of inline, configMapRef, s3 and image"):
        code_of(CLUSTER, CLOUD)


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        pytest.param({}, "Secret team-a/api, named by processor.environment, does not exist", id="the Secret"),
        pytest.param({("team-b", "api"): {"token": "x"}}, "Secret team-a/api, named by processor.environment, does not exist",
                     id="only one of that name elsewhere"),
        pytest.param({("team-a", "api"): {"tokens": "x", "url": "y"}},
                     "Secret team-a/api has no key 'token' that is text; it has: tokens, url", id="the key"),
        pytest.param({("team-a", "api"): {}}, "Secret team-a/api has no key 'token' that is text; it has: none", id="all keys"),
    ],
)  # fmt: skip
def test_a_secret_that_is_missing_names_itself(secrets: dict[tuple[str, str], dict[str, str]], said: str) -> None:
    with pytest.raises(DependencyNotReady) as refusal:
        references.secret_value(FakeCluster(secrets=secrets), "team-a", TOKEN)
    assert str(refusal.value) == said


def test_a_secret_that_is_there_is_given_by_key() -> None:
    cluster = FakeCluster(secrets={("team-a", "api"): {"token": "one", "other": "two"}})
    assert references.secret_value(cluster, "team-a", TOKEN).value == "one"


# What others made.

EXISTING = {"source": {"bucket": {"name": "docs", "management": "Existing"}}}
RESULTS = {"results": {"bucket": {"name": "theirs"}}}


def table(*keys: str) -> dict[str, Any]:
    named = dict(zip(("partitionKey", "sortKey"), keys, strict=False))
    return {"results": {"table": {"name": "items", **named}}}


def check(cloud: FakeCloud, **spec: Any) -> None:
    references.check(cloud, make_spec(**spec), make_blueprint(secrets=SECRETS, **spec))


@pytest.mark.parametrize(
    ("spec", "cloud"),
    [
        pytest.param({}, FakeCloud(), id="nothing of others"),
        pytest.param(EXISTING, FakeCloud(regions={"docs": HERE}), id="a bucket of this region"),
        pytest.param(RESULTS, FakeCloud(regions={"theirs": ELSEWHERE}), id="a results bucket of any region"),
        pytest.param(table(), FakeCloud(keys={"items": ("id",)}), id="a table with the default key"),
        pytest.param(table("doc", "part"), FakeCloud(keys={"items": ("doc", "part")}), id="a table with two keys"),
        pytest.param({"results": {"bucket": {}, "table": {}}}, FakeCloud(), id="what the pipeline makes itself"),
    ],
)
def test_what_is_there_and_right_is_taken(spec: dict[str, Any], cloud: FakeCloud) -> None:
    check(cloud, **spec)


@pytest.mark.parametrize(
    ("spec", "cloud", "error", "said"),
    [
        pytest.param(EXISTING, FakeCloud(), DependencyNotReady, "bucket docs, named by source.bucket.name, does not exist",
                     id="no source bucket"),
        pytest.param(EXISTING, FakeCloud(regions={"docs": ELSEWHERE}), SpecInvalid,
                     "bucket docs is in us-east-1 and the pipeline in eu-west-1: create the pipeline with region: us-east-1",
                     id="a source bucket of another region"),
        pytest.param(RESULTS, FakeCloud(), DependencyNotReady, "bucket theirs, named by results.bucket.name, does not exist",
                     id="no results bucket"),
        pytest.param(table(), FakeCloud(), DependencyNotReady,
                     "table items, named by results.table.name, does not exist in eu-west-1", id="no table"),
        pytest.param(table("doc"), FakeCloud(keys={"items": ("id",)}), SpecInvalid,
                     "table items has the keys id, but results.table says doc: write partitionKey and sortKey as the table has "
                     "them", id="a table with another key"),
        pytest.param(table("id"), FakeCloud(keys={"items": ("id", "part")}), SpecInvalid, "has the keys id, part, but",
                     id="a table with one key more"),
        pytest.param(table("id", "part"), FakeCloud(keys={"items": ("id",)}), SpecInvalid, "says id, part: write",
                     id="a table with one key less"),
        pytest.param(table("a", "b"), FakeCloud(keys={"items": ("b", "a")}), SpecInvalid, "has the keys b, a, but",
                     id="a table with the keys the other way round"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_names_itself_and_what_to_do(
    spec: dict[str, Any], cloud: FakeCloud, error: type[PipelineError], said: str
) -> None:
    with pytest.raises(error) as refusal:
        check(cloud, **spec)
    assert said in str(refusal.value)


# Trails of others.

TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
NAMED = {"source": {"trigger": "CloudTrail", "cloudTrail": {"trailArn": TRAIL}, "bucket": {"name": "docs"}}}
ALL_BUCKETS = {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}
NO_DATA = {"EventSelectors": [{"ReadWriteType": "All", "DataResources": []}]}


def view(
    region: str = HERE, *, multi_region: bool = False, logging: bool = True, selectors: Any = ALL_BUCKETS
) -> TrailView:
    return TrailView(region, multi_region, logging, selectors)


@pytest.mark.parametrize(
    "trail",
    [
        pytest.param(view(), id="of this region"),
        pytest.param(view(ELSEWHERE, multi_region=True), id="of all regions, at home elsewhere"),
    ],
)
def test_a_trail_that_records_the_writes_is_taken(trail: TrailView) -> None:
    check(FakeCloud(trails={TRAIL: trail}), **NAMED)


@pytest.mark.parametrize(
    ("trail", "said"),
    [
        pytest.param(None, "does not exist: create it, or leave source.cloudTrail.trailArn out and the operator creates one", id="absent"),
        pytest.param(view(logging=False), "is stopped: start it (aws cloudtrail start-logging)", id="stopped"),
        pytest.param(view(ELSEWHERE), "records us-east-1 only: name a trail of eu-west-1, or one of all regions",
                     id="of another region"),
        pytest.param(view(selectors=NO_DATA), "does not record the writes to bucket docs: add its data events (aws cloudtrail "
                     "put-event-selectors), or leave source.cloudTrail.trailArn out and the operator creates a trail", id="no data events"),
        pytest.param(view(ELSEWHERE, logging=False), "is stopped: start it (aws cloudtrail start-logging)",
                     id="the first fault is said"),
    ],
)  # fmt: skip
def test_a_trail_that_does_not_names_its_fault(trail: TrailView | None, said: str) -> None:
    with pytest.raises(TrailMissing) as refusal:
        check(FakeCloud(trails={TRAIL: trail} if trail else {}), **NAMED)
    assert str(refusal.value) == f"trail {TRAIL} {said}"


def test_a_trail_that_the_pipeline_makes_is_not_looked_for() -> None:
    check(FakeCloud(), source={"trigger": "CloudTrail"})
