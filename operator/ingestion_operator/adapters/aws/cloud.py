"""The core's `Cloud` port on boto3."""

from __future__ import annotations

import threading
from typing import Self

from ingestion_operator.adapters.aws.buckets import Buckets
from ingestion_operator.adapters.aws.calls import DEFAULT_REGION, translated
from ingestion_operator.adapters.aws.leftovers import Leftovers
from ingestion_operator.adapters.aws.lookups import Lookups
from ingestion_operator.adapters.aws.tables import Tables
from ingestion_operator.adapters.aws.wiring import Wiring
from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.place import Place
from ingestion_operator.ports.cloud import AssumedRole


class Boto3Cloud(Buckets, Tables, Lookups, Leftovers, Wiring):
    """The `Cloud` port on boto3, with one access: by default the credentials and the endpoint of the environment.

    `region`: where roles are assumed.
    """

    def __init__(
        self,
        *,
        path_style: bool = False,
        permissions_boundary: str = "",
        access: Access = OWN,
        region: str = DEFAULT_REGION,
    ) -> None:
        super().__init__(path_style=path_style, access=access, region=region)
        self._path_style = path_style
        self._permissions_boundary = permissions_boundary
        self._region = region
        self._account: tuple[str, str, str] | None = None
        self._others_guard = threading.Lock()
        self._others: dict[str, Self] = {}

    def using(self, access: Access) -> Self:
        """See the port. Kept by the name of the account, until that says something else."""
        if access == self._access:
            return self
        with self._others_guard:
            found = self._others.get(access.account)
            if found is None or found._access != access:
                found = self._other(access)
                self._others[access.account] = found
            return found

    def _other(self, access: Access) -> Self:
        boundary = access.boundary(self._permissions_boundary)
        made = type(self)(
            path_style=self._path_style, permissions_boundary=boundary, access=access, region=self._region
        )
        # Two accesses may lead to one account: its notification documents are changed by one of ours at a time.
        made._switches, made._guard_of_switches = self._switches, self._guard_of_switches
        return made

    def place(self, region: str) -> Place:
        """See the port. The account is asked for once: neither the operator's identity nor a role moves to another."""
        account, partition, _ = self._identity(region)
        return Place(account, region, partition, self._permissions_boundary)

    def assumed(self, access: Access) -> AssumedRole:
        """See the port."""
        account, _, arn = self._other(access)._identity(self._region)
        return AssumedRole(account, arn)

    def _identity(self, region: str) -> tuple[str, str, str]:
        if self._account is None:
            with translated("finding out the AWS account"):
                identity = self._sts(region).get_caller_identity()
                self._account = (identity["Account"], identity["Arn"].split(":")[1], identity["Arn"])
        return self._account
