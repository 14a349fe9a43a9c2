"""What an interrupted creation, or an earlier life, left behind: taken over if it is this pipeline's, never touched if not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import Calls, error_code, translated
from ingestion_operator.blueprint.resources import Blueprint

FUNCTION = "aws:lambda/function:Function"
ABSENT_TRAIL = {"ResourceNotFoundException", "TrailNotFoundException"}


class Leftovers(Calls):
    """The part of the `Cloud` port that is about leftovers."""

    def leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        """See the port."""
        claims: dict[str, Callable[[Blueprint, Mapping[str, str]], str]] = {
            "aws:iam/role:Role": self._claim_role,
            "aws:cloudwatch/logGroup:LogGroup": self._claim_log_group,
            "aws:sqs/queue:Queue": self._claim_queue,
            "aws:cloudtrail/trail:Trail": self._claim_trail,
        }
        with translated("looking for what an interrupted creation left"):
            found = {
                resource.name: claims[resource.type](blueprint, resource.inputs["tags"])
                for resource in blueprint.resources
                if resource.type in claims
            }
            if any(resource.type == FUNCTION for resource in blueprint.resources):
                self._drop_function(blueprint)
        return {name: identity for name, identity in found.items() if identity}

    def _claim_role(self, blueprint: Blueprint, tags: Mapping[str, str]) -> str:
        iam, name = self._iam(blueprint.place.region), blueprint.names.role
        try:
            there = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]}
        except iam.exceptions.NoSuchEntityException:
            return ""
        if not blueprint.owner.owns(there):
            return ""
        if stale := [key for key in there if key not in tags]:
            iam.untag_role(RoleName=name, TagKeys=stale)
        iam.tag_role(RoleName=name, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        return name

    def _claim_log_group(self, blueprint: Blueprint, tags: Mapping[str, str]) -> str:
        logs, name = self._logs(blueprint.place.region), blueprint.names.log_group
        arn = blueprint.place.arn("logs", f"log-group:{name}")
        try:
            there = logs.list_tags_for_resource(resourceArn=arn).get("tags", {})
        except logs.exceptions.ResourceNotFoundException:
            return ""
        if not blueprint.owner.owns(there):
            return ""
        if stale := [key for key in there if key not in tags]:
            logs.untag_resource(resourceArn=arn, tagKeys=stale)
        logs.tag_resource(resourceArn=arn, tags=dict(tags))
        return name

    def _claim_queue(self, blueprint: Blueprint, tags: Mapping[str, str]) -> str:
        sqs = self._sqs(blueprint.place.region)
        try:
            url = sqs.get_queue_url(QueueName=blueprint.names.queue)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            return ""
        there = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        if not blueprint.owner.owns(there):
            return ""
        if stale := [key for key in there if key not in tags]:
            sqs.untag_queue(QueueUrl=url, TagKeys=stale)
        sqs.tag_queue(QueueUrl=url, Tags=dict(tags))
        return url

    def _claim_trail(self, blueprint: Blueprint, tags: Mapping[str, str]) -> str:
        client, arn = self._cloudtrail(blueprint.place.region), blueprint.trail_arn
        try:
            listed = client.list_tags(ResourceIdList=[arn]).get("ResourceTagList", [])
        except ClientError as error:
            if error_code(error) in ABSENT_TRAIL:
                return ""
            raise
        there = {tag["Key"]: tag.get("Value", "") for item in listed for tag in item.get("TagsList", [])}
        if not blueprint.owner.owns(there):
            return ""
        if stale := [{"Key": key} for key in there if key not in tags]:
            client.remove_tags(ResourceId=arn, TagsList=cast(Any, stale))
        client.add_tags(ResourceId=arn, TagsList=[{"Key": k, "Value": v} for k, v in tags.items()])
        return arn

    def _drop_function(self, blueprint: Blueprint) -> None:
        client, name = self._lambda(blueprint.place.region), blueprint.names.function
        try:
            there = client.get_function(FunctionName=name).get("Tags", {})
        except client.exceptions.ResourceNotFoundException:
            return
        if blueprint.owner.owns(there):
            client.delete_function(FunctionName=name)
