"""Each feature of the spec, in the resources that it asks for: what is not asked for leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builders import CODE, EVERYTHING, OWNER, PLACE, SECRETS, TOKEN, make_blueprint
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, S3Package
from ingestion_operator.blueprint.iam import NETWORK_INTERFACES
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import ROLE_PATH, Archive, Blueprint, Ref, Resource, Sensitive
from ingestion_operator.blueprint.trail_selectors import data_event_selector

BOUNDARY = "arn:aws:iam::123456789012:policy/bounds"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:" + "0" * 64
KMS = {"encryption": {"type": "KMS", "keyArn": KEY_ARN}}
EXISTING = {"name": "docs", "management": "Existing"}
NAMED_TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
VPC = {"subnetIds": ["subnet-0123abcd"], "securityGroupIds": ["sg-0123abcd"]}


def inline(**options: Any) -> dict[str, Any]:
    return {"code": {"inline": CODE}, **options}


def resource(found: Blueprint, name: str) -> Resource:
    return next(r for r in found.resources if r.name == name)


def inputs(found: Blueprint, name: str) -> Mapping[str, Any]:
    return resource(found, name).inputs


def statements(found: Blueprint, name: str, field: str = "policy") -> list[dict[str, Any]]:
    document = json.loads(inputs(found, name)[field])
    assert document["Version"] == "2012-10-17"
    listed: list[dict[str, Any]] = document["Statement"]
    return listed


def by_sid(found: Blueprint, name: str = "role-policy") -> dict[str, dict[str, Any]]:
    listed = statements(found, name)
    assert len({s["Sid"] for s in listed}) == len(listed)
    return {s.pop("Sid"): s for s in listed}


PLAIN = make_blueprint()
FULL = make_blueprint(secrets=SECRETS, **EVERYTHING)
QUEUE, RULE, FUNCTION = PLAIN.queue_arn, PLAIN.rule_arn, PLAIN.function_arn
SOURCE = f"arn:aws:s3:::{PLAIN.names.source.name}"
LOGS = f"arn:aws:logs:eu-west-1:123456789012:log-group:{PLAIN.names.log_group}:*"
VIA_S3 = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}

READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": [f"{SOURCE}/*"]}
SEND = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [QUEUE]}
LOG = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [LOGS]}
TRACE = {"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": ["*"]}
ALWAYS = {"ReadSource": READ, "SendFailures": SEND, "WriteLog": LOG, "SendTraces": TRACE}


# The function's role.


def test_the_function_may_do_what_every_pipeline_needs_and_nothing_else() -> None:
    assert by_sid(PLAIN) == ALWAYS


RESULTS = f"arn:aws:s3:::{make_blueprint(results={'bucket': {}}).names.results.name}"
TABLE = make_blueprint(results={"table": {}}).names.table.name
WRITE = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"]}
ITEMS = {
    "Effect": "Allow",
    "Action": [
        f"dynamodb:{verb}"
        for verb in (
            "BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem",
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "added"),
    [
        pytest.param({"results": {"bucket": {}}}, {"WriteResults": {**WRITE, "Resource": [f"{RESULTS}/*"]}}, id="results"),
        pytest.param({"results": {"bucket": {"prefix": "out/"}}},
                     {"WriteResults": {**WRITE, "Resource": [f"{RESULTS}/out/*"]}}, id="results under a prefix"),
        pytest.param({"results": {"bucket": {"name": "theirs"}}},
                     {"WriteResults": {**WRITE, "Resource": ["arn:aws:s3:::theirs/*"]}}, id="results of others"),
        pytest.param({"results": {"bucket": KMS}}, {
            "WriteResults": {**WRITE, "Resource": [f"{RESULTS}/*"]},
            "UseResultsKey": {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": [KEY_ARN],
                              "Condition": VIA_S3},
        }, id="encrypted results"),
        pytest.param({"source": {"bucket": KMS}}, {
            "UseSourceKey": {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [KEY_ARN], "Condition": VIA_S3},
        }, id="encrypted source"),
        pytest.param({"results": {"table": {}}}, {
            "UseResultsTable": {**ITEMS, "Resource": [f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TABLE}"]},
        }, id="a table"),
        pytest.param({"results": {"table": {"name": "theirs"}}}, {
            "UseResultsTable": {**ITEMS, "Resource": ["arn:aws:dynamodb:eu-west-1:123456789012:table/theirs"]},
        }, id="a table of others"),
        pytest.param({"source": {"filter": {"prefixes": ["raw/", "in/"]}}},
                     {"ReadSource": {**READ, "Resource": [f"{SOURCE}/raw/*", f"{SOURCE}/in/*"]}}, id="prefixes"),
        pytest.param({"source": {"filter": {"suffixes": [".txt"], "minSizeBytes": 1}}}, {}, id="a suffix bounds no right"),
        pytest.param({"source": {"filter": {"excludePrefixes": ["tmp/"]}}}, {}, id="an exclusion bounds no right"),
        pytest.param({"source": {"bucket": EXISTING}},
                     {"ReadSource": {**READ, "Resource": ["arn:aws:s3:::docs/*"]}}, id="an existing bucket"),
        pytest.param({"source": {"bucket": {**EXISTING, **KMS}}}, {
            "ReadSource": {**READ, "Resource": ["arn:aws:s3:::docs/*"]},
            "UseSourceKey": {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [KEY_ARN], "Condition": VIA_S3},
        }, id="an encrypted existing bucket"),
        pytest.param({"source": {"trigger": "CloudTrail"}}, {}, id="a trail gives the function no right"),
        pytest.param({"processor": inline(vpc=VPC)}, {
            "JoinNetwork": {"Effect": "Allow", "Action": list(NETWORK_INTERFACES), "Resource": ["*"]},
            "NotByTheFunctionItself": {"Effect": "Deny", "Action": list(NETWORK_INTERFACES), "Resource": ["*"],
                                       "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": [FUNCTION]}}},
        }, id="a network, for Lambda and not for the code"),
        pytest.param({"processor": inline(permissions=[
            {"actions": ["sqs:SendMessage", "sqs:GetQueueUrl"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:jobs"]},
            {"actions": ["textract:DetectDocumentText"], "resources": ["*"]},
        ])}, {
            "Extra1": {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                       "Resource": ["arn:aws:sqs:eu-west-1:123456789012:jobs"]},
            "Extra2": {"Effect": "Allow", "Action": ["textract:DetectDocumentText"], "Resource": ["*"]},
        }, id="what is asked for besides"),
    ],
)  # fmt: skip
def test_a_feature_adds_its_own_rights_only(spec: dict[str, Any], added: dict[str, Any]) -> None:
    assert by_sid(make_blueprint(**spec)) == {**ALWAYS, **added}


def test_without_tracing_no_trace_may_be_sent() -> None:
    assert by_sid(make_blueprint(processor=inline(tracing="PassThrough"))) == {
        sid: statement for sid, statement in ALWAYS.items() if sid != "SendTraces"
    }


def test_only_lambda_for_this_account_may_take_the_role() -> None:
    (trust,) = statements(PLAIN, "role", "assume_role_policy")
    assert trust == {
        "Sid": "LambdaMayAssume",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }
    assert inputs(PLAIN, "role")["path"] == ROLE_PATH


def test_the_boundary_is_on_the_role_if_the_administrator_wants_one() -> None:
    assert "permissions_boundary" not in inputs(PLAIN, "role")
    bounded = make_blueprint(place=replace(PLACE, permissions_boundary=BOUNDARY))
    assert inputs(bounded, "role")["permissions_boundary"] == BOUNDARY
    assert bounded.fingerprint != PLAIN.fingerprint


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_every_arn_is_of_the_pipelines_partition(region: str, partition: str) -> None:
    found = make_blueprint(place=Place("123456789012", region, partition), results={"bucket": {}, "table": {}})
    text = json.dumps([r.inputs for r in found.resources], default=str)
    assert "arn:aws:" not in text
    assert f"arn:{partition}:" in text


# Dead letters and delivery.


def test_only_the_rule_puts_into_the_queue_and_only_over_tls() -> None:
    assert statements(PLAIN, "dead-letter-queue-policy") == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": [QUEUE],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "RuleMaySend",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": [QUEUE],
            "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
        },
    ]


def test_the_queue_is_encrypted_and_keeps_events_as_long_as_is_asked() -> None:
    found = inputs(make_blueprint(deadLetter={"retentionDays": 3}), "dead-letter-queue")
    assert found["message_retention_seconds"] == 3 * 86400
    assert found["sqs_managed_sse_enabled"] is True
    assert inputs(PLAIN, "dead-letter-queue")["message_retention_seconds"] == 14 * 86400


def test_both_ways_of_giving_up_lead_to_the_queue() -> None:
    delivery = {
        "maximumAttempts": 3,
        "maximumEventAgeSeconds": 120,
        "processingAttempts": 0,
        "processingMaximumAgeSeconds": 90,
    }
    found = make_blueprint(delivery=delivery)
    target, asynchronous = inputs(found, "target"), inputs(found, "function-invoke-config")
    assert target["retry_policy"] == {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 120}
    assert target["dead_letter_config"] == {"arn": Ref("dead-letter-queue", "arn")}
    assert (asynchronous["maximum_retry_attempts"], asynchronous["maximum_event_age_in_seconds"]) == (0, 90)
    assert asynchronous["destination_config"]["on_failure"] == {"destination": Ref("dead-letter-queue", "arn")}


def test_the_rule_has_a_target_only_when_it_may_invoke_it_and_give_up_on_it() -> None:
    assert set(resource(PLAIN, "target").depends_on) == {"permission", "dead-letter-queue-policy"}
    assert inputs(PLAIN, "permission")["source_arn"] == Ref("rule", "arn")
    assert inputs(PLAIN, "permission")["source_account"] == "123456789012"


# Buckets.

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
BUCKET_PARTS = {"bucket", "encryption", "public-access-block", "versioning", "lifecycle", "bucket-policy"}


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("source", FULL.names.source.name),
        ("results", FULL.names.results.name),
        ("trail", FULL.names.trail_log.name),
    ],
)
def test_each_bucket_is_private_tls_only_cleans_up_and_is_never_deleted_by_the_engine(role: str, name: str) -> None:
    parts = {p: resource(FULL, f"{role}-{p}") for p in BUCKET_PARTS}
    assert all(part.holds_data for part in parts.values())
    blocked = {k: v for k, v in parts["public-access-block"].inputs.items() if k != "bucket"}
    assert len(blocked) == 4
    assert all(blocked.values())
    arn = f"arn:aws:s3:::{name}"
    assert by_sid(FULL, f"{role}-bucket-policy")["TlsOnly"] == {**TLS_ONLY, "Resource": [arn, f"{arn}/*"]}
    (rule,) = parts["lifecycle"].inputs["rules"]
    assert rule["abort_incomplete_multipart_upload"] == {"days_after_initiation": 7}
    assert ("expiration" in rule) is (role == "trail"), "only the log of a trail may be thrown away by age"


@pytest.mark.parametrize(
    ("bucket", "part", "field", "expected"),
    [
        ({}, "encryption", "rules", [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]),
        (
            KMS,
            "encryption",
            "rules",
            [
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": KEY_ARN,
                    },
                    "bucket_key_enabled": True,
                }
            ],
        ),
        ({}, "versioning", "versioning_configuration", {"status": "Enabled"}),
        ({"versioning": "Suspended"}, "versioning", "versioning_configuration", {"status": "Suspended"}),
    ],
    ids=["SSE-S3", "KMS with a bucket key", "versioned", "not versioned"],
)
def test_the_source_bucket_is_as_it_is_asked_for(bucket: dict[str, Any], part: str, field: str, expected: Any) -> None:
    assert inputs(make_blueprint(source={"bucket": bucket}), f"source-{part}")[field] == expected


def test_earlier_versions_are_kept_as_long_as_is_asked() -> None:
    found = inputs(make_blueprint(source={"bucket": {"noncurrentVersionDays": 5}}), "source-lifecycle")
    assert found["rules"][0]["noncurrent_version_expiration"] == {"noncurrent_days": 5}


def test_a_name_of_the_account_and_region_is_asked_for_as_such() -> None:
    regional = make_blueprint(source={"bucket": {"naming": "AccountRegional"}})
    assert inputs(regional, "source-bucket")["bucket_namespace"] == "account-regional"
    assert "bucket_namespace" not in inputs(PLAIN, "source-bucket")


def names(found: Blueprint) -> set[str]:
    return {r.name for r in found.resources}


def of(role: str) -> set[str]:
    return {f"{role}-{part}" for part in BUCKET_PARTS}


COMPUTE = {"role", "role-policy", "log-group", "function", "function-invoke-config", "rule", "permission", "target"}
COMPUTE |= {"dead-letter-queue", "dead-letter-queue-policy"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {*COMPUTE, *of("source"), "source-notification"}, id="a plain one"),
        pytest.param({"source": {"bucket": EXISTING}}, COMPUTE, id="an existing bucket is no resource at all"),
        pytest.param({"source": {"trigger": "CloudTrail"}}, {*COMPUTE, *of("source"), *of("trail"), "trail"},
                     id="a trail, and no events of the bucket's own"),
        pytest.param({"source": {"trigger": "CloudTrail", "cloudTrail": {"trailArn": NAMED_TRAIL}}},
                     {*COMPUTE, *of("source")}, id="a trail of others"),
        pytest.param({"source": {"trigger": "CloudTrail", "bucket": EXISTING}}, {*COMPUTE, *of("trail"), "trail"},
                     id="a trail on an existing bucket"),
        pytest.param({"results": {"bucket": {}}}, {*COMPUTE, *of("source"), "source-notification", *of("results")},
                     id="results"),
        pytest.param({"results": {"bucket": {"name": "theirs"}, "table": {"name": "theirs"}}},
                     {*COMPUTE, *of("source"), "source-notification"}, id="results of others"),
        pytest.param({"results": {"table": {}}}, {*COMPUTE, *of("source"), "source-notification", "results-table"},
                     id="a table"),
        pytest.param({"results": {}}, {*COMPUTE, *of("source"), "source-notification"}, id="results without either"),
    ],
)  # fmt: skip
def test_a_pipeline_is_made_of_what_it_asks_for(spec: dict[str, Any], expected: set[str]) -> None:
    assert names(make_blueprint(**spec)) == expected


def test_references_and_dependencies_point_backwards() -> None:
    for found in (PLAIN, FULL):
        seen: set[str] = set()
        for one in found.resources:
            wanted = {*one.depends_on, *(v.resource for v in _flat(one.inputs) if isinstance(v, Ref))}
            assert wanted <= seen, one.name
            seen.add(one.name)
        assert len(seen) == len(found.resources)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _flat(item)]
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, list) else [value]


def test_every_resource_that_can_be_tagged_says_whose_it_is() -> None:
    tags = {"team": "search", **OWNER.tags()}
    tagged = {r.name for r in FULL.resources if r.inputs.get("tags") == tags}
    assert tagged == {r.name for r in FULL.resources if "tags" in r.inputs}
    assert {"source-bucket", "results-bucket", "trail-bucket", "results-table", "role", "function"} <= tagged
    assert {"dead-letter-queue", "trail", "log-group", "rule"} <= tagged


def test_a_user_cannot_take_the_ownership_tags() -> None:
    spoofed = make_blueprint(tags={"ingestion-operator.io/name": "other"})
    assert inputs(spoofed, "source-bucket")["tags"] == OWNER.tags()


# The trail.


def test_only_this_trail_writes_into_its_log_bucket() -> None:
    log = f"arn:aws:s3:::{FULL.names.trail_log.name}"
    policy = by_sid(FULL, "trail-bucket-policy")
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    assert policy == {
        "TlsOnly": {**TLS_ONLY, "Resource": [log, f"{log}/*"]},
        "TrailMayLook": {
            **allowed,
            "Action": "s3:GetBucketAcl",
            "Resource": [log],
            "Condition": {"StringEquals": {"aws:SourceArn": FULL.trail_arn}},
        },
        "TrailMayWrite": {
            **allowed,
            "Action": "s3:PutObject",
            "Resource": [f"{log}/AWSLogs/123456789012/*"],
            "Condition": {
                "StringEquals": {"aws:SourceArn": FULL.trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"}
            },
        },
    }
    assert set(by_sid(FULL, "source-bucket-policy")) == {"TlsOnly"}


def test_the_trail_logs_the_writes_of_the_source_bucket_into_another() -> None:
    found = resource(FULL, "trail")
    assert found.inputs["advanced_event_selectors"] == [data_event_selector(f"arn:aws:s3:::{FULL.names.source.name}")]
    assert found.inputs["s3_bucket_name"] == Ref("trail-bucket", "bucket")
    assert found.inputs["enable_logging"] is True
    assert "trail-bucket-policy" in found.depends_on
    assert FULL.names.trail_log.name != FULL.names.source.name
    assert FULL.trail_arn.endswith(f":trail/{FULL.names.trail}")


def test_a_trail_of_others_is_named_and_not_made() -> None:
    found = make_blueprint(source={"trigger": "CloudTrail", "cloudTrail": {"trailArn": NAMED_TRAIL}})
    assert (found.trail_arn, found.names.trail, found.listens_to_bucket) == (NAMED_TRAIL, "", False)
    assert found.outputs.trail_arn == NAMED_TRAIL


# The table.


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, {"hash_key": "id", "attributes": [{"name": "id", "type": "S"}]}),
        ({"partitionKey": "doc"}, {"hash_key": "doc", "attributes": [{"name": "doc", "type": "S"}]}),
        (
            {"partitionKey": "doc", "sortKey": "part"},
            {
                "hash_key": "doc",
                "range_key": "part",
                "attributes": [{"name": "doc", "type": "S"}, {"name": "part", "type": "S"}],
            },
        ),
    ],
    ids=["default key", "another key", "two keys"],
)
def test_the_table_has_the_keys_that_are_asked_for(table: dict[str, str], expected: dict[str, Any]) -> None:
    found = resource(make_blueprint(results={"table": table}), "results-table")
    assert found.holds_data
    always = {
        "name": TABLE,
        "billing_mode": "PAY_PER_REQUEST",
        "point_in_time_recovery": {"enabled": True},
        "tags": OWNER.tags(),
    }
    assert found.inputs == {**always, **expected}


# The function.


def test_a_plain_function_has_no_input_that_was_not_asked_for() -> None:
    assert isinstance(PLAIN.code, CodeBundle)
    assert inputs(PLAIN, "function") == {
        "name": PLAIN.names.function,
        "description": "IngestionPipeline team-a/words",
        "role": Ref("role", "arn"),
        "runtime": "python3.13",
        "handler": "index.handler",
        "code": Archive(PLAIN.code.sha256),
        "code_sha256": PLAIN.code.sha256_base64,
        "architectures": ["arm64"],
        "memory_size": 256,
        "timeout": 60,
        "ephemeral_storage": {"size": 512},
        "tracing_config": {"mode": "Active"},
        "logging_config": {"log_format": "Text", "log_group": PLAIN.names.log_group},
        "tags": OWNER.tags(),
    }
    assert resource(PLAIN, "function").depends_on == ("role-policy", "log-group")
    assert inputs(PLAIN, "log-group")["retention_in_days"] == 30


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ({"architecture": "x86_64"}, "architectures", ["x86_64"]),
        ({"memoryMiB": 1024}, "memory_size", 1024),
        ({"timeoutSeconds": 900}, "timeout", 900),
        ({"ephemeralStorageMiB": 1024}, "ephemeral_storage", {"size": 1024}),
        ({"tracing": "PassThrough"}, "tracing_config", {"mode": "PassThrough"}),
        ({"reservedConcurrency": 5}, "reserved_concurrent_executions", 5),
        ({"layers": ["arn:b", "arn:a"]}, "layers", ["arn:b", "arn:a"]),
        (
            {"vpc": VPC},
            "vpc_config",
            {"subnet_ids": ["subnet-0123abcd"], "security_group_ids": ["sg-0123abcd"]},
        ),
        (
            {"logFormat": "JSON"},
            "logging_config",
            {"log_format": "JSON", "log_group": PLAIN.names.log_group},
        ),
        ({"runtime": "python3.12"}, "runtime", "python3.12"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_an_option_changes_its_own_input_only(options: dict[str, Any], field: str, expected: Any) -> None:
    found = dict(inputs(make_blueprint(processor=inline(**options)), "function"))
    assert found.pop(field) == expected
    plain = dict(inputs(PLAIN, "function"))
    plain.pop(field, None)
    assert found == plain


PACKAGE_SHA, PACKAGE_BASE64 = "00" * 32, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
RUN_BY = {"runtime": "python3.13", "handler": "index.handler"}


@pytest.mark.parametrize(
    ("code", "spec", "expected"),
    [
        pytest.param(S3Package("b", "k.zip", "v1", PACKAGE_SHA), {"s3": {"bucket": "bkt", "key": "k.zip"}},
                     {**RUN_BY, "s3_bucket": "b", "s3_key": "k.zip", "s3_object_version": "v1", "code_sha256": PACKAGE_BASE64},
                     id="a zip in a bucket with versions"),
        pytest.param(S3Package("b", "k.zip", "", PACKAGE_SHA), {"s3": {"bucket": "bkt", "key": "k.zip"}},
                     {**RUN_BY, "s3_bucket": "b", "s3_key": "k.zip", "code_sha256": PACKAGE_BASE64}, id="one without"),
        pytest.param(ContainerImage(IMAGE), {"image": {"uri": IMAGE}}, {"package_type": "Image", "image_uri": IMAGE},
                     id="an image has neither runtime nor handler"),
    ],
)  # fmt: skip
def test_each_source_of_code_is_handed_on_as_lambda_wants_it(
    code: Any, spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = dict(inputs(make_blueprint(code, processor={"code": spec}), "function"))
    of_code = {"runtime", "handler", "package_type", "image_uri", "code", "code_sha256"}
    assert {k: v for k, v in found.items() if k in of_code or k.startswith("s3_")} == expected


def test_a_new_zip_or_image_is_another_fingerprint() -> None:
    def package(version: str, sha: str) -> str:
        code = S3Package("b", "k", version, sha * 32)
        return make_blueprint(code, processor={"code": {"s3": {"bucket": "bkt", "key": "k"}}}).fingerprint

    assert len({package("1", "00"), package("2", "00"), package("1", "01"), package("", "00")}) == 4
    other = ContainerImage(IMAGE.replace("0" * 64, "1" * 64))
    images = [make_blueprint(c, processor={"code": {"image": {"uri": IMAGE}}}) for c in (ContainerImage(IMAGE), other)]
    assert images[0].fingerprint != images[1].fingerprint


# Its environment.

TWO: list[dict[str, Any]] = [
    {"name": "MARK", "value": "1"},
    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": TOKEN.name, "key": TOKEN.key}}},
]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"processor": inline(environment=TWO)}, {"MARK": "1", "TOKEN": SECRETS[TOKEN]},
                     id="plain and from a Secret"),
        pytest.param({"results": {"bucket": {"prefix": "out/"}}},
                     {"RESULTS_BUCKET": RESULTS.rpartition(":")[2], "RESULTS_PREFIX": "out/"}, id="where results go"),
        pytest.param({"results": {"bucket": {"name": "theirs"}}}, {"RESULTS_BUCKET": "theirs", "RESULTS_PREFIX": ""},
                     id="an empty prefix is said too"),
        pytest.param({"results": {"table": {}}}, {"RESULTS_TABLE": TABLE}, id="the table"),
        pytest.param({"results": {"table": {"name": "theirs"}}}, {"RESULTS_TABLE": "theirs"}, id="a table of others"),
    ],
)  # fmt: skip
def test_the_environment_holds_the_variables_and_where_results_go(
    spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = make_blueprint(secrets=SECRETS, **spec)
    assert inputs(found, "function")["environment"] == {"variables": expected}


def fingerprint(value: str, version: str) -> str:
    return make_blueprint(secrets={TOKEN: Sensitive(value, version)}, processor=inline(environment=TWO)).fingerprint


def test_the_version_of_a_secret_is_in_the_fingerprint_and_its_value_is_not() -> None:
    assert fingerprint("one", "1") == fingerprint("another", "1")
    assert fingerprint("one", "1") != fingerprint("one", "2")


def test_the_secrets_of_a_blueprint_are_known_each_once_and_no_empty_one() -> None:
    again = [*TWO, {**TWO[1], "name": "AGAIN"}]
    assert make_blueprint(secrets=SECRETS, processor=inline(environment=again)).secrets == ("s3cr3t-value",)
    nothing = {TOKEN: Sensitive("", "v")}
    assert make_blueprint(secrets=nothing, processor=inline(environment=TWO)).secrets == ()
    assert PLAIN.secrets == ()


# Outputs.


def test_the_outputs_name_everything_that_is_made() -> None:
    found = FULL.outputs.model_dump()
    assert found.pop("dead_letter_queue_url") is None, "known when it is made"
    assert all(found.values()) or {k for k, v in found.items() if not v} == {"results_prefix"}
    assert found["log_group"] == f"/aws/lambda/{FULL.names.function}"


@pytest.mark.parametrize("field", ["fingerprint", "outputs", "resources"])
def test_a_blueprint_is_the_same_each_time_it_is_made(field: str) -> None:
    assert getattr(make_blueprint(secrets=SECRETS, **EVERYTHING), field) == getattr(FULL, field)
