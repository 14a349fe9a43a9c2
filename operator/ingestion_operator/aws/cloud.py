"""The core's `Cloud` port on boto3."""

from __future__ import annotations

from ingestion_operator.aws.buckets import Buckets
from ingestion_operator.aws.calls import translated
from ingestion_operator.aws.leftovers import Leftovers
from ingestion_operator.aws.lookups import Lookups
from ingestion_operator.aws.tables import Tables
from ingestion_operator.aws.wiring import Wiring
from ingestion_operator.names import Place


class Boto3Cloud(Buckets, Tables, Lookups, Leftovers, Wiring):
    """The `Cloud` port on boto3, with the credentials and the endpoint of the environment."""

    def __init__(self, *, path_style: bool = False, permissions_boundary: str = "") -> None:
        super().__init__(path_style=path_style)
        self._permissions_boundary = permissions_boundary
        self._account: tuple[str, str] | None = None

    def place(self, region: str) -> Place:
        """See the port. The account is asked for once: the operator's identity does not change while it runs."""
        if self._account is None:
            with translated("finding out the AWS account"):
                identity = self._sts(region).get_caller_identity()
                self._account = (identity["Account"], identity["Arn"].split(":")[1])
        account, partition = self._account
        return Place(account, region, partition, self._permissions_boundary)
