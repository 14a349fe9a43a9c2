"""The pod that an operator runs in, as the status names it.

The next operator looks this pod up to find out whether the holder of a lock can still be running.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

HOST_NAME_LENGTH = 63


@dataclass(frozen=True)
class Pod:
    """One pod. A later pod of the same name has another uid."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The pod of `<namespace>/<name>/<uid>`; None if the text has another form."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == len(("namespace", "name", "uid")) and all(parts) else None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}/{self.uid}"

    @property
    def host(self) -> str:
        """The pod's host name, which a lock names as its holder.

        (https://kubernetes.io/docs/concepts/workloads/pods/pod-hostname/)
        """
        return self.name[:HOST_NAME_LENGTH].rstrip("-.")
