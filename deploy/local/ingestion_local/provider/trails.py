"""CloudTrail: trails and what they record.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ingestion_local.provider.calls import absent_is_fine, doing
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import Block, block, requiring
from ingestion_local.provider.tags import tag_changes, tag_list, tag_map

ABSENT = ("TrailNotFoundException", "ResourceNotFoundException")
# Pulumi's input -> the field of CreateTrail and UpdateTrail, and the field of GetTrail's answer.
PLAIN = {
    "s3BucketName": ("S3BucketName", "S3BucketName"),
    "s3KeyPrefix": ("S3KeyPrefix", "S3KeyPrefix"),
    "includeGlobalServiceEvents": ("IncludeGlobalServiceEvents", "IncludeGlobalServiceEvents"),
    "isMultiRegionTrail": ("IsMultiRegionTrail", "IsMultiRegionTrail"),
    "enableLogFileValidation": ("EnableLogFileValidation", "LogFileValidationEnabled"),
}
OPERATORS = {
    "equals": "Equals",
    "startsWiths": "StartsWith",
    "endsWiths": "EndsWith",
    "notEquals": "NotEquals",
    "notStartsWiths": "NotStartsWith",
    "notEndsWiths": "NotEndsWith",
}
SELECTORS = frozenset({"eventSelectors", "advancedEventSelectors"})
# A trail without selectors records the calls that manage resources.
EVERYTHING = {"readWriteType": "All", "includeManagementEvents": True}


class Trail(ResourceKind):
    """`aws.cloudtrail.Trail`. Its id is its ARN. The emulator stores the settings, and records nothing into a bucket."""

    type = "aws:cloudtrail/trail:Trail"
    service = "cloudtrail"
    inputs = block(
        "name",
        "s3BucketName",
        **dict.fromkeys(name for name in PLAIN if name != "s3BucketName"),
        enableLogging=None,
        advancedEventSelectors=requiring(
            Block({"name": None, "fieldSelectors": block("field", **dict.fromkeys(OPERATORS))}), "fieldSelectors"
        ),
        eventSelectors=block(
            readWriteType=None,
            includeManagementEvents=None,
            excludeManagementEventSources=None,
            dataResources=block("type", "values"),
        ),
        tags=None,
    )
    replaces = frozenset({"name"})
    defaults = MappingProxyType({"includeGlobalServiceEvents": True, "enableLogging": True})
    outputs = frozenset({"arn", "homeRegion", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    @classmethod
    def wrong(cls, given: Document) -> Iterator[tuple[str, str]]:
        if given.keys() >= SELECTORS:
            yield "advancedEventSelectors", "conflicts with eventSelectors"

    @override
    @classmethod
    def same(cls, name: str, before: Any, after: Any) -> bool:
        if name == "eventSelectors":
            before, after = _basic_as_told(before), _basic_as_told(after)
        if name == "advancedEventSelectors":
            before, after = _advanced_in_order(before), _advanced_in_order(after)
        return super().same(name, before, after)

    @override
    def create(self, inputs: Document) -> str:
        name = inputs["name"]
        wanted = {"Name": name, **_plain(inputs), "TagsList": tag_list(inputs.get("tags") or {})}
        with doing(f"creating CloudTrail Trail ({name})", self.client):
            return str(self.client.create_trail(**present(wanted))["TrailARN"])

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        # The emulator forgets the tags of CreateTrail, and keeps the tags of a deleted trail.
        self._tag(identity, {"tags": self._tags(identity)}, inputs)
        with doing(f"completing CloudTrail Trail ({identity})", self.client):
            if SELECTORS & set(inputs):
                self._select(identity, inputs)
            self._log(identity, inputs)

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        trail: Document = {}
        with absent_is_fine(*ABSENT):
            trail = self.client.get_trail(Name=identity)["Trail"]
        if not trail:
            return None
        tags = self._tags(identity)
        found = {
            "name": trail["Name"],
            **{ours: trail.get(theirs) for ours, (_, theirs) in PLAIN.items()},
            "enableLogging": bool(self.client.get_trail_status(Name=identity)["IsLogging"]),
            **_selectors(self.client.get_event_selectors(TrailName=identity)),
            "tags": tags,
        }
        outputs = {"arn": trail["TrailARN"], "homeRegion": trail["HomeRegion"], "tagsAll": tags}
        return present(found), outputs

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        with doing(f"updating CloudTrail Trail ({identity})", self.client):
            if changed & set(PLAIN):
                reset = {"S3KeyPrefix": "", "IncludeGlobalServiceEvents": True}
                reset |= {"IsMultiRegionTrail": False, "EnableLogFileValidation": False}
                self.client.update_trail(Name=identity, **{**reset, **_plain(after)})
            if changed & SELECTORS:
                self._select(identity, after)
            if "enableLogging" in changed:
                self._log(identity, after)
        self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting CloudTrail Trail ({identity})", self.client), absent_is_fine(*ABSENT):
            self.client.delete_trail(Name=identity)

    def _select(self, identity: str, inputs: Document) -> None:
        if advanced := inputs.get("advancedEventSelectors"):
            wanted = [_advanced_to_aws(selector) for selector in advanced]
            self.client.put_event_selectors(TrailName=identity, AdvancedEventSelectors=wanted)
        else:
            basic = inputs.get("eventSelectors") or [EVERYTHING]
            wanted = [_basic_to_aws(selector) for selector in basic]
            self.client.put_event_selectors(TrailName=identity, EventSelectors=wanted)

    def _log(self, identity: str, inputs: Document) -> None:
        if inputs.get("enableLogging", True):
            self.client.start_logging(Name=identity)
        else:
            self.client.stop_logging(Name=identity)

    def _tags(self, identity: str) -> dict[str, str]:
        (found,) = self.client.list_tags(ResourceIdList=[identity])["ResourceTagList"]
        return tag_map(found.get("TagsList") or [])

    def _tag(self, identity: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        with doing(f"tagging CloudTrail Trail ({identity})", self.client):
            if removed:
                self.client.remove_tags(ResourceId=identity, TagsList=[{"Key": key} for key in removed])
            if added:
                self.client.add_tags(ResourceId=identity, TagsList=tag_list(added))


def _plain(inputs: Document) -> Document:
    return {theirs: inputs[ours] for ours, (theirs, _) in PLAIN.items() if ours in inputs}


def _advanced_to_aws(selector: Document) -> Document:
    fields = [
        {"Field": field["field"], **{theirs: field[ours] for ours, theirs in OPERATORS.items() if field.get(ours)}}
        for field in selector["fieldSelectors"]
    ]
    return present({"Name": selector.get("name"), "FieldSelectors": fields})


def _advanced_from_aws(selector: Document) -> Document:
    fields = [
        {"field": field["Field"], **{ours: field[theirs] for ours, theirs in OPERATORS.items() if field.get(theirs)}}
        for field in selector["FieldSelectors"]
    ]
    return present({"name": selector.get("Name"), "fieldSelectors": fields})


def _basic_to_aws(selector: Document) -> Document:
    data = [{"Type": part["type"], "Values": part["values"]} for part in selector.get("dataResources") or []]
    return {
        "ReadWriteType": selector.get("readWriteType", "All"),
        "IncludeManagementEvents": selector.get("includeManagementEvents", True),
        "ExcludeManagementEventSources": selector.get("excludeManagementEventSources") or [],
        "DataResources": data,
    }


def _basic_from_aws(selector: Document) -> Document:
    data = [{"type": part["Type"], "values": part["Values"]} for part in selector.get("DataResources") or []]
    found = {
        "readWriteType": selector["ReadWriteType"],
        "excludeManagementEventSources": selector.get("ExcludeManagementEventSources"),
        "dataResources": data,
    }
    return {"includeManagementEvents": bool(selector["IncludeManagementEvents"]), **present(found)}


def _selectors(answer: Document) -> Document:
    basic = [_basic_from_aws(selector) for selector in answer.get("EventSelectors") or []]
    advanced = [_advanced_from_aws(selector) for selector in answer.get("AdvancedEventSelectors") or []]
    # The selector that every trail has does not count as drift.
    return {"eventSelectors": [] if basic == [EVERYTHING] else basic, "advancedEventSelectors": advanced}


def _basic_as_told(selectors: Any) -> Any:
    """Selectors as AWS returns them, without the one that every trail has."""
    if not _are_objects(selectors):
        return selectors
    told = [_basic_to_aws(selector) for selector in selectors]
    return None if told == [_basic_to_aws(EVERYTHING)] else told


def _advanced_in_order(selectors: Any) -> Any:
    """Selectors with their fields in a fixed order, because they are a set."""
    if not _are_objects(selectors) or not all(_are_objects(s.get("fieldSelectors")) for s in selectors):
        return selectors
    return [{**s, "fieldSelectors": sorted(s["fieldSelectors"], key=lambda f: str(f.get("field")))} for s in selectors]


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


KINDS: tuple[type[ResourceKind], ...] = (Trail,)
