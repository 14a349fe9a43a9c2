"""Runs docs/accounts.md from beginning to end against the emulator, which stands for two accounts."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from aws_accounts import OtherAccount
from e2e.fixtures import ACCOUNT_ROLE
from e2e.test_accounts import OPERATOR, everything, processed_in
from e2e.world import World, copying

PAGE = Path(__file__).parents[2] / "docs" / "accounts.md"
NOT_HERE = "(needs AWS)"
RUN = ("2. Make the role", "3. Let the operator", "4. Make the AWSAccount", "Change an account", "Delete an account")


def section(title: str) -> str:
    (found,) = [part for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE) if part.startswith(title)]
    return found


@dataclass
class Administrators:
    """Run the commands of the page, on this world instead of the page's: the cluster's and the team's."""

    world: World
    team: OtherAccount
    directory: Path
    names: Mapping[str, str]

    def run(self, title: str) -> str:
        """The commands of a section, in order; returns what the last one printed."""
        printed = ""
        for command in re.findall(r"^\$ (.+)$", section(title), re.MULTILINE):
            if NOT_HERE not in command:
                printed = self.one(self.here(command))
        return printed

    def here(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(self.here(text))

    def one(self, command: str) -> str:
        command, _, target = command.partition(" > ")
        word, *words = shlex.split(command)
        if word == "aws":
            return json.dumps(self.aws(words), default=str)
        if word == "kubectl":
            files = [str(self.directory / w) if w == "account.yaml" else w for w in words]
            printed = str(self.world.control_plane.run_kubectl(*files).stdout)
        else:
            argv = [sys.executable, "-m", "ingestion_handlers.cli", *words]
            done = subprocess.run(argv, cwd=self.directory, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
        if target:
            (self.directory / target).write_text(printed)
        return printed

    def aws(self, words: list[str]) -> Any:
        profile, service, call, *options = words[1:]
        assert profile == "search", words
        given = {
            "".join(part.title() for part in name.removeprefix("--").split("-")): self.value(text)
            for name, text in zip(options[::2], options[1::2], strict=True)
        }
        return getattr(self.team.client(service), call.replace("-", "_"))(**given)

    def value(self, text: str) -> str:
        return (self.directory / text.removeprefix("file://")).read_text() if text.startswith("file://") else text


def test_a_team_gets_an_account_by_the_commands_of_the_page(world: World, tmp_path: Path) -> None:
    team = OtherAccount(world.emulator, f"{uuid4().int % 10**12:012d}")
    name = f"page-{team.number}"
    admins = Administrators(
        world,
        team,
        tmp_path,
        {
            "arn:aws:iam::123456789012:role/ingestion-operator": f"arn:aws:iam::{world.emulator.account_id}:{OPERATOR}",
            "210987654321": team.number,
            "eu-west-1": world.emulator.region,
            "role/ingestion\n": f"role/{ACCOUNT_ROLE}\n",
            "name: search\n": f"name: {name}\n",
            "{name: search}": f"{{name: {name}}}",
            "awsaccount search": f"awsaccount {name}",
            "awsaccount/search": f"awsaccount/{name}",
            "[search, search-*]": f"[{world.namespace}]",
        },
    )
    manifest, pipeline = re.findall(r"```yaml\n(.*?)```", section("1. Say") + section("5. Name"), re.DOTALL)
    admins.write("account.yaml", manifest)
    (tmp_path / "boundary.json").write_text(json.dumps(everything()))
    admins.run(RUN[0])
    assert team.number in admins.run(RUN[1])
    shown = admins.run(RUN[2])
    assert "Assumed" in shown

    named = yaml.safe_load(admins.here(pipeline))["spec"]["accountRef"]
    world.apply("words", copying(accountRef=named))
    assert world.wait_ready("words")["workings"]["accountId"] == team.number
    assert processed_in(team, world, "words") == b"hello"
    admins.run(RUN[3])
    world.wait_ready("words")
    assert "acme-cluster-2" in (tmp_path / "trust.json").read_text()

    admins.run(RUN[4])
    world.delete("words")
    world.wait_gone("words")
    assert team.functions() == []
    world.wait("the end of the account", lambda: name not in accounts_of(world))


def accounts_of(world: World) -> str:
    return str(world.control_plane.run_kubectl("get", "awsaccounts", "-o", "name").stdout)


def test_every_command_is_run_or_says_what_it_needs() -> None:
    """A default would also apply to the pipelines of other tests. `test_default_account` tests it."""
    commands = re.findall(r"^\$ (.+)$", PAGE.read_text(), re.MULTILINE)
    run = [c for title in RUN for c in re.findall(r"^\$ (.+)$", section(title), re.MULTILINE) if NOT_HERE not in c]
    assert len(run) > 12
    not_run = [command for command in commands if command not in run]
    assert [c for c in not_run if NOT_HERE not in c] == re.findall(
        r"^\$ (.+)$", section("A default account"), re.MULTILINE
    )
