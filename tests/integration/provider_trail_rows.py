"""Trails, which record the writes to a bucket; see `provider_world.Row`."""

from __future__ import annotations

from ingestion_local.provider.properties import Document
from integration.provider_types import (
    TRAIL,
)
from integration.provider_world import (
    Pair,
    ProviderWorld,
    Row,
    as_map,
    present,
    without,
)


def trail_inputs(world: ProviderWorld) -> Pair:
    for bucket in ("a", "b"):
        world.log_bucket(f"{world.name}-{bucket}", world.name)
    objects = {
        "name": "objects",
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "resources.ARN", "startsWiths": [f"arn:aws:s3:::{world.name}/"]},
        ],
    }
    functions = {
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::Lambda::Function"]},
            {"field": "eventName", "notEquals": ["Invoke"], "notStartsWiths": ["A"], "notEndsWiths": ["Z"]},
            {"field": "resources.ARN", "endsWiths": ["-fn"]},
        ],
    }
    return (
        {
            "name": world.name,
            "s3BucketName": f"{world.name}-a",
            "s3KeyPrefix": "one",
            "includeGlobalServiceEvents": False,
            "isMultiRegionTrail": False,
            "enableLogFileValidation": True,
            "enableLogging": False,
            "advancedEventSelectors": [objects],
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "s3BucketName": f"{world.name}-b",
            "s3KeyPrefix": "two",
            "includeGlobalServiceEvents": True,
            "isMultiRegionTrail": True,
            "enableLogFileValidation": False,
            "enableLogging": True,
            "advancedEventSelectors": [objects, functions],
            "tags": {"team": "b", "more": "x"},
        },
    )


def basic_trail_inputs(world: ProviderWorld) -> Pair:
    first, changed = trail_inputs(world)
    objects = {"type": "AWS::S3::Object", "values": [f"arn:aws:s3:::{world.name}/"]}
    return (
        {
            **without(first, "advancedEventSelectors"),
            "eventSelectors": [
                {"readWriteType": "WriteOnly", "includeManagementEvents": False, "dataResources": [objects]}
            ],
        },
        {
            **without(changed, "advancedEventSelectors"),
            "eventSelectors": [
                {"readWriteType": "All", "excludeManagementEventSources": ["kms.amazonaws.com"]},
                {"readWriteType": "ReadOnly", "dataResources": [objects]},
            ],
        },
    )


TRAIL_OPERATORS = {
    "Equals": "equals",
    "StartsWith": "startsWiths",
    "EndsWith": "endsWiths",
    "NotEquals": "notEquals",
    "NotStartsWith": "notStartsWiths",
    "NotEndsWith": "notEndsWiths",
}


def trail_seen(world: ProviderWorld, inputs: Document) -> Document:
    cloudtrail = world.client("cloudtrail")
    found = cloudtrail.get_trail(Name=inputs["name"])["Trail"]
    selectors = cloudtrail.get_event_selectors(TrailName=inputs["name"])
    advanced = []
    for selector in selectors.get("AdvancedEventSelectors", []):
        fields = [
            {"field": f["Field"], **{ours: f[theirs] for theirs, ours in TRAIL_OPERATORS.items() if theirs in f}}
            for f in selector["FieldSelectors"]
        ]
        advanced.append(present({"name": selector.get("Name"), "fieldSelectors": fields}))
    (tags,) = cloudtrail.list_tags(ResourceIdList=[found["TrailARN"]])["ResourceTagList"]
    return {
        "name": found["Name"],
        "s3BucketName": found["S3BucketName"],
        "s3KeyPrefix": found.get("S3KeyPrefix"),
        "includeGlobalServiceEvents": found["IncludeGlobalServiceEvents"],
        "isMultiRegionTrail": found["IsMultiRegionTrail"],
        "enableLogFileValidation": found["LogFileValidationEnabled"],
        "enableLogging": cloudtrail.get_trail_status(Name=inputs["name"])["IsLogging"],
        "advancedEventSelectors": advanced,
        "eventSelectors": as_said(selectors.get("EventSelectors", []), inputs.get("eventSelectors")),
        "tags": as_map(tags["TagsList"]),
    }


def as_said(there: list[Document], said: list[Document] | None) -> list[Document]:
    """Selectors without AWS's defaults that the program does not set."""
    found = []
    for number, selector in enumerate(there):
        data = [{"type": r["Type"], "values": r["Values"]} for r in selector.get("DataResources", [])]
        whole = {
            "readWriteType": selector["ReadWriteType"],
            "includeManagementEvents": selector["IncludeManagementEvents"],
            "excludeManagementEventSources": selector.get("ExcludeManagementEventSources", []),
            "dataResources": data,
        }
        names = said[number] if said and number < len(said) else whole
        found.append({name: whole[name] for name in names})
    return found


VARIANTS: dict[str, tuple[str, Row]] = {
    "Trail of basic selectors": (
        TRAIL,
        Row(basic_trail_inputs, trail_seen, others=frozenset({"advancedEventSelectors"})),
    ),
}


ROWS: dict[str, Row] = {
    TRAIL: Row(trail_inputs, trail_seen, others=frozenset({"eventSelectors"})),
}
