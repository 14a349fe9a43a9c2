"""One pass over an AWSAccount: try its role, write the result to its status, and keep the account while pipelines need it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingestion_operator.blueprint.access import access_of
from ingestion_operator.errors import InUse, PipelineError
from ingestion_operator.model.account import Account, AccountStatus, parse_account
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.observe.account_choice import check_default, pipelines_built_with
from ingestion_operator.ports.cloud import AssumedRole
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.context import Context, StillThere
from ingestion_operator.reconcile.unforeseen import unforeseen
from ingestion_operator.status.conditions import Conditions, ConditionSet
from ingestion_operator.status.merge_patch import merge_patch
from ingestion_operator.status.outcomes import TREATMENTS
from ingestion_operator.status.schedule import Timing
from ingestion_operator.wording import few

logger = logging.getLogger(__name__)


@dataclass
class AccountCheck:
    """Checks one account at a time."""

    context: Context

    def check(self, name: str) -> datetime | None:
        """Try the role and write the result to the status. `release` handles an account that is gone or being deleted.

        Returns the time of the next check. None if there is nothing to check.
        """
        cluster, at = self.context.cluster, self.context.timing()
        body = cluster.account(name)
        if body is None or (account := parse_account(body)).deleting:
            return None
        users = pipelines_built_with(name, cluster.pipelines())
        try:
            with unforeseen(f"AWSAccount {name}", {}):
                role = self.context.cloud.assume(access_of(account, cluster.cluster_id()))
                check_default(account, map(parse_account, cluster.accounts()))
        except PipelineError as error:
            checked = refused(account, users, error, at)
        else:
            checked = assumed(account, users, role, at)
        self._write(account, checked)
        return checked.next_check_time

    def changed(self, name: str) -> datetime | None:
        """Check an account that is new or was changed, and all others that are marked default, because only one may be.

        Returns the time of the account's next check.
        """
        again = self.check(name)
        for account in map(parse_account, self.context.cluster.accounts()):
            if account.is_default and account.name != name:
                self.check(account.name)
        return again

    def release(self, name: str) -> None:
        """Returns when no pipeline needs the account for its deletion. Raises StillThere, and nothing else, until then."""
        delay = self.context.backoff.waiting_seconds
        try:
            body = self.context.cluster.account(name)
            users = pipelines_built_with(name, self.context.cluster.pipelines())
            if body is not None and users:
                self._hold(parse_account(body), users)
        except PipelineError as error:
            raise StillThere(str(error), delay) from error

    def _hold(self, account: Account, users: Sequence[PipelineKey]) -> None:
        error = InUse(in_use(users))
        self._write(account, held(account, users, error, self.context.timing()))
        raise error

    def _write(self, account: Account, status: AccountStatus) -> None:
        patch = merge_patch(account.status.to_document(), status.to_document())
        if patch:
            self.context.cluster.patch_account_status(account.name, patch)
        before, now = account.status.condition("Ready"), status.condition("Ready")
        if now is not None and (before is None or before.message != now.message):
            logger.info("AWSAccount %s: %s, %s", account.name, now.reason, now.message)


def assumed(account: Account, users: Sequence[PipelineKey], role: AssumedRole, at: Timing) -> AccountStatus:
    """The role was assumed."""
    conditions = _conditions(account, at).assumed(f"the operator acts as {role.arn}; {whose(account)}")
    wait = at.backoff.cap_seconds
    return _status(account, users, conditions, wait, at).model_copy(
        update={"account_id": role.account_id, "assumed_role_arn": role.arn}
    )


def refused(account: Account, users: Sequence[PipelineKey], error: PipelineError, at: Timing) -> AccountStatus:
    """The role was not assumed, or something else is wrong."""
    conditions = TREATMENTS[error.outcome].of_account(_conditions(account, at), error.reason, str(error))
    return _status(account, users, conditions, at.backoff.waiting_seconds, at)


def held(account: Account, users: Sequence[PipelineKey], error: InUse, at: Timing) -> AccountStatus:
    """The account is being deleted, but pipelines still need it."""
    conditions = _conditions(account, at).deleting(str(error), stalled=Reason.IN_USE)
    return account.status.model_copy(update={"conditions": conditions, "pipelines": len(users)})


def in_use(users: Sequence[PipelineKey]) -> str:
    """Which pipelines a user must delete first."""
    return (
        f"pipelines were built with this account: {few([str(key) for key in users])}. Delete them first: without the account, the "
        "operator could not remove them from AWS"
    )


def whose(account: Account) -> str:
    """Which namespaces may use the account, and in which regions."""
    spec = account.spec
    if not spec.allowed_namespaces:
        return "no namespace may use the account yet: add one to allowedNamespaces"
    where = f" in {few(spec.allowed_regions)}" if spec.allowed_regions else ""
    return f"pipelines of {few(spec.allowed_namespaces)} may be built{where}"


def _status(
    account: Account, users: Sequence[PipelineKey], conditions: Conditions, wait_seconds: float, at: Timing
) -> AccountStatus:
    return account.status.model_copy(
        update={
            "observed_generation": account.generation,
            "checked_time": at.now,
            "next_check_time": at.now + timedelta(seconds=wait_seconds),
            "conditions": conditions,
            "pipelines": len(users),
        }
    )


def _conditions(account: Account, at: Timing) -> ConditionSet:
    return ConditionSet(account.status, account.generation, at.now)
