"""Specs that the API server accepts, as changes of the smallest valid spec, for `test_admission`. Shared parts of all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

CODE = "def handler(event, context):\n    return 1\n"
UNSET = object()
Change = tuple[str, Any]
Changes = list[Change]


class Refusal(NamedTuple):
    """Changes that the API server refuses, the field that the refusal names, and its message."""

    changes: Changes
    field: str
    message: str


class Forbidden(NamedTuple):
    """An existing pipeline, a change that the API server refuses, the field that the refusal names, and its message."""

    before: Changes
    after: Changes
    field: str
    message: str


ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/writes"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/words@sha256:{'0a' * 32}"
SUBNET, GROUP = "subnet-0123abcd", "sg-0123456789abcdef0"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:done"


def layer(name: str = "tools", version: int = 1, region: str = "eu-west-1") -> str:
    return f"arn:aws:lambda:{region}:{ACCOUNT}:layer:{name}:{version}"


def variables(*names: str, value: str = "x") -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name in names]


def environment(*entries: dict[str, Any]) -> Changes:
    return [("processor.environment", list(entries))]


def secret(name: str = "store", key: str = "token") -> dict[str, Any]:
    return {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def code(**source: Any) -> Changes:
    return [("processor.code", source)]


def permissions(*statements: dict[str, list[str]]) -> Changes:
    return [("processor.permissions", list(statements))]


def may(*actions: str, on: list[str] | None = None) -> dict[str, list[str]]:
    return {"actions": list(actions), "resources": [TOPIC] if on is None else on}


def vpc(subnets: list[str], groups: list[str]) -> Changes:
    return [("processor.vpc", {"subnetIds": subnets, "securityGroupIds": groups})]


def numbered(beginning: str, count: int, digits: int = 2) -> list[str]:
    return [f"{beginning}{n:0{digits}x}" for n in range(count)]


def through_the_source(prefix: str, *prefixes: str) -> Changes:
    """Results under a prefix of the source bucket."""
    return [
        ("source.bucket.name", "shared"),
        ("source.filter.prefixes", list(prefixes)),
        ("results.bucket", {"name": "shared", "prefix": prefix}),
    ]


def longer(most: int) -> str:
    return f"Too long: may not be more than {most} bytes"


def more(count: int, most: int) -> str:
    return f"Too many: {count}: must have at most {most} items"


def one(path: str, value: Any, message: str, field: str = "", *others: tuple[str, Any]) -> Refusal:
    """One refused value. The refusal names the field of the value, unless `field` names another one."""
    return Refusal([(path, value), *others], f"spec.{field or path}", message)


EXISTING: Changes = [("source.bucket", {"name": "there", "management": "Existing"})]
REGIONAL: Changes = [("source.bucket.naming", "AccountRegional")]
CLOUD_TRAIL: Changes = [("source.trigger", "CloudTrail")]
FROM_CONFIG_MAP = code(configMapRef={"name": "code.v1", "key": "index.py"})
FROM_S3 = code(s3={"bucket": "acme.builds", "key": "words/1.zip", "versionId": "3HL4kqtJlcpXroDTDmJ"})
FROM_IMAGE = code(image={"uri": IMAGE})
EVERY_FIELD: Changes = [
    ("region", "eu-west-1"),
    ("accountRef", {"name": "search"}),
    ("tags", {"team": "data", "empty": ""}),
    ("source.trigger", "EventBridge"),
    ("source.bucket.name", "acme-raw"),
    ("source.bucket.management", "Managed"),
    ("source.bucket.naming", "AccountRegional"),
    ("source.bucket.encryption", {"type": "KMS", "keyArn": KEY}),
    ("source.bucket.versioning", "Suspended"),
    ("source.bucket.noncurrentVersionDays", 7),
    ("source.filter.prefixes", ["raw/", "in/"]),
    ("source.filter.suffixes", [".txt", ".md"]),
    ("source.filter.minSizeBytes", 1),
    ("source.filter.maxSizeBytes", 1_000_000),
    ("processor.runtime", "python3.12"),
    ("processor.handler", "package/module.run"),
    ("processor.architecture", "x86_64"),
    ("processor.memoryMiB", 512),
    ("processor.timeoutSeconds", 30),
    ("processor.ephemeralStorageMiB", 1024),
    ("processor.reservedConcurrency", 5),
    ("processor.environment", [*variables("MODE", "LEVEL"), secret()]),
    ("processor.layers", [layer()]),
    *vpc([SUBNET], [GROUP]),
    *permissions(may("sns:Publish")),
    ("processor.logRetentionDays", 7),
    ("processor.logFormat", "JSON"),
    ("processor.tracing", "PassThrough"),
    ("delivery.maximumAttempts", 10),
    ("delivery.maximumEventAgeSeconds", 3600),
    ("delivery.processingAttempts", 1),
    ("delivery.processingMaximumAgeSeconds", 1800),
    ("deadLetter.retentionDays", 7),
    ("results.bucket.prefix", "chunks/"),
    ("results.bucket.encryption", {"type": "KMS", "keyArn": KEY}),
    ("results.table", {"name": "", "partitionKey": "document", "sortKey": "chunk"}),
    ("reconcile.suspend", True),
    ("reconcile.drift.mode", "Ignore"),
    ("reconcile.drift.intervalSeconds", 60),
    ("reconcile.timeoutSeconds", 600),
    ("deletion.policy", "Retain"),
]

INTEGERS: dict[str, tuple[int, int]] = {
    "source.bucket.noncurrentVersionDays": (1, 3650),
    "source.filter.minSizeBytes": (0, 5_000_000_000),
    "source.filter.maxSizeBytes": (1, 5_000_000_000),
    "processor.memoryMiB": (128, 10240),
    "processor.timeoutSeconds": (1, 900),
    "processor.ephemeralStorageMiB": (512, 10240),
    "delivery.maximumAttempts": (0, 185),
    "delivery.maximumEventAgeSeconds": (60, 86400),
    "delivery.processingAttempts": (0, 2),
    "delivery.processingMaximumAgeSeconds": (60, 21600),
    "deadLetter.retentionDays": (1, 14),
    "reconcile.drift.intervalSeconds": (60, 604800),
    "reconcile.timeoutSeconds": (60, 7200),
}
RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
ENUMS: dict[str, tuple[Any, ...]] = {
    "source.trigger": ("EventBridge", "CloudTrail"),
    "source.bucket.management": ("Managed", "Existing"),
    "source.bucket.naming": ("Global", "AccountRegional"),
    "source.bucket.encryption.type": ("SSES3", "KMS"),
    "source.bucket.versioning": ("Enabled", "Suspended"),
    "processor.architecture": ("arm64", "x86_64"),
    "processor.logRetentionDays": RETENTION,
    "processor.logFormat": ("Text", "JSON"),
    "processor.tracing": ("Active", "PassThrough"),
    "results.bucket.encryption.type": ("SSES3", "KMS"),
    "reconcile.drift.mode": ("Correct", "Ignore"),
    "deletion.policy": ("RetainData", "Delete", "Retain"),
}
RUNTIMES = ("python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
WITH: dict[tuple[str, Any], Changes] = {
    ("source.bucket.management", "Existing"): [("source.bucket.name", "there")],
    ("source.bucket.encryption.type", "KMS"): [("source.bucket.encryption.keyArn", KEY)],
    ("results.bucket.encryption.type", "KMS"): [("results.bucket.encryption.keyArn", KEY)],
}
"""The other changes that a value needs."""


def accepted_values() -> Iterator[tuple[str, Changes]]:
    """Every value of every enumeration, and the smallest and the largest value of every number."""
    for path, values in {**ENUMS, "processor.runtime": RUNTIMES, "reconcile.suspend": (True, False)}.items():
        yield from ((f"{path}: {value}", [(path, value), *WITH.get((path, value), [])]) for value in values)
    for path, (least, most) in {**INTEGERS, "processor.reservedConcurrency": (1, 10000)}.items():
        yield f"{path}: the least, {least}", [(path, least)]
        yield f"{path}: the most, {most}", [(path, most)]


# Besides its frame, a pattern has room for 1,698 characters, and a policy for 7,240. The environment has room for 4,096 bytes.
ACCEPTED: dict[str, Changes] = {
    "only the code": [],
    "every field": EVERY_FIELD,
    "code from a key of a ConfigMap": FROM_CONFIG_MAP,
    "code from a whole ConfigMap": code(configMapRef={"name": "code"}),
    "code from a ConfigMap with a name of 253": code(configMapRef={"name": "n" * 253, "key": "k" * 253}),
    "code from a version of an object in S3": FROM_S3,
    "code from an object in S3": code(s3={"bucket": "b.1", "key": "k" * 1024}),
    "code from S3 with the longest names": code(s3={"bucket": "b" * 63, "key": "é/*.zip", "versionId": "v" * 1024}),
    "code from an image": FROM_IMAGE,
    "code from an image with a tag and a digest": code(image={"uri": IMAGE.replace("@", ":v1.2_3@")}),
    "code from an image in China": code(image={"uri": IMAGE.replace("amazonaws.com", "amazonaws.com.cn")}),
    "code from an image in the sovereign cloud": code(image={"uri": IMAGE.replace("amazonaws.com", "amazonaws.eu")}),
    "inline code of 32 KiB": code(inline="#" * 32768),
    "inline code of one character": code(inline="#"),
    "a handler in a package": [("processor.handler", "app.index.run")],
    "a handler in a directory": [("processor.handler", "app/index.run")],
    "a handler in a file with a hyphen and a digit": [("processor.handler", "01-words.run")],
    "a handler of 3": [("processor.handler", "a.b")],
    "a handler of 128": [("processor.handler", f"{'m' * 120}.handler")],
    "a variable without a value": environment({"name": "EMPTY"}),
    "a variable from a Secret": environment(secret()),
    "a variable from a Secret with the longest names": environment(secret("n" * 253, "K" * 253)),
    "a variable of 128 from a Secret with dots": environment({**secret("a.b", ".c_d-e"), "name": "N" * 128}),
    "100 variables": environment(*variables(*(f"V{n}" for n in range(100)))),
    "4096 bytes of environment": environment(*variables("AB", value="v" * 4086)),
    "variables that only look like reserved ones": environment(*variables("AWSOME", "RESULTS", "path")),
    "variables that Lambda sets but lets be set": environment(*variables("TZ", "PATH", "PYTHONPATH", "LANG")),
    "variables of AWS's libraries": environment(*variables("AWS_LAMBDA_EXEC_WRAPPER", "AWS_MAX_ATTEMPTS")),
    "5 layers": [("processor.layers", [layer(f"l-{n}_x", 100 + n) for n in range(5)])],
    "a layer of AWS in its own region": [("region", "eu-west-1"), ("processor.layers", [layer()])],
    "16 subnets and 5 groups": vpc(numbered("subnet-000000", 16), numbered("sg-000000", 5)),
    "short and long identifiers of a network": vpc([SUBNET, "subnet-0123456789abcdef0"], [GROUP, "sg-0123abcd"]),
    "an action with a wildcard at its end": permissions(may("dynamodb:Get*", "cloudfront:Get2020_05_31")),
    "a resource of no account or region": permissions(may("s3:GetObject", on=["arn:aws:s3:::other/a b/é*"])),
    "a resource of Amazon's own": permissions(may("bedrock:InvokeModel", on=["arn:aws:bedrock:*::foundation-model/*"])),
    "a resource of each partition": permissions(
        may("sns:Publish", on=[TOPIC, TOPIC.replace("aws", "aws-cn", 1), TOPIC.replace("aws", "aws-us-gov", 1)])
    ),
    "every resource": permissions(may("textract:DetectDocumentText", on=["*"])),
    "30 actions on 30 resources": permissions(
        may(*(f"sqs:A{'a' * n}" for n in range(30)), on=[f"{TOPIC}{n}" for n in range(30)])
    ),
    "20 permissions": permissions(*(may("sns:Publish") for _ in range(20))),
    "an action of 128 on a resource of 512": permissions(
        may("sns:" + "A" * 124, on=[TOPIC + "t" * (512 - len(TOPIC))])
    ),
    "a permission in GovCloud": [
        ("region", "us-gov-west-1"),
        *permissions(may("sns:Publish", on=["arn:aws-us-gov:sns:us-gov-west-1:123456789012:done", "*"])),
    ],
    "a permission in an isolated region": [
        ("region", "us-isob-east-1"),
        *permissions(may("sns:Publish", on=["arn:aws-iso-b:sns:us-isob-east-1:123456789012:done"])),
    ],
    "a bucket name of 3": [("source.bucket.name", "abc")],
    "a bucket name of 63": [("source.bucket.name", "b" * 63)],
    "a reserved beginning in the middle": [("source.bucket.name", "my-xn--bucket")],
    "a name that ends with an": [("source.bucket.name", "milan")],
    "a regional name of 32": [("source.bucket.name", "b" * 32), *REGIONAL],
    "a generated regional name": REGIONAL,
    "an existing bucket": EXISTING,
    "an existing bucket with dots": [("source.bucket", {"name": "acme.raw.data", "management": "Existing"})],
    "an existing bucket with a regional name": [
        ("source.bucket", {"name": f"acme-{ACCOUNT}-eu-west-1-an", "management": "Existing"})
    ],
    "a key for each bucket": [
        ("source.bucket.encryption", {"type": "KMS", "keyArn": KEY.replace("key/", "key/mrk-")}),
        ("results.bucket.encryption", {"type": "KMS", "keyArn": KEY.replace("aws", "aws-cn", 1)}),
    ],
    "a key of the region": [("region", "eu-west-1"), ("source.bucket.encryption", {"type": "KMS", "keyArn": KEY})],
    "a key of another region for a results bucket that is there": [
        ("region", "eu-central-1"),
        ("results.bucket", {"name": "there", "encryption": {"type": "KMS", "keyArn": KEY}}),
    ],
    "20 prefixes": [("source.filter.prefixes", numbered("p", 20))],
    "20 suffixes": [("source.filter.suffixes", numbered(".", 20))],
    "20 excluded prefixes and suffixes": [
        ("source.filter.excludePrefixes", numbered("p", 20)),
        ("source.filter.excludeSuffixes", numbered(".", 20)),
    ],
    "a prefix and a suffix of 256": [("source.filter.prefixes", ["p" * 256]), ("source.filter.suffixes", ["s" * 256])],
    "an excluded prefix and suffix of 256": [
        ("source.filter.excludePrefixes", ["p" * 256]),
        ("source.filter.excludeSuffixes", ["s" * 256]),
    ],
    "8 prefixes with 8 suffixes": [
        ("source.filter.prefixes", numbered("p", 8)),
        ("source.filter.suffixes", numbered(".", 8)),
    ],
    "a prefix with other special characters": [("source.filter.prefixes", ['a b/(1)[2]{3}+"é/日本/'])],
    "the marker of a Hadoop folder": [("source.filter.excludeSuffixes", ["_$folder$"])],
    "a suffix and an excluded prefix with a dollar": [("source.filter.suffixes", [".$"])],
    "a size of exactly one byte": [("source.filter.minSizeBytes", 1), ("source.filter.maxSizeBytes", 1)],
    "a trail that is made": [*CLOUD_TRAIL, ("source.cloudTrail", {})],
    "a trail that is there": [*CLOUD_TRAIL, ("source.cloudTrail.trailArn", TRAIL)],
    "a trail in China": [*CLOUD_TRAIL, ("source.cloudTrail.trailArn", TRAIL.replace("aws", "aws-cn", 1))],
    "a filter of keys with CloudTrail": [*CLOUD_TRAIL, ("source.filter.prefixes", ["raw/"])],
    "a region of three words": [("region", "ap-southeast-2")],
    "a region of the sovereign cloud": [("region", "eusc-de-east-1")],
    "an account with a name of 253": [("accountRef", {"name": "n" * 253})],
    "40 tags": [("tags", {f"k{n}": "v" for n in range(40)})],
    "a tag key of 128": [("tags", {"k" * 128: "v"})],
    "a tag value of 256": [("tags", {"awsome": "v", "k": "v" * 256})],
    "a tag in another language": [("tags", {"équipe": "データ 1+1=2"})],
    "results without a bucket": [("results", {})],
    "a bucket made for results": [("results.bucket", {})],
    "a table made for results": [("results.table", {})],
    "a results bucket with dots": [("results.bucket.name", "acme.results")],
    "a results bucket with a regional name": [("results.bucket.name", f"acme-{ACCOUNT}-eu-west-1-an")],
    "a results prefix of 256": [("results.bucket.prefix", "p" * 256)],
    "a table name of 3": [("results.table.name", "t.1")],
    "a table name of 255": [("results.table.name", "T_-" * 85)],
    "keys of 255": [("results.table", {"partitionKey": "p" * 255, "sortKey": "s" * 255})],
    "results in the source bucket outside the filter": through_the_source("out/", "raw/", "in/"),
    "results in the source bucket that are excluded": [
        ("source.bucket.name", "shared"),
        ("source.filter.excludePrefixes", ["out/"]),
        ("results.bucket", {"name": "shared", "prefix": "out/words/"}),
    ],
    "results in a bucket of the same beginning": [
        ("source.bucket", {"name": "shared", "naming": "AccountRegional"}),
        ("results.bucket.name", "shared"),
    ],
    "results in another bucket without a filter": [("source.bucket.name", "one"), ("results.bucket.name", "two")],
    **dict(accepted_values()),
}
