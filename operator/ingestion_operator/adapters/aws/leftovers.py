"""Claims what an interrupted creation, or an earlier pipeline of the same name, left. Resources of others stay unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ingestion_operator.adapters.aws.calls import Clients, allowing, translated
from ingestion_operator.blueprint.resources import Blueprint

PERMISSION = "aws:lambda/permission:Permission"
ABSENT = {
    "NoSuchEntity",
    "ResourceNotFoundException",
    "TrailNotFoundException",
    # SQS answers with the first of these codes. A service that is compatible with SQS may answer with the second.
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}


@dataclass(frozen=True)
class Leftover:
    """A resource that exists already: its physical id, its tags, and the calls that change its tags."""

    id: str
    tags: Mapping[str, str]
    untag: Callable[[list[str]], object]
    tag: Callable[[Mapping[str, str]], object]

    def retag(self, wanted: Mapping[str, str]) -> None:
        """Replace the tags."""
        if stale := [key for key in self.tags if key not in wanted]:
            self.untag(stale)
        self.tag(wanted)


class Leftovers:
    """The leftovers that one access can reach."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def claim(self, blueprint: Blueprint) -> Mapping[str, str]:
        """See `Leftovers.claim_leftovers` of the ports."""
        looks: Mapping[str, Callable[[Blueprint], Leftover | None]] = {
            "aws:iam/role:Role": self._role,
            "aws:cloudwatch/logGroup:LogGroup": self._log_group,
            "aws:sqs/queue:Queue": self._queue,
            "aws:cloudtrail/trail:Trail": self._trail,
            "aws:lambda/function:Function": self._function,
            PERMISSION: self._permission,
        }
        claimed: dict[str, str] = {}
        with translated("looking for what an interrupted creation left"):
            for resource in blueprint.resources:
                leftover = looks[resource.type](blueprint) if resource.type in looks else None
                if leftover is not None and blueprint.owner.owns(leftover.tags):
                    leftover.retag(resource.inputs.get("tags", {}))
                    claimed[resource.name] = leftover.id
        return claimed

    def _role(self, blueprint: Blueprint) -> Leftover | None:
        iam, name = self._clients.iam(blueprint.place.region), blueprint.names.role
        with allowing(ABSENT):
            return Leftover(
                name,
                {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]},
                untag=lambda keys: iam.untag_role(RoleName=name, TagKeys=keys),
                tag=lambda tags: iam.tag_role(RoleName=name, Tags=_listed(tags)),
            )
        return None

    def _log_group(self, blueprint: Blueprint) -> Leftover | None:
        logs, name = self._clients.logs(blueprint.place.region), blueprint.names.log_group
        arn = blueprint.place.arn("logs", f"log-group:{name}")
        with allowing(ABSENT):
            return Leftover(
                name,
                logs.list_tags_for_resource(resourceArn=arn).get("tags", {}),
                untag=lambda keys: logs.untag_resource(resourceArn=arn, tagKeys=keys),
                tag=lambda tags: logs.tag_resource(resourceArn=arn, tags=dict(tags)),
            )
        return None

    def _queue(self, blueprint: Blueprint) -> Leftover | None:
        sqs = self._clients.sqs(blueprint.place.region)
        with allowing(ABSENT):
            url = sqs.get_queue_url(QueueName=blueprint.names.queue)["QueueUrl"]
            return Leftover(
                url,
                sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
                untag=lambda keys: sqs.untag_queue(QueueUrl=url, TagKeys=keys),
                tag=lambda tags: sqs.tag_queue(QueueUrl=url, Tags=dict(tags)),
            )
        return None

    def _trail(self, blueprint: Blueprint) -> Leftover | None:
        cloudtrail, arn = self._clients.cloudtrail(blueprint.place.region), blueprint.trail_arn
        with allowing(ABSENT):
            answers = cloudtrail.list_tags(ResourceIdList=[arn]).get("ResourceTagList", [])
            return Leftover(
                arn,
                {tag["Key"]: tag.get("Value", "") for answer in answers for tag in answer.get("TagsList", [])},
                untag=lambda keys: cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": key} for key in keys]),
                tag=lambda tags: cloudtrail.add_tags(ResourceId=arn, TagsList=_listed(tags)),
            )
        return None

    def _function(self, blueprint: Blueprint) -> Leftover | None:
        client, name = self._clients.lambda_(blueprint.place.region), blueprint.names.function
        with allowing(ABSENT):
            return Leftover(
                name,
                client.get_function(FunctionName=name).get("Tags", {}),
                untag=lambda keys: client.untag_resource(Resource=blueprint.function_arn, TagKeys=keys),
                tag=lambda tags: client.tag_resource(Resource=blueprint.function_arn, Tags=dict(tags)),
            )
        return None

    def _permission(self, blueprint: Blueprint) -> Leftover | None:
        """The statement in the function's policy. It has no tags: whoever owns the function owns it."""
        client, name = self._clients.lambda_(blueprint.place.region), blueprint.names.function
        with allowing(ABSENT):
            wanted = next(r.inputs["statement_id"] for r in blueprint.resources if r.type == PERMISSION)
            statements = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
            if not any(statement.get("Sid") == wanted for statement in statements):
                return None
            tags = client.get_function(FunctionName=name).get("Tags", {})
            # Source of the form of the id: https://www.pulumi.com/registry/packages/aws/api-docs/lambda/permission/#import
            return Leftover(f"{name}/{wanted}", tags, untag=lambda _: None, tag=lambda _: None)
        return None


def _listed(tags: Mapping[str, str]) -> Any:
    return cast(Any, [{"Key": key, "Value": value} for key, value in tags.items()])
