"""The AWS adapter: the only place in the operator that calls AWS by itself."""

from ingestion_operator.adapters.aws.cloud import Boto3Cloud
from ingestion_operator.adapters.aws.state_bucket import BucketState

__all__ = ["Boto3Cloud", "BucketState"]
