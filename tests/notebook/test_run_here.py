"""`%nbflow debug`: a task's call runs in the notebook's process, as it was made, with IPython's debugger."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from tests.notebook.shells import ANSI, Kernel, real_kernel, shell_in_process

CELL = """%%app
def score(x, gamma=0.0):
    scale = 100
    return scale / (x * gamma)
"""


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    nbflow.clear()
    with shell_in_process() as shell:
        shell.run_cell(CELL, store_history=True).raise_error()
        shell.run_cell("%nbflow start 1").raise_error()
        yield shell
    nbflow.clear()


Feed = Callable[..., list[str]]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Gives the debugger these commands; what it has been given is taken out."""

    def set_up(*commands: str) -> list[str]:
        left = list(commands)
        monkeypatch.setattr(builtins, "input", lambda prompt="": left.pop(0))
        return left

    return set_up


def run(shell: InteractiveShell, line: str) -> Any:
    result = shell.run_cell(line, store_history=True)
    result.raise_error()
    return result.result


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return ANSI.sub("", capsys.readouterr().out)


def test_the_frame_that_raised_is_looked_at_with_its_variables(
    shell: InteractiveShell, feed: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "future = score(score(1, gamma=2.0)); future.exception()")
    left = feed("p scale, x, gamma", "q")
    capsys.readouterr()
    run(shell, "%nbflow debug 2")
    text = said(capsys)
    assert "Runs task 2 `score` here, as it was called, with " in text
    assert "ZeroDivisionError: float division by zero" in text
    assert "return scale / (x * gamma)" in text, "the line, at the prompt"
    assert "(100, 50.0, 0.0)" in text
    assert not left


def test_from_the_first_line_on_step_by_step(
    shell: InteractiveShell, feed: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "future = score(1); future.exception()")
    left = feed("n", "n", "scale = 7; gamma = 1", "p scale", "q")
    run(shell, "%nbflow debug 1 --break")
    text = said(capsys)
    assert "scale = 100" in text
    assert "\n7\n" in text
    assert not left


def test_stepping_to_the_end_gives_the_value(shell: InteractiveShell, feed: Feed) -> None:
    run(
        shell, "import os\n@python_app\ndef where(home):\n    assert os.getpid() == home\n    return home + 1"
    )
    run(shell, "future = where(os.getpid()); future.exception()")
    feed("c")
    home = run(shell, "os.getpid()")
    assert run(shell, "%nbflow debug 1 --break") == home + 1
    assert run(shell, "%nbflow debug 1 --no-debugger") == home + 1
    assert shell.user_ns["_"] == home + 1


def test_without_the_debugger_the_error_is_raised_as_it_is(shell: InteractiveShell) -> None:
    run(shell, "future = score(1); future.exception()")
    result = shell.run_cell("%nbflow debug 1 --no-debugger")
    assert isinstance(result.error_in_exec, ZeroDivisionError)


def test_the_function_is_the_one_that_was_called(shell: InteractiveShell) -> None:
    run(shell, "future = score(1); future.exception()")
    run(shell, CELL.replace("return scale / (x * gamma)", "return 'new'"))
    result = shell.run_cell("%nbflow debug 1 --no-debugger")
    assert isinstance(result.error_in_exec, ZeroDivisionError)


def test_an_async_function_runs_to_its_end(shell: InteractiveShell) -> None:
    run(
        shell,
        "import os\n@python_app\nasync def here(home):\n    assert os.getpid() == home\n    return 'here'",
    )
    run(shell, "future = here(os.getpid()); future.exception()")
    assert run(shell, "%nbflow debug here --no-debugger") == "here"


def test_the_size_of_the_arguments_is_told_before(
    shell: InteractiveShell, feed: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "future = score(bytes(1_000_000)); future.exception()")
    feed("p len(x)", "q")
    capsys.readouterr()
    run(shell, "%nbflow debug 1")
    text = said(capsys)
    assert "with 1 MB of arguments" in text
    assert "1000000" in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "takes one task, by its number; 0 are named"),
        ("score", "takes one task, by its number; 2 are named"),
        ("3", "task 3 `score` is done: call the app anew"),
        ("2", "task 2 `score` needs task 1 `score`, which has no value: look at that one"),
        ("9", "there is no task or app '9'"),
        ("1 --all", "takes a task, --break and --no-debugger; not '--all'"),
        ("1 --break --no-debugger", "takes --break or --no-debugger, not both"),
    ],
)
def test_what_cannot_be_run_here_and_why(shell: InteractiveShell, words: str, why: str) -> None:
    run(shell, "a = score(1); b = score(a); c = score(1, gamma=1.0); [x.exception() for x in (a, b, c)]")
    error = shell.run_cell(f"%nbflow debug {words}").error_in_exec
    assert why in str(error)


def test_where_there_is_no_prompt_the_way_without_it_is_named(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_prompt(prompt: str = "") -> str:
        raise StdinNotImplementedError

    monkeypatch.setattr(builtins, "input", no_prompt)
    run(shell, "future = score(1); future.exception()")
    error = shell.run_cell("%nbflow debug 1").error_in_exec
    assert "`%nbflow debug 1 --no-debugger` runs it without one" in str(error)


def test_the_prompt_is_the_kernels_own() -> None:
    """As JupyterLab shows it: the kernel asks its front end for each line."""
    with real_kernel() as kernel:
        kernel.run(CELL)
        kernel.run("future = score(1)\nfuture.exception()")
        assert _debugged(kernel, ["p scale", "q"]).count("100") == 1
        ran = kernel.run("%nbflow debug 1", ok=False)  # which allows no prompt
        assert "runs it without one" in ran.text


def _debugged(kernel: Kernel, commands: list[str]) -> str:
    """What the debugger says to these commands, beyond the lines that it stops at."""
    texts: list[str] = []
    client = kernel.client

    def answer(message: dict[str, Any]) -> None:
        assert message["content"]["prompt"]
        client.input(commands.pop(0))

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    client.execute_interactive(
        "%nbflow debug 1", allow_stdin=True, stdin_hook=answer, output_hook=keep, timeout=50
    )
    assert not commands
    lines = ANSI.sub("", "".join(texts)).splitlines()
    return "\n".join(line for line in lines if line.strip() == "100")
