"""Rules that hold for every plan, whatever the spec. Each function checks one rule on one plan."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ingestion_operator.adapters.pulumi.program import CLASSES
from ingestion_operator.blueprint.resources import Archive, Blueprint, Ref, Resource, Sensitive
from ingestion_operator.model.environment import ENVIRONMENT_LIMIT
from ingestion_operator.model.fields import RESERVED_BEGINNINGS, RESERVED_ENDINGS, EncryptionType
from ingestion_operator.model.source import PATTERN_LIMIT, Filter
from ingestion_operator.model.spec import POLICY_LIMIT, Spec
from ingestion_operator.offline.render import as_yaml
from unit.spec_strategies import SECRET_VALUE

Json = dict[str, Any]


def made(plan: Blueprint, type_: str) -> list[Resource]:
    """The resources of a type; `type_` is the last part of its name."""
    return [r for r in plan.resources if r.type.rpartition(":")[2] == type_]


def only(plan: Blueprint, type_: str) -> Resource:
    (found,) = made(plan, type_)
    return found


def values(inputs: Any) -> Iterator[Any]:
    """Every value in the inputs, at any depth."""
    children: Iterable[Any] = (
        inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, list | tuple) else ()
    )
    yield inputs
    for child in children:
        yield from values(child)


def references_point_backwards(plan: Blueprint) -> None:
    before: set[str] = set()
    for resource in plan.resources:
        wanted = {v.resource for v in values(resource.inputs) if isinstance(v, Ref)} | set(resource.depends_on)
        assert wanted <= before, (resource.name, wanted - before)
        assert resource.name not in before
        before.add(resource.name)


def inputs_are_known_to_the_program(plan: Blueprint) -> None:
    for resource in plan.resources:
        assert resource.type in CLASSES
        plain = (str, int, bool, Ref, Archive, Sensitive, Mapping, list, tuple)
        assert all(isinstance(value, plain) for value in values(resource.inputs)), resource


# The form of each physical name, by the type of the resource and the input that holds the name. The page above defines it.
PHYSICAL = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    ("Bucket", "bucket"): r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    ("Role", "name"): r"[\w+=,.@-]{1,64}",
    ("Role", "description"): r"[\x20-\x7e]{0,1000}",
    # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    ("Function", "name"): r"[a-zA-Z0-9_-]{1,64}",
    ("Function", "description"): r".{0,256}",
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    ("LogGroup", "name"): r"[a-zA-Z0-9_/.#-]{1,512}",
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    ("EventRule", "name"): r"[a-zA-Z0-9_.-]{1,64}",
    ("EventRule", "description"): r".{0,512}",
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    ("Queue", "name"): r"[a-zA-Z0-9_-]{1,80}",
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    ("Table", "name"): r"[a-zA-Z0-9_.-]{3,255}",
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
    ("Trail", "name"): r"(?!.*[._-]{2})[a-zA-Z0-9][a-zA-Z0-9._-]{1,126}[a-zA-Z0-9]",
}


def names_are_what_the_services_take(plan: Blueprint) -> None:
    for (type_, key), pattern in PHYSICAL.items():
        for resource in made(plan, type_):
            assert re.fullmatch(pattern, resource.inputs[key], re.ASCII), (type_, key, resource.inputs[key])
    for bucket in made(plan, "Bucket"):
        name, regional = bucket.inputs["bucket"], "bucket_namespace" in bucket.inputs
        assert not name.startswith(RESERVED_BEGINNINGS), name
        assert not name.endswith(RESERVED_ENDINGS), name
        assert name.endswith("-an") == regional, name


def tags_are_what_the_services_take(plan: Blueprint) -> None:
    for resource in plan.resources:
        found: Mapping[str, str] = resource.inputs.get("tags", {})
        assert len(found) <= 50
        assert len({key.casefold() for key in found}) == len(found)
        assert set(plan.owner.tags().items()) <= set(found.items()) or not found


def what_holds_data_is_never_deleted(plan: Blueprint) -> None:
    stores = made(plan, "Bucket") + made(plan, "Table")
    assert all(store.holds_data for store in stores)
    held = {store.name for store in stores}
    for resource in plan.resources:
        if resource.holds_data and resource.name not in held:
            assert {v.resource for v in values(resource.inputs) if isinstance(v, Ref)} <= held
    known = {*plan.names.data_buckets, *plan.names.data_tables}
    assert known == {store.inputs.get("bucket") or store.inputs["name"] for store in stores}


def event_pattern(plan: Blueprint) -> Json:
    found: Json = json.loads(only(plan, "EventRule").inputs["event_pattern"])
    return found


def the_rule_names_exactly_the_source_bucket(plan: Blueprint) -> None:
    text, found = only(plan, "EventRule").inputs["event_pattern"], event_pattern(plan)
    assert len(text) <= PATTERN_LIMIT
    assert found["source"] == ["aws.s3"]
    detail = found["detail"]
    bucket = detail["bucket"]["name"] if "bucket" in detail else detail["requestParameters"]["bucketName"]
    assert bucket == [plan.names.source_bucket]


def key_matchers(plan: Blueprint) -> list[Any]:
    detail = event_pattern(plan)["detail"]
    found: list[Any] = detail.get("object", detail.get("requestParameters", {})).get("key", [])
    return found


def matches(matchers: list[Any], key: str) -> bool:
    """What EventBridge does with a key: one matcher that fits is enough, and without matchers every key passes."""
    return not matchers or any(_matches(matcher, key) for matcher in matchers)


def _matches(matcher: Json | str, key: str) -> bool:
    if isinstance(matcher, str):
        return matcher == key
    ((kind, value),) = matcher.items()
    if kind == "anything-but":
        return not any(_wildcard(text, key) for text in value["wildcard"])
    return {"prefix": key.startswith, "suffix": key.endswith, "wildcard": lambda text: _wildcard(text, key)}[kind](
        value
    )


def _wildcard(text: str, key: str) -> bool:
    begin, end = text.split("*")
    return len(key) >= len(begin) + len(end) and key.startswith(begin) and key.endswith(end)


def wanted(chosen: Filter, key: str) -> bool:
    """Whether the pipeline's filter asks for a key, as the API defines it."""
    return (
        (not chosen.prefixes or key.startswith(chosen.prefixes))
        and (not chosen.suffixes or key.endswith(chosen.suffixes))
        and not key.startswith(chosen.exclude_prefixes or ("\0",))
        and not key.endswith(chosen.exclude_suffixes or ("\0",))
    )


def statements(plan: Blueprint) -> list[Json]:
    text = only(plan, "RolePolicy").inputs["policy"]
    assert len(text.replace(" ", "")) <= POLICY_LIMIT
    assert text.isascii()
    found: list[Json] = json.loads(text)["Statement"]
    return found


def allowed(plan: Blueprint, spec: Spec) -> dict[str, set[str]]:
    """The resources that the actions of each service may name. Those of processor.permissions come in addition."""
    names, place = plan.names, plan.place
    prefixes = spec.source.filter.prefixes or ("",)
    keys = [
        spec.source.bucket.encryption,
        *([spec.results.bucket.encryption] if spec.results and spec.results.bucket else []),
    ]
    return {
        "s3:Get": {f"arn:aws:s3:::{names.source_bucket}/{prefix}*" for prefix in prefixes},
        "s3:": {f"arn:aws:s3:::{names.results.name}/{names.results_prefix}*"} if names.results else set(),
        "dynamodb:": {place.arn("dynamodb", f"table/{names.table.name}")} if names.table else set(),
        "sqs:SendMessage": {place.arn("sqs", names.queue)},
        "logs:": {place.arn("logs", f"log-group:{names.log_group}:*")},
        "kms:": {key.key_arn for key in keys if key.type is EncryptionType.KMS},
        "xray:Put": {"*"} if spec.processor.tracing == "Active" else set(),
        "ec2:": {"*"} if spec.processor.vpc else set(),
    }


def the_role_is_no_wider_than_it_must_be(plan: Blueprint, spec: Spec) -> None:
    found, bounds = statements(plan), allowed(plan, spec)
    sids = [statement["Sid"] for statement in found]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    for statement in found:
        if statement["Effect"] == "Allow" and not statement["Sid"].startswith("Extra"):
            for action in statement["Action"]:
                service = next(name for name in bounds if action.startswith(name))
                assert "*" not in action
                assert set(statement["Resource"]) <= bounds[service], (action, statement)
    extra = [(s["Action"], s["Resource"], s["Effect"]) for s in found if s["Sid"].startswith("Extra")]
    assert extra == [(list(p.actions), list(p.resources), "Allow") for p in spec.processor.permissions]
    denied = {s["Sid"] for s in found if s["Effect"] == "Deny"}
    assert denied == {"SpareOtherPipelines", "SpareRoles"} | (
        {"NotByTheFunctionItself"} if spec.processor.vpc else set()
    )


def the_role_can_do_its_work(plan: Blueprint, spec: Spec) -> None:
    """The opposite of the rule above: the role allows what each part needs."""
    rights = {action: set(s["Resource"]) for s in statements(plan) if s["Effect"] == "Allow" for action in s["Action"]}
    needed = ["s3:GetObject", "sqs:SendMessage", "logs:PutLogEvents"]
    needed += ["s3:PutObject"] if plan.names.results else []
    needed += ["dynamodb:PutItem"] if plan.names.table else []
    needed += ["kms:Decrypt"] if spec.source.bucket.encryption.type is EncryptionType.KMS else []
    needed += ["xray:PutTraceSegments"] if spec.processor.tracing == "Active" else []
    needed += ["ec2:CreateNetworkInterface"] if spec.processor.vpc else []
    assert set(needed) <= set(rights)


def no_secret_is_seen(plan: Blueprint) -> None:
    text = as_yaml(plan)
    assert SECRET_VALUE not in text
    assert SECRET_VALUE not in repr(plan)
    assert SECRET_VALUE not in str(plan.outputs.model_dump())


def the_environment_is_what_lambda_takes(plan: Blueprint) -> None:
    found = only(plan, "Function").inputs.get("environment", {}).get("variables", {})
    shown = {name: value.value if isinstance(value, Sensitive) else value for name, value in found.items()}
    assert len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()) <= ENVIRONMENT_LIMIT


def holds_for_all(plan: Blueprint) -> None:
    """Check the rules that hold even for a spec that admission would refuse."""
    references_point_backwards(plan)
    inputs_are_known_to_the_program(plan)
    what_holds_data_is_never_deleted(plan)
    no_secret_is_seen(plan)


def holds_for(plan: Blueprint, spec: Spec) -> None:
    """Check every rule."""
    holds_for_all(plan)
    names_are_what_the_services_take(plan)
    tags_are_what_the_services_take(plan)
    the_rule_names_exactly_the_source_bucket(plan)
    the_role_is_no_wider_than_it_must_be(plan, spec)
    the_role_can_do_its_work(plan, spec)
    the_environment_is_what_lambda_takes(plan)
