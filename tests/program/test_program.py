"""The Pulumi program under mocks: what it registers is what the blueprint says, and the SDK takes every input."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.stack import run_pulumi_func

from builders import OWNER, make_blueprint
from ingestion_operator.program import CLASSES, program
from ingestion_operator.resources import Blueprint, Ref


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
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(recorder, project="ingestion", stack="test", monitor=RecordingMonitor(recorder))
    try:

        async def register() -> None:
            program(blueprint, archive, adopt)()

        loop.run_until_complete(run_pulumi_func(register))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return recorder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "code.zip"
    path.write_bytes(make_blueprint().code.zip_bytes)
    return path


FULL = make_blueprint(
    results={"bucket": {}},
    processor={"code": {"inline": "x"}, "environment": [{"name": "MARK", "value": "1"}]},
    source={"filter": {"prefixes": ["raw/"]}},
)


@pytest.fixture(scope="module")
def recorder(archive: Path) -> Recorder:
    return run(FULL, archive)


def test_each_resource_of_the_blueprint_is_registered_and_no_other(recorder: Recorder) -> None:
    assert {n: a.typ for n, a in recorder.registered.items() if a.typ.startswith("aws:")} == {
        r.name: r.type for r in FULL.resources
    }


def test_every_type_of_the_blueprint_has_its_class() -> None:
    assert {r.type for r in FULL.resources} == set(CLASSES)


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
    assert recorder.registered["function"].inputs["tags"] == OWNER.tags()


def test_the_code_is_the_archive(recorder: Recorder, archive: Path) -> None:
    code = recorder.registered["function"].inputs["code"]
    assert isinstance(code, pulumi.FileArchive)
    assert code.path == str(archive)


def test_only_what_holds_data_outlives_its_removal(recorder: Recorder) -> None:
    kept = {n for n, request in recorder.requests.items() if request.retainOnDelete}
    assert kept == {r.name for r in FULL.resources if r.holds_data}
    assert {"source-bucket", "results-bucket", "source-public-access-block"} <= kept
    assert "source-notification" not in kept


def test_the_function_waits_for_its_policy_and_the_target_for_the_permission(recorder: Recorder) -> None:
    def waits_for(name: str) -> set[str]:
        return {urn.rpartition("::")[2] for urn in recorder.requests[name].dependencies}

    assert {"role-policy", "log-group", "role"} <= waits_for("function")
    assert {"permission", "rule", "function"} <= waits_for("target")


def test_what_is_to_be_adopted_is_imported(archive: Path) -> None:
    recorder = run(FULL, archive, {"source-bucket": "theirs"})
    assert {n: request.importId for n, request in recorder.requests.items() if request.importId} == {
        "source-bucket": "theirs"
    }
