"""The AWS adapter against the emulator: each method keeps the contract of the port, twice and for what is not there."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from builders import CODE, make_spec
from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.aws import Boto3Cloud, buckets, lookups, tables, wiring
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.event_pattern import object_created, written
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage
from ingestion_operator.blueprint.ownership import Owner, Tag
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import ROLE_PATH, Blueprint, as_json
from ingestion_operator.blueprint.trail_selectors import records_writes
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    BucketNotEmpty,
    CredentialsMissing,
    PipelineError,
    SpecInvalid,
    TableNameTaken,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.source import Filter
from ingestion_operator.ports.cloud import PackageObject, TrailView

REGION = "us-east-1"
THEIRS = {"owner": "somebody"}
STALE = {"team": "gone"}


@pytest.fixture
def cloud(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    return Boto3Cloud(path_style=True)


@dataclass(frozen=True)
class Account:
    """The emulator's account, as somebody beside the operator uses it; names are the test's own."""

    emulator: Emulator
    suffix: str

    def __getattr__(self, service: str) -> Any:
        return self.emulator.client({"lambda_": "lambda"}.get(service, service))

    @property
    def owner(self) -> Owner:
        return Owner("it", PipelineKey("aws", self.suffix), "uid-1")

    @property
    def mine(self) -> dict[str, str]:
        """Tags of an earlier life of the pipeline, and one that it does not have any more."""
        return {**self.owner.tags(), Tag.UID.value: "uid-0", **STALE}

    def blueprint(self, **spec: Any) -> Blueprint:
        place = Boto3Cloud(path_style=True).place(REGION)
        return assemble(make_spec(**spec), self.owner, place, CodeBundle.of({"index.py": CODE}))

    def bucket(self, name: str = "bucket", tags: Mapping[str, str] | None = None, *, versions: bool = False) -> str:
        bucket = f"{name}-{self.suffix}"
        self.s3.create_bucket(Bucket=bucket)
        if tags:
            self.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": listed(tags)})
        if versions:
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def put(self, bucket: str, key: str, body: bytes = b"x", **options: Any) -> str:
        version: str = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **options).get("VersionId", "")
        return version

    def table(self, *keys: str, tags: Mapping[str, str] | None = None, name: str = "table", items: int = 0) -> str:
        table, given = f"{name}-{self.suffix}", keys or ("id",)
        self.dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in given],
            # The sort key first: what AWS says first is not to be relied on.
            KeySchema=[
                {"AttributeName": k, "KeyType": kind} for k, kind in zip(given, ("HASH", "RANGE"), strict=False)
            ],
            **({"Tags": listed(tags)} if tags else {}),
        )
        for number in range(items):
            self.dynamodb.put_item(TableName=table, Item={k: {"S": f"{number:04}"} for k in given})
        return table

    def rule(self, name: str, pattern: Mapping[str, Any], state: str = "ENABLED") -> str:
        rule = f"{name}-{self.suffix}"
        self.events.put_rule(Name=rule, EventPattern=json.dumps(pattern), State=state)
        return rule


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture
def account(emulator: Emulator, cloud: Boto3Cloud) -> Account:
    return Account(emulator, uuid4().hex[:10])


# Where it is.


def test_the_place_is_asked_for_once(cloud: Boto3Cloud, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    found = cloud.place("eu-west-1")
    assert (found.account_id, found.region, found.partition) == (emulator.account_id, "eu-west-1", "aws")
    monkeypatch.setattr(cloud, "_sts", None)
    assert cloud.place(REGION).region == REGION


def test_the_boundary_is_part_of_the_place(cloud: Boto3Cloud) -> None:
    boundary = "arn:aws:iam::123456789012:policy/bounds"
    assert Boto3Cloud(path_style=True, permissions_boundary=boundary).place(REGION).permissions_boundary == boundary
    assert cloud.place(REGION).permissions_boundary == ""


# Buckets.


def test_the_tags_of_a_bucket_are_read_and_replaced(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.bucket_tags(f"absent-{account.suffix}", REGION) is None
    bucket = account.bucket()
    assert cloud.bucket_tags(bucket, REGION) == {}
    for tags in ({"a": "1", "b": "2"}, {"b": "3"}, {"b": "3"}):
        cloud.tag_bucket(bucket, REGION, tags)
        assert cloud.bucket_tags(bucket, REGION) == tags


def test_objects_versions_and_delete_markers_are_counted_up_to_a_limit(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.count_objects(f"absent-{account.suffix}", REGION, 10) == 0
    bucket = account.bucket(versions=True)
    assert cloud.count_objects(bucket, REGION, 10) == 0
    for key in ("a", "a", "b"):
        account.put(bucket, key)
    account.s3.delete_object(Bucket=bucket, Key="b")
    assert cloud.count_objects(bucket, REGION, 10) == 4
    assert cloud.count_objects(bucket, REGION, 3) == 3


@pytest.mark.parametrize("versions", [False, True], ids=["without versions", "with versions"])
def test_a_purge_and_a_deletion_take_everything_page_by_page_and_again_do_nothing(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch, versions: bool
) -> None:
    monkeypatch.setattr(buckets, "PURGE_BATCH", 3)
    bucket = account.bucket(tags=account.mine, versions=versions)
    for number in range(8):
        account.put(bucket, f"raw/ü {number % 5}")
    account.s3.delete_object(Bucket=bucket, Key="raw/ü 1")
    with pytest.raises(BucketNotEmpty):
        cloud.delete_bucket(bucket, REGION, account.owner)
    for _ in range(2):
        cloud.purge_bucket(bucket, REGION, account.owner)
        assert cloud.count_objects(bucket, REGION, 10) == 0
    for _ in range(2):
        cloud.delete_bucket(bucket, REGION, account.owner)
        assert cloud.bucket_tags(bucket, REGION) is None
    cloud.purge_bucket(bucket, REGION, account.owner)


@pytest.mark.parametrize("tags", [None, THEIRS], ids=["no tags", "other tags"])
def test_a_bucket_of_others_is_neither_emptied_nor_deleted(
    cloud: Boto3Cloud, account: Account, tags: dict[str, str] | None
) -> None:
    bucket = account.bucket(tags=tags)
    account.put(bucket, "a")
    for act in (cloud.purge_bucket, cloud.delete_bucket):
        with pytest.raises(BucketNameTaken, match="does not carry this pipeline's ownership tags"):
            act(bucket, REGION, account.owner)
    assert cloud.count_objects(bucket, REGION, 10) == 1


def test_the_region_of_a_bucket_of_others_is_found(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.bucket_region(f"absent-{account.suffix}", REGION) is None
    assert cloud.bucket_region(account.bucket(), REGION) == REGION


# The switch that has a bucket send its events.


def notifications(account: Account, bucket: str) -> str:
    """What is there besides the switch, to the byte."""
    found = account.s3.get_bucket_notification_configuration(Bucket=bucket)
    kept = {k: v for k, v in found.items() if k not in ("ResponseMetadata", "EventBridgeConfiguration")}
    return json.dumps(kept, indent=1, ensure_ascii=False)


def sends(account: Account, bucket: str) -> bool:
    return "EventBridgeConfiguration" in account.s3.get_bucket_notification_configuration(Bucket=bucket)


def with_notifications(account: Account) -> str:
    """A bucket that tells a queue, a topic and a function of others what happens in it."""
    bucket = account.bucket()
    queue = account.sqs.create_queue(QueueName=f"q-{account.suffix}")["QueueUrl"]
    queue_arn = account.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic_arn = account.sns.create_topic(Name=f"t-{account.suffix}")["TopicArn"]
    function_arn = function(account, f"f-{account.suffix}")

    def keys(**rules: str) -> dict[str, Any]:
        return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}

    account.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        SkipDestinationValidation=True,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"Id": "images", "QueueArn": queue_arn, "Events": ["s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"],
                 "Filter": keys(prefix="images/ü &<a>/", suffix=".jpg")},
            ],
            "TopicConfigurations": [
                {"Id": "losses", "TopicArn": topic_arn, "Events": ["s3:ObjectRemoved:*"], "Filter": keys(prefix="keep/")},
            ],
            "LambdaFunctionConfigurations": [
                {"Id": "one", "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"], "Filter": keys(suffix=".a")},
                {"Id": "two", "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"], "Filter": keys(suffix=".b")},
            ],
        },
    )  # fmt: skip
    return bucket


def test_the_switch_is_turned_once_and_back_once_and_says_whether_it_was(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    assert [cloud.switch_on_events(bucket, REGION) for _ in range(2)] == [True, False]
    assert sends(account, bucket)
    assert [cloud.switch_off_events(bucket, REGION) for _ in range(2)] == [True, False]
    assert not sends(account, bucket)


def test_other_notifications_and_their_filters_stay_to_the_byte(cloud: Boto3Cloud, account: Account) -> None:
    bucket = with_notifications(account)
    before = notifications(account, bucket)
    assert all(word in before for word in ("images/ü &<a>/", "losses", "s3:ObjectRemoved:*", '"two"', ".jpg"))
    assert cloud.switch_on_events(bucket, REGION)
    assert (notifications(account, bucket), sends(account, bucket)) == (before, True)
    assert cloud.switch_off_events(bucket, REGION)
    assert (notifications(account, bucket), sends(account, bucket)) == (before, False)


def test_the_switch_of_a_bucket_that_is_not_there(cloud: Boto3Cloud, account: Account) -> None:
    absent = f"absent-{account.suffix}"
    assert cloud.switch_off_events(absent, REGION) is False
    with pytest.raises(UpdateFailed, match="NoSuchBucket"):
        cloud.switch_on_events(absent, REGION)


LISTENERS: dict[str, tuple[Callable[[str], Mapping[str, Any]], bool]] = {
    "for the bucket": (lambda bucket: object_created(bucket, Filter()), True),
    "for all buckets": (lambda _: {"source": ["aws.s3"]}, True),
    "for buckets by an expression": (lambda bucket: {"detail": {"bucket": {"name": [{"prefix": bucket[:3]}]}}}, True),
    "for another bucket": (lambda bucket: object_created(f"{bucket}-old", Filter()), False),
    "for what a trail records": (lambda bucket: written(bucket, Filter()), False),
    "for another service": (lambda _: {"source": ["aws.ec2"]}, False),
}


@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
@pytest.mark.parametrize(("pattern", "stays"), LISTENERS.values(), ids=LISTENERS)
def test_events_stay_on_while_a_rule_of_others_may_listen(
    cloud: Boto3Cloud, account: Account, pattern: Callable[[str], Mapping[str, Any]], stays: bool, state: str
) -> None:
    bucket = account.bucket()
    cloud.switch_on_events(bucket, REGION)
    rule = account.rule("listener", pattern(bucket), state)
    try:
        assert cloud.switch_off_events(bucket, REGION) is not stays
        assert sends(account, bucket) is stays
    finally:
        account.events.delete_rule(Name=rule)
    assert cloud.switch_off_events(bucket, REGION) is stays
    assert not sends(account, bucket)


def test_a_listener_on_a_later_page_of_rules_is_seen_and_a_schedule_is_none(
    cloud: Boto3Cloud, account: Account
) -> None:
    bucket = account.bucket()
    cloud.switch_on_events(bucket, REGION)
    schedule = f"a-{account.suffix}"
    account.events.put_rule(Name=schedule, ScheduleExpression="rate(1 day)")
    rules = [account.rule(f"b{number:03}", {"source": ["aws.ec2"]}) for number in range(105)]
    rules.append(account.rule("z", object_created(bucket, Filter())))
    try:
        assert cloud.switch_off_events(bucket, REGION) is False
    finally:
        for rule in (schedule, *rules):
            account.events.delete_rule(Name=rule)
    assert cloud.switch_off_events(bucket, REGION) is True


def test_several_pipelines_at_once_turn_the_switch_once(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    with ThreadPoolExecutor(8) as pool:
        turned = list(pool.map(lambda _: cloud.switch_on_events(bucket, REGION), range(8)))
    assert sorted(turned) == [False] * 7 + [True]


# Tables.


def test_the_tags_of_a_table_are_read_and_replaced(cloud: Boto3Cloud, account: Account) -> None:
    absent = f"absent-{account.suffix}"
    assert cloud.table_tags(absent, REGION) is None
    cloud.tag_table(absent, REGION, {"a": "1"})
    table = account.table()
    assert cloud.table_tags(table, REGION) == {}
    for tags in ({"a": "1", "b": "2"}, {"b": "3"}, {"b": "3"}):
        cloud.tag_table(table, REGION, tags)
        assert cloud.table_tags(table, REGION) == tags


def test_the_items_of_a_table_are_counted_page_by_page_up_to_a_limit(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PAGE", 3)
    assert cloud.count_items(f"absent-{account.suffix}", REGION, 10) == 0
    table = account.table("id", "part", items=8)
    assert [cloud.count_items(table, REGION, limit) for limit in (1, 5, 8, 100)] == [1, 5, 8, 8]
    assert cloud.count_items(account.table(name="empty"), REGION, 10) == 0


def test_a_table_of_the_owner_is_deleted_with_its_items_and_again_nothing_happens(
    cloud: Boto3Cloud, account: Account
) -> None:
    table = account.table(tags=account.mine, items=2)
    for _ in range(2):
        cloud.delete_table(table, REGION, account.owner)
        assert cloud.table_tags(table, REGION) is None


@pytest.mark.parametrize("tags", [None, THEIRS], ids=["no tags", "other tags"])
def test_a_table_of_others_is_not_deleted(cloud: Boto3Cloud, account: Account, tags: dict[str, str] | None) -> None:
    table = account.table(tags=tags, items=1)
    with pytest.raises(TableNameTaken, match="does not carry this pipeline's ownership tags"):
        cloud.delete_table(table, REGION, account.owner)
    assert cloud.count_items(table, REGION, 10) == 1


@pytest.mark.parametrize("keys", [("id",), ("doc", "part"), ("z", "a")], ids=" ".join)
def test_the_keys_of_a_table_are_partition_key_first(
    cloud: Boto3Cloud, account: Account, keys: tuple[str, ...]
) -> None:
    assert cloud.table_keys(f"absent-{account.suffix}", REGION) is None
    assert cloud.table_keys(account.table(*keys), REGION) == keys


# Code in S3.

ZIP, NEXT_ZIP = b"PK one", b"PK the next one"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("checksum", [{}, {"ChecksumAlgorithm": "SHA256"}, {"ChecksumAlgorithm": "CRC32"}], ids=str)
@pytest.mark.parametrize("versions", [False, True], ids=["without versions", "with versions"])
def test_a_package_is_known_by_its_version_and_the_hash_of_its_content(
    cloud: Boto3Cloud, account: Account, versions: bool, checksum: dict[str, str]
) -> None:
    bucket = account.bucket(versions=versions)
    first = account.put(bucket, "a b/ü.zip", ZIP, **checksum)
    assert cloud.package(bucket, "a b/ü.zip", "", REGION) == PackageObject(first, sha(ZIP))
    second = account.put(bucket, "a b/ü.zip", NEXT_ZIP, **checksum)
    assert cloud.package(bucket, "a b/ü.zip", "", REGION) == PackageObject(second, sha(NEXT_ZIP))
    assert (first != second) is versions
    if versions:
        assert cloud.package(bucket, "a b/ü.zip", first, REGION) == PackageObject(first, sha(ZIP))


def test_a_package_that_is_not_there_is_none(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket(versions=True)
    assert cloud.package(f"absent-{account.suffix}", "a.zip", "", REGION) is None
    assert cloud.package(bucket, "a.zip", "", REGION) is None
    account.put(bucket, "a.zip", ZIP)
    assert cloud.package(bucket, "a.zip", uuid4().hex, REGION) is None
    account.s3.delete_object(Bucket=bucket, Key="a.zip")
    assert cloud.package(bucket, "a.zip", "", REGION) is None, "it is deleted, whatever versions there are"


def test_a_package_is_downloaded_once_and_not_at_all_if_s3_knows_its_hash(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads: list[Any] = []
    download = cloud._hash

    def counted(name: tuple[str, str, str, str], region: str) -> str:
        downloads.append(name)
        return download(name, region)

    monkeypatch.setattr(cloud, "_hash", counted)
    bucket = account.bucket()
    account.put(bucket, "plain.zip", ZIP)
    account.put(bucket, "hashed.zip", NEXT_ZIP, ChecksumAlgorithm="SHA256")
    for _ in range(3):
        assert cloud.package(bucket, "plain.zip", "", REGION) == PackageObject("", sha(ZIP))
        assert cloud.package(bucket, "hashed.zip", "", REGION) == PackageObject("", sha(NEXT_ZIP))
    assert [name[1] for name in downloads] == ["plain.zip"]
    account.put(bucket, "plain.zip", NEXT_ZIP)
    assert cloud.package(bucket, "plain.zip", "", REGION) == PackageObject("", sha(NEXT_ZIP))
    assert len(downloads) == 2


def test_the_hash_of_a_package_uploaded_in_parts_is_that_of_the_whole(cloud: Boto3Cloud, account: Account) -> None:
    bucket, parts = account.bucket(), (b"a" * (5 << 20), b"end")
    upload = account.s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    done = []
    for number, part in enumerate(parts, 1):
        answer = account.s3.upload_part(**where, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256")
        sums = {"ChecksumSHA256": answer["ChecksumSHA256"]} if "ChecksumSHA256" in answer else {}
        done.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    account.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
    assert cloud.package(bucket, "k", "", REGION) == PackageObject("", sha(b"".join(parts)))


def test_the_object_from_before_a_bucket_had_versions_has_none(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    account.put(bucket, "k", ZIP)
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert cloud.package(bucket, "k", "", REGION) == PackageObject("", sha(ZIP))


def test_a_package_that_lambda_would_not_take_is_refused_without_a_download(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LARGEST_PACKAGE_BYTES", len(ZIP) - 1)
    monkeypatch.setattr(cloud, "_hash", None)
    bucket = account.bucket()
    account.put(bucket, "k", ZIP)
    with pytest.raises(SpecInvalid, match="larger than Lambda takes"):
        cloud.package(bucket, "k", "", REGION)


# Trails.


def trail(account: Account, name: str, tags: Mapping[str, str] | None = None) -> str:
    arn = f"arn:aws:cloudtrail:{REGION}:{account.emulator.account_id}:trail/{name}"
    log = account.bucket("log")
    account.s3.put_bucket_policy(Bucket=log, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl",
         "Resource": f"arn:aws:s3:::{log}"},
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{log}/AWSLogs/{account.emulator.account_id}/*",
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]}))  # fmt: skip
    account.cloudtrail.create_trail(Name=name, S3BucketName=log)
    if tags:
        account.cloudtrail.add_tags(ResourceId=arn, TagsList=listed(tags))
    return arn


@pytest.fixture
def named_trail(account: Account) -> str:
    return trail(account, f"audit-{account.suffix}")


def test_a_trail_is_seen_as_it_is(cloud: Boto3Cloud, account: Account, named_trail: str) -> None:
    found = view(cloud, named_trail)
    assert (found.region, found.multi_region, found.logging) == (REGION, False, False)
    account.cloudtrail.start_logging(Name=named_trail)
    assert view(cloud, named_trail).logging
    account.cloudtrail.stop_logging(Name=named_trail)
    account.cloudtrail.update_trail(Name=named_trail, IsMultiRegionTrail=True)
    assert (view(cloud, named_trail).logging, view(cloud, named_trail).multi_region) == (False, True)


def test_a_trail_that_is_not_there_is_none(cloud: Boto3Cloud, account: Account, named_trail: str) -> None:
    assert cloud.trail(f"{named_trail}-absent") is None
    account.cloudtrail.delete_trail(Name=named_trail)
    assert cloud.trail(named_trail) is None


def view(cloud: Boto3Cloud, arn: str) -> TrailView:
    found = cloud.trail(arn)
    assert found is not None
    return found


def selectors_of(cloud: Boto3Cloud, arn: str) -> Mapping[str, Any]:
    return view(cloud, arn).selectors


DOCS = "arn:aws:s3:::docs"
DATA = [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]


@pytest.mark.parametrize(
    ("selectors", "records"),
    [
        pytest.param({}, False, id="a new trail"),
        pytest.param({"EventSelectors": [{"ReadWriteType": "WriteOnly", "DataResources": [
            {"Type": "AWS::S3::Object", "Values": [f"{DOCS}/"]}]}]}, True, id="basic"),
        pytest.param({"EventSelectors": [{"ReadWriteType": "All", "DataResources": [
            {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::other/"]}]}]}, False, id="basic, another bucket"),
        pytest.param({"AdvancedEventSelectors": [{"FieldSelectors": [
            *DATA, {"Field": "resources.ARN", "StartsWith": [f"{DOCS}/"]}]}]}, True, id="advanced"),
        pytest.param({"AdvancedEventSelectors": [{"FieldSelectors": [
            *DATA, {"Field": "resources.ARN", "NotStartsWith": [f"{DOCS}/"]}]}]}, False, id="advanced, not this one"),
    ],
)  # fmt: skip
def test_what_a_trail_records_is_read_from_its_selectors(
    cloud: Boto3Cloud, account: Account, named_trail: str, selectors: dict[str, Any], records: bool
) -> None:
    if selectors:
        account.cloudtrail.put_event_selectors(TrailName=named_trail, **selectors)
    assert records_writes(selectors_of(cloud, named_trail), DOCS) is records


# Leftovers.

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
]}  # fmt: skip


def role(account: Account, name: str, tags: Mapping[str, str] | None = None, path: str = ROLE_PATH) -> str:
    made = account.iam.create_role(
        RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=listed(tags or {})
    )
    arn: str = made["Role"]["Arn"]
    return arn


def function(account: Account, name: str, tags: Mapping[str, str] | None = None, role_arn: str = "") -> str:
    made = account.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role_arn or role(account, f"{name[:50]}-r"),
        Code={"ZipFile": CodeBundle.of({"index.py": CODE}).zip_bytes},
        Tags=dict(tags or {}),
    )
    account.lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    arn: str = made["FunctionArn"]
    return arn


def tags_of(account: Account, found: Blueprint) -> dict[str, dict[str, str]]:
    """The tags of everything that can be left, by logical name."""
    names, place = found.names, found.place
    url = account.sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    group = place.arn("logs", f"log-group:{names.log_group}")
    trails = account.cloudtrail.list_tags(ResourceIdList=[found.trail_arn])["ResourceTagList"][0]["TagsList"]
    return {
        "role": {t["Key"]: t["Value"] for t in account.iam.list_role_tags(RoleName=names.role)["Tags"]},
        "dead-letter-queue": account.sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
        "log-group": account.logs.list_tags_for_resource(resourceArn=group)["tags"],
        "trail": {t["Key"]: t["Value"] for t in trails},
    }


def leave_all(account: Account, found: Blueprint, tags: Mapping[str, str]) -> str:
    """Everything of a pipeline that can be left behind; returns the queue's URL."""
    names = found.names
    arn = role(account, names.role, tags)
    account.logs.create_log_group(logGroupName=names.log_group, tags=dict(tags))
    trail(account, names.trail, tags)
    function(account, names.function, tags, arn)
    url: str = account.sqs.create_queue(QueueName=names.queue, tags=dict(tags))["QueueUrl"]
    return url


def has_function(account: Account, found: Blueprint) -> bool:
    try:
        account.lambda_.get_function(FunctionName=found.names.function)
    except ClientError:
        return False
    return True


CLOUD_TRAIL = {"source": {"trigger": "CloudTrail"}, "tags": {"team": "search"}}


def test_where_nothing_was_left_there_is_nothing_to_take_over(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.claim_leftovers(account.blueprint(**CLOUD_TRAIL)) == {}


def test_what_was_left_is_taken_over_with_the_tags_of_now_and_a_function_is_deleted(
    cloud: Boto3Cloud, account: Account
) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    url = leave_all(account, found, account.mine)
    for _ in range(2):
        assert cloud.claim_leftovers(found) == {
            "role": found.names.role,
            "dead-letter-queue": url,
            "log-group": found.names.log_group,
            "trail": found.trail_arn,
        }
        wanted = {"team": "search", **account.owner.tags()}
        assert tags_of(account, found) == dict.fromkeys(("role", "dead-letter-queue", "log-group", "trail"), wanted)
        assert not has_function(account, found)


@pytest.mark.parametrize("tags", [{}, THEIRS], ids=["no tags", "other tags"])
def test_what_others_have_under_these_names_is_neither_reported_nor_touched(
    cloud: Boto3Cloud, account: Account, tags: dict[str, str]
) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    leave_all(account, found, tags)
    assert cloud.claim_leftovers(found) == {}
    assert all(there == tags for there in tags_of(account, found).values())
    assert has_function(account, found)


def test_not_even_the_most_talkative_log_shows_the_environment_of_a_function(
    cloud: Boto3Cloud, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    found = account.blueprint()
    function(account, found.names.function)
    value = "s3cr3t-value"
    account.lambda_.update_function_configuration(
        FunctionName=found.names.function, Environment={"Variables": {"TOKEN": value}}
    )
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    cloud.claim_leftovers(found)
    with pytest.raises(UpdateFailed):
        cloud.wiring_faults(found)
    assert value not in caplog.text


def test_a_role_is_found_whatever_its_path(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint()
    role(account, found.names.role, account.mine, path="/elsewhere/")
    assert cloud.claim_leftovers(found) == {"role": found.names.role}


def test_only_what_is_asked_for_is_looked_at(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    leave_all(account, found, account.mine)
    before = tags_of(account, found)
    assert cloud.claim_leftovers(replace(found, resources=())) == {}
    assert tags_of(account, found) == before
    assert has_function(account, found)


# The wiring.


@dataclass(frozen=True)
class Wired:
    """A pipeline that somebody wired by hand."""

    account: Account
    found: Blueprint
    arn: str

    def break_it(self, how: str) -> None:
        names, account = self.found.names, self.account
        breaks: dict[str, Callable[[], object]] = {
            "events off": lambda: account.s3.put_bucket_notification_configuration(
                Bucket=names.source.name, NotificationConfiguration={}
            ),
            "rule disabled": lambda: account.events.disable_rule(Name=names.rule),
            "no target": lambda: account.events.remove_targets(Rule=names.rule, Ids=["function"]),
            "no queue": lambda: account.events.put_targets(
                Rule=names.rule, Targets=[{"Id": "function", "Arn": self.arn}]
            ),
            "no permission": lambda: account.lambda_.remove_permission(
                FunctionName=names.function, StatementId="AllowRule"
            ),
            "other code": lambda: account.lambda_.update_function_code(
                FunctionName=names.function, ZipFile=CodeBundle.of({"index.py": "x = 1"}).zip_bytes
            ),
            "no function": lambda: account.lambda_.delete_function(FunctionName=names.function),
            "no rule": lambda: (
                account.events.remove_targets(Rule=names.rule, Ids=["function"]),
                account.events.delete_rule(Name=names.rule),
            ),
        }
        breaks[how]()
        if how == "other code":
            account.lambda_.get_waiter("function_updated_v2").wait(
                FunctionName=names.function, WaiterConfig={"Delay": 0.1}
            )


@pytest.fixture
def wired(account: Account, monkeypatch: pytest.MonkeyPatch) -> Wired:
    monkeypatch.setattr(wiring, "SETTLING_SECONDS", 0.0)
    found = account.blueprint()
    names = found.names
    account.s3.create_bucket(Bucket=names.source.name)
    account.s3.put_bucket_notification_configuration(
        Bucket=names.source.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    account.sqs.create_queue(QueueName=names.queue)
    arn = function(account, names.function)
    account.events.put_rule(Name=names.rule, EventPattern=as_json(object_created(names.source.name, Filter())))
    account.lambda_.add_permission(
        FunctionName=names.function,
        StatementId="AllowRule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=found.rule_arn,
    )
    target = {"Id": "function", "Arn": arn, "DeadLetterConfig": {"Arn": found.queue_arn}}
    account.events.put_targets(Rule=names.rule, Targets=[target])
    return Wired(account, found, arn)


def test_wiring_that_is_as_it_should_be_has_no_fault(cloud: Boto3Cloud, wired: Wired) -> None:
    assert cloud.wiring_faults(wired.found) == ()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("events off", "bucket {source} does not send events to EventBridge"),
        ("rule disabled", "rule {rule} is not enabled"),
        ("no target", "rule {rule} does not have the function as its target"),
        ("no queue", "rule {rule} does not have the dead-letter queue"),
        ("no permission", "function {function} does not let the rule invoke it"),
        ("other code", "function {function} does not run the pipeline's code"),
        ("no function", "function {function} is not there"),
        ("no rule", "rule {rule} is not there"),
    ],
)
def test_each_fault_of_the_wiring_is_said(cloud: Boto3Cloud, wired: Wired, how: str, said: str) -> None:
    wired.break_it(how)
    names = wired.found.names
    expected = said.format(source=names.source.name, rule=names.rule, function=names.function)
    assert cloud.wiring_faults(wired.found) == (expected,)


def test_several_faults_are_said_together(cloud: Boto3Cloud, wired: Wired) -> None:
    for how in ("events off", "rule disabled", "no permission"):
        wired.break_it(how)
    assert len(cloud.wiring_faults(wired.found)) == 3


def test_a_fault_that_passes_is_waited_for(cloud: Boto3Cloud, wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    wired.break_it("rule disabled")
    monkeypatch.setattr(wiring, "SETTLING_SECONDS", 20.0)
    account, rule = wired.account, wired.found.names.rule
    monkeypatch.setattr(
        "ingestion_operator.adapters.aws.wiring.time.sleep", lambda _: account.events.enable_rule(Name=rule)
    )
    assert cloud.wiring_faults(wired.found) == ()


def test_the_code_of_an_image_is_not_compared(cloud: Boto3Cloud, wired: Wired) -> None:
    image = ContainerImage("123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:" + "0" * 64)
    assert cloud.wiring_faults(replace(wired.found, code=image)) == ()


def test_a_pipeline_on_a_trail_needs_the_trail_and_not_the_buckets_events(
    cloud: Boto3Cloud, wired: Wired, named_trail: str
) -> None:
    wired.break_it("events off")
    by_trail = replace(wired.found, listens_to_bucket=False, trail_arn=named_trail)
    assert cloud.wiring_faults(by_trail) == (f"trail {named_trail} is not logging",)
    wired.account.cloudtrail.start_logging(Name=named_trail)
    assert cloud.wiring_faults(by_trail) == ()
    wired.account.cloudtrail.delete_trail(Name=named_trail)
    assert cloud.wiring_faults(by_trail) == (f"trail {named_trail} is not there",)


# What goes wrong outside.

TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:123456789012:trail/audit"
OWNER = Owner("it", PipelineKey("aws", "x"), "u")
CALLS: dict[str, Callable[[Boto3Cloud, Blueprint], object]] = {
    "bucket_tags": lambda cloud, _: cloud.bucket_tags("bkt", REGION),
    "tag_bucket": lambda cloud, _: cloud.tag_bucket("bkt", REGION, {}),
    "count_objects": lambda cloud, _: cloud.count_objects("bkt", REGION, 1),
    "purge_bucket": lambda cloud, _: cloud.purge_bucket("bkt", REGION, OWNER),
    "delete_bucket": lambda cloud, _: cloud.delete_bucket("bkt", REGION, OWNER),
    "bucket_region": lambda cloud, _: cloud.bucket_region("bkt", REGION),
    "switch_on_events": lambda cloud, _: cloud.switch_on_events("bkt", REGION),
    "switch_off_events": lambda cloud, _: cloud.switch_off_events("bkt", REGION),
    "table_tags": lambda cloud, _: cloud.table_tags("tbl", REGION),
    "tag_table": lambda cloud, _: cloud.tag_table("tbl", REGION, {}),
    "count_items": lambda cloud, _: cloud.count_items("tbl", REGION, 1),
    "delete_table": lambda cloud, _: cloud.delete_table("tbl", REGION, OWNER),
    "table_keys": lambda cloud, _: cloud.table_keys("tbl", REGION),
    "package": lambda cloud, _: cloud.package("bkt", "k", "", REGION),
    "trail": lambda cloud, _: cloud.trail(TRAIL_ARN),
    "claim_leftovers": lambda cloud, found: cloud.claim_leftovers(found),
    "wiring_faults": lambda cloud, found: cloud.wiring_faults(found),
    "place": lambda cloud, _: cloud.place(REGION),
}


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    """An account whose endpoint nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
    found = Boto3Cloud(path_style=True)
    monkeypatch.setattr(found, "_config", Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1))
    return found


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_endpoint_that_does_not_answer_is_tried_again_later(
    account: Account, unreachable: Boto3Cloud, call: Callable[[Boto3Cloud, Blueprint], object]
) -> None:
    found = assemble(make_spec(), OWNER, _place(account), CodeBundle.of({"index.py": CODE}))
    with pytest.raises(UpdateFailed, match="Could not connect"):
        call(unreachable, found)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_credentials_a_person_is_asked_for_them(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[Boto3Cloud, Blueprint], object],
    tmp_path: Any,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = assemble(make_spec(), OWNER, _place(account), CodeBundle.of({"index.py": CODE}))
    with pytest.raises(CredentialsMissing, match="give its ServiceAccount a role"):
        call(Boto3Cloud(path_style=True), found)


def _place(account: Account) -> Place:
    return Place(account.emulator.account_id, REGION)


@pytest.fixture
def powerless(account: Account, monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    """An identity that may do nothing."""
    for name, value in account.emulator.restricted_env(f"nobody-{account.suffix}", []).items():
        monkeypatch.setenv(name, value)
    return Boto3Cloud(path_style=True)


@pytest.mark.parametrize("call", [name for name in CALLS if name != "place"])
def test_a_right_that_is_missing_is_named(account: Account, powerless: Boto3Cloud, call: str) -> None:
    account_bucket, account_table = account.bucket(), account.table()
    found = assemble(make_spec(), account.owner, _place(account), CodeBundle.of({"index.py": CODE}))
    account.s3.create_bucket(Bucket=found.names.source.name)
    calls: dict[str, Callable[[], object]] = {
        **{name: lambda name=name: CALLS[name](powerless, found) for name in CALLS},  # type: ignore[misc]
        "bucket_tags": lambda: powerless.bucket_tags(account_bucket, REGION),
        "tag_bucket": lambda: powerless.tag_bucket(account_bucket, REGION, {}),
        "count_objects": lambda: powerless.count_objects(account_bucket, REGION, 1),
        "purge_bucket": lambda: powerless.purge_bucket(account_bucket, REGION, OWNER),
        "delete_bucket": lambda: powerless.delete_bucket(account_bucket, REGION, OWNER),
        "bucket_region": lambda: powerless.bucket_region(account_bucket, REGION),
        "switch_on_events": lambda: powerless.switch_on_events(account_bucket, REGION),
        "switch_off_events": lambda: powerless.switch_off_events(account_bucket, REGION),
        "package": lambda: powerless.package(account_bucket, "k", "", REGION),
        "count_items": lambda: powerless.count_items(account_table, REGION, 1),
        "table_keys": lambda: powerless.table_keys(account_table, REGION),
    }
    # A bucket that may not be looked at is somebody else's, as far as the operator can tell.
    taken = {"bucket_tags", "purge_bucket", "delete_bucket"}
    expected: type[PipelineError] = BucketNameTaken if call in taken else AccessDenied
    with pytest.raises(expected):
        calls[call]()
