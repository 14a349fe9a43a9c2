"""Connects the core's ports to Kubernetes, AWS and Pulumi, and sets Kopf up."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

import kopf

from ingestion_handlers.exporter import Exporter
from ingestion_handlers.workers import Workers
from ingestion_operator.adapters.aws import Boto3Cloud, BucketState
from ingestion_operator.adapters.kubernetes import KubernetesCluster, load_configuration
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import GROUP
from ingestion_operator.ports.pod import Pod
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.reconcile.account_check import AccountCheck
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.reconciler import Reconciler
from ingestion_operator.settings import Settings
from ingestion_operator.state.backend import Backend, parse_backend
from ingestion_operator.status.schedule import Backoff

logger = logging.getLogger(__name__)

# Not the group itself: Kopf takes no notice of changes under its prefix, and users ask for things under the group's.
KOPF_PREFIX = f"kopf.{GROUP}"
SERVER_TIMEOUT_SECONDS = 300
CLIENT_TIMEOUT_SECONDS = 330
CONNECT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Wiring:
    """What the handlers share for as long as the operator runs."""

    settings: Settings
    engine: PulumiEngine
    cluster: KubernetesCluster
    reconciler: Reconciler
    workers: Workers = field(compare=False)
    exporter: Exporter = field(compare=False)

    @property
    def accounts(self) -> AccountCheck:
        """What looks after AWSAccounts."""
        return AccountCheck(self.reconciler.context)

    def faults(self) -> list[str]:
        """What keeps the operator from its work: Kubernetes without an answer or without the CRD, no AWS credentials."""
        found = []
        for check in (self.cluster.check, partial(self.reconciler.context.cloud.place, self.settings.region)):
            try:
                check()
            except PipelineError as error:
                found.append(str(error))
        return found

    def configure(self, kopf_settings: kopf.OperatorSettings) -> None:
        """Tell Kopf how to behave."""
        kopf_settings.execution.executor = self.workers
        kopf_settings.execution.max_workers = self.settings.workers
        kopf_settings.persistence.finalizer = f"{GROUP}/finalizer"
        kopf_settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=KOPF_PREFIX)
        kopf_settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
            prefix=KOPF_PREFIX, key="last-handled"
        )
        kopf_settings.posting.enabled = False  # the core publishes its own Events, with its own reasons
        kopf_settings.watching.server_timeout = SERVER_TIMEOUT_SECONDS
        kopf_settings.watching.client_timeout = CLIENT_TIMEOUT_SECONDS
        kopf_settings.watching.connect_timeout = CONNECT_TIMEOUT_SECONDS
        kopf_settings.scanning.disabled = True  # the CRD is installed before the operator; saves a cluster-wide right


def wire(settings: Settings) -> Wiring:
    """Connect everything. Raises StateUnreadable without a usable Pulumi CLI or backend URL."""
    load_configuration()
    backend = backend_of(settings, settings.backend_url)
    state = store_of(backend)
    engine = engine_of(settings, backend, state)
    engine.check()
    for note in state.notes():
        logger.warning("%s", note)
    cluster = KubernetesCluster(settings.cluster_id, settings.namespace_list, accounts=settings.accounts)
    exporter = Exporter()
    context = Context(
        cluster,
        Boto3Cloud(
            path_style=settings.s3_path_style,
            permissions_boundary=settings.permissions_boundary,
            region=settings.region,
        ),
        engine,
        settings.region,
        Backoff(
            settings.retry_base_seconds,
            settings.retry_cap_seconds,
            settings.retry_maximum,
            settings.waiting_seconds,
            settings.poll_seconds,
        ),
        observer=exporter,
        pod=Pod.parse(settings.pod),
    )
    return Wiring(settings, engine, cluster, Reconciler(context), Workers(settings.workers), exporter)


def backend_of(settings: Settings, url: str) -> Backend:
    """The backend of that URL. Raises StateUnreadable if it is none."""
    return parse_backend(url, settings.region, path_style=settings.s3_path_style)


def store_of(backend: Backend) -> StateStore:
    """The files of a backend."""
    return BucketState(backend) if backend.in_s3 else FileState(backend.directory)


def engine_of(settings: Settings, backend: Backend, state: StateStore) -> PulumiEngine:
    """The engine on a backend."""
    return PulumiEngine(
        EngineSettings(
            settings.pulumi, backend.url, settings.pulumi_home, settings.passphrase_file, settings.secrets_provider
        ),
        state,
    )
