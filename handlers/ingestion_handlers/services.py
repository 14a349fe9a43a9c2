"""Connects the core's ports to Kubernetes, AWS and Pulumi."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingestion_handlers.exporter import Exporter
from ingestion_handlers.keys import WorkKey
from ingestion_handlers.seen import Seen
from ingestion_handlers.workers import Workers
from ingestion_operator.adapters.aws import Boto3Cloud, BucketState
from ingestion_operator.adapters.code_check import CodeChecker
from ingestion_operator.adapters.kubernetes import KubernetesCluster, load_configuration
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.errors import PipelineError
from ingestion_operator.ports.pod import Pod
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.reconcile.account_check import AccountCheck
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.reconciler import Reconciler
from ingestion_operator.settings import Settings
from ingestion_operator.state.backend import Backend, parse_backend
from ingestion_operator.status.schedule import Backoff

logger = logging.getLogger(__name__)

NO_BOUNDARY = (
    "INGESTION_PERMISSIONS_BOUNDARY is empty: processor.permissions of a pipeline can give its function rights on everything in the "
    "AWS account, except on other pipelines' functions, queues, rules and roles; set the ARN of a policy that limits every role (see "
    "docs/operator-policy.md)"
)
# A pass without an operation calls AWS and Kubernetes a few times, and each call has a time limit.
PASS_SECONDS = 900.0


@dataclass(frozen=True, eq=False)
class Services:
    """What the handlers share for as long as the operator runs."""

    settings: Settings
    cluster: KubernetesCluster
    cloud: Boto3Cloud
    engine: PulumiEngine
    exporter: Exporter
    workers: Workers[WorkKey]
    seen: Seen[WorkKey]
    reconciler: Reconciler
    accounts: AccountCheck

    def hanging(self) -> list[str]:
        """What must be restarted, one message each: dead workers, operations beyond their time limit, passes that do not end."""
        overdue = [f"operation on {key} exceeds its time limit" for key in self.exporter.overdue()]
        operating = self.exporter.operating()
        passes = [
            f"the pass over {key} has taken {seconds:.0f} s"
            for key, seconds in self.workers.working().items()
            if seconds > PASS_SECONDS and key not in operating
        ]
        return [*self.workers.faults(), *overdue, *passes]

    def stop(self) -> None:
        """Begin no further work, and let each update under way write its state and end. Returns at once. Twice is harmless."""
        self.workers.stop()
        self.reconciler.context.stopping.set()
        self.engine.interrupt()

    def faults(self) -> list[str]:
        """What keeps the operator from working, one message each. Empty if it is ready.

        Kubernetes has to answer and know the CRD, and AWS has to accept the operator's credentials now.
        """
        messages = []
        for check in (self.cluster.check, self.cloud.check):
            try:
                check()
            except PipelineError as error:
                messages.append(str(error))
        return messages


def connect(settings: Settings) -> Services:
    """Connect everything. Raises StateUnreadable without a usable Pulumi CLI or backend URL."""
    load_configuration()
    cluster = KubernetesCluster(settings.cluster_id, settings.namespace_list, accounts=settings.accounts)
    cloud = Boto3Cloud(
        path_style=settings.s3_path_style,
        permissions_boundary=settings.permissions_boundary,
        region=settings.region,
    )
    backend = backend_of(settings, settings.backend_url)
    engine = _checked_engine(settings, backend)
    if not settings.permissions_boundary:
        logger.warning("%s", NO_BOUNDARY)
    exporter = Exporter()
    context = Context(
        cluster,
        cloud,
        engine,
        settings.region,
        backoff_of(settings),
        observer=exporter,
        pod=Pod.parse(settings.pod),
        code_check=CodeChecker(),
        state_bucket=backend.bucket,
    )
    return Services(
        settings,
        cluster,
        cloud,
        engine,
        exporter,
        Workers(settings.workers),
        Seen(),
        Reconciler(context),
        AccountCheck(context),
    )


def backoff_of(settings: Settings) -> Backoff:
    """The times between retries."""
    return Backoff(
        settings.retry_base_seconds,
        settings.retry_cap_seconds,
        settings.retry_maximum,
        settings.waiting_seconds,
        settings.poll_seconds,
    )


def backend_of(settings: Settings, url: str) -> Backend:
    """The backend with that URL. Raises StateUnreadable if the URL names no backend."""
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


def _checked_engine(settings: Settings, backend: Backend) -> PulumiEngine:
    state = store_of(backend)
    engine = engine_of(settings, backend, state)
    engine.check()
    for note in state.notes():
        logger.warning("%s", note)
    return engine
