"""The access to AWS that a pipeline is built with: the operator's own identity, or a role that the operator assumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ingestion_operator.model.account import Account

SESSION_NAME = "ingestion-operator"
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
SESSION_NAME_LIMIT = 64


@dataclass(frozen=True)
class Access:
    """The role of an AWSAccount, or the operator's own identity if the pipeline uses no AWSAccount."""

    account: str = ""
    """Name of the AWSAccount."""
    role_arn: str = ""
    external_id: str = ""
    session_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    session_seconds: int = 3600
    session_name: str = SESSION_NAME
    """The name under which CloudTrail in the account records the operator's calls."""
    endpoint_url: str = ""
    """URL of every service; empty for the operator's own endpoints."""
    permissions_boundary: str = ""
    """ARN of the policy that bounds every role. If it is empty, the operator's setting applies."""

    def __bool__(self) -> bool:
        """Whether the operator assumes a role."""
        return bool(self.role_arn)

    def to_document(self) -> dict[str, Any]:
        """All fields, for a hash. No field is a secret."""
        return {**vars(self), "session_tags": dict(self.session_tags)}

    @property
    def account_id(self) -> str:
        """Number of the account that the role is in; empty for the operator's own identity, because no ARN names its account."""
        return self.role_arn.split(":")[4] if self.role_arn else ""

    def boundary(self, otherwise: str) -> str:
        """ARN of the policy that bounds every role. `otherwise` is the ARN from the operator's setting.

        IAM bounds a role only with a policy of the same account. If the access names no policy, the result is the policy
        in the role's account that has the name of the operator's policy.
        """
        if self.permissions_boundary or not self or not otherwise:
            return self.permissions_boundary or otherwise
        before, owner, name = otherwise.rsplit(":", 2)
        return otherwise if owner == "aws" else f"{before}:{self.account_id}:{name}"


OWN = Access()


def access_of(account: Account, cluster_id: str) -> Access:
    """The access that an AWSAccount describes. Raises SpecInvalid if its spec cannot be read."""
    spec = account.spec
    return Access(
        account.name,
        spec.role_arn,
        spec.external_id,
        MappingProxyType(dict(spec.session_tags)),
        spec.session_duration_seconds,
        f"{SESSION_NAME}-{cluster_id}"[:SESSION_NAME_LIMIT],
        spec.endpoint_url.rstrip("/"),
        spec.permissions_boundary,
    )
