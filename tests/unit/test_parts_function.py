"""The function: its inputs, its code and its environment."""

from __future__ import annotations

from typing import Any

import pytest

from builders import OWNER, SECRETS, TOKEN, make_blueprint
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, S3Package
from ingestion_operator.blueprint.resources import Archive, Ref, Sensitive
from unit.plan_parts import PLAIN, RESULTS, TABLE, VPC, inline, inputs, resource

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:" + "0" * 64


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


# The environment of the function.

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
