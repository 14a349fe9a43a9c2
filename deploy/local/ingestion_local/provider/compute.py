"""IAM roles, log groups and Lambda functions."""

from __future__ import annotations

import json
import time
import urllib.parse
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ingestion_local.provider.buckets import known
from ingestion_local.provider.kinds import (
    Kind,
    Refused,
    absent_is_fine,
    doing,
    error_code,
    tag_changes,
    tag_list,
    tag_map,
)
from ingestion_local.provider.properties import Document, archive_path, same_value


class Role(Kind):
    """`aws.iam.Role`."""

    type = "aws:iam/role:Role"
    inputs = frozenset({"name", "description", "assumeRolePolicy", "permissionsBoundary", "tags"})
    required = frozenset({"name", "assumeRolePolicy"})
    replaces = frozenset({"name"})

    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted: Document = {"RoleName": name, "AssumeRolePolicyDocument": inputs["assumeRolePolicy"]}
        for ours, theirs in (("description", "Description"), ("permissionsBoundary", "PermissionsBoundary")):
            if inputs.get(ours):
                wanted[theirs] = inputs[ours]
        if inputs.get("tags"):
            wanted["Tags"] = tag_list(inputs["tags"])
        with doing(f"creating IAM Role ({name})"):
            self.aws("iam").create_role(**wanted)
        return name

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        role: Document = {}
        with absent_is_fine("NoSuchEntity"):
            role = self.aws("iam").get_role(RoleName=identity)["Role"]
        if not role:
            return None
        tags = tag_map(role.get("Tags") or self.aws("iam").list_role_tags(RoleName=identity)["Tags"])
        found: Document = {
            "name": identity,
            "assumeRolePolicy": _policy_text(role["AssumeRolePolicyDocument"]),
        }
        if role.get("Description"):
            found["description"] = role["Description"]
        if boundary := (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"):
            found["permissionsBoundary"] = boundary
        if tags:
            found["tags"] = tags
        return found, {"arn": role["Arn"], "uniqueId": role["RoleId"], "path": role["Path"], "tagsAll": tags}

    def update(self, identity: str, before: Document, after: Document) -> None:
        iam = self.aws("iam")
        with doing(f"updating IAM Role ({identity})"):
            if not same_value(before.get("assumeRolePolicy"), after["assumeRolePolicy"]):
                iam.update_assume_role_policy(RoleName=identity, PolicyDocument=after["assumeRolePolicy"])
            if before.get("description") != after.get("description"):
                iam.update_role(RoleName=identity, Description=after.get("description", ""))
            self._boundary(identity, before.get("permissionsBoundary"), after.get("permissionsBoundary"))
            added, removed = tag_changes(before, after)
            if removed:
                iam.untag_role(RoleName=identity, TagKeys=removed)
            if added:
                iam.tag_role(RoleName=identity, Tags=tag_list(added))

    def _boundary(self, identity: str, before: str | None, after: str | None) -> None:
        if after and before != after:
            self.aws("iam").put_role_permissions_boundary(RoleName=identity, PermissionsBoundary=after)
        elif before and not after:
            self.aws("iam").delete_role_permissions_boundary(RoleName=identity)

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting IAM Role ({identity})"), absent_is_fine("NoSuchEntity"):
            self.aws("iam").delete_role(RoleName=identity)


class RolePolicy(Kind):
    """`aws.iam.RolePolicy`; its id is `<role>:<name>`."""

    type = "aws:iam/rolePolicy:RolePolicy"
    inputs = frozenset({"name", "role", "policy"})
    required = inputs
    replaces = frozenset({"name", "role"})

    def create(self, inputs: Document) -> str:
        self._put(inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        role, _, name = identity.partition(":")
        found: Document | None = None
        with absent_is_fine("NoSuchEntity"):
            document = self.aws("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found = {"name": name, "role": role, "policy": _policy_text(document)}
        return None if found is None else (found, {})

    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put(after)

    def delete(self, identity: str, inputs: Document) -> None:
        role, _, name = identity.partition(":")
        with doing(f"deleting IAM Role Policy ({identity})"), absent_is_fine("NoSuchEntity"):
            self.aws("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, inputs: Document) -> None:
        with doing(f"putting IAM Role Policy ({inputs['role']}:{inputs['name']})"):
            self.aws("iam").put_role_policy(
                RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
            )


def _policy_text(document: Any) -> str:
    if isinstance(document, str):
        return urllib.parse.unquote(document)
    return json.dumps(document, sort_keys=True)


class LogGroup(Kind):
    """`aws.cloudwatch.LogGroup`."""

    type = "aws:cloudwatch/logGroup:LogGroup"
    inputs = frozenset({"name", "retentionInDays", "tags"})
    required = frozenset({"name"})
    replaces = frozenset({"name"})

    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        with doing(f"creating CloudWatch Logs Log Group ({name})"):
            self.aws("logs").create_log_group(logGroupName=name, tags=inputs.get("tags") or {})
            self._retain(name, inputs.get("retentionInDays", 0))
        return name

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        groups = self.aws("logs").describe_log_groups(logGroupNamePrefix=identity)["logGroups"]
        group = next((g for g in groups if g["logGroupName"] == identity), None)
        if group is None:
            return None
        arn = str(group["arn"]).removesuffix(":*")
        tags = self.aws("logs").list_tags_for_resource(resourceArn=arn).get("tags") or {}
        found: Document = {"name": identity, **({"tags": tags} if tags else {})}
        if group.get("retentionInDays"):
            found["retentionInDays"] = group["retentionInDays"]
        return found, {"arn": arn, "tagsAll": tags}

    def update(self, identity: str, before: Document, after: Document) -> None:
        logs = self.aws("logs")
        with doing(f"updating CloudWatch Logs Log Group ({identity})"):
            if before.get("retentionInDays") != after.get("retentionInDays"):
                self._retain(identity, after.get("retentionInDays", 0))
            added, removed = tag_changes(before, after)
            arn = f"arn:aws:logs:{self.aws.region}:{self._account()}:log-group:{identity}"
            if removed:
                logs.untag_resource(resourceArn=arn, tagKeys=removed)
            if added:
                logs.tag_resource(resourceArn=arn, tags=dict(added))

    def delete(self, identity: str, inputs: Document) -> None:
        with (
            doing(f"deleting CloudWatch Logs Log Group ({identity})"),
            absent_is_fine("ResourceNotFoundException"),
        ):
            self.aws("logs").delete_log_group(logGroupName=identity)

    def _retain(self, name: str, days: int) -> None:
        if days:
            self.aws("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            self.aws("logs").delete_retention_policy(logGroupName=name)

    def _account(self) -> str:
        return str(self.aws("sts").get_caller_identity()["Account"])


SETTLE_SECONDS = 60.0
DEFAULT_MEMORY_MIB = 128
DEFAULT_TIMEOUT_SECONDS = 3

# Pulumi's input to the field of Lambda's API, for those that are passed as they are.
PLAIN = {"description": "Description", "role": "Role", "runtime": "Runtime", "handler": "Handler", "memorySize": "MemorySize",
         "timeout": "Timeout"}  # fmt: skip


class Function(Kind):
    """`aws.lambda_.Function`, from a zip."""

    type = "aws:lambda/function:Function"
    inputs = frozenset(
        {*PLAIN, "name", "code", "sourceCodeHash", "architectures", "environment", "tracingConfig", "tags"}
    )
    required = frozenset({"name", "role", "code", "runtime", "handler"})
    replaces = frozenset({"name"})
    defaults = MappingProxyType(
        {
            "architectures": ["x86_64"],
            "memorySize": DEFAULT_MEMORY_MIB,
            "timeout": DEFAULT_TIMEOUT_SECONDS,
            "tracingConfig": {"mode": "PassThrough"},
        }
    )

    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted = self._configuration(inputs) | {
            "FunctionName": name,
            "Code": {"ZipFile": Path(archive_path(inputs["code"])).read_bytes()},
            "Architectures": inputs.get("architectures") or ["x86_64"],
            "Tags": inputs.get("tags") or {},
        }
        with doing(f"creating Lambda Function ({name})"):
            self.aws("lambda").create_function(**wanted)
        self._settle(name)
        return name

    def _settle(self, name: str) -> None:
        """Wait until the function can be invoked, as the real provider does."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            found = self.aws("lambda").get_function_configuration(FunctionName=name)
            if found.get("State", "Active") == "Active" and found.get("LastUpdateStatus", "Successful") == "Successful":
                return
            time.sleep(0.02)
        raise Refused(f"waiting for Lambda Function ({name}): it is not active after {SETTLE_SECONDS:g} s")

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        answer: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            answer = self.aws("lambda").get_function(FunctionName=identity)
        if not answer:
            return None
        configuration, tags = answer["Configuration"], answer.get("Tags") or {}
        found: Document = {ours: configuration[theirs] for ours, theirs in PLAIN.items() if configuration.get(theirs)}
        found |= {"name": identity, "architectures": configuration.get("Architectures") or ["x86_64"]}
        found["tracingConfig"] = {"mode": (configuration.get("TracingConfig") or {}).get("Mode", "PassThrough")}
        if variables := (configuration.get("Environment") or {}).get("Variables"):
            found["environment"] = {"variables": variables}
        if tags:
            found["tags"] = tags
        # AWS does not give the zip back, and the real provider's hash is only what the program said.
        found |= {key: inputs[key] for key in ("code", "sourceCodeHash") if key in inputs}
        arn = configuration["FunctionArn"]
        return found, {
            "arn": arn,
            "codeSha256": configuration["CodeSha256"],
            "invokeArn": f"arn:aws:apigateway:{self.aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations",
            "lastModified": configuration["LastModified"],
            "tagsAll": tags,
            "version": configuration["Version"],
        }

    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = {key for key in self.inputs if not same_value(before.get(key), after.get(key))}
        client = self.aws("lambda")
        with doing(f"updating Lambda Function ({identity})"):
            if changed & {"code", "sourceCodeHash", "architectures"}:
                client.update_function_code(
                    FunctionName=identity,
                    ZipFile=Path(archive_path(after["code"])).read_bytes(),
                    Architectures=after.get("architectures") or ["x86_64"],
                )
                self._settle(identity)
            if changed & {*PLAIN, "environment", "tracingConfig"}:
                client.update_function_configuration(FunctionName=identity, **self._configuration(after))
                self._settle(identity)
            if "tags" in changed:
                self._tag(client.get_function(FunctionName=identity)["Configuration"]["FunctionArn"], before, after)

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting Lambda Function ({identity})"), absent_is_fine("ResourceNotFoundException"):
            self.aws("lambda").delete_function(FunctionName=identity)

    def _tag(self, arn: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        if removed:
            self.aws("lambda").untag_resource(Resource=arn, TagKeys=removed)
        if added:
            self.aws("lambda").tag_resource(Resource=arn, Tags=dict(added))

    @staticmethod
    def _configuration(inputs: Document) -> Document:
        environment, tracing = inputs.get("environment") or {}, inputs.get("tracingConfig") or {}
        known(environment, {"variables"}, "environment")
        known(tracing, {"mode"}, "tracingConfig")
        # Without them an update would leave what was there.
        wanted: Document = {
            "Description": "",
            "MemorySize": DEFAULT_MEMORY_MIB,
            "Timeout": DEFAULT_TIMEOUT_SECONDS,
        }
        wanted |= {theirs: inputs[ours] for ours, theirs in PLAIN.items() if ours in inputs}
        wanted["Environment"] = {"Variables": environment.get("variables") or {}}
        wanted["TracingConfig"] = {"Mode": tracing.get("mode", "PassThrough")}
        return wanted


class InvokeConfig(Kind):
    """`aws.lambda_.FunctionEventInvokeConfig`."""

    type = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    inputs = frozenset({"functionName", "maximumRetryAttempts", "maximumEventAgeInSeconds"})
    required = frozenset({"functionName"})
    replaces = frozenset({"functionName"})

    def create(self, inputs: Document) -> str:
        self._put(inputs)
        return str(inputs["functionName"])

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        answer: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            answer = self.aws("lambda").get_function_event_invoke_config(FunctionName=identity)
        if not answer:
            return None
        found: Document = {"functionName": identity}
        for ours, theirs in (("maximumRetryAttempts", "MaximumRetryAttempts"),
                             ("maximumEventAgeInSeconds", "MaximumEventAgeInSeconds")):  # fmt: skip
            if answer.get(theirs) is not None:
                found[ours] = answer[theirs]
        return found, {}

    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put(after)

    def delete(self, identity: str, inputs: Document) -> None:
        with (
            doing(f"deleting Lambda Function Event Invoke Config ({identity})"),
            absent_is_fine("ResourceNotFoundException"),
        ):
            self.aws("lambda").delete_function_event_invoke_config(FunctionName=identity)

    def _put(self, inputs: Document) -> None:
        wanted = {"FunctionName": inputs["functionName"]}
        if "maximumRetryAttempts" in inputs:
            wanted["MaximumRetryAttempts"] = inputs["maximumRetryAttempts"]
        if "maximumEventAgeInSeconds" in inputs:
            wanted["MaximumEventAgeInSeconds"] = inputs["maximumEventAgeInSeconds"]
        with doing(f"putting Lambda Function Event Invoke Config ({inputs['functionName']})"):
            self.aws("lambda").put_function_event_invoke_config(**wanted)


class Permission(Kind):
    """`aws.lambda_.Permission`; every change replaces it. Its id is the statement id."""

    type = "aws:lambda/permission:Permission"
    inputs = frozenset({"statementId", "action", "function", "principal", "sourceArn", "sourceAccount"})
    required = frozenset({"statementId", "action", "function", "principal"})
    replaces = inputs

    def create(self, inputs: Document) -> str:
        wanted = {
            "FunctionName": inputs["function"],
            "StatementId": inputs["statementId"],
            "Action": inputs["action"],
            "Principal": inputs["principal"],
        }
        if "sourceArn" in inputs:
            wanted["SourceArn"] = inputs["sourceArn"]
        if "sourceAccount" in inputs:
            wanted["SourceAccount"] = inputs["sourceAccount"]
        with doing(f"adding Lambda Permission ({inputs['function']}/{inputs['statementId']})"):
            self.aws("lambda").add_permission(**wanted)
        return str(inputs["statementId"])

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        if "function" not in inputs:
            raise Refused(
                "aws:lambda/permission:Permission cannot be imported by the stand-in: its id names no function"
            )
        function = str(inputs["function"])
        try:
            policy = json.loads(self.aws("lambda").get_policy(FunctionName=function)["Policy"])
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return None
        statement = next((s for s in policy["Statement"] if s.get("Sid") == identity), None)
        return None if statement is None else (_permission_inputs(function, statement), {})

    def update(self, identity: str, before: Document, after: Document) -> None:
        raise Refused("a Lambda permission is replaced, never updated")

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"removing Lambda Permission ({identity})"), absent_is_fine("ResourceNotFoundException"):
            self.aws("lambda").remove_permission(FunctionName=inputs["function"], StatementId=identity)


def _permission_inputs(function: str, statement: Document) -> Document:
    principal, condition = statement["Principal"], statement.get("Condition") or {}
    found = {
        "statementId": statement["Sid"],
        "action": statement["Action"],
        "function": function,
        "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
    }
    pairs = {key.lower(): value for operator in condition.values() for key, value in operator.items()}
    if arn := pairs.get("aws:sourcearn"):
        found["sourceArn"] = arn
    if account := pairs.get("aws:sourceaccount"):
        found["sourceAccount"] = account
    return found


KINDS: tuple[type[Kind], ...] = (Role, RolePolicy, LogGroup, Function, InvokeConfig, Permission)
