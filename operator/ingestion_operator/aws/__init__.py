"""The AWS adapter: the only place in the operator that calls AWS by itself."""

from ingestion_operator.aws.cloud import Boto3Cloud

__all__ = ["Boto3Cloud"]
