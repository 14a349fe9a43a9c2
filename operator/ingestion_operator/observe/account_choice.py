"""Which AWSAccount a pipeline is built with, and whether the pipeline may use it.

A pipeline keeps the account that its first operation recorded. A new default account does not move its AWS resources, and
neither does the loss of its namespace's permission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingestion_operator.blueprint.access import OWN, Access, access_of
from ingestion_operator.blueprint.place import Place
from ingestion_operator.errors import AccessDenied, AccountChanged, DependencyNotReady, SeveralDefaults
from ingestion_operator.model.account import Account, parse_account
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord, parse_record
from ingestion_operator.ports.cluster import Accounts
from ingestion_operator.wording import few


def access_for(cluster: Accounts, record: PipelineRecord, region: str) -> Access:
    """The access with which the pipeline is built in this region.

    Raises DependencyNotReady if the account does not exist, AccessDenied if the pipeline may not use it.
    """
    account = account_of(cluster, record)
    if account is None:
        return OWN
    if account.deleting and record.status.begun is None:
        raise DependencyNotReady(f"AWSAccount {account.name} is being deleted: name another one in spec.accountRef")
    permit(account, record.key.namespace, region)
    return access_of(account, cluster.cluster_id())


def access_as_built(cluster: Accounts, record: PipelineRecord) -> Access:
    """The access with which the pipeline was built. Its deletion needs it, even if the pipeline may no longer use it.

    Raises DependencyNotReady if the account no longer exists.
    """
    account = account_of(cluster, record)
    return OWN if account is None else access_of(account, cluster.cluster_id())


def account_of(cluster: Accounts, record: PipelineRecord) -> Account | None:
    """The account that the status records, or the one that the spec names, or the default. None: the operator's identity.

    Raises DependencyNotReady, naming the account, if it does not exist.
    """
    begun = record.status.begun
    name = begun.account if begun is not None else record.account
    if not name:
        return _default(cluster) if begun is None else None
    if (body := cluster.account(name)) is not None:
        return parse_account(body)
    if begun is None:
        raise DependencyNotReady(
            f"AWSAccount {name}, named by spec.accountRef, does not exist: ask an administrator for it"
        )
    raise DependencyNotReady(
        f"AWSAccount {name}, with which the pipeline was built, no longer exists: ask an administrator to create it again with a "
        f"role of account {begun.account_id}; only deletion.policy Retain, which leaves everything in AWS, needs no account"
    )


def _default(cluster: Accounts) -> Account | None:
    marked = defaults(map(parse_account, cluster.accounts()))
    if len(marked) > 1:
        raise DependencyNotReady(
            f"{several_defaults(marked)}: ask an administrator to mark only one, or name an account in spec.accountRef of a new pipeline"
        )
    return marked[0] if marked else None


def defaults(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """The accounts that are marked default, by name, without those that are being deleted."""
    return tuple(sorted((a for a in accounts if a.is_default and not a.deleting), key=lambda a: a.name))


def several_defaults(accounts: Sequence[Account]) -> str:
    """Says which accounts are marked default."""
    return f"AWSAccounts {few([a.name for a in accounts])} are all marked default"


def check_default(account: Account, others: Iterable[Account]) -> None:
    """Raises SeveralDefaults if this account and another one are marked default. The operator then uses neither."""
    marked = defaults(others)
    if account.is_default and len(marked) > 1:
        raise SeveralDefaults(
            f"{several_defaults(marked)}: set default to false in all but one; until then pipelines that name no account wait"
        )


def permit(account: Account, namespace: str, region: str) -> None:
    """Raises AccessDenied, saying what to ask for, unless pipelines of this namespace may be built in this region."""
    spec = account.spec
    if not any(matches(pattern, namespace) for pattern in spec.allowed_namespaces):
        raise AccessDenied(
            f"namespace {namespace} may not use AWSAccount {account.name}: ask an administrator to add it to allowedNamespaces"
        )
    if spec.allowed_regions and region not in spec.allowed_regions:
        raise AccessDenied(
            f"pipelines may not be built in {region} with AWSAccount {account.name}, only in {few(spec.allowed_regions)}: create "
            f"the pipeline with another region, or ask an administrator to add {region} to allowedRegions"
        )


def matches(pattern: str, namespace: str) -> bool:
    """Whether the pattern names this namespace, or ends with `*` and the namespace begins with the text before it."""
    return namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern


def refuse_another_account(record: PipelineRecord, place: Place) -> None:
    """Raises AccountChanged if the credentials belong to another AWS account than the one in which the pipeline was built.

    No part of the pipeline exists in the other account: an update would build it a second time, and a deletion would leave
    it behind.
    """
    begun = record.status.begun
    if begun is None or begun.account_id in ("", place.account_id):
        return
    whose = f"AWSAccount {begun.account}" if begun.account else "the operator's own identity"
    raise AccountChanged(
        f"{whose} belongs to AWS account {place.account_id}, but the pipeline was built in {begun.account_id}: use a role of "
        f"account {begun.account_id} again"
    )


def pipelines_built_with(name: str, pipelines: Iterable[Mapping[str, Any]]) -> tuple[PipelineKey, ...]:
    """The pipelines whose first operation recorded this account."""
    records = (parse_record(body) for body in pipelines)
    return tuple(sorted(r.key for r in records if r.status.begun is not None and r.status.begun.account == name))
