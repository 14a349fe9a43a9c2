"""Specs that the API server refuses, each with the field that it names and its whole message about the field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration import admission_messages as said
from integration.admission_processor import PROCESSOR
from integration.admission_rows import (
    CLOUD_TRAIL,
    ENUMS,
    EXISTING,
    INTEGERS,
    KEY,
    REGIONAL,
    TRAIL,
    UNSET,
    Refusal,
    longer,
    more,
    numbered,
    one,
    through_the_source,
)


def beyond_every_bound() -> Iterator[tuple[str, Refusal]]:
    """Values that are in no enumeration, and numbers outside their bounds."""
    for path, values in ENUMS.items():
        known = ", ".join(f'"{value}"' for value in values)
        odd: Any = 2 if isinstance(values[0], int) else "Other"
        yield f"{path}: {odd}", one(path, odd, f"supported values: {known}")
    for path, (least, most) in {**INTEGERS, "processor.reservedConcurrency": (0, 10000)}.items():
        yield f"{path}: {least - 1}", one(path, least - 1, f"should be greater than or equal to {least}")
        yield f"{path}: {most + 1}", one(path, most + 1, f"should be less than or equal to {most}")
        yield f"{path} in words", one(path, "many", 'must be of type integer: "string"')


def beyond_every_length() -> Iterator[tuple[str, Refusal]]:
    """Texts that are one character too long."""
    longest = {
        "region": 32,
        "source.bucket.name": 63,
        "source.bucket.encryption.keyArn": 256,
        "source.cloudTrail.trailArn": 256,
        "processor.code.configMapRef.key": 253,
        "processor.code.s3.versionId": 1024,
        "processor.runtime": 32,
        "processor.handler": 128,
        "results.bucket.name": 63,
        "results.bucket.prefix": 256,
        "results.bucket.encryption.keyArn": 256,
        "results.table.name": 255,
        "results.table.partitionKey": 255,
        "results.table.sortKey": 255,
    }
    needed: dict[str, list[tuple[str, Any]]] = {
        "processor.code.configMapRef.key": [
            ("processor.code.inline", UNSET),
            ("processor.code.configMapRef.name", "c"),
        ],
        "processor.code.s3.versionId": [
            ("processor.code.inline", UNSET),
            ("processor.code.s3.bucket", "acme"),
            ("processor.code.s3.key", "k"),
        ],
    }
    for path, most in longest.items():
        yield f"{path} of {most + 1}", one(path, "a" * (most + 1), longer(most), path, *needed.get(path, []))


KEYS = ("prefixes", "suffixes", "excludePrefixes", "excludeSuffixes")


def of_the_filter() -> Iterator[tuple[str, Refusal]]:
    """Values that none of the four lists of keys accepts."""
    rules = dict(zip(KEYS, (said.LITERAL, said.LITERAL_END, said.LITERAL_EXCLUDED, said.LITERAL_END), strict=True))
    for kind, rule in rules.items():
        path, literal = f"source.filter.{kind}", f"{kind} are {rule}"
        yield f"{kind} with a wildcard", one(path, ["a*"], literal)
        yield f"{kind} with a question mark after a good one", one(path, ["ok/", "a?"], literal)
        yield f"{kind} with a backslash", one(path, ["a\\"], literal)
        yield f"{kind} with a line break", one(path, ["a\n"], literal)
        yield f"an empty one of {kind}", one(path, [""], "should be at least 1 chars long", f"{path}[0]")
        yield f"one of {kind} of 257", one(path, ["k" * 257], longer(256), f"{path}[0]")
        yield f"21 {kind}", one(path, numbered("k", 21), more(21, 20))
        yield f"one of {kind} twice", one(path, ["a", "a"], 'Duplicate value: "a"', f"{path}[1]")


REFUSED: dict[str, Refusal] = {
    **dict(beyond_every_bound()),
    **dict(beyond_every_length()),
    **dict(of_the_filter()),
    "a misspelt field": Refusal([("processor.memory", 256)], "", 'unknown field "spec.processor.memory"'),
    "a misspelt section": Refusal([("processer", {})], "", 'unknown field "spec.processer"'),
    **PROCESSOR,
    # source
    "a bucket name with capitals": one("source.bucket.name", "Raw", said.BUCKET_RULE),
    "a bucket name with an underscore": one("source.bucket.name", "my_raw", said.BUCKET_RULE),
    "a bucket name that begins with a hyphen": one("source.bucket.name", "-raw", said.BUCKET_RULE),
    "a bucket name that ends with a hyphen": one("source.bucket.name", "raw-", said.BUCKET_RULE),
    "a bucket name that ends with a dot": one("results.bucket.name", "raw.", said.BUCKET_RULE),
    "a bucket name of 2": one("source.bucket.name", "ab", said.BUCKET_RULE),
    "an existing bucket with two dots side by side": Refusal(
        [("source.bucket", {"name": "my..raw", "management": "Existing"})], "spec.source.bucket.name", said.BUCKET_RULE
    ),
    "a new bucket with a dot": one(
        "source.bucket.name",
        "my.raw",
        "a bucket that the operator makes cannot have dots in its name, because dots break TLS: write hyphens instead",
    ),
    "a new bucket that ends with -an": one(
        "source.bucket.name",
        "raw-an",
        "AWS reserves the ending -an for account-regional names: leave out the ending, and write naming: AccountRegional if the "
        "name must be unique only in your account and region",
    ),
    **{
        f"a bucket name that begins with {text}": one("source.bucket.name", f"{text}raw", said.RESERVED_BUCKET)
        for text in ("xn--", "sthree-", "amzn-s3-demo-")
    },
    **{
        f"a bucket name that ends with {text}": one("source.bucket.name", f"raw{text}", said.RESERVED_BUCKET)
        for text in ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
    },
    "a results bucket that is an access point": one("results.bucket.name", "there.mrap", said.RESERVED_BUCKET),
    "an existing bucket without a name": one(
        "source.bucket.management",
        "Existing",
        "an existing bucket needs a name: write source.bucket.name, or write management: Managed for a new bucket",
        "source.bucket.name",
    ),
    "an existing bucket with naming": Refusal(
        [*EXISTING, *REGIONAL],
        "spec.source.bucket.naming",
        "naming works only for a bucket that the operator makes: leave out naming for an existing bucket",
    ),
    "a regional name of 33": one(
        "source.bucket.name",
        "b" * 33,
        "with naming AccountRegional, name must not be longer than 32 characters, because the operator adds -<account>-<region>-an: "
        "choose a shorter name",
        "source.bucket.name",
        *REGIONAL,
    ),
    "KMS without a key": one(
        "source.bucket.encryption", {"type": "KMS"}, said.KEY_RULE, "source.bucket.encryption.keyArn"
    ),
    "KMS with an alias": one(
        "source.bucket.encryption",
        {"type": "KMS", "keyArn": KEY.replace("key/", "alias/")},
        said.KEY_RULE,
        "source.bucket.encryption.keyArn",
    ),
    "KMS with the key's id": one(
        "results.bucket.encryption",
        {"type": "KMS", "keyArn": KEY[-36:]},
        said.KEY_RULE,
        "results.bucket.encryption.keyArn",
    ),
    "a key with S3's own encryption": one("source.bucket.encryption.keyArn", KEY, said.KEY_ONLY),
    "a results key with S3's own encryption": one("results.bucket.encryption.keyArn", KEY, said.KEY_ONLY),
    "a key of another region": Refusal(
        [("region", "eu-central-1"), ("source.bucket.encryption", {"type": "KMS", "keyArn": KEY})],
        "spec.source.bucket.encryption.keyArn",
        said.KEY_REGION,
    ),
    "a results key of another region": Refusal(
        [("region", "eu-central-1"), ("results.bucket.encryption", {"type": "KMS", "keyArn": KEY})],
        "spec.results.bucket.encryption.keyArn",
        said.KEY_REGION,
    ),
    "a prefix with a variable": one("source.filter.prefixes", ["${aws:username}/"], f"prefixes are {said.LITERAL}"),
    "prefixes with exclusions": Refusal(
        [("source.filter", {"prefixes": ["raw/"], "excludePrefixes": ["raw/tmp/"]})],
        "spec.source.filter",
        said.NOT_BOTH,
    ),
    "suffixes with exclusions": Refusal(
        [("source.filter", {"suffixes": [".txt"], "excludeSuffixes": [".tmp"]})], "spec.source.filter", said.NOT_BOTH
    ),
    "more pairs than a pattern holds": Refusal(
        [("source.filter", {"prefixes": numbered("p", 9), "suffixes": numbered(".", 9)})],
        "spec.source.filter",
        said.PATTERN_SIZE,
    ),
    "longer prefixes than a pattern holds": one(
        "source.filter.prefixes", numbered("p" * 100, 15), said.PATTERN_SIZE, "source.filter"
    ),
    "longer exclusions than a pattern holds": Refusal(
        [("source.filter", {"excludePrefixes": numbered("p" * 100, 10), "excludeSuffixes": numbered("s" * 100, 10)})],
        "spec.source.filter",
        said.PATTERN_SIZE,
    ),
    "prefixes that are longer when escaped": one(
        "source.filter.prefixes", numbered("データ" * 10, 10), said.PATTERN_SIZE, "source.filter"
    ),
    "a size between nothing": Refusal(
        [("source.filter", {"minSizeBytes": 10, "maxSizeBytes": 9})],
        "spec.source.filter.maxSizeBytes",
        "maxSizeBytes is smaller than minSizeBytes, so no object can match: write a larger maxSizeBytes",
    ),
    "a trail without its trigger": one("source.cloudTrail", {}, said.NO_TRAIL),
    "a trail that is a name": Refusal(
        [*CLOUD_TRAIL, ("source.cloudTrail.trailArn", "writes")], "spec.source.cloudTrail.trailArn", said.TRAIL_RULE
    ),
    "a trail that is an event data store": Refusal(
        [*CLOUD_TRAIL, ("source.cloudTrail.trailArn", TRAIL.replace("trail/", "eventdatastore/"))],
        "spec.source.cloudTrail.trailArn",
        said.TRAIL_RULE,
    ),
    "a least size with CloudTrail": Refusal(
        [*CLOUD_TRAIL, ("source.filter.minSizeBytes", 1)], "spec.source.filter", said.NO_SIZE
    ),
    "a largest size with CloudTrail": Refusal(
        [*CLOUD_TRAIL, ("source.filter.maxSizeBytes", 1)], "spec.source.filter", said.NO_SIZE
    ),
    # results
    "a results bucket name with capitals": one("results.bucket.name", "Raw", said.BUCKET_RULE),
    "a results prefix with a wildcard": one("results.bucket.prefix", "out/*", f"prefix is {said.LITERAL}"),
    "a table name of 2": one("results.table.name", "ab", said.TABLE_RULE),
    "a table name with a slash": one("results.table.name", "team/words", said.TABLE_RULE),
    "a table name that is an ARN": one(
        "results.table.name", "arn:aws:dynamodb:eu-west-1:1:table/words", said.TABLE_RULE
    ),
    "an empty partition key": one("results.table.partitionKey", "", "should be at least 1 chars long"),
    "a partition key with a space": one("results.table.partitionKey", "my id", f"partitionKey {said.ATTRIBUTE_RULE}"),
    "a sort key with a colon": one("results.table.sortKey", "a:b", f"sortKey {said.ATTRIBUTE_RULE}"),
    "one key twice": one(
        "results.table.sortKey",
        "id",
        "partitionKey and sortKey must be different attributes: choose another name for one of them, or leave out sortKey",
    ),
    **{
        f"results in the source bucket {what}": Refusal(through_the_source(*where), "spec", said.LOOP)
        for what, where in {
            "without a filter": ("out/",),
            "without a prefix": ("", "raw/"),
            "inside the filter": ("raw/out/", "in/", "raw/"),
            "around the filter": ("ra", "in/", "raw/"),
        }.items()
    },
    "results in the source bucket beside what is excluded": Refusal(
        [*through_the_source("out/"), ("source.filter.excludePrefixes", ["out/tmp/"])], "spec", said.LOOP
    ),
    # the whole
    "an account without a name": one("accountRef", {}, "Required value", "accountRef.name"),
    "an account with a name of nothing": one(
        "accountRef", {"name": ""}, "should be at least 1 chars long", "accountRef.name"
    ),
    "an account with a name of 254": one("accountRef", {"name": "n" * 254}, longer(253), "accountRef.name"),
    "an account with a name in capitals": one("accountRef", {"name": "Search"}, said.OBJECT_NAME, "accountRef.name"),
    "the ARN of a role": Refusal(
        [("accountRef", {"name": "n", "roleArn": "arn"})], "", 'unknown field "spec.accountRef.roleArn"'
    ),
    **{
        f"the region {region!r}": one("region", region, said.REGION_RULE)
        for region in ("eu-west-1a", "EU-WEST-1", "", "eu-west", "Ireland")
    },
    **{
        f"the tag key {key[:20]!r}": one("tags", {key: "x"}, said.TAG_KEY)
        for key in (
            "aws:team",
            "AWS:team",
            "ingestion-operator.io/uid",
            "Ingestion-Operator.IO/uid",
            "",
            "a\nb",
            "k?",
            "k" * 129,
        )
    },
    "a tag value of two lines": one("tags", {"k": "a\nb"}, said.TAG_VALUE),
    "a tag value with brackets": one("tags", {"ok": "v", "owner": "team <a@b.c>"}, said.TAG_VALUE),
    "two tag keys that differ in case": one("tags", {"Team": "a", "team": "a"}, said.TAG_CASE),
    "41 tags": one("tags", {f"k{n}": "v" for n in range(41)}, more(41, 40)),
    "a tag value of 257": one("tags", {"k": "v" * 257}, longer(256), "tags.k"),
    "a tag that is a number": one("tags", {"k": 1}, 'must be of type string: "integer"', "tags.k"),
}
