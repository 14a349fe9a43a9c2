"""The emulator limits the length of sessions with a role."""

from __future__ import annotations

import pytest

from ingestion_local.strict.sessions import too_long


@pytest.mark.parametrize(
    ("seconds", "longest", "chained", "message"),
    [
        (3600, None, False, ""),
        (3601, None, False, "exceeds the MaxSessionDuration set for this role"),
        (43200, 43200, False, ""),
        (3600, 43200, True, ""),
        (3601, 43200, True, "exceeds the 1 hour session limit for roles assumed by role chaining"),
    ],
)
def test_a_session_is_not_longer_than_aws_makes_it(
    seconds: int, longest: int | None, chained: bool, message: str
) -> None:
    role = {} if longest is None else {"MaxSessionDuration": longest}
    found = too_long(seconds, role, chained=chained)
    assert (message in found) if message else (found == "")
