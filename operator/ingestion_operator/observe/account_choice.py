"""Which AWSAccount a pipeline is built in, and whether it may be: looked up, and decided on values.

What was recorded when a pipeline was begun to be built stays: neither another default nor a namespace that is not allowed any more
moves what is in AWS.
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
    """With what the pipeline is built in this region.

    Raises DependencyNotReady for an account that is not there, AccessDenied if the pipeline may not have it.
    """
    account = account_of(cluster, record)
    if account is None:
        return OWN
    if account.deleting and record.status.stack is None:
        raise DependencyNotReady(f"AWSAccount {account.name} is being deleted: name another one in spec.accountRef")
    permit(account, record.key.namespace, region)
    return access_of(account, cluster.cluster_id())


def access_as_built(cluster: Accounts, record: PipelineRecord) -> Access:
    """With what the pipeline was built, whether or not it still may be: its deletion has to be possible.

    Raises DependencyNotReady if the account is gone.
    """
    account = account_of(cluster, record)
    return OWN if account is None else access_of(account, cluster.cluster_id())


def account_of(cluster: Accounts, record: PipelineRecord) -> Account | None:
    """The pipeline's account: as recorded, else as named, else the default. None for the operator's own identity.

    Raises DependencyNotReady, naming it, if it does not exist.
    """
    stack = record.status.stack
    name = stack.account if stack is not None else record.account
    if not name:
        return _default(cluster) if stack is None else None
    if (body := cluster.account(name)) is not None:
        return parse_account(body)
    if stack is None:
        raise DependencyNotReady(
            f"AWSAccount {name}, named by spec.accountRef, does not exist: ask an administrator for it"
        )
    raise DependencyNotReady(
        f"AWSAccount {name}, with which the pipeline was built, is gone: an administrator has to create it again, with a role of "
        f"account {stack.account_id}; only deletion.policy Retain, which leaves everything in AWS, needs no account"
    )


def _default(cluster: Accounts) -> Account | None:
    found = defaults(map(parse_account, cluster.accounts()))
    if len(found) > 1:
        raise DependencyNotReady(
            f"{several_defaults(found)}: ask an administrator to leave one, or name an account in spec.accountRef of a new pipeline"
        )
    return found[0] if found else None


def defaults(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Those that are to be the default, by name; one that is being deleted is none any more."""
    return tuple(sorted((a for a in accounts if a.is_default and not a.deleting), key=lambda a: a.name))


def several_defaults(accounts: Sequence[Account]) -> str:
    """What is wrong with more than one default."""
    return f"AWSAccounts {few([a.name for a in accounts])} are all the default"


def check_default(account: Account, others: Iterable[Account]) -> None:
    """Raises SeveralDefaults if this account is the default and another one too: of them none is taken."""
    found = defaults(others)
    if account.is_default and len(found) > 1:
        raise SeveralDefaults(
            f"{several_defaults(found)}: set default to false in all but one; until then pipelines that name no account wait"
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
    """Whether a namespace is the one of the pattern, or begins as it does before its `*`."""
    return namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern


def refuse_another_account(record: PipelineRecord, place: Place) -> None:
    """Raises AccountChanged if the credentials lead elsewhere than to where the pipeline was built.

    Nothing of it would be found there: an update would build it a second time, a deletion would leave it behind.
    """
    stack = record.status.stack
    if stack is None or stack.account_id in ("", place.account_id):
        return
    whose = f"AWSAccount {stack.account}" if stack.account else "the operator's own identity"
    raise AccountChanged(
        f"{whose} leads to AWS account {place.account_id}, and the pipeline was built in {stack.account_id}: give it a role of "
        f"{stack.account_id} again"
    )


def pipelines_built_with(name: str, pipelines: Iterable[Mapping[str, Any]]) -> tuple[PipelineKey, ...]:
    """The pipelines that were built with an account, or were begun to be."""
    found = (parse_record(body) for body in pipelines)
    return tuple(sorted(i.key for i in found if i.status.stack is not None and i.status.stack.account == name))
