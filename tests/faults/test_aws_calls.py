"""A row for each kind of call to AWS that a creation, an update and a deletion make, and each way in which it can go wrong.

`make faults` runs all rows. `make test` runs a few that the seed chooses, and the hardest. calls.txt lists the calls, so that a
row keeps its name; the first test here checks the list against the calls that are made.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import pytest

from chaos.leftovers import left_of
from chaos.plan import Wanted
from chaos.rounds import spec_of
from faults.actions import Action
from faults.operations import Operation
from faults.world import CLUSTER_ID, AwsCall, FaultyWorld, calls_in

logger = logging.getLogger(__name__)

CALLS = Path(__file__).with_name("calls.txt")
ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
SAMPLE = 1
NAME = "copy"
VERBS = ("create", "update", "destroy")
# The caller cannot get past these, so that a person must act. Everything else is a matter of time.
FOR_A_PERSON = (Action.REFUSE, Action.SKEW)

Life = tuple[AwsCall, ...]
"""What goes wrong in the life of a pipeline: at most one kind of call in its creation, its update and its deletion."""


def listed() -> list[AwsCall]:
    return [AwsCall.parse(line) for line in CALLS.read_text().splitlines()]


def lives() -> list[Life]:
    """As few lives as there can be, so that each call goes wrong in one of them."""
    by_verb = [[call for call in listed() if call.verb == verb] for verb in VERBS]
    return [tuple(call for call in calls if call is not None) for calls in zip_longest(*by_verb)]


def rows() -> Iterator[object]:
    for action in Action:
        for life in lives():
            yield pytest.param(life, action, id=f"{action}: {', '.join(map(str, life))}")


# AWS did it, and the caller does not know: it exists already, or it is gone already.
HARD: Life = (
    AwsCall("create", "engine", Operation("lambda", "CreateFunction")),
    AwsCall("update", "engine", Operation("lambda", "UpdateFunctionConfiguration")),
    AwsCall("destroy", "engine", Operation("iam", "DeleteRole")),
)


def test_the_list_has_exactly_the_calls_that_are_made(faulty: FaultyWorld) -> None:
    made: set[AwsCall] = set()
    for verb, act, wait in acts(faulty):
        faulty.mend()
        act()
        wait()
        made |= calls_in(verb, faulty.aws)
    if os.environ.get("UPDATE_GOLDEN"):
        CALLS.write_text("".join(f"{call}\n" for call in sorted(made)))
    assert sorted(made) == listed(), f"UPDATE_GOLDEN=1 writes {CALLS.name} anew"


def test_a_call_that_aws_did_and_that_failed_is_got_over(faulty: FaultyWorld) -> None:
    live_through(faulty, HARD, Action.FAIL_AFTER)


def test_some_calls_that_go_wrong_are_got_over(faulty: FaultyWorld) -> None:
    logger.info("to repeat this: FAULTS_SEED=%d", SEED)
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    by_verb = [[call for call in listed() if call.verb == verb] for verb in VERBS]
    for _ in range(SAMPLE):
        # The fault that is hardest to get over. `make faults` has the others, and some of those rows take minutes.
        live_through(faulty, tuple(chance.choice(calls) for calls in by_verb), Action.FAIL_AFTER)


if ALL:

    @pytest.mark.parametrize(("life", "action"), list(rows()))
    def test_a_call_that_goes_wrong_is_got_over(faulty: FaultyWorld, life: Life, action: Action) -> None:
        live_through(faulty, life, action)


def live_through(faulty: FaultyWorld, life: Life, action: Action) -> None:
    """Create a pipeline, change it and delete it, while these calls go wrong. Raises AssertionError if it does not come through."""
    calls = {call.verb: call for call in life}
    logger.info("%s: %s", action, ", ".join(map(str, life)))
    for verb, act, wait in acts(faulty):
        faulty.mend()
        rule = faulty.break_aws(calls[verb], action) if verb in calls else None
        act()
        if verb in calls and action in FOR_A_PERSON:
            faulty.wait_for_words(NAME, words(calls[verb], action), over(faulty, verb))
            faulty.mend()
        wait()
        assert rule is None or rule.hits > 0, f"{calls[verb]} was not made"
    assert left_of(faulty.world, NAME, CLUSTER_ID) == []


def acts(faulty: FaultyWorld) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """What a user does in the life of a pipeline, and how the user sees that it is done."""
    world = faulty.world
    for verb, size in (("create", 128), ("update", 256)):
        spec = spec_of(Wanted(size, table=True))
        yield verb, lambda spec=spec: world.apply(NAME, spec), lambda: faulty.wait_ready(NAME)  # type: ignore[misc]
    outputs = world.status(NAME)["outputs"]
    world.put(outputs["bucketName"], "raw/one", b"one")
    stores: Mapping[str, str] = {key: outputs[key] for key in ("bucketName", "resultsBucket", "resultsTable")}
    world.annotate(NAME, "confirm-purge", ",".join(stores.values()))
    yield "destroy", lambda: world.delete(NAME), lambda: faulty.wait_gone(NAME)


def over(faulty: FaultyWorld, verb: str) -> Callable[[], bool]:
    """How to see that the fault did not stop the operator."""
    return (lambda: faulty.world.get(NAME) is None) if verb == "destroy" else (lambda: faulty.is_ready(NAME))


def words(call: AwsCall, action: Action) -> list[str]:
    """What the conditions must say. The answer to HEAD has no text."""
    if action is Action.SKEW:
        return ["clock"]
    asked = f"{call.operation.service}:{call.operation.name}"
    return ["AccessDenied"] if call.operation.name == "HeadBucket" else ["AccessDenied", asked]
