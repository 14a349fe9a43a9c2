"""With which credentials, and where, AWS is reached for a pipeline: the operator's own, or a role's that it assumes."""

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
    """The role of an AWSAccount; without one, the operator's own identity."""

    account: str = ""
    """Name of the AWSAccount."""
    role_arn: str = ""
    external_id: str = ""
    session_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    session_seconds: int = 3600
    session_name: str = SESSION_NAME
    """What CloudTrail in the account sees of the operator."""
    endpoint_url: str = ""
    """Where every service is reached; empty for where the operator reaches them."""
    permissions_boundary: str = ""
    """ARN of the policy that bounds every role; empty for that of the operator's setting."""

    def __bool__(self) -> bool:
        """Whether a role is to be assumed."""
        return bool(self.role_arn)

    def to_document(self) -> dict[str, Any]:
        """All of it, for a hash: none of it is a secret."""
        return {**vars(self), "session_tags": dict(self.session_tags)}

    @property
    def account_id(self) -> str:
        """Number of the account that the role is in; empty for the operator's own, which the role does not tell."""
        return self.role_arn.split(":")[4] if self.role_arn else ""

    def boundary(self, otherwise: str) -> str:
        """ARN of the policy that bounds every role; `otherwise` is the operator's.

        A role is bounded by a policy of its own account: without one of the access, the operator's is that of the same name there.
        """
        if self.permissions_boundary or not self or not otherwise:
            return self.permissions_boundary or otherwise
        before, owner, name = otherwise.rsplit(":", 2)
        return otherwise if owner == "aws" else f"{before}:{self.account_id}:{name}"


OWN = Access()


def access_of(account: Account, cluster_id: str) -> Access:
    """The access that an AWSAccount gives. Raises SpecInvalid if its spec cannot be read."""
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
