"""What `kopf run -m ingestion_handlers.kopf_run` loads: importing this module registers the handlers with Kopf's own registry."""

from __future__ import annotations

import kopf

from ingestion_handlers.registry import register
from ingestion_operator.settings import Settings

register(Settings(), kopf.get_default_registry())
