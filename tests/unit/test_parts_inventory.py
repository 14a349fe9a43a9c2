"""What a pipeline is made of: names, references, tags and outputs of all its resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from builders import EVERYTHING, OWNER, SECRETS, make_blueprint
from ingestion_operator.blueprint.resources import Blueprint, Ref
from unit.plan_parts import BUCKET_PARTS, EXISTING, FULL, NAMED_TRAIL, PLAIN, inputs


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


# Outputs.


def test_the_outputs_name_everything_that_is_made() -> None:
    found = FULL.outputs.model_dump()
    assert found.pop("dead_letter_queue_url") is None, "known when it is made"
    assert all(found.values()) or {k for k, v in found.items() if not v} == {"results_prefix"}
    assert found["log_group"] == f"/aws/lambda/{FULL.names.function}"


@pytest.mark.parametrize("field", ["fingerprint", "outputs", "resources"])
def test_a_blueprint_is_the_same_each_time_it_is_made(field: str) -> None:
    assert getattr(make_blueprint(secrets=SECRETS, **EVERYTHING), field) == getattr(FULL, field)
