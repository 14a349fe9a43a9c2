"""Code that a user wrote is checked in child processes: what each runtime's Python refuses, and what would kill a parser."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ingestion_operator.adapters.code_check import CodeChecker, checker, processes
from ingestion_operator.adapters.code_check.in_limits import MEMORY_BYTES, OUTPUT_BYTES
from ingestion_operator.adapters.code_check.processes import NoTime, run_limited
from ingestion_operator.adapters.code_check.verdict import NOT_PARSED, Syntax, syntax_error
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.model.processor import Processor

HANDLER = "def handler(event, context): ...\n"
NESTED = 60_000


@pytest.fixture(autouse=True)
def a_busy_machine_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WALL_SECONDS", 200.0)


def fault(files: dict[str, str] | str, runtime: str = "python3.13", handler: str = "index.handler") -> str:
    bundle = CodeBundle.of({"index.py": files} if isinstance(files, str) else files)
    processor = Processor.model_validate({"code": {"inline": "x"}, "runtime": runtime, "handler": handler})
    return CodeChecker().fault(bundle, processor)


@pytest.mark.parametrize(
    ("files", "runtime"),
    [
        pytest.param(HANDLER, "python3.9", id="a function"),
        pytest.param(f"{HANDLER}type X = int\n", "python3.13", id="syntax of 3.12"),
        pytest.param(
            f"{HANDLER}x = t'{{y}}'\n", "python3.14", id="syntax of 3.14, which the operator's own Python may not know"
        ),
        pytest.param(f"{HANDLER}match 1:\n    case 1: pass\n", "python3.10", id="a match statement"),
        pytest.param(f"\ufeff{HANDLER}", "python3.13", id="a byte order mark"),
        pytest.param(f"# -*- coding: utf-8 -*-\r\n{HANDLER}", "python3.13", id="lines of Windows"),
        pytest.param({"index.py": HANDLER, "data.json": "{not python"}, "python3.13", id="a file that is not Python"),
        pytest.param("from tools import *\n", "python3.13", id="a handler that a star may import"),
        pytest.param("from tools import run as handler\n", "python3.13", id="an imported handler"),
        pytest.param("import tools\nhandler = tools.wrap(print)\n", "python3.13", id="an assigned handler"),
        pytest.param(
            "class App: ...\nglobals()['handler'] = App()\n", "python3.13", id="a handler made at import time"
        ),
        pytest.param(
            "try:\n    from a import handler\nexcept ImportError:\n    handler = None\n", "python3.13", id="in a try"
        ),
        pytest.param(
            "def make():\n    global handler\n    handler = print\nmake()\n", "python3.13", id="a global name"
        ),
        pytest.param("async def handler(event, context): ...\n", "python3.13", id="an asynchronous function"),
    ],
)
def test_code_that_lambda_would_run_has_no_fault(files: dict[str, str] | str, runtime: str) -> None:
    assert fault(files, runtime) == ""


@pytest.mark.parametrize(
    ("text", "runtime", "place"),
    [
        pytest.param("import (", "python3.13", "line 1", id="syntax"),
        pytest.param(
            "match 1:\n    case 1: pass\n", "python3.9", "line 1, column 1: Cannot use `match`", id="match on 3.9"
        ),
        pytest.param("x = f'{d['a']}'\n", "python3.11", "line 1", id="nested quotes on 3.11"),
        pytest.param("try: pass\nexcept A, B: pass\n", "python3.13", "line 2", id="except without parentheses on 3.13"),
        pytest.param("def f():\n    await g()\n", "python3.13", "line 2", id="await outside of an async function"),
        pytest.param("def f(): pass\nreturn f\n", "python3.13", "line 2", id="return outside of a function"),
        pytest.param("break\n", "python3.13", "line 1", id="break outside of a loop"),
        pytest.param(
            "break  # noqa\n# ruff: noqa\n", "python3.13", "line 1", id="an error that a comment tries to hide"
        ),
        pytest.param("def f(event, event): pass\n", "python3.13", "line 1", id="the same argument twice"),
        pytest.param('LOG = "C:\\Users\\log.txt"\n', "python3.13", "line 1", id="a path of Windows"),
        pytest.param("x = 1\nfrom __future__ import annotations\n", "python3.13", "line 2", id="a late __future__"),
        pytest.param("def f():\n    from a import *\n", "python3.13", "line 2", id="a star in a function"),
        pytest.param("x = 1\x00\n", "python3.13", "index.py", id="a null byte"),
    ],
)
def test_code_that_the_runtime_does_not_compile_has_a_fault_with_its_place(text: str, runtime: str, place: str) -> None:
    found = fault(HANDLER + text, runtime)
    number = place.partition(",")[0].partition(" ")[2]
    shifted = place.replace(f"line {number}", f"line {int(number) + 1}", 1) if number else place
    assert found.startswith(f"processor.code does not compile for {runtime}: index.py")
    assert shifted in found


def test_each_file_is_checked_and_named() -> None:
    assert "tool.py, line 1" in fault({"index.py": HANDLER, "tool.py": "x = ("})


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        pytest.param(
            "def lambda_handler(event, context): ...\n",
            "it has lambda_handler: write handler: index.lambda_handler",
            id="AWS's own name",
        ),
        pytest.param("x = 1\n", "it has no function", id="no function"),
        pytest.param("class A:\n    def handler(self): ...\n", "it has no function", id="a method"),
        pytest.param(
            "def a(): ...\ndef b(): ...\ndef c(): ...\ndef d(): ...\n",
            "it has a, b, c and 1 more: write handler: index.a",
            id="several",
        ),
    ],
)
def test_a_handler_that_the_module_does_not_define_is_a_fault(text: str, advice: str) -> None:
    assert fault(text) == f"processor.handler 'index.handler' needs a function handler in index.py, but {advice}"


HOSTILE = [
    pytest.param("(" * 2000, id="2,000 brackets"),
    pytest.param("(" * NESTED, id="60,000 open brackets"),
    pytest.param("x = " + "[" * NESTED + "]" * NESTED, id="60,000 pairs of brackets"),
    pytest.param("x = " + "-" * NESTED + "1", id="60,000 signs"),
    pytest.param("x = a" + ".b" * NESTED, id="60,000 attributes"),
    pytest.param("x = 1" + "+1" * NESTED, id="60,000 sums"),
    pytest.param("x = " + "f'{" * NESTED, id="60,000 nested strings"),
    pytest.param("if 1: pass\n" + "elif 1: pass\n" * 15_000, id="15,000 branches"),
    pytest.param(
        "".join(f"def f_{n}(a, *c, **d): return [x for x in a] + list(d)\n" for n in range(16_000)) + "x = = 1\n",
        id="1 MiB with an error",
    ),
    pytest.param(") " * (1 << 19), id="half a million errors"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_code_that_kills_a_parser_is_refused_and_the_operator_lives(text: str) -> None:
    assert fault(text).startswith("processor.code does not compile for python3.13: ")


def counted(monkeypatch: pytest.MonkeyPatch, ended: processes.Ended) -> list[int]:
    """Let each command end like this. The list grows by one with each command."""
    runs: list[int] = []

    def run(*_: object) -> processes.Ended:
        runs.append(1)
        return ended

    monkeypatch.setattr(checker, "run_limited", run)
    return runs


def test_no_parser_of_user_text_is_in_the_operators_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def run(command: list[str], _: Path) -> processes.Ended:
        started.append(command)
        return processes.Ended(0, b"{}")

    monkeypatch.setattr("builtins.compile", lambda *_, **__: pytest.fail("compiled here"))
    monkeypatch.setattr(checker, "run_limited", run)
    assert fault("((") == ""
    assert [Path(command[0]).name for command in started] == ["ruff", Path(sys.executable).name]


def test_a_death_is_an_answer_that_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = counted(monkeypatch, processes.Ended(-signal.SIGSEGV, b""))
    processor = Processor.model_validate({"code": {"inline": "x"}})
    checks, bundle = CodeChecker(), CodeBundle.of({"index.py": HANDLER})
    first = checks.fault(bundle, processor)
    assert (NOT_PARSED in first, checks.fault(bundle, processor) == first, len(runs)) == (True, True, 2)


def test_a_machine_without_time_is_no_fault_of_the_code_and_the_next_look_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processor = Processor.model_validate({"code": {"inline": "x"}})
    checks, bundle = CodeChecker(), CodeBundle.of({"index.py": "x = ("})

    def busy(*_: object) -> processes.Ended:
        raise NoTime

    with monkeypatch.context() as patched:
        patched.setattr(checker, "run_limited", busy)
        assert checks.fault(bundle, processor) == ""
    assert "index.py, line 1" in checks.fault(bundle, processor)


def test_the_answers_that_were_not_used_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "REMEMBERED", 2)
    runs = counted(monkeypatch, processes.Ended(0, b"{}"))
    checks = CodeChecker()
    processor = Processor.model_validate({"code": {"inline": "x"}})
    asked = []
    for text in ("a", "b", "a", "c", "a", "b"):
        before = len(runs)
        checks.fault(CodeBundle.of({"index.py": text}), processor)
        asked.append(len(runs) > before)
    assert asked == [True, True, False, True, False, True]


def test_checks_at_the_same_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, all_in = 0, 0, threading.Event()
    guard = threading.Lock()

    def run(*_: object) -> processes.Ended:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
            if running == checker.AT_ONCE:
                all_in.set()
        assert all_in.wait(10)
        with guard:
            running -= 1
        return processes.Ended(0, b"{}")

    monkeypatch.setattr(checker, "run_limited", run)
    checks, processor = CodeChecker(), Processor.model_validate({"code": {"inline": "x"}})
    threads = [
        threading.Thread(target=checks.fault, args=(CodeBundle.of({"index.py": f"x = {n}"}), processor))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == checker.AT_ONCE


@pytest.mark.parametrize(
    ("script", "signals"),
    [
        pytest.param("while True: pass", {signal.SIGXCPU, signal.SIGKILL}, id="CPU time"),
        pytest.param(f"import sys; sys.stdout.write('x' * {2 * OUTPUT_BYTES})", {signal.SIGXFSZ}, id="output"),
    ],
)
def test_a_command_that_takes_too_much_is_ended(script: str, signals: set[int], tmp_path: Path) -> None:
    # Python ignores SIGXFSZ when it starts, so the script asks for it as a command that is not Python has it.
    script = f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n{script}"
    ended = run_limited([sys.executable, "-I", "-S", "-c", script], tmp_path / "output")
    assert -ended.status in signals
    assert len(ended.output) <= OUTPUT_BYTES


def test_a_command_gets_no_more_memory_than_its_limit_and_nothing_of_the_operators_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    script = f"import os; print(sorted(os.environ), flush=True); bytearray({MEMORY_BYTES})"
    ended = run_limited([sys.executable, "-I", "-S", "-c", script], tmp_path / "output")
    assert ended.status == 1
    assert b"AWS" not in ended.output
    assert b"RAYON_NUM_THREADS" in ended.output


def test_a_command_that_outlives_its_time_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Remembered(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(processes, "WALL_SECONDS", 0.01)
    monkeypatch.setattr(subprocess, "Popen", Remembered)
    with pytest.raises(NoTime):
        run_limited([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"], tmp_path / "output")
    assert [process.returncode for process in started] == [-signal.SIGKILL]


BAD, OK = Syntax("index.py, line 1"), Syntax()
WORDS = Syntax("CPython's words")


@pytest.mark.parametrize(
    ("wanted", "ruff", "python", "own", "error"),
    [
        pytest.param(13, OK, OK, None, "", id="both accept it"),
        pytest.param(
            13,
            BAD,
            WORDS,
            None,
            "CPython's words",
            id="both refuse it: in the words that the function's log would have",
        ),
        pytest.param(
            14, BAD, WORDS, None, "index.py, line 1", id="both refuse it: an older CPython may mean something else"
        ),
        pytest.param(9, BAD, OK, OK, "index.py, line 1", id="too new for the runtime"),
        pytest.param(13, BAD, OK, BAD, "", id="ruff errs: CPython accepts it"),
        pytest.param(13, OK, WORDS, OK, "CPython's words", id="only CPython's compiler sees it"),
        pytest.param(14, OK, WORDS, BAD, "", id="too new for the operator's own Python"),
        pytest.param(14, OK, WORDS, None, "", id="too new, perhaps"),
        pytest.param(13, None, WORDS, None, "CPython's words", id="ruff died"),
        pytest.param(13, None, OK, None, "", id="ruff died, and CPython accepts it"),
        pytest.param(14, None, WORDS, None, NOT_PARSED, id="ruff died, and nobody accepts it"),
        pytest.param(13, BAD, None, None, "index.py, line 1", id="CPython died"),
        pytest.param(13, OK, None, None, "", id="CPython died, and ruff accepts it"),
        pytest.param(13, None, None, None, NOT_PARSED, id="both died"),
    ],
)
def test_code_is_refused_only_if_no_parser_accepts_it_for_its_runtime(
    wanted: int, ruff: Syntax | None, python: Syntax | None, own: Syntax | None, error: str
) -> None:
    assert syntax_error((3, wanted), (3, 13), ruff, python, lambda: own) == error
