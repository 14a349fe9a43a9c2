"""The Kopf handlers of the ingestion operator: the only importers of Kopf."""

from ingestion_handlers import handlers as handlers
