"""Further AWS accounts of the emulator, each with a role that the operator may assume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion_local.emulator import EmulatedAws
from ingestion_local.strict.sessions import SHORT
from ingestion_operator.blueprint.access import Access
from ingestion_operator.offline.operator_policy import Reach, operator_policies, trust_policy


@dataclass(frozen=True)
class OtherAccount:
    """One account, as its administrator uses it. An access key of twelve digits is the root identity of that account."""

    emulator: EmulatedAws
    number: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service, access_key=self.number)

    def role(
        self,
        name: str,
        operator: str,
        *,
        external_id: str = "",
        tags: Mapping[str, str] | None = None,
        session_seconds: int = 0,
        code_buckets: Sequence[str] = (),
        boundary: str = "",
    ) -> str:
        """A role with the policies that the operator prints for an account; returns its ARN.

        `session_seconds`: how long each session really lasts, if that must be shorter than on AWS.
        """
        iam, access = self.client("iam"), Access(external_id=external_id, session_tags=tags or {})
        short = {"Tags": [{"Key": SHORT, "Value": str(session_seconds)}]} if session_seconds else {}
        document = json.dumps(trust_policy(access, [operator]))
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **short)["Role"]["Arn"]
        reach = Reach(self.number, (self.emulator.region,), code_buckets=tuple(code_buckets), boundary=boundary)
        for part, policy in enumerate(operator_policies(reach)):
            iam.put_role_policy(RoleName=name, PolicyName=f"operator-{part}", PolicyDocument=json.dumps(policy))
        return arn

    def trust(self, name: str, operator: str, external_id: str = "") -> None:
        """Replace the role's trust policy."""
        document = json.dumps(trust_policy(Access(external_id=external_id), [operator]))
        self.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=document)

    def functions(self, prefix: str = "") -> list[str]:
        """The names of the functions that begin with the prefix."""
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return [f["FunctionName"] for page in pages for f in page["Functions"] if f["FunctionName"].startswith(prefix)]

    def left(self, prefix: str) -> list[str]:
        """The names of functions, rules, roles, log groups, queues and buckets that begin with the prefix."""
        listings = (
            ("events", "list_rules", "Rules", "Name"),
            ("iam", "list_roles", "Roles", "RoleName"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
            ("s3", "list_buckets", "Buckets", "Name"),
        )
        names = self.functions()
        for service, call, what, name in listings:
            pages = self.client(service).get_paginator(call).paginate()
            names += [item[name] for page in pages for item in page.get(what, [])]
        names += [url.rpartition("/")[2] for url in self.client("sqs").list_queues().get("QueueUrls", [])]
        return [name for name in names if name.removeprefix("/aws/lambda/").startswith(prefix)]
