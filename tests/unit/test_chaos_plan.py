"""The plan of a chaos run: the seed decides all of it, and each act is possible when its turn comes."""

from __future__ import annotations

import pytest

from chaos.plan import Act, Victim, asked_for, plan

SEEDS = range(20)


def test_the_same_seed_gives_the_same_rounds() -> None:
    assert list(plan(7, 50)) == list(plan(7, 50))
    assert list(plan(7, 50)) != list(plan(8, 50))


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert list(plan(7, 50))[:5] == list(plan(7, 5))


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_is_there_is_changed_or_deleted(seed: int) -> None:
    wanted: dict[str, object] = {}
    for todo in plan(seed, 60):
        assert (wanted.get(todo.name) is None) == (todo.act is Act.CREATE), todo
        assert (todo.wanted is None) == (todo.act is Act.DELETE), todo
        assert wanted.get(todo.name) != todo.wanted, "a change that changes nothing proves nothing"
        wanted[todo.name] = todo.wanted
    assert wanted == asked_for(plan(seed, 60))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_table_is_never_removed(seed: int) -> None:
    had_table: dict[str, bool] = {}
    for todo in plan(seed, 60):
        table = todo.wanted is not None and todo.wanted.table
        assert table or todo.act is not Act.CHANGE or not had_table[todo.name], todo
        had_table[todo.name] = table


def test_a_long_run_does_everything_to_everybody() -> None:
    rounds = list(plan(1, 60))
    assert {todo.act for todo in rounds} == set(Act)
    assert {kill.victim for todo in rounds for kill in todo.kills} == set(Victim)
    assert {todo.wanted.table for todo in rounds if todo.wanted} == {True, False}
    assert all(todo.kills for todo in rounds)
