"""Functions from every source of code: a zip, an object in S3, an image, and changes between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingestion_local.provider.properties import UNKNOWN, Document
from integration.provider_engine import Aborted, Engine
from integration.provider_fixtures import engine, world
from integration.provider_function_rows import function_inputs, image_inputs, stored_inputs
from integration.provider_types import FUNCTION
from integration.provider_world import ProviderWorld, without

__all__ = ["engine", "world"]

IMAGE = {"packageType": "Image", "imageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/a@sha256:1"}
STORED = {"s3Bucket": "a", "s3Key": "b"}
ZIPPED = {"runtime": "python3.13", "handler": "index.handler"}
SECRET = "not-for-a-message"


def answer(world: ProviderWorld) -> Any:
    """The answer of the function."""
    found = world.client("lambda").invoke(FunctionName=world.name, Payload=b"{}")
    return json.loads(found["Payload"].read())


def test_code_moves_between_a_zip_and_s3_in_place(engine: Engine, world: ProviderWorld) -> None:
    zipped, _ = function_inputs(world)
    stored, _ = world.zipped("moved", "def handler(event, context): return 'stored'\n")
    base = without(zipped, "sourceCodeHash", "codeSha256", "layers")
    in_s3 = {**without(base, "code"), **stored}

    identity, _ = engine.create(FUNCTION, base)
    moved = sorted(["code", *stored])
    assert engine.diff(FUNCTION, identity, base, in_s3) == (moved, [])
    engine.update(FUNCTION, identity, base, in_s3)
    assert answer(world) == "stored"
    assert engine.read(FUNCTION, identity, in_s3)[1] == in_s3

    assert engine.diff(FUNCTION, identity, in_s3, base) == (moved, [])
    engine.update(FUNCTION, identity, in_s3, base)
    assert answer(world) == 1
    assert engine.read(FUNCTION, identity, base)[1] == base


def test_the_version_of_the_object_that_is_asked_for_is_the_one_that_runs(engine: Engine, world: ProviderWorld) -> None:
    first, _ = stored_inputs(world)
    later, _ = world.archive("def handler(event, context): return 'later'\n")
    world.client("s3").put_object(Bucket=first["s3Bucket"], Key=first["s3Key"], Body=Path(later["path"]).read_bytes())
    engine.create(FUNCTION, without(first, "layers"))
    assert answer(world) == 1


def test_a_zip_becomes_an_image_by_being_replaced(engine: Engine, world: ProviderWorld) -> None:
    zipped, _ = function_inputs(world)
    _, image = image_inputs(ProviderWorld(world.emulator, world.directory, f"{world.name}-image"))
    _, replaces = engine.diff(FUNCTION, "id", zipped, {**image, "name": zipped["name"]})
    assert replaces == ["packageType"]


def test_a_function_from_an_image_is_there_and_cannot_be_invoked(engine: Engine, world: ProviderWorld) -> None:
    first, _ = image_inputs(world)
    engine.create(FUNCTION, first)
    failed = world.client("lambda").invoke(FunctionName=world.name, Payload=b"{}")
    assert failed["FunctionError"] == "Unhandled"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        pytest.param(ZIPPED, {"code": "is missing"}, id="no code at all"),
        pytest.param({**ZIPPED, "s3Bucket": "a"}, {"s3Key": "is missing"}, id="a bucket without a key"),
        pytest.param(
            {**ZIPPED, "s3ObjectVersion": "1"}, {"s3Bucket": "is missing", "s3Key": "is missing"}, id="a version"
        ),
        pytest.param({**ZIPPED, **STORED, "code": UNKNOWN}, {"code": "conflicts with s3Bucket"}, id="a zip and S3"),
        pytest.param(STORED, {"runtime": "is missing", "handler": "is missing"}, id="nothing that runs it"),
        pytest.param(
            {**ZIPPED, "imageUri": "a", "packageType": "Zip"},
            {"imageUri": "is for packageType 'Image' only"},
            id="an image as a zip",
        ),
        pytest.param({"packageType": "Image"}, {"imageUri": "is missing"}, id="an image that is not named"),
        pytest.param(
            {**IMAGE, **ZIPPED, "layers": []},
            dict.fromkeys(("runtime", "handler", "layers"), "is for packageType 'Zip' only"),
            id="an image with what belongs to a zip",
        ),
        pytest.param(
            {**IMAGE, "codeSha256": "a"},
            {
                "codeSha256": "the stand-in does not apply it to an image, because the emulator does not know digests of images"
            },
            id="the digest of an image",
        ),
        pytest.param({"packageType": "Jar"}, {"packageType": "is neither 'Zip' nor 'Image'"}, id="another package"),
        pytest.param(
            {**IMAGE, "kmsKeyArn": "a"},
            {"kmsKeyArn": "is for an environment, but the function has none, and AWS would drop the key"},
            id="a key for no environment",
        ),
        pytest.param(
            {**IMAGE, "loggingConfig": {"logFormat": "Text", "systemLogLevel": "INFO"}},
            {"loggingConfig.systemLogLevel": "is for logFormat 'JSON' only"},
            id="the level of a log that is plain text",
        ),
        pytest.param(
            {**IMAGE, "loggingConfig": {"systemLogLevel": "INFO"}},
            {
                "loggingConfig.logFormat": "is missing",
                "loggingConfig.systemLogLevel": "is for logFormat 'JSON' only",
            },
            id="a log without a format",
        ),
        pytest.param(
            {**IMAGE, "vpcConfig": {"subnetIds": ["a"]}},
            {"vpcConfig.securityGroupIds": "is missing"},
            id="a network without groups",
        ),
        pytest.param(
            {**IMAGE, "environment": {"variables": {"KEY": 5}}},
            {"environment.variables.KEY": "is not a text"},
            id="a number in the environment, which is named without its value",
        ),
        pytest.param({**IMAGE, "environment": UNKNOWN, "loggingConfig": UNKNOWN}, {}, id="what is not known yet"),
        pytest.param({"packageType": UNKNOWN}, {}, id="a package that is not known yet"),
    ],
)
def test_what_does_not_go_together_is_named(inputs: Document, expected: Mapping[str, str], engine: Engine) -> None:
    failures = engine.failures(FUNCTION, {"name": "a", "role": "b", **inputs})
    assert sorted(failures) == sorted(f"input {name} of {FUNCTION}: {reason}" for name, reason in expected.items())


EMPTY_NETWORK: Document = {"subnetIds": [], "securityGroupIds": []}


def test_an_empty_network_and_an_order_of_subnets_are_no_drift(engine: Engine, world: ProviderWorld) -> None:
    first, _ = function_inputs(world)
    empty = {**first, "vpcConfig": EMPTY_NETWORK}
    identity, _ = engine.create(FUNCTION, empty)
    assert engine.read(FUNCTION, identity, empty)[1] == empty
    assert engine.diff(FUNCTION, identity, empty, without(first, "vpcConfig")) == ([], [])
    network = first["vpcConfig"]
    turned = {**first, "vpcConfig": {**network, "subnetIds": list(reversed(network["subnetIds"]))}}
    assert engine.diff(FUNCTION, identity, first, turned) == ([], [])
    engine.update(FUNCTION, identity, empty, first)
    assert engine.read(FUNCTION, identity, turned)[1] == turned


def test_levels_of_a_log_that_a_program_does_not_name_are_no_drift(engine: Engine, world: ProviderWorld) -> None:
    first, _ = function_inputs(world)
    quiet = {**first, "loggingConfig": {"logFormat": "JSON"}}
    identity, _ = engine.create(FUNCTION, quiet)
    # AWS returns the levels of every JSON log.
    world.client("lambda").update_function_configuration(
        FunctionName=world.name,
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
    )
    assert engine.read(FUNCTION, identity, quiet)[1] == quiet


def test_only_what_changed_is_sent(engine: Engine, world: ProviderWorld) -> None:
    first, _ = function_inputs(world)
    identity, _ = engine.create(FUNCTION, first)
    # Somebody else's change. This update does not know it.
    world.client("lambda").update_function_configuration(FunctionName=world.name, MemorySize=1024)
    engine.update(FUNCTION, identity, first, {**first, "timeout": 7})
    found = world.client("lambda").get_function_configuration(FunctionName=world.name)
    assert (found["Timeout"], found["MemorySize"]) == (7, 1024)


def test_the_value_of_a_variable_is_in_no_message(
    engine: Engine, world: ProviderWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    first, _ = function_inputs(world)
    first["environment"] = {"variables": {"KEY": SECRET}}
    first["role"] = first["role"] + "-that-is-not-there"
    with pytest.raises(Aborted) as failed:
        engine.create(FUNCTION, first)
    first["memorySize"] = [SECRET]
    with pytest.raises(Aborted) as refused:
        engine.create(FUNCTION, first)
    assert "memorySize" in str(refused.value) or "MemorySize" in str(refused.value)
    output = capfd.readouterr()
    assert SECRET not in str(failed.value) + str(refused.value) + output.out + output.err
