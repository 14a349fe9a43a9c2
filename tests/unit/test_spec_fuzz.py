"""Every spec, however odd, gives a plan for which every rule holds, or a refusal in words. It never gives a traceback.

`FUZZ_EXAMPLES=5000 pytest tests/unit/test_spec_fuzz.py` tries 25 times as many specs as a normal run.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import PipelineError, SpecInvalid
from ingestion_operator.model.spec import Spec
from ingestion_operator.observe.observed import Buildable, Unbuildable
from unit import plan_rules
from unit.spec_strategies import CODE, Document, body, crossings, literal_keys, names, planned, profile, specs, spoiled


def plan_of(found: Buildable | Unbuildable) -> tuple[Blueprint, Spec]:
    assert isinstance(found, Buildable), found.problem
    return found.blueprint, found.spec


def problem_of(found: Buildable | Unbuildable) -> PipelineError:
    assert isinstance(found, Unbuildable)
    return found.problem


@profile()
@given(specs, names, names)
def test_a_good_spec_gives_a_plan_for_which_every_rule_holds(spec: Document, namespace: str, name: str) -> None:
    plan_rules.holds_for(*plan_of(planned(spec, namespace, name)))


@profile(500)
@given(st.one_of(spoiled(), crossings))
def test_a_spoiled_spec_gives_a_plan_or_a_refusal_in_words(spec: Any) -> None:
    found = planned(spec)
    if isinstance(found, Unbuildable):
        assert str(found.problem)
    else:
        plan_rules.holds_for_all(found.blueprint)


@profile(200)
@given(specs, literal_keys, literal_keys, st.data())
def test_the_pattern_lets_through_what_the_filter_says(
    spec: Document, left: str, right: str, data: st.DataObject
) -> None:
    plan, found = plan_of(planned(spec))
    chosen = found.source.filter
    beginnings = st.sampled_from(["", left, *chosen.prefixes, *chosen.exclude_prefixes])
    endings = st.sampled_from(["", right, *chosen.suffixes, *chosen.exclude_suffixes])
    key = data.draw(beginnings) + data.draw(endings)
    assert plan_rules.matches(plan_rules.key_matchers(plan), key) == plan_rules.wanted(chosen, key)


def test_a_key_whose_beginning_is_also_its_end_passes() -> None:
    filter_ = {"prefixes": ["raw/report.csv"], "suffixes": [".csv"]}
    plan, found = plan_of(planned({"processor": {"code": {"inline": CODE}}, "source": {"filter": filter_}}))
    assert plan_rules.wanted(found.source.filter, "raw/report.csv")
    assert plan_rules.matches(plan_rules.key_matchers(plan), "raw/report.csv")


@pytest.mark.parametrize("value", ["v" * 4090, "é" * 2100, '"' * 2100], ids=["long", "not ASCII", "escaped"])
def test_a_secret_that_does_not_fit_into_the_environment_is_refused(value: str) -> None:
    variable = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}
    found = planned({"processor": {"code": {"inline": CODE}, "environment": [variable]}}, secret=value)
    assert isinstance(problem_of(found), SpecInvalid)


@profile(100)
@given(specs)
def test_the_same_spec_gives_the_same_plan(spec: Document) -> None:
    one, other = (plan_of(planned(copy.deepcopy(spec)))[0] for _ in range(2))
    assert one == other
    assert one.fingerprint == other.fingerprint


MATTERS: dict[str, Any] = {
    "tags": {"other": "tag"},
    "source.bucket.versioning": {"Enabled": "Suspended"},
    "source.bucket.name": "another",
    "source.filter.prefixes": ["another/"],
    "source.trigger": {"EventBridge": "CloudTrail"},
    "processor.code": {"inline": "def handler(event, context): return 2"},
    "processor.memoryMiB": 1234,
    "processor.timeoutSeconds": 123,
    "processor.ephemeralStorageMiB": 1234,
    "processor.reservedConcurrency": 123,
    "processor.environment": [{"name": "ANOTHER", "value": "one"}],
    "processor.permissions": [{"actions": ["ssm:GetParameter"], "resources": ["arn:aws:ssm:eu-west-1:1:p"]}],
    "processor.vpc": {"subnetIds": ["subnet-12345678"], "securityGroupIds": ["sg-12345678"]},
    "processor.logRetentionDays": 7,
    "processor.logFormat": {"Text": "JSON"},
    "processor.tracing": {"Active": "PassThrough"},
    "delivery.maximumAttempts": 99,
    "delivery.maximumEventAgeSeconds": 999,
    "delivery.processingAttempts": {2: 0},
    "delivery.processingMaximumAgeSeconds": 999,
    "deadLetter.retentionDays": {14: 3},
    "results.table.partitionKey": "another",
    "results.bucket.prefix": "another/",
}
DOES_NOT_MATTER: dict[str, Any] = {
    "reconcile": {"suspend": True, "drift": {"mode": "Ignore", "intervalSeconds": 77}, "timeoutSeconds": 77},
    "deletion": {"policy": "Retain"},
}


def changed(spec: Document, path: str, value: Any) -> Document:
    found = copy.deepcopy(spec)
    *above, last = path.split(".")
    node = found
    for key in above:
        node = node.setdefault(key, {})
    # The value names the default and another value of an enumeration. The change is to the one that the spec does not have.
    if isinstance(value, dict) and len(value) == 1 and path not in {"tags", "processor.code", "deletion"}:
        ((default, other),) = value.items()
        node[last] = other if node.get(last, default) == default else default
    else:
        node[last] = value
    return found


@pytest.mark.parametrize("path", MATTERS)
@profile(8)
@given(specs)
def test_the_fingerprint_changes_with_what_matters(path: str, spec: Document) -> None:
    plan, _ = plan_of(planned(spec))
    other = planned(changed(spec, path, MATTERS[path]))
    assume(isinstance(other, Buildable))
    assert isinstance(other, Buildable)
    if other.blueprint.resources != plan.resources:
        assert other.blueprint.fingerprint != plan.fingerprint
    else:
        # The operator does not change the settings of an existing bucket or table.
        assert path in {"source.bucket.versioning", "results.table.partitionKey"} or other.spec == planned(spec).spec


@pytest.mark.parametrize("path", DOES_NOT_MATTER)
@profile(10)
@given(specs)
def test_the_fingerprint_stays_with_what_the_operator_alone_looks_at(path: str, spec: Document) -> None:
    plan, _ = plan_of(planned(spec))
    other, _ = plan_of(planned(changed(spec, path, DOES_NOT_MATTER[path])))
    assert other.fingerprint == plan.fingerprint


@profile(60)
@given(specs)
def test_another_version_of_a_secret_changes_the_fingerprint(spec: Document) -> None:
    variables = spec["processor"].get("environment", [])
    uses_secrets = any("valueFrom" in variable for variable in variables)
    one, other = (plan_of(planned(spec, version=version))[0] for version in ("1", "2"))
    assert (one.fingerprint != other.fingerprint) == uses_secrets


@profile(100)
@given(specs, names, names, names)
def test_no_two_pipelines_share_a_name(spec: Document, namespace: str, one: str, other: str) -> None:
    assume(one != other)
    first, second = (plan_of(planned(spec, namespace, name))[0].names for name in (one, other))
    for part in ("role", "function", "rule", "queue"):
        assert getattr(first, part) != getattr(second, part)
    if "name" not in spec.get("source", {}).get("bucket", {}):
        assert first.source_bucket != second.source_bucket


@pytest.mark.parametrize("spec", [None, "text", [], 1, {"processor": None}, {"source": [1]}], ids=repr)
def test_what_is_no_spec_at_all_is_refused(spec: Any) -> None:
    assert isinstance(problem_of(planned(spec)), SpecInvalid)
    assert body(spec)["spec"] == spec
