"""The clients of AWS: one for each service. All resource types share them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ingestion_local.provider.access import AwsAccess
from ingestion_local.provider.calls import Refused, doing


def read_descriptions(services: Sequence[str]) -> None:
    """Read botocore's descriptions of these services, so that the clients of this process, and of its forks, are made faster."""
    nowhere = AwsAccess("http://127.0.0.1:1", "us-east-1", "none", "none")
    aws = Aws(nowhere)
    for service in services:
        aws.make(service)


class Aws:
    """Clients of the emulator. Each is made at its first use and then shared, because botocore's clients are thread-safe."""

    def __init__(self, access: AwsAccess) -> None:
        self.region = access.region
        self._access = access
        self._guard = threading.Lock()
        # Making a client is not thread-safe. So one thread makes all clients, and a caller waits only for its own.
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clients")
        self._clients: dict[str, Future[Any]] = {}
        self._session: Any = None

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        return self._promise(service).result()

    def check_account(self) -> None:
        """Raise Refused for credentials of an account that the program does not allow, and for a role that cannot be assumed."""
        wanted, role = self._access.configuration.accounts, self._access.configuration.role
        if not wanted and role is None:
            return
        client = self("sts")
        said = f"Cannot assume IAM Role. IAM Role ({role.arn}) cannot be assumed" if role else "finding out the account"
        with doing(said, client):
            account = client.get_caller_identity()["Account"]
        if wanted and account not in wanted:
            raise Refused(f"AWS account ID not allowed: {account}")

    def warm_up(self, services: Sequence[str]) -> None:
        """Begin to make the clients of these services before their first use."""
        for service in services:
            self._promise(service)

    def _promise(self, service: str) -> Future[Any]:
        with self._guard:
            if service not in self._clients:
                self._clients[service] = self._maker.submit(self.make, service)
            return self._clients[service]

    def make(self, service: str) -> Any:
        """A new client. Not thread-safe."""
        # The import is here because the engine waits for the port, and the first resource comes much later.
        import botocore.config

        self._session = self._session or self._new_session()
        # A proxy would take the calls off this machine.
        config = botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"mode": "standard"}, max_pool_connections=32, proxies={}
        )
        endpoint = self._access.configuration.endpoints.get(service, self._access.endpoint)
        return self._session.create_client(service, region_name=self.region, endpoint_url=endpoint, config=config)

    def _new_session(self) -> Any:
        from ingestion_local.provider.credentials import session_of

        return session_of(self._access)
