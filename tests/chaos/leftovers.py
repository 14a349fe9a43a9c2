"""What AWS and the state still hold of a pipeline. A correct deletion leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator

from e2e.fixtures import SETTINGS
from e2e.world import World
from ingestion_operator.blueprint.names import stack_name
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.model.pipeline import PipelineKey

# Service, listing, member of its answer, and the member of an item that has the name. An empty one: the item is the name.
LISTINGS = (
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("sqs", "list_queues", "QueueUrls", ""),
)


def left_of(world: World, name: str, cluster_id: str = SETTINGS["INGESTION_CLUSTER_ID"]) -> list[str]:
    """Everything that AWS and the state hold of a pipeline. All of its names contain the hash of its key."""
    owner = Owner(cluster_id, PipelineKey(world.namespace, name), "")
    mark = stack_name(owner).rpartition("-")[2]
    return [found for found in (*_in_aws(world), *_in_the_state(world)) if mark in found]


def locks(world: World) -> list[str]:
    """The locks of the state that somebody holds or left behind."""
    return [path for path in world.operator.state_files() if path.startswith(".pulumi/locks/")]


def _in_aws(world: World) -> Iterator[str]:
    for service, call, member, field in LISTINGS:
        for item in world.listed(service, call, member):
            yield f"{service}: {item[field] if field else item}"


def _in_the_state(world: World) -> Iterator[str]:
    return (f"state: {path}" for path in world.operator.state_files())
