"""How each client of AWS waits and retries."""

from __future__ import annotations

from botocore.config import Config

RETRIES = 5
STATE_RETRIES = 3
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30


def client_config(*, path_style: bool = False, retries: int | None = None) -> Config:
    """The configuration of a client. `path_style` puts the name of a bucket into the path, for stores that need it there."""
    return Config(
        retries={"mode": "standard", "max_attempts": RETRIES if retries is None else retries},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        s3={"addressing_style": "path" if path_style else "auto"},
    )
