"""The rules of the operator's ServiceAccount are few, and none grants more than it says."""

from __future__ import annotations

import pytest

from cluster_rights import RIGHTS, Right

# An administrator reads the rules before an installation. Nobody reads more than this.
BOUND = 20
WRITING = {"create", "update", "patch", "delete", "deletecollection"}
WRITTEN = {
    "patch ingestionpipelines",
    "patch ingestionpipelines/status",
    "patch awsaccounts",
    "patch awsaccounts/status",
    "create events",
}


def test_they_are_few_and_each_is_given_once() -> None:
    assert len({str(right) for right in RIGHTS}) == len(RIGHTS) <= BOUND


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_a_right_has_no_wildcard_and_leads_to_no_others(right: Right) -> None:
    assert "*" not in (right.verb, right.resource, *right.rule["apiGroups"])
    assert right.verb not in {"escalate", "bind", "impersonate"}
    assert right.rule.keys() <= {"apiGroups", "resources", "resourceNames", "verbs"}
    assert right.verb not in WRITING or str(right) in WRITTEN
