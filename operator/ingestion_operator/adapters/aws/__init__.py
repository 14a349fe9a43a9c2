"""The AWS adapter: the only room in the operator that calls AWS itself.

`Boto3Cloud` implements the `Cloud` port with one part for each concern. `BucketState` implements the `StateStore` port.
"""

from ingestion_operator.adapters.aws.cloud import Boto3Cloud
from ingestion_operator.adapters.aws.state_bucket import BucketState

__all__ = ["Boto3Cloud", "BucketState"]
