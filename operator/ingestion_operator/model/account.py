"""`AWSAccount`: an AWS account for pipelines, the role that the operator assumes in it, and the namespaces that use it.

An AWSAccount is cluster-scoped, and only administrators write it. A pipeline can name an AWSAccount, but never a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.base import Model, StatusModel, cel, rules
from ingestion_operator.model.fields import LIST_SET, escaped
from ingestion_operator.model.spec import REGION, TAG_KEY, TAG_VALUE
from ingestion_operator.model.status import Condition, ConditionList

ACCOUNT_KIND = "AWSAccount"
ACCOUNTS = "awsaccounts"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"
BOUNDARY_ARN = r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$"
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
EXTERNAL_ID = r"^[A-Za-z0-9_+=,.@:/-]{2,}$"
NAMESPACES = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|([a-z0-9][a-z0-9-]{0,61})?[*])$"
ENDPOINT = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$"


class AccountSpec(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.roleArn.matches('{ROLE_ARN}')",
            "roleArn must be the ARN of an IAM role, arn:aws:iam::<account>:role/<name>",
            ".roleArn",
        ),
        cel(
            f"!self.roleArn.matches('{ROLE_ARN}') || !oldSelf.roleArn.matches('{ROLE_ARN}') "
            "|| self.roleArn.split(':')[4] == oldSelf.roleArn.split(':')[4]",
            "the AWS account of roleArn cannot be changed, because pipelines are built in it: create a second AWSAccount for the "
            "other account",
            ".roleArn",
        ),
        cel(
            f"self.externalId == '' || self.externalId.matches('{EXTERNAL_ID}')",
            "externalId must have 2 to 1,224 letters, digits and _+=,.@:/-: write it exactly as in the trust policy of the role",
            ".externalId",
        ),
        cel(
            f"self.sessionTags.all(k, k.matches('{escaped(TAG_KEY)}') && !k.lowerAscii().startsWith('aws:'))",
            "the key of a session tag must have 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws:",
            ".sessionTags",
        ),
        cel(
            f"self.sessionTags.all(k, self.sessionTags[k].matches('{escaped(TAG_VALUE)}'))",
            "the value of a session tag may have only letters, digits, spaces and _.:/=+@-",
            ".sessionTags",
        ),
        cel(
            "self.sessionTags.all(k, self.sessionTags.exists_one(other, other.lowerAscii() == k.lowerAscii()))",
            "AWS treats keys of session tags that differ only in upper and lower case as one key: write the key once",
            ".sessionTags",
        ),
        cel(
            f"self.allowedNamespaces.all(n, n.matches('{NAMESPACES}'))",
            "every entry of allowedNamespaces must be the name of a namespace, or the beginning of a name followed by *, for "
            "example team-*",
            ".allowedNamespaces",
        ),
        cel(
            f"self.allowedRegions.all(r, r.matches('{REGION}'))",
            "every entry of allowedRegions must be the code of an AWS region, for example eu-west-1",
            ".allowedRegions",
        ),
        cel(
            f"self.endpointUrl == '' || self.endpointUrl.matches('{ENDPOINT}')",
            "endpointUrl must be https:// or http:// followed by a host and an optional port, for example https://vpce-1.example.com",
            ".endpointUrl",
        ),
        cel(
            f"self.permissionsBoundary == '' || self.permissionsBoundary.matches('{BOUNDARY_ARN}')",
            "permissionsBoundary must be the ARN of an IAM policy, arn:aws:iam::<account>:policy/<name>",
            ".permissionsBoundary",
        ),
        cel(
            f"!self.permissionsBoundary.matches('{BOUNDARY_ARN}') || !self.roleArn.matches('{ROLE_ARN}') "
            "|| self.permissionsBoundary.split(':')[4] in ['aws', self.roleArn.split(':')[4]]",
            "permissionsBoundary must be a policy of the account of roleArn, or a policy of AWS: name one of these",
            ".permissionsBoundary",
        ),
    ),
):
    """The AWS account, the role that the operator assumes in it, and the pipelines that may use it."""

    role_arn: Annotated[str, StringConstraints(max_length=640)]
    """The ARN of the role that the operator assumes to build, check and delete pipelines. The pipelines are built in
    the account of this role. The role can be changed later, but not its account."""
    external_id: Annotated[str, StringConstraints(max_length=1224)] = ""
    """The external ID that the trust policy of the role requires. If it is empty, the operator sends none. The
    external ID is not a secret: everybody who may read AWSAccounts can see it."""
    session_tags: Annotated[
        dict[Annotated[str, StringConstraints(max_length=128)], Annotated[str, StringConstraints(max_length=256)]],
        Field(max_length=50),
    ] = {}  # noqa: RUF012 - a pydantic default, copied for each
    """The tags of the operator's sessions. Policies in the account can require them. The trust policy of the role
    must allow sts:TagSession."""
    session_duration_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600
    """A session of the operator lasts this number of seconds. The default is 3600, which is one hour. The operator
    renews a session before it ends, even during an update. A longer session needs a role with a
    MaxSessionDuration of the same length. It also needs an operator whose own identity is not a role: if one role
    assumes another role, AWS allows at most one hour."""
    allowed_namespaces: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=63)], ...],
        Field(max_length=256, json_schema_extra=LIST_SET),
    ] = ()
    """The namespaces whose pipelines may use the account. An entry is a name, or the beginning of a name followed by
    `*`. The entry `*` stands for every namespace. If the list is empty, no pipeline may use the account."""
    allowed_regions: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(max_length=64, json_schema_extra=LIST_SET),
    ] = ()
    """The AWS regions in which pipelines may be built. If the list is empty, every region is allowed."""
    endpoint_url: Annotated[str, StringConstraints(max_length=256)] = ""
    """The URL at which the operator reaches every AWS service of the account, for example an emulator or a private
    endpoint. The operator then addresses buckets as `endpoint/bucket`. If it is empty, the operator uses the same
    endpoints as for its own account."""
    permissions_boundary: Annotated[str, StringConstraints(max_length=640)] = ""
    """The ARN of the IAM policy that limits the role of every function in the account. If it is empty and the
    operator has the setting INGESTION_PERMISSIONS_BOUNDARY, the operator uses the policy with the same name in
    the account."""
    default: bool = False
    """If true, new pipelines that name no account use this one. The default is false. If two AWSAccounts are marked
    as the default, neither is used, and new pipelines that name no account wait."""


class AccountStatus(StatusModel):
    """The result of the last check of the role. The operator writes it."""

    observed_generation: int | None = None
    """The `metadata.generation` that the operator last checked."""
    next_check_time: datetime | None = None
    """The time at which the operator checks the role again by itself."""
    checked_time: datetime | None = None
    """The time at which the operator last checked the role."""
    conditions: ConditionList = ()
    """The state of the account in short. `Ready` is `True` when the operator could assume the role."""
    account_id: str = ""
    """The number of the AWS account of the role, as AWS reported it."""
    assumed_role_arn: str = ""
    """The ARN of the operator's session. CloudTrail and policies in the account see this ARN."""
    pipelines: int = 0
    """The number of pipelines that use the account, as counted at the last check."""

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, or None."""
        return next((c for c in self.conditions if c.type == kind), None)


@dataclass(frozen=True)
class Account:
    """An AWSAccount as read from the API server. Its spec is only parsed when it is needed, and may be invalid."""

    name: str
    generation: int
    deleting: bool
    status: AccountStatus
    document: Mapping[str, Any]

    @property
    def spec(self) -> AccountSpec:
        """The spec. Raises SpecInvalid if admission let a spec through that this version cannot read."""
        try:
            return AccountSpec.model_validate(self.document)
        except ValidationError as error:
            faults = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SpecInvalid(f"{ACCOUNT_KIND} {self.name}: {faults}") from error

    @property
    def is_default(self) -> bool:
        """Whether new pipelines that name no account use this one. False if the spec cannot be read."""
        return self.document.get("default") is True


def parse_account(body: Mapping[str, Any]) -> Account:
    """Read an AWSAccount. A status that cannot be read counts as empty."""
    metadata = body["metadata"]
    try:
        status = AccountStatus.model_validate(body.get("status") or {})
    except ValidationError:
        status = AccountStatus()
    deleting = "deletionTimestamp" in metadata
    return Account(metadata["name"], metadata.get("generation", 1), deleting, status, body.get("spec") or {})
