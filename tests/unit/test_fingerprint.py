"""The fingerprints of a few pipelines, to the letter.

A fingerprint is stored in the status of every pipeline and hashes the `repr` of `Ref`, `Archive` and `Sensitive`. Whoever
renames one of them, or one of their fields, makes an upgrade of the operator update every pipeline once. That has to be
wanted: these literals change only with what a pipeline is in AWS.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import EVERYTHING, SECRETS, make_blueprint
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.resources import Blueprint

PLAIN = make_blueprint()
FULL = make_blueprint(secrets=SECRETS, **EVERYTHING)
ASSUMED = replace(PLAIN, access=Access("prod", "arn:aws:iam::123456789012:role/ingestion", "id-1", {"team": "search"}))


@pytest.mark.parametrize(
    ("blueprint", "fingerprint"),
    [
        pytest.param(PLAIN, "b5e37d2f3be198cc06230de68963cc355cc018f4c71ffa05408804cbf4e6d21f", id="the shortest spec"),
        pytest.param(
            FULL, "945ba91bd1eb24602b95fb67099523442925bec591a26cbe0e0583ed79c05901", id="a spec with every resource"
        ),
        pytest.param(
            ASSUMED,
            "4f7b2b720ea9cc0be4da307601b2fa3f74b8ed8017dc8c63197e765951f4016d",
            id="built with the role of an account",
        ),
    ],
)
def test_a_pipeline_has_the_fingerprint_that_earlier_versions_stored(blueprint: Blueprint, fingerprint: str) -> None:
    assert blueprint.fingerprint == fingerprint
