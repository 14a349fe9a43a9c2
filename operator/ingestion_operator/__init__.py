"""The core of the ingestion operator: it knows nothing of Kopf."""

__version__ = "0.1.0"
