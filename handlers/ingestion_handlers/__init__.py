"""The Kopf handlers of the ingestion operator and its console script. Only this package imports Kopf."""
