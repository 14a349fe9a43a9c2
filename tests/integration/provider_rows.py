"""Every resource type of the stand-in with a row for its tests; the fixtures are in `provider_fixtures`."""

from __future__ import annotations

import pytest

from ingestion_local.provider.properties import Document
from integration import (
    provider_bucket_rows,
    provider_compute_rows,
    provider_function_rows,
    provider_storage_rows,
    provider_trail_rows,
)
from integration.provider_world import ProviderWorld, Row, same_text

ROWS: dict[str, Row] = {
    **provider_trail_rows.ROWS,
    **provider_bucket_rows.ROWS,
    **provider_storage_rows.ROWS,
    **provider_compute_rows.ROWS,
    **provider_function_rows.ROWS,
}
VARIANTS: dict[str, tuple[str, Row]] = {
    **provider_bucket_rows.VARIANTS,
    **provider_trail_rows.VARIANTS,
    **provider_function_rows.VARIANTS,
}
kinds = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.rpartition(":")[2]) for kind in ROWS])
CASES = {kind.rpartition(":")[2]: (kind, row) for kind, row in ROWS.items()} | VARIANTS
cases = pytest.mark.parametrize(("kind", "row"), [pytest.param(*case, id=name) for name, case in CASES.items()])
# Every change of a permission replaces it.
changing = pytest.mark.parametrize(
    ("kind", "row"), [pytest.param(*case, id=name) for name, case in CASES.items() if name != "Permission"]
)


def assert_applied(kind: str, world: ProviderWorld, inputs: Document) -> None:
    """Assert that AWS has each of these inputs as it was given."""
    seen = ROWS[kind].seen(world, inputs)
    assert {key: same_text(seen[key]) for key in inputs} == {key: same_text(value) for key, value in inputs.items()}
