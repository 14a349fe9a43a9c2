"""Gathering: all the reading that has to be done before a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ingestion_operator import code as packing
from ingestion_operator.code import CodeBundle
from ingestion_operator.decide import Observed
from ingestion_operator.errors import DependencyNotReady, PipelineError, SpecInvalid
from ingestion_operator.model.pipeline import Identity, parse_spec
from ingestion_operator.model.processor import ConfigMapCode, Processor
from ingestion_operator.model.spec import Spec
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Blueprint, Place, blueprint


class Reads(Protocol):
    """What gathering reads of the cluster."""

    def cluster_id(self) -> str:
        """See `Cluster`."""

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """See `Cluster`."""


class Places(Protocol):
    """What gathering asks of AWS."""

    def place(self, region: str) -> Place:
        """See `Cloud`."""


@dataclass(frozen=True)
class Gatherer:
    """Reads what a pipeline refers to and puts it together."""

    cluster: Reads
    cloud: Places
    default_region: str

    def observe(self, body: Mapping[str, Any], identity: Identity) -> Observed:
        """Everything a decision needs; what is wrong is part of it, not raised."""
        try:
            spec = parse_spec(body)
        except SpecInvalid as problem:
            return Observed(identity, problem=problem)
        try:
            return Observed(identity, spec, self._blueprint(spec, identity))
        except PipelineError as problem:
            return Observed(identity, spec, problem=problem)

    def _blueprint(self, spec: Spec, identity: Identity) -> Blueprint:
        bundle = self.code(spec.processor, identity.key.namespace)
        packing.check(bundle, spec.processor)
        place = self.cloud.place(spec.region or self.default_region)
        found = blueprint(spec, Owner(self.cluster.cluster_id(), identity.key, identity.uid), place, bundle)
        _refuse_endless_loop(spec, found)
        return found

    def code(self, processor: Processor, namespace: str) -> CodeBundle:
        """The files of the function.

        Raises DependencyNotReady, naming the ConfigMap or key that is missing.
        """
        if processor.code.inline is not None:
            return packing.inline_bundle(processor, processor.code.inline)
        reference = processor.code.config_map_ref
        if reference is None:
            raise SpecInvalid("processor.code names no source: write inline or configMapRef")
        entries = self.cluster.config_map(namespace, reference.name)
        return _from_config_map(processor, reference, namespace, entries)


def _from_config_map(
    processor: Processor, reference: ConfigMapCode, namespace: str, entries: Mapping[str, str] | None
) -> CodeBundle:
    if entries is None:
        raise DependencyNotReady(
            f"ConfigMap {namespace}/{reference.name}, named by processor.code.configMapRef, does not exist"
        )
    if not reference.key:
        return CodeBundle.of(entries)
    if reference.key not in entries:
        raise DependencyNotReady(
            f"ConfigMap {namespace}/{reference.name} has no key {reference.key!r}; it has: {', '.join(sorted(entries)) or 'none'}"
        )
    return packing.inline_bundle(processor, entries[reference.key])


def _refuse_endless_loop(spec: Spec, found: Blueprint) -> None:
    """Admission refuses a loop by name; one through the generated name of the source bucket is only seen here."""
    names, prefixes = found.names, spec.source.filter.prefixes or ("",)
    prefix = names.results_prefix
    overlap = any(p.startswith(prefix) or prefix.startswith(p) for p in prefixes)
    if names.results_bucket == names.source_bucket and overlap:
        raise SpecInvalid(
            "results.bucket is the source bucket and its prefix is inside the filter: each result would start the function "
            "again, without end. Write results under a prefix outside source.filter.prefixes"
        )
