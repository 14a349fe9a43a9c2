"""`AWSAccount`: which role of which AWS account pipelines may be built with, and who may. Written by administrators alone.

Cluster-scoped: a pipeline can name one, and never a role.
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
            "the AWS account of roleArn cannot be changed: pipelines are built in it. Create a second AWSAccount for the other",
            ".roleArn",
        ),
        cel(
            f"self.externalId == '' || self.externalId.matches('{EXTERNAL_ID}')",
            "externalId is 2 to 1,224 letters, digits and _+=,.@:/-, as the role's trust policy has it",
            ".externalId",
        ),
        cel(
            f"self.sessionTags.all(k, k.matches('{escaped(TAG_KEY)}') && !k.lowerAscii().startsWith('aws:'))",
            "keys of session tags are 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws:",
            ".sessionTags",
        ),
        cel(
            f"self.sessionTags.all(k, self.sessionTags[k].matches('{escaped(TAG_VALUE)}'))",
            "values of session tags are letters, digits, spaces and _.:/=+@-",
            ".sessionTags",
        ),
        cel(
            "self.sessionTags.all(k, self.sessionTags.exists_one(other, other.lowerAscii() == k.lowerAscii()))",
            "AWS takes keys of session tags that differ only in upper and lower case for one: write the key once",
            ".sessionTags",
        ),
        cel(
            f"self.allowedNamespaces.all(n, n.matches('{NAMESPACES}'))",
            "each of allowedNamespaces is the name of a namespace, or its beginning and *, for example team-*",
            ".allowedNamespaces",
        ),
        cel(
            f"self.allowedRegions.all(r, r.matches('{REGION}'))",
            "each of allowedRegions is the code of an AWS region, for example eu-west-1",
            ".allowedRegions",
        ),
        cel(
            f"self.endpointUrl == '' || self.endpointUrl.matches('{ENDPOINT}')",
            "endpointUrl is https:// or http:// with a host and, if it is another than usual, a port",
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
            "a role is bounded by a policy of its own account or of AWS: name one of the account of roleArn",
            ".permissionsBoundary",
        ),
    ),
):
    """Which role the operator assumes for pipelines, and which pipelines may have it."""

    role_arn: Annotated[str, StringConstraints(max_length=640)]
    """ARN of the role that the operator assumes: for its own calls, and Pulumi for those of updates. Its account is that of
    the pipelines and cannot be changed."""
    external_id: Annotated[str, StringConstraints(max_length=1224)] = ""
    """External ID that the role's trust policy asks for. No secret: whoever may read AWSAccounts sees it."""
    session_tags: Annotated[
        dict[Annotated[str, StringConstraints(max_length=128)], Annotated[str, StringConstraints(max_length=256)]],
        Field(max_length=50),
    ] = {}  # noqa: RUF012 - a pydantic default, copied for each
    """Tags of the sessions, for policies in the account to ask for. The trust policy has to allow sts:TagSession."""
    session_duration_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600
    """For how long a session lasts, in seconds. It is renewed before it ends, also within an update. More than an hour needs
    the role's MaxSessionDuration, and an operator whose own identity is not a role's (AWS allows a chain of roles one hour)."""
    allowed_namespaces: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=63)], ...],
        Field(max_length=256, json_schema_extra=LIST_SET),
    ] = ()
    """Namespaces whose pipelines may be built with it: names, or beginnings of names followed by `*`; `*` is every namespace.
    Default: none."""
    allowed_regions: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(max_length=64, json_schema_extra=LIST_SET),
    ] = ()
    """AWS regions in which pipelines may be built with it. Default: every region."""
    endpoint_url: Annotated[str, StringConstraints(max_length=256)] = ""
    """URL at which every AWS service of the account is reached, for an emulator or a private endpoint. Buckets are then
    addressed as `endpoint/bucket`. Default: as for the operator itself."""
    permissions_boundary: Annotated[str, StringConstraints(max_length=640)] = ""
    """ARN of the IAM policy that bounds the roles of the account's functions. Default: the account's policy of the same name as
    the operator's INGESTION_PERMISSIONS_BOUNDARY, if that is set."""
    default: bool = False
    """True: pipelines that name no account are built with this one. There can be one default."""


class AccountStatus(StatusModel):
    """Whether the role can be assumed, and how many pipelines were built with it."""

    observed_generation: int | None = None
    next_check_time: datetime | None = None
    """When the operator tries the role again by itself."""
    checked_time: datetime | None = None
    """When it did last."""
    conditions: ConditionList = ()
    account_id: str = ""
    """Number of the AWS account that the role leads to, as AWS says it."""
    assumed_role_arn: str = ""
    """ARN of the session: what policies and CloudTrail in the account see of the operator."""
    pipelines: int = 0
    """Pipelines that were built with it, or were begun to be, at the last check."""

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((c for c in self.conditions if c.type == kind), None)


@dataclass(frozen=True)
class Account:
    """One AWSAccount, as it was read; whether its spec can be read is found out when it is asked for."""

    name: str
    generation: int
    deleting: bool
    status: AccountStatus
    document: Mapping[str, Any]

    @property
    def spec(self) -> AccountSpec:
        """The spec. Raises SpecInvalid for one that got past admission and that this version cannot work with."""
        try:
            return AccountSpec.model_validate(self.document)
        except ValidationError as error:
            found = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SpecInvalid(f"{ACCOUNT_KIND} {self.name}: {found}") from error

    @property
    def is_default(self) -> bool:
        """Whether it is to be that of pipelines that name none."""
        return self.document.get("default") is True


def parse_account(body: Mapping[str, Any]) -> Account:
    """Read an AWSAccount; a status that cannot be read counts as none."""
    metadata = body["metadata"]
    try:
        status = AccountStatus.model_validate(body.get("status") or {})
    except ValidationError:
        status = AccountStatus()
    deleting = "deletionTimestamp" in metadata
    return Account(metadata["name"], metadata.get("generation", 1), deleting, status, body.get("spec") or {})
