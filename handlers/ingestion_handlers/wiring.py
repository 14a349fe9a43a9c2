"""Connects the core's ports to Kubernetes, AWS and Pulumi, and sets Kopf up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import kopf

from ingestion_operator.aws import Boto3Cloud
from ingestion_operator.conclude import Backoff
from ingestion_operator.engine.pulumi_engine import EngineSettings, PulumiEngine
from ingestion_operator.kube import KubernetesCluster, load_configuration
from ingestion_operator.model.pipeline import GROUP
from ingestion_operator.reconcile import Reconciler
from ingestion_operator.settings import Settings

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
    reconciler: Reconciler
    workers: ThreadPoolExecutor = field(compare=False)

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
    """Connect everything. Raises StateUnreadable without a usable Pulumi CLI."""
    load_configuration()
    engine = PulumiEngine(
        EngineSettings(settings.pulumi, settings.backend_url, settings.pulumi_home, settings.passphrase_file)
    )
    engine.check()
    reconciler = Reconciler(
        KubernetesCluster(settings.cluster_id, settings.namespace_list),
        Boto3Cloud(path_style=settings.s3_path_style, permissions_boundary=settings.permissions_boundary),
        engine,
        settings.region,
        Backoff(
            settings.retry_base_seconds,
            settings.retry_cap_seconds,
            settings.retry_maximum,
            settings.waiting_seconds,
            settings.poll_seconds,
        ),
    )
    return Wiring(settings, engine, reconciler, ThreadPoolExecutor(settings.workers, thread_name_prefix="reconcile"))
