"""Which handler answers which event. The handler modules register nothing themselves: importing them changes nothing.

Every handler of an object is an event handler. Kopf then keeps no notes on the objects (`watching.py`). It uses the name of an
index's function to pass the index to handlers.
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
    _register_pipelines(registry)
    if settings.accounts:
        _register_accounts(registry)


def _register_operator(registry: kopf.OperatorRegistry) -> None:
    kopf.on.startup(registry=registry)(startup.start)
    kopf.on.login(registry=registry)(startup.login)
    kopf.on.cleanup(registry=registry)(startup.stop)
    kopf.on.probe(registry=registry)(probes.pipelines)


def _register_pipelines(registry: kopf.OperatorRegistry) -> None:
    kopf.on.event(*PIPELINES, registry=registry)(pipelines.pipeline_event)
    kopf.index(*PIPELINES, registry=registry)(indices.conditions_by_pipeline)
    kopf.index(*PIPELINES, registry=registry)(indices.pipelines_by_config_map)
    kopf.on.event(*CONFIG_MAPS, registry=registry)(config_maps.config_map_event)


def _register_accounts(registry: kopf.OperatorRegistry) -> None:
    kopf.on.event(*AWS_ACCOUNTS, registry=registry)(accounts.account_event)
    kopf.index(*PIPELINES, registry=registry)(indices.pipelines_by_account)
