"""Which events start a pipeline: rows that the unit tests and AWS's own matching, in the emulator, both have to agree with.

The shapes are those that AWS documents: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html, in the envelope of
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestion_operator.blueprint.event_pattern import Pattern, arrivals
from ingestion_operator.model.source import Filter, Trigger

BUCKET = "team-a-words"
OTHER = "team-a-words-results"
ACCOUNT, REGION = "123456789012", "eu-west-1"
Event = dict[str, Any]
Spec = dict[str, Any]


def envelope(detail_type: str, resources: Sequence[str], detail: Event) -> Event:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-11-12T00:00:00Z",
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def created(
    key: str, size: int = 5, *, bucket: str = BUCKET, kind: str = "Object Created", reason: str = "PutObject"
) -> Event:
    """S3's own event."""
    found = {
        "key": key,
        "size": size,
        "etag": "b1946ac92492d2347c6235b4d2611184",
        "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        "sequencer": "617f08299329d189",
    }
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": found,
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": ACCOUNT,
        "source-ip-address": "1.2.3.4",
        "reason": reason,
    }
    return envelope(kind, [f"arn:aws:s3:::{bucket}"], detail)


def deleted(key: str) -> Event:
    event = created(key, kind="Object Deleted", reason="DeleteObject")
    del event["detail"]["object"]["size"]
    return {**event, "detail": {**event["detail"], "deletion-type": "Delete Marker Created"}}


FURTHER_PARAMETERS: dict[str, Event] = {
    "CopyObject": {"x-amz-copy-source": "elsewhere/raw/a.txt"},
    "CompleteMultipartUpload": {"uploadId": "VXBsb2FkIElE"},
    "UploadPart": {"uploadId": "VXBsb2FkIElE", "partNumber": "1"},
}


def recorded(
    key: str,
    name: str = "PutObject",
    *,
    bucket: str = BUCKET,
    error: str = "",
    source: str = "s3.amazonaws.com",
    kind: str = "AWS API Call via CloudTrail",
) -> Event:
    """A call as CloudTrail records it and EventBridge hands it on."""
    failure = {"errorCode": error, "errorMessage": "Access Denied"} if error else {}
    host = f"{bucket}.s3.{REGION}.amazonaws.com"
    detail = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDACKCEVSQ6C2EXAMPLE",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/writer",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "userName": "writer",
        },
        "eventTime": "2026-11-12T00:00:00Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "1.2.3.4",
        "userAgent": "[aws-cli/2.31.0]",
        **failure,
        "requestParameters": {"bucketName": bucket, "Host": host, "key": key, **FURTHER_PARAMETERS.get(name, {})},
        "responseElements": None if error else {"x-amz-server-side-encryption": "AES256"},
        "additionalEventData": {
            "SignatureVersion": "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": 5,
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": "example",
            "bytesTransferredOut": 0,
        },
        "requestID": "N4N7GDK58NMKJ12R",
        "eventID": "2ee9cc15-d022-99ea-1fb8-1b1bac4850f9",
        "readOnly": False,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": host,
        },
    }
    return envelope(kind, [], detail)


@dataclass(frozen=True)
class Group:
    """One filter, with keys (or whole events) that pass it and that do not."""

    what: str
    filter: Spec
    passes: Sequence[str | Event] = ()
    refused: Sequence[str | Event] = ()


@dataclass(frozen=True)
class Row:
    """One event, and whether it starts a pipeline with this trigger and filter."""

    id: str
    trigger: Trigger
    filter: Spec
    event: Event = field(repr=False)
    expected: bool

    @property
    def pattern(self) -> Pattern:
        return arrivals(self.trigger, BUCKET, Filter.model_validate(self.filter))


RAW_OR_IN, TEXTS = ["raw/", "in/"], [".txt", ".md"]
KEYS = (
    Group("no filter", {}, ["a.txt", "raw/deep/er/a.txt", "with space.txt", "ünïcödé/日本.txt", "a+b&c=d%20.txt", "folder/"]),
    Group("a prefix", {"prefixes": ["raw/"]}, ["raw/a.txt", "raw/"], ["raw", "Raw/a.txt", "a/raw/a.txt", "rawa.txt"]),
    Group("any of two prefixes", {"prefixes": RAW_OR_IN}, ["raw/a", "in/a"], ["out/a", "inn/a"]),
    Group("a suffix", {"suffixes": [".txt"]}, ["a.txt", "raw/a.txt", ".txt"], ["a.TXT", "a.txt.gz", "atxt", "a.txt/"]),
    Group("any of two suffixes", {"suffixes": TEXTS}, ["a.txt", "b.md"], ["a.mdx", "a.html"]),
    Group(
        "prefix and suffix, both",
        {"prefixes": RAW_OR_IN, "suffixes": TEXTS},
        ["raw/a.txt", "raw/a.md", "in/b.txt", "in/b/c/d.md", "raw/.txt"],
        ["raw/a.html", "out/a.txt", "raw/", "a.md", "raw/a.txt.gz", "x/raw/a.txt"],
    ),
    Group(
        "prefix and suffix that share letters",
        {"prefixes": ["ab"], "suffixes": ["b.c"]},
        ["abb.c", "ab.c", "ab-b.c"],
        ["b.c", "ab", "ab.cd", "aab.c"],
    ),
    Group("prefix and suffix that are one", {"prefixes": ["_DONE"], "suffixes": ["_DONE"]}, ["_DONE", "_DONE_DONE"], ["_DON"]),
    Group("an excluded prefix", {"excludePrefixes": ["tmp/"]}, ["raw/a", "tmp", "a/tmp/b", "Tmp/a"], ["tmp/a", "tmp/"]),
    Group(
        "excluded prefix and suffix, either",
        {"excludePrefixes": ["tmp/", "log/"], "excludeSuffixes": [".tmp", "_$folder$"]},
        ["raw/a.txt", "raw/a.tmp.txt", "tmpx/a", "$folder$"],
        ["tmp/a.txt", "log/a.txt", "raw/a.tmp", "raw_$folder$", "tmp/a.tmp"],
    ),
    Group(
        "keys with spaces, quotes and letters of all scripts",
        {"prefixes": ["in coming/ü\"'/"], "suffixes": ["日本 .csv"]},
        ["in coming/ü\"'/a b 日本 .csv"],
        ["in coming/u\"'/日本 .csv", "in%20coming/ü\"'/日本 .csv", "in+coming/ü\"'/日本 .csv"],
    ),
    Group("what looks like an expression is taken literally", {"prefixes": ["a.b/[c]"]}, ["a.b/[c]d"], ["aXb/[c]d", "a.b/cd"]),
)  # fmt: skip
SIZES = (
    Group("at least", {"minSizeBytes": 10}, [created("a", 10), created("a", 11)], [created("a", 9), created("a", 0)]),
    Group(
        "all but empty ones, the largest too", {"minSizeBytes": 1},
        [created("a", 1), created("a", 5_000_000_000), created("a", 5_000_000_001), created("a", 5 << 40)], [created("a", 0)],
    ),
    Group("at most", {"maxSizeBytes": 10}, [created("a", 10), created("a", 0)], [created("a", 11)]),
    Group(
        "between", {"minSizeBytes": 5, "maxSizeBytes": 10}, [created("a", 5), created("a", 10)],
        [created("a", 4), created("a", 11)],
    ),
    Group("exactly", {"minSizeBytes": 7, "maxSizeBytes": 7}, [created("a", 7)], [created("a", 6), created("a", 8)]),
    Group(
        "up to the largest number that is compared", {"maxSizeBytes": 5_000_000_000},
        [created("a", 5_000_000_000)], [created("a", 5_000_000_001)],
    ),
    Group("no lower bound takes an empty object", {"minSizeBytes": 0}, [created("folder/", 0)]),
    Group(
        "size and key, both", {"minSizeBytes": 1, "prefixes": ["raw/"]}, [created("raw/a", 1)],
        [created("raw/a", 0), created("in/a", 1)],
    ),
    Group(
        "size and exclusion, both", {"minSizeBytes": 1, "excludeSuffixes": [".tmp"]}, [created("a", 1)],
        [created("a", 0), created("a.tmp", 1)],
    ),
)  # fmt: skip
NATIVE = (
    Group(
        "however it was written", {},
        [created("a", reason=r) for r in ("PutObject", "POST Object", "CopyObject", "CompleteMultipartUpload")],
    ),
    Group(
        "of another bucket or kind", {},
        refused=[
            created("a", bucket=OTHER),
            created("a", bucket=BUCKET[:-1]),
            created("a", kind="Object Restore Completed"),
            created("a", kind="Object Tags Added"),
            deleted("a"),
            {**created("a"), "source": "custom.s3"},
            recorded("a"),
        ],
    ),
)  # fmt: skip
RECORDED = (
    Group("each call that writes", {}, [recorded("a", n) for n in ("PutObject", "CopyObject", "CompleteMultipartUpload")]),
    Group(
        "no other call", {},
        refused=[
            recorded("a", n)
            for n in ("DeleteObject", "DeleteObjects", "GetObject", "HeadObject", "UploadPart", "CreateMultipartUpload",
                      "PutObjectTagging", "PutObjectAcl")
        ],
    ),
    Group(
        "no call that failed", {},
        refused=[
            recorded("a", error="AccessDenied"),
            recorded("a", "CopyObject", error="NoSuchKey"),
            recorded("a", "CompleteMultipartUpload", error="InvalidPart"),
        ],
    ),
    Group(
        "of another bucket, service or kind", {},
        refused=[
            recorded("a", bucket=OTHER),
            recorded("a", source="s3express.amazonaws.com"),
            recorded("a", kind="AWS Console Action via CloudTrail"),
            {**recorded("a"), "source": "aws.glacier"},
            created("a"),
        ],
    ),
    Group(
        "the key that is written, not the one that is copied", {"prefixes": ["raw/"]},
        [recorded("raw/b", "CopyObject")], [recorded("out/b", "CopyObject")],
    ),
)  # fmt: skip


def _rows(trigger: Trigger, groups: Sequence[Group]) -> Iterator[Row]:
    make = created if trigger is Trigger.EVENT_BRIDGE else recorded
    for group in groups:
        given = [(event, True) for event in group.passes] + [(event, False) for event in group.refused]
        for number, (given_event, expected) in enumerate(given, 1):
            event = make(given_event) if isinstance(given_event, str) else given_event
            which = given_event if isinstance(given_event, str) and given_event.isascii() else number
            verdict = "passes" if expected else "is refused"
            yield Row(f"{trigger.value}, {group.what}: {which} {verdict}", trigger, group.filter, event, expected)


ROWS = (
    *_rows(Trigger.EVENT_BRIDGE, (*KEYS, *SIZES, *NATIVE)),
    *_rows(Trigger.CLOUD_TRAIL, (*KEYS, *RECORDED)),
)
