"""Changes of an existing pipeline: the API server refuses those that would lose data, and accepts the others."""

from __future__ import annotations

from integration.admission_rows import EVERY_FIELD, EXISTING, FROM_CONFIG_MAP, REGIONAL, Changes, Forbidden

BUCKET_STAYS = "cannot be changed: the bucket holds data. Create a second pipeline with the other bucket"
RESULTS_STAY = "cannot be changed: the bucket holds results. Create a second pipeline with another bucket"
TABLE_STAYS = "cannot be changed: the table holds results. Create a second pipeline with another table"
REGION_STAYS = "region cannot be changed: create a second pipeline in the other region"
ACCOUNT_STAYS = "accountRef cannot be changed: create a second pipeline in the other account"
SEARCH: Changes = [("accountRef", {"name": "search"})]


def held(what: str, holder: str, kept: str) -> str:
    return (
        f"{what} cannot be removed: the {holder} holds results. Delete the pipeline (deletion.policy RetainData keeps its {kept}) and "
        f"create it again without {what}"
    )


def forbidden(path: str, before: Changes, after: Changes, stays: str) -> Forbidden:
    return Forbidden(before, after, f"spec.{path}", f"{path} {stays}")


FORBIDDEN: dict[str, Forbidden] = {
    **{
        f"the source bucket's name: {what}": forbidden("source.bucket.name", before, after, BUCKET_STAYS)
        for what, before, after in (
            ("another", [("source.bucket.name", "first")], [("source.bucket.name", "second")]),
            ("given to a generated one", [], [("source.bucket.name", "second")]),
            ("taken away", [("source.bucket.name", "first")], []),
        )
    },
    "a new source bucket that becomes an existing one": forbidden(
        "source.bucket.management", [("source.bucket.name", "there")], EXISTING, BUCKET_STAYS
    ),
    "an existing source bucket that becomes the operator's": forbidden(
        "source.bucket.management", EXISTING, [("source.bucket.name", "there")], BUCKET_STAYS
    ),
    "a name that becomes a regional one": forbidden("source.bucket.naming", [], REGIONAL, BUCKET_STAYS),
    "a regional name that becomes a global one": forbidden("source.bucket.naming", REGIONAL, [], BUCKET_STAYS),
    "the region": Forbidden([("region", "eu-west-1")], [("region", "eu-west-2")], "spec.region", REGION_STAYS),
    "the operator's region that becomes another": Forbidden([], [("region", "eu-west-2")], "spec.region", REGION_STAYS),
    "a region that is taken away": Forbidden([("region", "eu-west-1")], [], "spec.region", REGION_STAYS),
    "the account": Forbidden(SEARCH, [("accountRef", {"name": "other"})], "spec.accountRef", ACCOUNT_STAYS),
    "an account that is named later": Forbidden([], SEARCH, "spec.accountRef", ACCOUNT_STAYS),
    "an account that is taken away": Forbidden(SEARCH, [], "spec.accountRef", ACCOUNT_STAYS),
    "the name of the results bucket": forbidden(
        "results.bucket.name", [("results.bucket.name", "first")], [("results.bucket.name", "second")], RESULTS_STAY
    ),
    "a generated results bucket that gets a name": forbidden(
        "results.bucket.name", [("results.bucket", {})], [("results.bucket.name", "second")], RESULTS_STAY
    ),
    **{
        f"results.table.{field} of a table": forbidden(
            f"results.table.{field}", [("results.table", {})], [(f"results.table.{field}", "other")], TABLE_STAYS
        )
        for field in ("name", "partitionKey", "sortKey")
    },
    "a sort key that is taken away": forbidden(
        "results.table.sortKey", [("results.table.sortKey", "chunk")], [("results.table", {})], TABLE_STAYS
    ),
    "a results bucket that is taken away": Forbidden(
        [("results.bucket", {})], [("results", {})], "spec.results", held("results.bucket", "bucket", "buckets")
    ),
    "a results bucket that gives way to a table": Forbidden(
        [("results.bucket", {})], [("results.table", {})], "spec.results", held("results.bucket", "bucket", "buckets")
    ),
    "a results table that is taken away": Forbidden(
        [("results.table", {})], [("results", {})], "spec.results", held("results.table", "table", "table")
    ),
    "results of a bucket that are taken away": Forbidden(
        [("results.bucket", {})],
        [],
        "spec",
        held("results", "bucket", "buckets"),
    ),
    "results of a table that are taken away": Forbidden(
        [("results.table", {})],
        [],
        "spec",
        held("results", "table", "table"),
    ),
}

PERMITTED: dict[str, tuple[Changes, Changes]] = {
    "most": ([], [row for row in EVERY_FIELD if row[0].startswith(("source.filter", "processor", "d"))]),
    "the trigger": ([], [("source.trigger", "CloudTrail")]),
    "the trigger back again": ([("source.trigger", "CloudTrail")], []),
    "versioning": ([], [("source.bucket.versioning", "Suspended")]),
    "encryption": ([], [row for row in EVERY_FIELD if row[0] == "source.bucket.encryption"]),
    "results that are added": ([], [("results.bucket", {})]),
    "a table as well": ([("results.bucket", {})], [("results.bucket", {}), ("results.table", {})]),
    "results without a bucket that are taken away": ([("results", {})], []),
    "the results' prefix": ([("results.bucket.prefix", "a/")], [("results.bucket.prefix", "b/")]),
    "code from a ConfigMap that becomes inline": (FROM_CONFIG_MAP, []),
    "tags": ([("region", "eu-west-1")], [("region", "eu-west-1"), ("tags", {"a": "b"})]),
    "tags of a pipeline in another account": (SEARCH, [*SEARCH, ("tags", {"a": "b"})]),
    "the deletion policy": ([("deletion.policy", "Retain")], [("deletion.policy", "Delete")]),
}
