"""EventBridge rules and targets."""

from __future__ import annotations

from types import MappingProxyType

from ingestion_local.provider.buckets import known
from ingestion_local.provider.kinds import (
    Kind,
    Refused,
    absent_is_fine,
    doing,
    tag_changes,
    tag_list,
    tag_map,
)
from ingestion_local.provider.properties import Document


class Rule(Kind):
    """`aws.cloudwatch.EventRule` on the default bus."""

    type = "aws:cloudwatch/eventRule:EventRule"
    inputs = frozenset({"name", "description", "eventPattern", "state", "tags"})
    required = frozenset({"name", "eventPattern"})
    replaces = frozenset({"name"})
    defaults = MappingProxyType({"state": "ENABLED"})

    def create(self, inputs: Document) -> str:
        events, name = self.aws("events"), inputs["name"]
        with doing(f"creating EventBridge Rule ({name})"):
            # As with the real provider: PutRule takes an existing rule over, but leaves its tags alone.
            arn = events.put_rule(**self._wanted(inputs))["RuleArn"]
            if inputs.get("tags"):
                events.tag_resource(ResourceARN=arn, Tags=tag_list(inputs["tags"]))
        return str(inputs["name"])

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        rule: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            rule = self.aws("events").describe_rule(Name=identity)
        if not rule:
            return None
        tags = tag_map(self.aws("events").list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"])
        found: Document = {"name": identity, "eventPattern": rule["EventPattern"], "state": rule["State"]}
        if rule.get("Description"):
            found["description"] = rule["Description"]
        if tags:
            found["tags"] = tags
        return found, {"arn": rule["Arn"], "eventBusName": "default", "tagsAll": tags}

    def update(self, identity: str, before: Document, after: Document) -> None:
        events = self.aws("events")
        with doing(f"updating EventBridge Rule ({identity})"):
            events.put_rule(**self._wanted(after))
            added, removed = tag_changes(before, after)
            arn = events.describe_rule(Name=identity)["Arn"]
            if removed:
                events.untag_resource(ResourceARN=arn, TagKeys=removed)
            if added:
                events.tag_resource(ResourceARN=arn, Tags=tag_list(added))

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting EventBridge Rule ({identity})"), absent_is_fine("ResourceNotFoundException"):
            self.aws("events").delete_rule(Name=identity)

    @staticmethod
    def _wanted(inputs: Document) -> Document:
        return {
            "Name": inputs["name"],
            "Description": inputs.get("description", ""),
            "EventPattern": inputs["eventPattern"],
            "State": inputs.get("state", "ENABLED"),
        }


class Target(Kind):
    """`aws.cloudwatch.EventTarget`; its id is `<rule>-<target id>`."""

    type = "aws:cloudwatch/eventTarget:EventTarget"
    inputs = frozenset({"rule", "targetId", "arn", "retryPolicy", "deadLetterConfig"})
    required = frozenset({"rule", "targetId", "arn"})
    replaces = frozenset({"rule", "targetId"})

    def create(self, inputs: Document) -> str:
        self._put(inputs)
        return f"{inputs['rule']}-{inputs['targetId']}"

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        if "rule" not in inputs:
            raise Refused("aws:cloudwatch/eventTarget:EventTarget cannot be imported by the stand-in")
        rule, targets = inputs["rule"], []
        with absent_is_fine("ResourceNotFoundException"):
            targets = self.aws("events").list_targets_by_rule(Rule=rule)["Targets"]
        target = next((t for t in targets if t["Id"] == inputs["targetId"]), None)
        if target is None:
            return None
        found: Document = {"rule": rule, "targetId": target["Id"], "arn": target["Arn"]}
        if retry := target.get("RetryPolicy"):
            found["retryPolicy"] = {
                "maximumRetryAttempts": retry["MaximumRetryAttempts"],
                "maximumEventAgeInSeconds": retry["MaximumEventAgeInSeconds"],
            }
        if queue := (target.get("DeadLetterConfig") or {}).get("Arn"):
            found["deadLetterConfig"] = {"arn": queue}
        return found, {"eventBusName": "default"}

    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put(after)

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting EventBridge Target ({identity})"), absent_is_fine("ResourceNotFoundException"):
            self.aws("events").remove_targets(Rule=inputs["rule"], Ids=[inputs["targetId"]])

    def _put(self, inputs: Document) -> None:
        target: Document = {"Id": inputs["targetId"], "Arn": inputs["arn"]}
        if retry := inputs.get("retryPolicy"):
            known(retry, {"maximumRetryAttempts", "maximumEventAgeInSeconds"}, "retryPolicy")
            target["RetryPolicy"] = {
                "MaximumRetryAttempts": retry["maximumRetryAttempts"],
                "MaximumEventAgeInSeconds": retry["maximumEventAgeInSeconds"],
            }
        if queue := inputs.get("deadLetterConfig"):
            known(queue, {"arn"}, "deadLetterConfig")
            target["DeadLetterConfig"] = {"Arn": queue["arn"]}
        with doing(f"creating EventBridge Target ({inputs['rule']}-{inputs['targetId']})"):
            answer = self.aws("events").put_targets(Rule=inputs["rule"], Targets=[target])
        if answer.get("FailedEntryCount"):
            raise Refused(f"creating EventBridge Target: {answer['FailedEntries']}")


KINDS: tuple[type[Kind], ...] = (Rule, Target)
