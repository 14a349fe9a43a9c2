"""The function's role: it may do what the spec asks for, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from builders import CODE, OWNER, PLACE, make_blueprint, make_spec
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.iam import NETWORK_INTERFACES
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.spec import POLICY_FRAME
from unit.plan_parts import (
    EXISTING,
    FUNCTION,
    KEY_ARN,
    KMS,
    LOGS,
    PLAIN,
    QUEUE,
    RESULTS,
    RULE,
    SOURCE,
    TABLE,
    VIA_S3,
    VPC,
    by_sid,
    inline,
    inputs,
    statements,
)

BOUNDARY = "arn:aws:iam::123456789012:policy/bounds"

READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": [f"{SOURCE}/*"]}
SEND = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [QUEUE]}
LOG = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": [LOGS]}
TRACE = {"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": ["*"]}
SPARE = {
    "Effect": "Deny",
    "Action": ["events:*", "lambda:*", "sqs:*"],
    "NotResource": [FUNCTION, f"{FUNCTION}:*", QUEUE, RULE],
    "Condition": {"Null": {"aws:ResourceTag/ingestion-operator.io/cluster": "false"}},
}
SPARE_ROLES = {
    "Effect": "Deny",
    "Action": ["iam:*", "sts:*"],
    "Resource": ["arn:aws:iam::123456789012:role/ingestion-operator/*"],
}
ALWAYS = {
    "ReadSource": READ, "SendFailures": SEND, "WriteLog": LOG, "SendTraces": TRACE,
    "SpareOtherPipelines": SPARE, "SpareRoles": SPARE_ROLES,
}  # fmt: skip


def test_the_function_may_do_what_every_pipeline_needs_and_nothing_else() -> None:
    assert by_sid(PLAIN) == ALWAYS


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


def test_the_resources_that_other_pipelines_are_told_by_carry_the_tag_that_the_denial_asks_for() -> None:
    tagged = {r.name for r in PLAIN.resources if "ingestion-operator.io/cluster" in r.inputs.get("tags", {})}
    assert {"function", "dead-letter-queue", "rule"} <= tagged
    assert inputs(PLAIN, "role")["path"] == "/ingestion-operator/"


def test_no_right_reaches_the_bucket_with_the_operators_state() -> None:
    packed = CodeBundle.of({"index.py": CODE})
    kept = by_sid(assemble(make_spec(), OWNER, PLACE, packed, state_bucket="states"))
    assert kept == ALWAYS | {
        "SpareState": {
            "Effect": "Deny",
            "Action": ["s3:*"],
            "Resource": ["arn:aws:s3:::states", "arn:aws:s3:::states/*"],
        }
    }


def test_the_longest_policy_without_prefixes_and_permissions_is_within_what_admission_sets_aside() -> None:
    key = {"encryption": {"type": "KMS", "keyArn": f"arn:aws-us-gov:kms:us-gov-east-1:123456789012:key/mrk-{'a' * 32}"}}
    spec = make_spec(
        source={"bucket": {"name": "b" * 63, **key}},
        results={"bucket": {"name": "c" * 63, **key}, "table": {"name": "t" * 255}},
        processor=inline(vpc=VPC),
    )
    owner = Owner("c" * 32, PipelineKey("n" * 63, "m" * 253), "u" * 36)
    place = Place("123456789012", "us-gov-east-1", "aws-us-gov")
    plan = assemble(spec, owner, place, CodeBundle.of({"index.py": CODE}), state_bucket="s" * 63)
    # IAM does not count white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert len("".join(inputs(plan, "role-policy")["policy"].split())) <= POLICY_FRAME


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
