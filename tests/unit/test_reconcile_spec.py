"""The use case against the fakes: a spec that cannot work, and the code that a spec names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import CODE
from ingestion_operator.ports.cloud import PackageObject
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, INLINE, PipelineUnderTest, files
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


FROM_CONFIG_MAP = {"code": {"configMapRef": {"name": "code"}}}


def may(*resources: str) -> dict[str, Any]:
    return {"processor": {**INLINE, "permissions": [{"actions": ["s3:*"], "resources": list(resources)}]}}


def test_a_spec_that_cannot_work_is_refused_by_field_and_mended_by_a_change(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor={**INLINE, "memoryMiB": 1})
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions == {"Ready": ("False", "Failed"), "Stalled": ("True", "SpecInvalid")}
    assert "spec.processor.memoryMiB" in pipeline.message("Stalled")
    assert pipeline.status.next_check_time is None
    assert pipeline.status.observed_generation == 1

    pipeline.change(processor=INLINE)
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_code_that_does_not_compile_never_reaches_the_engine(built: PipelineUnderTest) -> None:
    built.code_check.faults["def handler(:"] = "processor.code does not compile"
    built.change(processor={"code": {"inline": "def handler(:"}})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Stalled"] == ("True", "SpecInvalid")
    assert "processor.code does not compile" in built.message("Stalled")


def test_code_is_checked_before_it_is_deployed_and_not_again_while_nothing_changes(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.reconcile()
    assert len(pipeline.code_check.asked) == 1
    pipeline.restart()
    pipeline.reconcile()
    assert len(pipeline.code_check.asked) == 1
    pipeline.change(processor={"code": {"inline": CODE}, "runtime": "python3.12"})
    pipeline.reconcile()
    assert len(pipeline.code_check.asked) == 2


def test_a_zip_in_s3_is_not_looked_into(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.packages["code", "app.zip"] = PackageObject("1", "00")
    pipeline.create(processor={"code": {"s3": {"bucket": "code", "key": "app.zip"}}})
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    assert pipeline.code_check.asked == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"source": {"bucket": {"name": "states", "management": "Existing"}, "filter": {"prefixes": [".pulumi/"]}}},
         "source.bucket.name"),
        ({"results": {"bucket": {"name": "states", "prefix": ".pulumi/stacks/"}}}, "results.bucket.name"),
        ({"processor": {"code": {"s3": {"bucket": "states", "key": "app.zip"}}}}, "processor.code.s3.bucket"),
        (may("arn:aws:s3:::states/*"), "processor.permissions, arn:aws:s3:::states/*"),
        (may("arn:aws:s3:::states"), "processor.permissions, arn:aws:s3:::states"),
        (may("arn:aws:s3:*:*:states/.pulumi/*"), "processor.permissions, arn:aws:s3:*:*:states/.pulumi/*"),
    ],
)  # fmt: skip
def test_a_pipeline_cannot_name_the_bucket_with_the_operators_state(
    pipeline: PipelineUnderTest, spec: dict[str, Any], field: str
) -> None:
    pipeline.state_bucket = "states"
    pipeline.restart()
    pipeline.create(**spec)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")
    assert pipeline.message("Stalled") == (
        f"the operator keeps its own state in bucket states, and no pipeline may use it: name another bucket in {field}"
    )


@pytest.mark.parametrize("state_bucket", ["", "states"])
def test_a_bucket_with_another_name_is_not_refused(pipeline: PipelineUnderTest, state_bucket: str) -> None:
    pipeline.state_bucket = state_bucket
    pipeline.restart()
    pipeline.create(**may("arn:aws:s3:::states-2/*", "*", "arn:aws:sqs:eu-west-1:123456789012:states"))
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_results_inside_the_filter_of_the_generated_source_bucket_are_refused(pipeline: PipelineUnderTest) -> None:
    pipeline.create(
        source={"filter": {"prefixes": ["raw/"]}}, results={"bucket": {"name": DATA_BUCKET, "prefix": "raw/out/"}}
    )
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")
    assert "in an endless loop" in pipeline.message("Stalled")


def test_a_config_map_that_is_missing_is_waited_for(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor=FROM_CONFIG_MAP)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions == {
        "Ready": ("False", "DependencyNotReady"),
        "Reconciling": ("True", "DependencyNotReady"),
    }
    assert "ConfigMap team-a/code" in pipeline.message("Ready")

    pipeline.cluster.config_maps["team-a", "code"] = {"index.py": CODE, "tool.py": "x = 1"}
    pipeline.tick(timedelta(seconds=15))
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    assert files(pipeline) == ["index.py", "tool.py"]


def test_a_key_that_is_missing_is_named_together_with_those_that_are_there(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor={"code": {"configMapRef": {"name": "code", "key": "main"}}})
    pipeline.cluster.config_maps["team-a", "code"] = {"other": CODE}
    pipeline.reconcile()
    assert "has no key 'main'; it has: other" in pipeline.message("Ready")

    pipeline.cluster.config_maps["team-a", "code"] = {"main": CODE}
    pipeline.tick(timedelta(seconds=15))
    assert files(pipeline) == ["index.py"]


def test_a_changed_config_map_is_deployed(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor=FROM_CONFIG_MAP)
    pipeline.cluster.config_maps["team-a", "code"] = {"index.py": CODE}
    pipeline.reconcile()
    before = pipeline.status.code
    pipeline.cluster.config_maps["team-a", "code"] = {"index.py": "def handler(event, context): return 1"}
    pipeline.reconcile()
    assert pipeline.verbs == ["update", "update"]
    assert pipeline.status.code != before
    assert pipeline.events[-1] is Reason.UPDATED
