"""Names of buckets in an account's own namespace. MiniStack does not know these namespaces.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

OWN = "account-regional"
RESERVED = re.compile(r".+-\d{12}-[a-z]{2}(-[a-z]+)+-\d-an")


def strict_bucket(inner: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Wrap `s3._create_bucket`, and refuse a name that does not fit the namespace."""

    @wraps(inner)
    def create_bucket(
        name: str, body: bytes, headers: dict[str, str] | None = None, endpoint_region: str | None = None
    ) -> tuple[Any, ...]:
        from ministack.core.responses import get_account_id, get_region
        from ministack.services import s3

        asked = (headers or {}).get("x-amz-bucket-namespace", "")
        problem = namespace_problem(name, asked, get_account_id(), endpoint_region or get_region())
        return s3._error(*problem, 400, f"/{name}") if problem else inner(name, body, headers, endpoint_region)

    return create_bucket


def namespace_problem(name: str, asked: str, account: str, region: str) -> tuple[str, str] | None:
    """AWS's code and message if a bucket with this name cannot be in the requested namespace."""
    if asked == OWN and not name.endswith(f"-{account}-{region}-an"):
        return "InvalidNamespaceHeader", (
            "The requested bucket is not an account-regional namespace bucket of this account and Region."
        )
    if asked != OWN and RESERVED.fullmatch(name):
        return "MissingNamespaceHeader", (
            "The requested bucket is an account-regional namespace bucket, but your request is missing the required "
            "x-amz-bucket-namespace header."
        )
    return None
