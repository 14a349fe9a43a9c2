"""Which handler answers which event. The handler modules register nothing themselves: importing them changes nothing.

Kopf uses the name of a handler's function to store its progress, and the name of an index's function to pass the index to
handlers. Renaming such a function changes these names too.
"""

from __future__ import annotations

import kopf

from ingestion_handlers import accounts, config_maps, indices, pipelines, probes, startup
from ingestion_operator.model.account import ACCOUNTS
from ingestion_operator.model.pipeline import GROUP, PLURAL, VERSION
from ingestion_operator.settings import Settings

PIPELINES = (GROUP, VERSION, PLURAL)
AWS_ACCOUNTS = (GROUP, VERSION, ACCOUNTS)
CONFIG_MAPS = ("", "v1", "configmaps")


def register(settings: Settings, registry: kopf.OperatorRegistry) -> None:
    """Register every handler; those of AWSAccounts only if the settings ask for accounts."""
    _register_operator(registry)
    _register_pipelines(settings, registry)
    if settings.accounts:
        _register_accounts(settings, registry)


def _register_operator(registry: kopf.OperatorRegistry) -> None:
    kopf.on.startup(registry=registry)(startup.start)
    kopf.on.login(registry=registry)(startup.login)
    kopf.on.cleanup(registry=registry)(startup.stop)
    kopf.on.probe(registry=registry)(probes.pipelines)


def _register_pipelines(settings: Settings, registry: kopf.OperatorRegistry) -> None:
    for happens in (kopf.on.create, kopf.on.update, kopf.on.resume):
        happens(*PIPELINES, registry=registry)(pipelines.reconcile)
    kopf.timer(*PIPELINES, interval=settings.tick_seconds, registry=registry)(pipelines.tick)
    kopf.on.delete(*PIPELINES, registry=registry)(pipelines.remove)
    kopf.index(*PIPELINES, registry=registry)(indices.conditions_by_pipeline)
    kopf.index(*PIPELINES, registry=registry)(indices.pipelines_by_config_map)
    kopf.on.event(*CONFIG_MAPS, registry=registry)(config_maps.config_map_changed)


def _register_accounts(settings: Settings, registry: kopf.OperatorRegistry) -> None:
    kopf.on.resume(*AWS_ACCOUNTS, registry=registry)(accounts.resume_account)
    for happens in (kopf.on.create, kopf.on.update):
        happens(*AWS_ACCOUNTS, registry=registry)(accounts.account_changed)
    kopf.timer(*AWS_ACCOUNTS, interval=settings.tick_seconds, registry=registry)(accounts.tick_account)
    kopf.on.delete(*AWS_ACCOUNTS, registry=registry)(accounts.release_account)
    kopf.index(*PIPELINES, registry=registry)(indices.pipelines_by_account)
