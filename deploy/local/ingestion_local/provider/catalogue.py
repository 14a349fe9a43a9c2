"""The types that the stand-in knows."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion_local.provider import (
    bucket_rules,
    buckets,
    events,
    functions,
    invocation,
    logs,
    queues,
    roles,
    tables,
    trails,
)
from ingestion_local.provider.kinds import ResourceKind

MODULES = (buckets, bucket_rules, roles, logs, functions, invocation, events, queues, tables, trails)
KINDS: Mapping[str, type[ResourceKind]] = {kind.type: kind for module in MODULES for kind in module.KINDS}

# The services of every pipeline, in the order in which a program uses them.
USUAL_SERVICES = ("s3", "iam", "logs", "lambda", "events")
SERVICES = (*USUAL_SERVICES, "sqs", "dynamodb", "cloudtrail", "sts")
