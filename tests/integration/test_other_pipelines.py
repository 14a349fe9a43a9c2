"""Two pipelines in one account without a permissions boundary: the widest rights of one do not reach the other.

The roles and their policies are the operator's own, and the emulator enforces them.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from builders import CODE, make_spec
from ingestion_local.emulator import Emulator
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import ROLE_PATH, Blueprint
from ingestion_operator.model.pipeline import PipelineKey

REGION = "us-east-1"
WIDEST = [{"actions": ["lambda:*", "sqs:*", "events:*", "s3:*"], "resources": ["*"]}]
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass
class Built:
    """A pipeline's function, queue, rule and role, with its tags, and a session with the role."""

    emulator: Emulator
    plan: Blueprint

    def __post_init__(self) -> None:
        names, tags = self.plan.names, self.plan.owner.tags()
        inputs = {resource.name: resource.inputs for resource in self.plan.resources}
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
        iam = self.emulator.client("iam")
        role = iam.create_role(
            RoleName=names.role, Path=ROLE_PATH, AssumeRolePolicyDocument=json.dumps(trust), Tags=listed(tags)
        )["Role"]["Arn"]
        iam.put_role_policy(RoleName=names.role, PolicyName="p", PolicyDocument=inputs["role-policy"]["policy"])
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", CODE)
        self.emulator.client("lambda").create_function(
            FunctionName=names.function, Role=role, Runtime="python3.13", Handler="index.handler",
            Code={"ZipFile": archive.getvalue()}, Tags=tags,
        )  # fmt: skip
        self.queue = self.emulator.client("sqs").create_queue(QueueName=names.queue, tags=tags)["QueueUrl"]
        self.emulator.client("events").put_rule(Name=names.rule, ScheduleExpression="rate(1 day)", Tags=listed(tags))
        self.session = self.emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="function")["Credentials"]

    def client(self, service: str) -> Any:
        keys = self.session
        make: Any = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION).client
        config = Config(s3={"addressing_style": "path"}, proxies={})
        return make(service, endpoint_url=self.emulator.endpoint, config=config, verify=str(self.emulator.certificate))

    def may(self, service: str, call: str, **arguments: Any) -> bool:
        try:
            getattr(self.client(service), call)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                return False
            raise
        return True


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def built(emulator: Emulator, name: str, state_bucket: str) -> Built:
    owner = Owner("it", PipelineKey("spared", name), uuid4().hex)
    spec = make_spec(processor={"code": {"inline": CODE}, "permissions": WIDEST})
    place = Place(emulator.account_id, REGION)
    return Built(emulator, assemble(spec, owner, place, CodeBundle.of({"index.py": CODE}), state_bucket=state_bucket))


def test_the_widest_rights_reach_no_other_pipeline_and_not_the_state_but_everything_else(emulator: Emulator) -> None:
    suffix = uuid4().hex[:8]
    state, shared = f"state-{suffix}", f"shared-{suffix}"
    for bucket in (state, shared):
        emulator.client("s3").create_bucket(Bucket=bucket)
        emulator.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    jobs = emulator.client("sqs").create_queue(QueueName=f"jobs-{suffix}")["QueueUrl"]
    mine, theirs = (built(emulator, f"{name}-{suffix}", state) for name in ("mine", "theirs"))
    emulator.client("lambda").publish_version(FunctionName=theirs.plan.names.function)

    def reached(whose: Built) -> dict[str, bool]:
        names = whose.plan.names
        return {
            "look at the function": mine.may("lambda", "get_function", FunctionName=names.function),
            "untag the function": mine.may("lambda", "untag_resource", Resource=whose.plan.function_arn, TagKeys=["x"]),
            "invoke the function": mine.may("lambda", "invoke", FunctionName=names.function),
            "send to the queue": mine.may("sqs", "send_message", QueueUrl=whose.queue, MessageBody="x"),
            "read the queue": mine.may("sqs", "receive_message", QueueUrl=whose.queue),
            "look at the rule": mine.may("events", "describe_rule", Name=names.rule),
            "switch the rule off": mine.may("events", "disable_rule", Name=names.rule),
        }

    assert set(reached(theirs).values()) == {False}
    assert not mine.may("lambda", "invoke", FunctionName=theirs.plan.names.function, Qualifier="1")
    assert not mine.may("iam", "get_role", RoleName=theirs.plan.names.role)
    assert not mine.may("s3", "get_object", Bucket=state, Key="k")
    assert not mine.may("s3", "list_objects_v2", Bucket=state)
    assert set(reached(mine).values()) == {True}
    assert mine.may("sqs", "send_message", QueueUrl=jobs, MessageBody="x")
    assert mine.may("s3", "get_object", Bucket=shared, Key="k")
    assert mine.may("events", "put_rule", Name=f"own-{suffix}", ScheduleExpression="rate(1 day)")
