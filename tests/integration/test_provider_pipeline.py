"""The stand-in applies every type and every input of the pipelines that the operator builds."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingestion_local.provider.catalogue import KINDS
from ingestion_local.provider.properties import Document
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, FunctionCode, S3Package
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Archive, Ref, Sensitive
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.processor import SecretKey
from ingestion_operator.model.spec import Spec
from integration.provider_engine import Engine
from integration.provider_fixtures import engine, world
from integration.provider_rows import ROWS
from integration.provider_world import ACCOUNT, ProviderWorld, same_text

__all__ = ["engine", "world"]

HANDLER = "def handler(event, context): pass\n"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ENCRYPTION = {"type": "KMS", "keyArn": KEY}
SECRET = {"name": "some", "key": "token"}

PLAIN: Document = {
    "tags": {"team": "a"},
    "source": {"filter": {"prefixes": ["raw/"], "suffixes": [".txt"]}},
    "processor": {"code": {"inline": "x"}, "environment": [{"name": "MODE", "value": "a"}]},
    "results": {"bucket": {"prefix": "out/"}},
}


def stored(world: ProviderWorld) -> S3Package:
    """Code in S3."""
    found, digest = world.zipped("code", HANDLER)
    return S3Package(found["s3Bucket"], found["s3Key"], found["s3ObjectVersion"], base64.b64decode(digest).hex())


def everything(world: ProviderWorld) -> tuple[Document, FunctionCode]:
    """A spec with the settings that the plain one lacks, and code in S3."""
    processor = {
        "code": {"inline": "x"},
        "architecture": "x86_64",
        "environment": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": SECRET}}, {"name": "MODE", "value": "a"}],
        "ephemeralStorageMiB": 1024,
        "reservedConcurrency": 5,
        "layers": [world.layer("a")],
        "vpc": world.network(0),
        "permissions": [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{world.name}/*"]}],
        "logFormat": "JSON",
    }
    source = {"trigger": "CloudTrail", "bucket": {"naming": "AccountRegional", "encryption": ENCRYPTION}}
    return {"source": source, "processor": processor, "results": {"table": {"sortKey": "at"}}}, stored(world)


def image(world: ProviderWorld) -> tuple[Document, FunctionCode]:
    """A function from an image."""
    return PLAIN, ContainerImage(f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/a@sha256:{'a' * 64}")


def plain(world: ProviderWorld) -> tuple[Document, FunctionCode]:
    """A plain spec with inline code."""
    return PLAIN, CodeBundle.of({"index.py": HANDLER})


@pytest.mark.parametrize("asked", [plain, everything, image])
def test_every_type_and_every_input_of_a_pipeline_is_applied_by_the_stand_in(
    asked: Callable[[ProviderWorld], tuple[Document, FunctionCode]], engine: Engine, world: ProviderWorld
) -> None:
    document, code = asked(world)
    owner = Owner("test", PipelineKey("default", asked.__name__), "uid")
    secrets = {SecretKey.model_validate(SECRET): Sensitive("a-token", "1")}
    plan = assemble(Spec.model_validate(document), owner, Place(ACCOUNT, "us-east-1"), code, secrets)
    archive, _ = world.archive(HANDLER)
    if isinstance(code, CodeBundle):
        Path(archive["path"]).write_bytes(code.zip_bytes)
    made: dict[str, Document] = {}
    for resource in plan.resources:
        inputs = {camel(key): resolved(value, made, archive) for key, value in resource.inputs.items()}
        identity, outputs = engine.create(resource.type, inputs)
        made[resource.name] = {"id": identity, **outputs}
        assert engine.read(resource.type, identity, inputs)[1] == inputs
        seen = ROWS[resource.type].seen(world, inputs)
        assert {key: same_text(value) for key, value in seen.items() if key in inputs} == {
            key: same_text(value) for key, value in inputs.items()
        }
    assert {resource.type for resource in plan.resources} <= set(KINDS)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def resolved(value: Any, made: Mapping[str, Document], archive: Document) -> Any:
    """An input as the engine sends it, with resolved references and the protocol's names."""
    if isinstance(value, Ref):
        return made[value.resource][value.attribute]
    if isinstance(value, Archive):
        return archive
    if isinstance(value, Sensitive):
        return value.value
    if isinstance(value, list | tuple):
        return [resolved(inner, made, archive) for inner in value]
    if isinstance(value, Mapping):
        # Keys of tags and of variables are data; every other key is a name.
        free = any(not key.isidentifier() or key != key.lower() or "/" in key for key in value)
        return {key if free else camel(key): resolved(inner, made, archive) for key, inner in value.items()}
    return value
