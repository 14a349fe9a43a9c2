"""Valid and spoiled specs of every shape, and a surroundings in which everything that they name exists."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from fakes import FakeCodeCheck
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.model.environment import RESERVED_ENVIRONMENT
from ingestion_operator.model.pipeline import parse_record
from ingestion_operator.observe.gather import Gatherer
from ingestion_operator.observe.observed import Buildable, Unbuildable
from ingestion_operator.ports.cloud import PackageObject, TrailView

Document = dict[str, Any]
Specs = st.SearchStrategy[Document]

TODAY = date(2026, 11, 24)
ACCOUNT = "123456789012"
REGION = "eu-west-1"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"
SECRET_VALUE = "n0-b0dy-may-read-this"  # must never appear in any output
CODE = "def handler(event, context): ..."


USUAL_EXAMPLES = 200


def profile(examples: int = USUAL_EXAMPLES) -> settings:
    """The same examples in every run, few enough for each commit. `FUZZ_EXAMPLES=5000` tries 25 times as many."""
    widened = int(os.environ.get("FUZZ_EXAMPLES", USUAL_EXAMPLES)) / USUAL_EXAMPLES
    return settings(
        max_examples=max(1, round(examples * widened)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def optional(**fields: st.SearchStrategy[Any]) -> Specs:
    """A document with these fields, each of which may be absent."""
    return st.fixed_dictionaries({}, optional=fields)


def merged(*parts: Specs) -> Specs:
    """A document with the fields of all parts."""
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def lists(of: st.SearchStrategy[Any], most: int, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=least, max_size=most, unique_by=str)


def words(alphabet: str, most: int, least: int = 1) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


# Characters with a meaning in an ARN, a pattern, JSON, YAML or a regular expression, and some unusual ones.
ODD = "aZ0/.-_ :+@='\"{}()[]<>|&;,!#%^~`é日😀\u00a0\u202e\ufeff"
PRINTED = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
literal_keys = st.one_of(words("abc/.-_0", 20), words(ODD, 3))
bucket_names = st.builds("{}{}{}".format, words("ab0", 1), words("ab0-", 20), words("xz9", 1)).filter(
    lambda name: not name.startswith("xn-")
)
identifiers = words("abcXYZ_", 12, 2).filter(lambda name: name[0] != "_")
kms_keys = st.uuids().map(lambda found: f"{KEY_ARN}{found}")
object_names = st.builds("{}{}".format, words("ab0", 1), words("ab0", 10))

encryptions = st.one_of(st.just({"type": "SSES3"}), st.fixed_dictionaries({"type": st.just("KMS"), "keyArn": kms_keys}))
managed_buckets = merged(
    optional(
        name=bucket_names,
        management=st.just("Managed"),
        naming=st.sampled_from(["Global", "AccountRegional"]),
        encryption=encryptions,
        versioning=st.sampled_from(["Enabled", "Suspended"]),
        noncurrentVersionDays=st.integers(1, 3650),
    )
)
existing_buckets = merged(
    st.fixed_dictionaries(
        {"name": st.one_of(bucket_names, st.just("team.raw.data")), "management": st.just("Existing")}
    ),
    optional(encryption=encryptions),
)
filters_of_keys = st.one_of(
    optional(prefixes=lists(literal_keys, 3), suffixes=lists(literal_keys, 3)),
    optional(excludePrefixes=lists(literal_keys, 3), excludeSuffixes=lists(literal_keys, 3)),
    st.fixed_dictionaries({"prefixes": lists(words("abc/", 20), 20)}),
)
sizes = st.one_of(
    optional(minSizeBytes=st.integers(0, 5_000_000_000)),
    st.tuples(st.integers(0, 5_000_000_000), st.integers(1, 5_000_000_000)).map(
        lambda found: {"minSizeBytes": min(found), "maxSizeBytes": max(found)}
    ),
)
trails = optional(trailArn=st.sampled_from(["", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/writes"]))
sources = st.one_of(
    merged(
        optional(trigger=st.just("EventBridge"), filter=merged(filters_of_keys, sizes)),
        optional(bucket=st.one_of(managed_buckets, existing_buckets)),
    ),
    merged(
        st.fixed_dictionaries({"trigger": st.just("CloudTrail")}),
        optional(filter=filters_of_keys, cloudTrail=trails, bucket=st.one_of(managed_buckets, existing_buckets)),
    ),
)

code_sources = st.one_of(
    st.just({"inline": CODE}),
    st.fixed_dictionaries({"configMapRef": st.just({"name": "code", "key": "main.py"})}),
    st.fixed_dictionaries(
        {
            "s3": merged(
                st.fixed_dictionaries({"bucket": bucket_names, "key": st.text(PRINTED, min_size=1, max_size=20)}),
                optional(versionId=words("ab.0", 10)),
            )
        }
    ),
    st.binary(min_size=32, max_size=32).map(
        lambda digest: {"image": {"uri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/words@sha256:{digest.hex()}"}}
    ),
)
secret_keys = st.fixed_dictionaries({"name": object_names, "key": words("abc._-", 10)})
variables: Specs = st.one_of(
    st.fixed_dictionaries({"name": identifiers, "value": st.text(PRINTED, max_size=60)}),
    st.fixed_dictionaries({"name": identifiers, "valueFrom": st.fixed_dictionaries({"secretKeyRef": secret_keys})}),
).filter(lambda variable: variable["name"] not in RESERVED_ENVIRONMENT)
environments = st.lists(variables, max_size=5, unique_by=lambda variable: variable["name"])
layers = st.lists(identifiers, max_size=5, unique=True).map(
    lambda found: [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}:{n}" for n, name in enumerate(found, 1)]
)
networks = st.fixed_dictionaries(
    {
        "subnetIds": lists(words("0a", 8, 8).map("subnet-{}".format), 3, 1),
        "securityGroupIds": lists(words("0a", 17, 17).map("sg-{}".format), 3, 1),
    }
)
actions = st.builds("{}:{}".format, st.sampled_from(["sqs", "s3", "ssm", "logs"]), words("AbC*", 8).map("G{}".format))
resources = st.one_of(st.just("*"), st.builds(f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}".format, words("ab*/ é", 12)))
permissions = st.lists(
    st.fixed_dictionaries({"actions": lists(actions, 3, 1), "resources": lists(resources, 3, 1)}), max_size=3
)
processors = merged(
    optional(
        runtime=st.sampled_from([f"python3.{minor}" for minor in range(9, 15)]),
        handler=st.sampled_from(["index.handler", "app/words.run", "a-b.c0", "pkg.mod._f"]),
        architecture=st.sampled_from(["arm64", "x86_64"]),
        memoryMiB=st.integers(128, 10240),
        timeoutSeconds=st.integers(1, 900),
        ephemeralStorageMiB=st.integers(512, 10240),
        reservedConcurrency=st.integers(1, 10000),
        environment=environments,
        vpc=networks,
        permissions=permissions,
        logRetentionDays=st.sampled_from([1, 30, 3653]),
        logFormat=st.sampled_from(["Text", "JSON"]),
        tracing=st.sampled_from(["Active", "PassThrough"]),
    ),
    st.one_of(
        st.fixed_dictionaries({"code": code_sources}),
        st.fixed_dictionaries({"code": st.just({"inline": CODE}), "layers": layers}),
    ),
)
results = optional(
    bucket=optional(name=bucket_names.map("out-{}".format), prefix=literal_keys, encryption=encryptions),
    table=st.one_of(
        optional(partitionKey=st.just("document"), sortKey=st.just("chunk")),
        st.fixed_dictionaries({"name": st.just("there.already")}),
    ),
)
tags = st.dictionaries(
    words("ab é日_.:/=+-@", 12).filter(lambda key: key.strip() and key.islower()),
    words("ab é日_.:/=+-@", 12, 0),
    max_size=4,
)
specs: Specs = merged(
    st.fixed_dictionaries({"processor": processors}),
    optional(
        region=st.just(REGION),
        tags=tags,
        source=sources,
        results=results,
        delivery=optional(maximumAttempts=st.integers(0, 185), processingAttempts=st.integers(0, 2)),
        deadLetter=optional(retentionDays=st.integers(1, 14)),
        reconcile=optional(suspend=st.booleans(), timeoutSeconds=st.integers(60, 7200)),
        deletion=optional(policy=st.sampled_from(["RetainData", "Delete", "Retain"])),
    ),
)
"""Specs that the API server accepts."""

JUNK: tuple[Any, ...] = (
    None, True, "", " ", "*", "${x}", "\x00", "\ud800", "é" * 300, -1, 0, 1, 2**63, 1e308, float("nan"), [], {}, [None], [[]],
    {"": ""}, {"a": {"b": 1}}, "EventBridge", "Existing", "KMS", ["a", "a"], "arn:aws:s3:::b", {"name": "there"},
)  # fmt: skip


def paths(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value of a document."""
    yield above
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in entries:
        yield from paths(child, (*above, key))


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A valid spec with one or two mistakes: a value was replaced or removed, or an unknown field was added."""
    found: Any = draw(specs)
    for _ in range(draw(st.integers(1, 2))):
        way = draw(st.sampled_from(list(paths(found))))
        found = _spoiled(found, way, draw(st.sampled_from(["replace", "remove", "add"])), draw(st.sampled_from(JUNK)))
    return found


def _spoiled(document: Any, way: tuple[Any, ...], how: str, junk: Any) -> Any:
    if not way:
        return {**document, "unknown": junk} if how == "add" and isinstance(document, dict) else copy.deepcopy(junk)
    changed = copy.deepcopy(document)
    node = changed
    for step in way[:-1]:
        node = node[step]
    if how == "remove":
        del node[way[-1]]
    else:
        node[way[-1]] = _spoiled(node[way[-1]], (), how, junk)
    return changed


def crossed(one: Any, other: Any) -> Any:
    """A mix of two valid specs. Each part is allowed, but perhaps not together with the others."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: crossed(one.get(key, other.get(key)), other.get(key, one.get(key))) for key in {**one, **other}}
    return other


crossings: Specs = st.builds(crossed, specs, specs)

LETTERS = st.sampled_from(["a", "a", "a", '"', "é", "日", "😀"])
long_keys = st.lists(
    st.builds(lambda letter, n, times: f"{n}{letter * times}", LETTERS, st.integers(), st.integers(1, 200)),
    max_size=20,
    unique=True,
).map(lambda found: [key[:256] for key in found])
long_values = st.builds(lambda letter, times: letter * times, st.one_of(LETTERS, st.just("\n")), st.integers(0, 3000))
crowds: Specs = st.fixed_dictionaries(
    {
        "processor": st.fixed_dictionaries(
            {
                "code": st.just({"inline": CODE}),
                "environment": st.lists(long_values, max_size=3).map(
                    lambda found: [{"name": f"V{n}", "value": value} for n, value in enumerate(found)]
                ),
                "permissions": st.lists(
                    st.builds(
                        lambda ends: {
                            "actions": ["sqs:SendMessage"],
                            "resources": [f"arn:aws:sqs:::{e}" for e in ends] or ["*"],
                        },
                        long_keys,
                    ),
                    max_size=6,
                ),
                "vpc": networks,
            }
        ),
        "source": st.builds(
            lambda trigger, filter_: {"trigger": trigger, "bucket": {"name": "b" * 63}, "filter": filter_},
            st.sampled_from(["EventBridge", "CloudTrail"]),
            st.one_of(
                st.fixed_dictionaries({"prefixes": long_keys, "suffixes": long_keys.map(lambda found: found[:3])}),
                st.fixed_dictionaries({"excludePrefixes": long_keys, "excludeSuffixes": long_keys}),
            ),
        ),
        "results": results,
    }
)
"""Specs that are about as large as AWS accepts, and larger ones."""

names = st.builds("{}{}{}".format, words("ab0", 1), words("ab0-", 61, 0), words("xz9", 1))
"""Names of namespaces and pipelines."""


@dataclass(frozen=True)
class EverythingIsThere:
    """A cluster and an account in which everything that a pipeline names exists."""

    spec: Document = field(default_factory=dict)
    secret_version: str = "1"
    secret_value: str = SECRET_VALUE

    def cluster_id(self) -> str:
        return "0b5e6c9a-7f0e-4a53-8d3e-3f1e6f1d2c3b"

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        return {"main.py": CODE} if name == "code" else None

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        return _EveryKey(f"{name}/{self.secret_version}", self.secret_value)

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        return [body(self.spec)]

    def account(self, name: str) -> Mapping[str, Any] | None:
        return {
            "metadata": {"name": name},
            "spec": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/there", "allowedNamespaces": ["*"]},
        }

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def using(self, access: Access) -> EverythingIsThere:
        return self

    def place(self, region: str) -> Place:
        return Place(ACCOUNT, region)

    def bucket_region(self, bucket: str, region: str) -> str | None:
        return region

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        return ("id",)

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        return PackageObject(version_id or "latest", hashlib.sha256(key.encode()).hexdigest())

    def trail(self, arn: str) -> TrailView | None:
        everything = {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
        return TrailView("us-east-1", multi_region=True, logging=True, selectors={"EventSelectors": [everything]})


class _EveryKey(dict[str, Sensitive]):
    """A Secret with every key that is asked for."""

    def __init__(self, version: str, value: str) -> None:
        super().__init__()
        self._version, self._value = version, value

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Sensitive:
        return Sensitive(self._value, f"{self._version}/{key}")


def body(spec: Any, namespace: str = "team-a", name: str = "words") -> Document:
    """The object as the API server stores it."""
    metadata = {"namespace": namespace, "name": name, "uid": "2f1c3c1e-9b1d-4b8e-8f55-0f4f3e0a9d11", "generation": 1}
    return {"kind": "IngestionPipeline", "metadata": metadata, "spec": spec}


def planned(
    spec: Any, namespace: str = "team-a", name: str = "words", version: str = "1", secret: str = SECRET_VALUE
) -> Buildable | Unbuildable:
    """The result of planning a spec: a blueprint, or a problem."""
    surroundings = EverythingIsThere(spec if isinstance(spec, dict) else {}, version, secret)
    found = body(spec, namespace, name)
    return (
        Gatherer(surroundings, surroundings, FakeCodeCheck(), REGION, TODAY).observe(found, parse_record(found)).wanted
    )
