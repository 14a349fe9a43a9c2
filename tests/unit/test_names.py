"""Physical names are within each service's limits and never shared, and all can be found again without a status."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import OWNER, PLACE, make_spec
from ingestion_operator.blueprint.names import Names, Store, names_of, possible_buckets, possible_tables, stack_name
from ingestion_operator.blueprint.ownership import Owner, Tag
from ingestion_operator.blueprint.place import Place
from ingestion_operator.model.fields import RESERVED_BEGINNINGS
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.source import ACCOUNT_REGIONAL_LIMIT

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
A_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
RULES = {
    "role": r"[\w+=,.@-]{1,64}",  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    "function": r"[a-zA-Z0-9_-]{1,64}",  # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    "rule": r"[.\-_A-Za-z0-9]{1,64}",  # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    "queue": r"[a-zA-Z0-9_-]{1,80}",  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    # No two of . _ - beside each other: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
    "trail": r"(?=.{3,128}$)[a-zA-Z0-9]+([._-][a-zA-Z0-9]+)*",
    "log_group": r"[.\-_/#A-Za-z0-9]{1,512}",  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
}
A_TABLE = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
A_STACK = re.compile(r"[A-Za-z0-9_.-]{1,100}")
ALL: dict[str, Any] = {
    "source": {"trigger": "CloudTrail", "bucket": {"naming": "AccountRegional"}},
    "results": {"bucket": {}, "table": {}},
}

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
OWNERS = st.builds(
    lambda cluster, namespace, name: Owner(cluster, PipelineKey(namespace, name), "uid"),
    st.sampled_from(["", "test", "prod-1"]),
    LABEL,
    NAME,
)
PLACES = st.sampled_from(
    [PLACE, Place("210987654321", "ap-southeast-7"), Place("123456789012", "us-gov-west-1", "aws-us-gov")]
)


def owner_of(namespace: str, name: str = "words") -> Owner:
    return Owner("test", PipelineKey(namespace, name), "uid")


@given(OWNERS, PLACES)
@example(owner_of("team--a"), PLACE)
@example(owner_of("xn--fiqs8s"), PLACE)
@example(owner_of("sthree-things"), PLACE)
@example(owner_of("n" * 63, "a.b" * 80 + "c"), PLACE)
def test_every_name_is_one_that_its_service_takes(owner: Owner, place: Place) -> None:
    found = names_of(make_spec(**ALL), owner, place)
    for field, rule in RULES.items():
        assert re.fullmatch(rule, getattr(found, field)), field
    for bucket in found.data_buckets:
        assert A_BUCKET.fullmatch(bucket)
        assert not bucket.startswith(RESERVED_BEGINNINGS)
    assert A_TABLE.fullmatch(found.table.name)
    assert A_STACK.fullmatch(stack_name(owner))


@given(OWNERS, OWNERS)
def test_two_pipelines_share_no_name(one: Owner, other: Owner) -> None:
    if one == other:
        return
    mine, theirs = (_all(names_of(make_spec(**ALL), owner, PLACE)) for owner in (one, other))
    assert not mine & theirs
    assert stack_name(one) != stack_name(other)


def _all(names: Names) -> set[str]:
    return {names.role, names.function, names.rule, names.queue, names.trail, *names.data_buckets, *names.data_tables}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(PipelineKey("a-b", "c"), PipelineKey("a", "b-c"), id="a hyphen between or within"),
        pytest.param(PipelineKey("a", "b.c"), PipelineKey("a", "b-c"), id="a dot or a hyphen"),
        pytest.param(PipelineKey("n" * 63, "a" * 200), PipelineKey("n" * 63, "a" * 201), id="what is cut off"),
    ],
)
def test_what_reads_the_same_is_told_apart_by_the_hash(one: PipelineKey, other: PipelineKey) -> None:
    first, second = (names_of(make_spec(**ALL), Owner("test", key, "u"), PLACE) for key in (one, other))
    assert not _all(first) & _all(second)


def test_a_new_uid_finds_the_names_of_its_earlier_life_and_another_cluster_does_not() -> None:
    again = Owner(OWNER.cluster, OWNER.key, "uid-2")
    assert names_of(make_spec(), again, PLACE) == names_of(make_spec(), OWNER, PLACE)
    assert again.owns(OWNER.tags())
    elsewhere = Owner("other", OWNER.key, OWNER.uid)
    assert names_of(make_spec(), elsewhere, PLACE).role != names_of(make_spec(), OWNER, PLACE).role
    assert not elsewhere.owns(OWNER.tags())


@pytest.mark.parametrize("missing", [Tag.CLUSTER, Tag.NAMESPACE, Tag.NAME])
def test_what_lacks_a_tag_is_nobodys(missing: Tag) -> None:
    tags = OWNER.tags()
    del tags[missing.value]
    assert not OWNER.owns(tags)
    assert not OWNER.owns({**tags, missing.value: "somebody"})


REGIONAL_END = "-123456789012-eu-west-1-an"


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        pytest.param({}, r"team-a-words-data-[a-z2-7]{8}", id="generated"),
        pytest.param({"name": "docs"}, "docs", id="named"),
        pytest.param({"name": "docs", "management": "Existing"}, "docs", id="existing"),
        pytest.param({"naming": "AccountRegional"}, rf"team-a-words-data-[a-z2-7]{{8}}{REGIONAL_END}", id="regional"),
        pytest.param({"naming": "AccountRegional", "name": "docs"}, f"docs{REGIONAL_END}", id="regional and named"),
    ],
)
def test_the_name_of_the_source_bucket(bucket: dict[str, str], expected: str) -> None:
    found = names_of(make_spec(source={"bucket": bucket}), OWNER, PLACE)
    assert re.fullmatch(expected, found.source.name)
    assert found.source.made is (bucket.get("management") != "Existing")


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-7", "ap-northeast-1"])
def test_the_longest_account_regional_name_fits(region: str) -> None:
    bucket = {"naming": "AccountRegional", "name": "n" * (ACCOUNT_REGIONAL_LIMIT - 1)}
    found = names_of(make_spec(source={"bucket": bucket}), OWNER, Place("123456789012", region))
    assert A_BUCKET.fullmatch(found.source.name)


MADE_TRAIL, NAMED_TRAIL = {"trigger": "CloudTrail"}, {
    "trigger": "CloudTrail",
    "cloudTrail": {"trailArn": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "buckets", "tables", "trail"),
    [
        pytest.param({}, ("data",), 0, False, id="the source bucket"),
        pytest.param({"source": {"bucket": {"name": "x-y", "management": "Existing"}}}, (), 0, False, id="nothing"),
        pytest.param({"results": {"bucket": {}}}, ("data", "results"), 0, False, id="source and results"),
        pytest.param({"results": {"bucket": {"name": "theirs"}}}, ("data",), 0, False, id="results of others"),
        pytest.param({"results": {"table": {}}}, ("data",), 1, False, id="a table"),
        pytest.param({"results": {"table": {"name": "theirs"}}}, ("data",), 0, False, id="a table of others"),
        pytest.param({"source": MADE_TRAIL}, ("data", "trail"), 0, True, id="a trail and its log"),
        pytest.param({"source": NAMED_TRAIL}, ("data",), 0, False, id="a trail of others"),
    ],
)
def test_what_holds_data_and_is_made_by_the_pipeline(
    spec: dict[str, Any], buckets: tuple[str, ...], tables: int, trail: bool
) -> None:
    found = names_of(make_spec(**spec), OWNER, PLACE)
    assert tuple(name.split("-")[3] for name in found.data_buckets) == buckets
    assert len(found.data_tables) == tables
    assert bool(found.trail) is trail


SOURCES = st.fixed_dictionaries(
    {
        "trigger": st.sampled_from(["EventBridge", "CloudTrail"]),
        "bucket": st.fixed_dictionaries(
            {"name": st.sampled_from(["", "docs"]), "naming": st.sampled_from(["Global", "AccountRegional"])}
        ),
    }
)
RESULTS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "bucket": st.fixed_dictionaries({"name": st.sampled_from(["", "theirs"])}),
        "table": st.fixed_dictionaries({"name": st.sampled_from(["", "theirs"])}),
    },
)


@given(SOURCES, RESULTS, OWNERS, PLACES)
def test_whatever_a_pipeline_made_is_found_by_its_identity_and_the_name_in_its_spec(
    source: dict[str, Any], results: dict[str, Any] | None, owner: Owner, place: Place
) -> None:
    spec = make_spec(source=source, **({"results": results} if results is not None else {}))
    made = names_of(spec, owner, place)
    assert set(made.data_buckets) <= set(possible_buckets(source["bucket"]["name"], owner, place))
    assert set(made.data_tables) <= set(possible_tables(owner))


def test_a_bucket_is_looked_for_once_and_always_in_the_same_order() -> None:
    found = possible_buckets("docs", OWNER, PLACE)
    assert len(found) == len(set(found))
    assert [name.split("-")[0] for name in found] == ["docs", "team", "team", "team", "docs", "team"]


@pytest.mark.parametrize(
    ("place", "arn", "bucket", "service"),
    [
        (PLACE, "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:s3:::b", "s3.eu-west-1.amazonaws.com"),
        (
            Place("1", "cn-north-1", "aws-cn"),
            "arn:aws-cn:sqs:cn-north-1:1:q",
            "arn:aws-cn:s3:::b",
            "s3.cn-north-1.amazonaws.com.cn",
        ),
        (
            Place("1", "us-gov-west-1", "aws-us-gov"),
            "arn:aws-us-gov:sqs:us-gov-west-1:1:q",
            "arn:aws-us-gov:s3:::b",
            "s3.us-gov-west-1.amazonaws.com",
        ),
    ],
    ids=["aws", "aws-cn", "aws-us-gov"],
)
def test_arns_and_service_names_are_of_the_partition(place: Place, arn: str, bucket: str, service: str) -> None:
    assert (place.arn("sqs", "q"), place.bucket_arn("b"), place.service("s3")) == (arn, bucket, service)


def test_a_store_without_a_name_is_none() -> None:
    assert not Store()
    assert Store("x")
