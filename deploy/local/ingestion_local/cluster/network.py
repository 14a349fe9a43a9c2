"""The addresses of a cluster: a part of 198.18.0.0/15. RFC 2544 reserves this range for tests, so no real host has an address in it.

Several clusters on one machine have different parts of the range.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from ingestion_local.processes import LocalEnvironmentError

EVERYTHING = IPv4Network("198.18.0.0/15")
PARTS = 32
API_SERVER_PORT = 6443
AWS_PORT = 443


@dataclass(frozen=True)
class Network:
    """Part number `index`: a /20 with addresses for Services, for pods, and for the link between machine and node."""

    index: int

    def _range(self, number: int, prefix: int) -> IPv4Network:
        part = list(EVERYTHING.subnets(new_prefix=20))[self.index]
        return next(list(part.subnets(new_prefix=24))[number].subnets(new_prefix=prefix))

    @property
    def services(self) -> IPv4Network:
        """The addresses of Services."""
        return self._range(0, 24)

    @property
    def pods(self) -> IPv4Network:
        """The addresses of pods."""
        return self._range(1, 24)

    @property
    def link(self) -> IPv4Network:
        """The addresses of both ends of the link."""
        return self._range(2, 30)

    @property
    def machine(self) -> str:
        """The machine's end of the link. Pods find the API server, AWS and DNS there."""
        return str(self.link[1])

    @property
    def node(self) -> str:
        """The node's end of the link."""
        return str(self.link[2])

    @property
    def interface(self) -> str:
        """The name of the network interface at the machine's end."""
        return f"ingestion{self.index}"

    @property
    def aws_endpoint(self) -> str:
        """URL of every AWS service, for pods."""
        return f"https://{self.machine}:{AWS_PORT}"


@contextlib.contextmanager
def reserved(directory: Path) -> Iterator[Network]:
    """Reserve a part that no other cluster of this machine has. The kernel frees it when the holder ends.

    Raises LocalEnvironmentError when all parts are taken.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for index in range(PARTS):
        with (directory / f".network-{index}.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield Network(index)
            return
    raise LocalEnvironmentError(
        f"this machine runs {PARTS} clusters already, and there are no addresses for another one"
    )
