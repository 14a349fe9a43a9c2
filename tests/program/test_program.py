"""The Pulumi program under mocks: what it registers is what the blueprint says, and the SDK takes every input."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.stack import run_pulumi_func

from builders import CODE, EVERYTHING, OWNER, PLACE, SECRETS, TOKEN, make_blueprint
from ingestion_local.provider.configuration import problems
from ingestion_operator.adapters.pulumi.program import CLASSES, program, renewal
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, S3Package
from ingestion_operator.blueprint.resources import Blueprint, Ref

CODE_BUNDLE = CodeBundle.of({"index.py": CODE})
# How the SDK marks a secret on the wire: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/rpc.py
SECRET_SIGNATURE, SECRET_VALUE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
BOUNDARY = "arn:aws:iam::123456789012:policy/bounds"


class Recorder(pulumi.runtime.Mocks):
    """Remembers what is registered and answers as AWS would."""

    def __init__(self) -> None:
        self.registered: dict[str, pulumi.runtime.MockResourceArgs] = {}
        self.requests: dict[str, Any] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered[args.name] = args
        return f"{args.name}-id", {**args.inputs, "arn": f"arn:{args.name}"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        raise AssertionError(f"the program calls {args.token}")


class RecordingMonitor(MockMonitor):
    """Also remembers the options, which mocks are not told."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        self.recorder.requests[request.name] = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def run(blueprint: Blueprint, archive: Path, adopt: dict[str, str] | None = None) -> Recorder:
    return run_program(program(blueprint, archive, lambda: adopt or {}))


def run_program(body: Callable[[], None]) -> Recorder:
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(recorder, project="ingestion", stack="test", monitor=RecordingMonitor(recorder))
    try:

        async def register() -> None:
            body()

        loop.run_until_complete(run_pulumi_func(register))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return recorder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "code.zip"
    path.write_bytes(CODE_BUNDLE.zip_bytes)
    return path


FULL = make_blueprint(CODE_BUNDLE, secrets=SECRETS, place=replace(PLACE, permissions_boundary=BOUNDARY), **EVERYTHING)
PLAIN = make_blueprint(results={"bucket": {}})


@pytest.fixture(scope="module")
def recorder(archive: Path) -> Recorder:
    return run(FULL, archive)


def test_each_resource_of_the_blueprint_is_registered_and_no_other(recorder: Recorder) -> None:
    assert {n: a.typ for n, a in recorder.registered.items() if a.typ.startswith("aws:")} == {
        r.name: r.type for r in FULL.resources
    }


def test_every_type_of_the_blueprint_has_its_class() -> None:
    assert {r.type for r in (*FULL.resources, *PLAIN.resources)} == set(CLASSES)


def test_every_input_reaches_the_engine(recorder: Recorder) -> None:
    for resource in FULL.resources:
        registered = recorder.registered[resource.name].inputs
        assert {_camel(name) for name in resource.inputs} <= set(registered), resource.name


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def test_references_are_resolved(recorder: Recorder) -> None:
    permission, target = recorder.registered["permission"].inputs, recorder.registered["target"].inputs
    assert permission["sourceArn"] == "arn:rule"
    assert permission["sourceAccount"] == "123456789012"
    assert permission["principal"] == "events.amazonaws.com"
    assert target["arn"] == "arn:function"
    assert recorder.registered["function"].inputs["role"] == "arn:role"
    references = [v for r in FULL.resources for v in r.inputs.values() if isinstance(v, Ref)]
    assert references


def test_the_owners_tags_are_on_what_is_registered(recorder: Recorder) -> None:
    assert recorder.registered["function"].inputs["tags"] == {"team": "search", **OWNER.tags()}


def test_the_code_is_the_archive(recorder: Recorder, archive: Path) -> None:
    code = recorder.registered["function"].inputs["code"]
    assert isinstance(code, pulumi.FileArchive)
    assert code.path == str(archive)


def test_only_what_holds_data_outlives_its_removal(recorder: Recorder) -> None:
    kept = {n for n, request in recorder.requests.items() if request.retainOnDelete}
    assert kept == {r.name for r in FULL.resources if r.holds_data}
    assert {"source-bucket", "results-bucket", "source-public-access-block"} <= kept
    assert {"results-table", "trail-bucket"} <= kept
    assert not {"trail", "dead-letter-queue", "function", "role"} & kept


def test_an_environment_with_a_value_from_a_secret_is_a_secret_as_a_whole(recorder: Recorder) -> None:
    variables = recorder.requests["function"].object.fields["environment"].struct_value.fields["variables"]
    assert variables.struct_value.fields[SECRET_SIGNATURE].string_value == SECRET_VALUE
    plain = variables.struct_value.fields["value"].struct_value.fields
    assert {name: value.string_value for name, value in plain.items()} == {
        "MARK": "1",
        "TOKEN": SECRETS[TOKEN].value,
        "RESULTS_BUCKET": FULL.names.results.name,
        "RESULTS_PREFIX": "",
        "RESULTS_TABLE": FULL.names.table.name,
    }


def test_an_environment_without_one_is_not(archive: Path) -> None:
    plain = run(PLAIN, archive).requests["function"].object.fields["environment"].struct_value.fields["variables"]
    assert SECRET_SIGNATURE not in plain.struct_value.fields


def test_references_inside_an_input_are_resolved(recorder: Recorder) -> None:
    target, config = recorder.registered["target"].inputs, recorder.registered["function-invoke-config"].inputs
    assert target["deadLetterConfig"] == {"arn": "arn:dead-letter-queue"}
    assert config["destinationConfig"] == {"onFailure": {"destination": "arn:dead-letter-queue"}}


def test_the_function_can_be_an_image_or_a_zip_in_s3(archive: Path) -> None:
    image = make_blueprint(ContainerImage("repo@sha256:" + "a" * 64))
    package = make_blueprint(S3Package("builds", "fn.zip", "v1", "ab" * 32))
    by_image = run(image, archive).registered["function"].inputs
    by_package = run(package, archive).registered["function"].inputs
    assert (by_image["packageType"], by_image["imageUri"]) == ("Image", "repo@sha256:" + "a" * 64)
    assert not {"runtime", "handler", "code", "layers"} & set(by_image)
    assert (by_package["s3Bucket"], by_package["s3Key"], by_package["s3ObjectVersion"]) == ("builds", "fn.zip", "v1")
    assert "code" not in by_package


def test_the_function_waits_for_its_policy_and_the_target_for_the_permission(recorder: Recorder) -> None:
    def waits_for(name: str) -> set[str]:
        return {urn.rpartition("::")[2] for urn in recorder.requests[name].dependencies}

    assert {"role-policy", "log-group", "role"} <= waits_for("function")
    assert {"permission", "rule", "function", "dead-letter-queue-policy"} <= waits_for("target")
    assert "trail-bucket-policy" in waits_for("trail")


def test_what_is_to_be_adopted_is_imported(archive: Path) -> None:
    recorder = run(FULL, archive, {"source-bucket": "theirs"})
    assert {n: request.importId for n, request in recorder.requests.items() if request.importId} == {
        "source-bucket": "theirs"
    }


ACCESS = Access(
    "search",
    "arn:aws:iam::210987654321:role/ingestion",
    "id-1",
    {"team": "search"},
    900,
    "ingestion-operator-it",
    "https://there",
)


def provider_inputs(recorder: Recorder) -> dict[str, Any]:
    inputs = recorder.registered["account"].inputs
    return {name: json.loads(value) if name != "region" else value for name, value in inputs.items()}


def test_a_pipeline_of_an_account_is_registered_with_a_provider_that_assumes_its_role(archive: Path) -> None:
    recorder = run(replace(PLAIN, access=ACCESS), archive)
    given = provider_inputs(recorder)
    assert given["assumeRoles"] == [
        {
            "roleArn": ACCESS.role_arn,
            "externalId": "id-1",
            "tags": {"team": "search"},
            "duration": "900s",
            "sessionName": "ingestion-operator-it",
        }
    ]
    assert given["allowedAccountIds"] == ["210987654321"]
    assert given["region"] == PLACE.region
    assert (given["endpoints"][0]["lambda"], given["s3UsePathStyle"]) == ("https://there", True)
    assert problems(recorder.registered["account"].inputs | {"endpoints": "[]"}) == [], "the stand-in takes all of it"
    for resource in PLAIN.resources:
        assert "pulumi:providers:aws::account::" in recorder.requests[resource.name].provider, resource.name


def test_no_key_and_no_token_is_part_of_the_provider(archive: Path) -> None:
    given = run(replace(PLAIN, access=replace(ACCESS, endpoint_url="")), archive).registered["account"].inputs
    assert given.keys() == {
        "allowedAccountIds", "assumeRoles", "region", "skipCredentialsValidation", "skipRegionValidation"
    }  # fmt: skip


def test_without_an_account_it_is_the_default_provider(archive: Path) -> None:
    recorder = run(PLAIN, archive)
    assert "account" not in recorder.registered
    assert not any(request.provider for request in recorder.requests.values())


def test_a_deletion_registers_the_provider_and_nothing_else() -> None:
    recorder = run_program(renewal(ACCESS, PLACE.region))
    assert [name for name, args in recorder.registered.items() if args.typ != "pulumi:pulumi:Stack"] == ["account"]
