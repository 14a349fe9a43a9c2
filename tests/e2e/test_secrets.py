"""Environment from a Secret: it reaches the function and nobody else."""

from __future__ import annotations

import json
from typing import Any

from canary import CANARY
from e2e.world import World, copying

# The fixture of the operator searches all that it wrote for the canary, after all tests.
FIRST, SECOND = f"{CANARY}-first", f"{CANARY}-second"
SECRET = {"name": "MARK", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}}


def spec() -> dict[str, Any]:
    found = copying()
    found["processor"]["environment"] = [SECRET]
    return found


def test_a_secret_is_waited_for_reaches_the_function_and_its_change_is_deployed(world: World) -> None:
    world.apply("copy", spec())
    waiting = world.wait_condition("copy", "Ready", "DependencyNotReady")
    assert f"Secret {world.namespace}/api, named by processor.environment, does not exist" in waiting["message"]

    world.apply_secret("api", {"other": "x"})
    world.wait("the key named", lambda: "has no key 'token'" in world.condition("copy", "Ready").get("message", ""))

    world.apply_secret("api", {"token": FIRST})
    world.wait_ready("copy")
    assert world.process("copy", "raw/a.txt", b"!") == f"{FIRST}!".encode()

    world.apply_secret("api", {"token": SECOND})
    world.wait("the new value", lambda: world.function("copy")["Environment"]["Variables"]["MARK"] == SECOND)
    world.wait_ready("copy")
    assert world.process("copy", "raw/b.txt", b"!") == f"{SECOND}!".encode()


def test_a_secret_is_in_no_status_event_log_or_readable_state(world: World) -> None:
    world.apply_secret("api", {"token": FIRST})
    world.apply("copy", spec())
    stack = world.wait_ready("copy")["workings"]["name"]

    state = state_of(world, stack)
    assert state, "the state is there"
    assert '"ciphertext"' in state
    assert FIRST not in state
    assert FIRST not in json.dumps(world.get("copy"))
    assert FIRST not in world.control_plane.run_kubectl("get", "events", "-n", world.namespace, "-o", "json").stdout
    assert FIRST not in world.operator.output()


def state_of(world: World, stack: str) -> str:
    """Everything that Pulumi keeps of a stack: checkpoint, history and backups."""
    files = world.operator.state_files()
    return "\n".join(text.decode(errors="replace") for path, text in files.items() if stack in path)
