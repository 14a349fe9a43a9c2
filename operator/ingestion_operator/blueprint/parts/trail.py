"""The trail of a pipeline that CloudTrail triggers. Its log has a separate bucket, which is never the source bucket."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion_operator.blueprint import iam
from ingestion_operator.blueprint.parts.buckets import TRAIL_LOG_DAYS, BucketPlan, bucket
from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.resources import Ref, Resource
from ingestion_operator.blueprint.trail_selectors import data_event_selector


def trail(draft: Draft) -> Iterator[Resource]:
    """The trail and its bucket, if the pipeline makes a trail."""
    if not draft.names.trail:
        return
    log = draft.names.trail_log.name
    may = iam.trail_may_write(draft.place.bucket_arn(log), draft.trail_arn, draft.place.account_id)
    yield from bucket(draft, BucketPlan("trail", log, expiration_days=TRAIL_LOG_DAYS, may=may))
    yield Resource(
        "trail",
        "aws:cloudtrail/trail:Trail",
        {
            "name": draft.names.trail,
            "s3_bucket_name": Ref("trail-bucket", "bucket"),
            "include_global_service_events": False,
            "is_multi_region_trail": False,
            "enable_logging": True,
            "enable_log_file_validation": True,
            "advanced_event_selectors": [data_event_selector(draft.source_arn)],
            "tags": draft.tags,
        },
        # When the trail is created, CloudTrail tries to write to the bucket. If CloudTrail is not allowed to write, the creation fails.
        depends_on=("trail-bucket-policy", "trail-public-access-block"),
    )
