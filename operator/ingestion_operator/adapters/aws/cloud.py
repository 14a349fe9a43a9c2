"""The core's `Cloud` port on boto3."""

from __future__ import annotations

import threading
from typing import Self

from ingestion_operator.adapters.aws.buckets import Buckets
from ingestion_operator.adapters.aws.calls import DEFAULT_REGION, Clients, translated
from ingestion_operator.adapters.aws.event_switch import BucketLocks, EventSwitch
from ingestion_operator.adapters.aws.leftovers import Leftovers
from ingestion_operator.adapters.aws.lookups import Lookups
from ingestion_operator.adapters.aws.tables import Tables
from ingestion_operator.adapters.aws.wiring import WiringCheck
from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.place import Place
from ingestion_operator.ports.cloud import AssumedRole


class Boto3Cloud:
    """The `Cloud` port on boto3, with one access: by default the credentials and the endpoint of the environment.

    Each method of the port is a method of one of the parts, except those that are about the access itself.
    `region` is where roles are assumed.
    """

    def __init__(
        self,
        *,
        path_style: bool = False,
        permissions_boundary: str = "",
        access: Access = OWN,
        region: str = DEFAULT_REGION,
        locks: BucketLocks | None = None,
    ) -> None:
        self._path_style = path_style
        self._permissions_boundary = permissions_boundary
        self._access = access
        self._region = region
        self._locks = locks or BucketLocks()
        self._clients = Clients(path_style=path_style, access=access, region=region)
        self._identity: tuple[str, str, str] | None = None
        self._others_guard = threading.Lock()
        self._others: dict[str, Self] = {}
        self._connect_parts()

    def _connect_parts(self) -> None:
        buckets, tables, lookups = Buckets(self._clients), Tables(self._clients), Lookups(self._clients)
        switch, wiring = EventSwitch(self._clients, self._locks), WiringCheck(self._clients)
        # CloudReader
        self.bucket_region = lookups.bucket_region
        self.table_keys = tables.keys
        self.package = lookups.package
        self.trail = lookups.trail
        # OwnershipTags and Leftovers
        self.bucket_tags = buckets.tags
        self.tag_bucket = buckets.tag
        self.is_empty_bucket_of = buckets.is_empty_of
        self.table_tags = tables.tags
        self.tag_table = tables.tag
        self.claim_leftovers = Leftovers(self._clients).claim
        # DataStores
        self.count_objects = buckets.count_objects
        self.purge_bucket = buckets.purge
        self.delete_bucket = buckets.delete
        self.count_items = tables.count_items
        self.delete_table = tables.delete
        # EventPath
        self.switch_on_events = switch.switch_on
        self.switch_off_events = switch.switch_off
        self.wiring_faults = wiring.faults

    def using(self, access: Access) -> Self:
        """See the port. The result is kept by the name of the account, until that account has another access."""
        if access == self._access:
            return self
        with self._others_guard:
            other = self._others.get(access.account)
            if other is None or other._access != access:
                other = self._other(access)
                self._others[access.account] = other
            return other

    def _other(self, access: Access) -> Self:
        return type(self)(
            path_style=self._path_style,
            permissions_boundary=access.boundary(self._permissions_boundary),
            access=access,
            region=self._region,
            locks=self._locks,
        )

    def place(self, region: str) -> Place:
        """See the port. The answer is kept, because neither the operator's identity nor a role moves to another account."""
        account, partition, _ = self._caller(region)
        return Place(account, region, partition, self._permissions_boundary)

    def check(self) -> None:
        """Check, by asking AWS, that the operator's credentials are valid now. Raises CredentialsMissing or UpdateFailed.

        The readiness probe calls this. It is not part of the port. The call needs no permission.
        (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html)
        """
        self._ask_caller(self._region)

    def assume(self, access: Access) -> AssumedRole:
        """See the port."""
        account, _, arn = self._other(access)._caller(self._region)
        return AssumedRole(account, arn)

    def _caller(self, region: str) -> tuple[str, str, str]:
        """Account, partition and ARN of the identity that makes the calls."""
        if self._identity is None:
            self._identity = self._ask_caller(region)
        return self._identity

    def _ask_caller(self, region: str) -> tuple[str, str, str]:
        with translated("finding out the AWS account"):
            caller = self._clients.sts(region).get_caller_identity()
            return caller["Account"], caller["Arn"].split(":")[1], caller["Arn"]
