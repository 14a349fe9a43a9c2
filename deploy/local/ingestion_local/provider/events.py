"""EventBridge: rules and targets, on the default bus."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ingestion_local.provider.calls import Refused, absent_is_fine, doing
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes, tag_list, tag_map

BUS = "default"
DEFAULT_STATE = "ENABLED"


class Rule(ResourceKind):
    """`aws.cloudwatch.EventRule`. Creating a rule that exists takes it over, as with the real provider."""

    type = "aws:cloudwatch/eventRule:EventRule"
    service = "events"
    inputs = block("name", "eventPattern", description=None, state=None, tags=None)
    replaces = frozenset({"name"})
    json = frozenset({"eventPattern"})
    defaults = MappingProxyType({"state": DEFAULT_STATE})
    outputs = frozenset({"arn", "eventBusName", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        with doing(f"creating EventBridge Rule ({name})", self.client):
            self.client.put_rule(**_rule_to_aws(inputs))
        return name

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        # PutRule does not change the tags of a rule that exists.
        self._tag(identity, {}, inputs)

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        rule: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            rule = self.client.describe_rule(Name=identity)
        if not rule:
            return None
        tags = tag_map(self.client.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"])
        rule_inputs = {
            "name": identity,
            "eventPattern": rule.get("EventPattern"),
            "state": rule["State"],
            "description": rule.get("Description"),
            "tags": tags,
        }
        return present(rule_inputs), {"arn": rule["Arn"], "eventBusName": BUS, "tagsAll": tags}

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        with doing(f"updating EventBridge Rule ({identity})", self.client):
            self.client.put_rule(**_rule_to_aws(after))
        self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        what = f"deleting EventBridge Rule ({identity})"
        with doing(what, self.client), absent_is_fine("ResourceNotFoundException"):
            # AWS refuses this, but an emulator may accept it.
            if self.client.list_targets_by_rule(Rule=identity)["Targets"]:
                raise Refused(
                    f"{what}: operation error EventBridge: DeleteRule, https response error StatusCode: 400, "
                    "api error ValidationException: Rule can't be deleted since it has targets."
                )
            self.client.delete_rule(Name=identity)

    def _tag(self, name: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        if not added and not removed:
            return
        with doing(f"tagging EventBridge Rule ({name})", self.client):
            arn = self.client.describe_rule(Name=name)["Arn"]
            if removed:
                self.client.untag_resource(ResourceARN=arn, TagKeys=removed)
            if added:
                self.client.tag_resource(ResourceARN=arn, Tags=tag_list(added))


def _rule_to_aws(inputs: Document) -> Document:
    return {
        "Name": inputs["name"],
        "Description": inputs.get("description", ""),
        "EventPattern": inputs["eventPattern"],
        "State": inputs.get("state", DEFAULT_STATE),
    }


RETRY = {
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
}
TARGET_PARTS = frozenset({"Id", "Arn", "RetryPolicy", "DeadLetterConfig"})


class Target(ResourceKind):
    """`aws.cloudwatch.EventTarget`. Its id is `<rule>-<target id>`."""

    type = "aws:cloudwatch/eventTarget:EventTarget"
    service = "events"
    inputs = block(
        "rule", "targetId", "arn", retryPolicy=block(**dict.fromkeys(RETRY)), deadLetterConfig=block(arn=None)
    )
    replaces = frozenset({"rule", "targetId"})
    outputs = frozenset({"eventBusName"})

    @override
    def create(self, inputs: Document) -> str:
        self._put("creating", inputs)
        return _target_id(inputs["rule"], inputs["targetId"])

    @override
    def identity(self, imported: str) -> str:
        return _target_id(*_parts(imported))

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        rule, target_id = (inputs["rule"], inputs["targetId"]) if "rule" in inputs else _parts(identity)
        targets: list[Document] = []
        with absent_is_fine("ResourceNotFoundException"):
            targets = self.client.list_targets_by_rule(Rule=rule)["Targets"]
        target = next((t for t in targets if t["Id"] == target_id), None)
        return None if target is None else (_target_inputs(rule, target), {"eventBusName": BUS})

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put("updating", after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        what = f"deleting EventBridge Target ({identity})"
        with doing(what, self.client), absent_is_fine("ResourceNotFoundException"):
            answer = self.client.remove_targets(Rule=inputs["rule"], Ids=[inputs["targetId"]])
            _refuse_failed(what, answer)

    def _put(self, verb: str, inputs: Document) -> None:
        retry, queue = inputs.get("retryPolicy") or {}, inputs.get("deadLetterConfig") or {}
        target = {
            "Id": inputs["targetId"],
            "Arn": inputs["arn"],
            "RetryPolicy": {RETRY[name]: value for name, value in retry.items()},
            "DeadLetterConfig": {"Arn": queue["arn"]} if queue.get("arn") else None,
        }
        what = f"{verb} EventBridge Target ({_target_id(inputs['rule'], inputs['targetId'])})"
        with doing(what, self.client):
            answer = self.client.put_targets(Rule=inputs["rule"], Targets=[present(target)])
        _refuse_failed(what, answer)


def _refuse_failed(what: str, answer: Any) -> None:
    """Raise Refused for targets that failed. EventBridge answers 200 for them too."""
    if answer.get("FailedEntryCount"):
        failed = answer["FailedEntries"][0]
        raise Refused(f"{what}: {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")


def _target_id(rule: str, target: str) -> str:
    return f"{rule}-{target}"


def _parts(imported: str) -> tuple[str, str]:
    """The rule and the target in an id to import. Raises Refused."""
    match imported.split("/"):
        case [rule, target] | ["default", rule, target]:
            return rule, target
    raise Refused(f"unexpected format of ID ({imported}), expected [default/]<rule>/<target id>")


def _target_inputs(rule: str, target: Document) -> Document:
    retry = target.get("RetryPolicy") or {}
    target_inputs = {
        "rule": rule,
        "targetId": target["Id"],
        "arn": target["Arn"],
        "retryPolicy": {name: retry[field] for name, field in RETRY.items() if field in retry},
        "deadLetterConfig": present({"arn": (target.get("DeadLetterConfig") or {}).get("Arn")}),
    }
    # A setting that a program cannot express is drift too.
    others = {key[0].lower() + key[1:]: value for key, value in target.items() if key not in TARGET_PARTS}
    return {**present(target_inputs), **others}


KINDS: tuple[type[ResourceKind], ...] = (Rule, Target)
