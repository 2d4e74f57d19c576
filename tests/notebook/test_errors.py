"""What a cell shows of a task's failure: one short text each, held to its last line, and where the whole of it is."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow import Config, ProcessExecutor, ThreadExecutor
from nbflow.notebook.errors import TaskErrors
from tests.notebook.shells import ANSI, real_kernel, refusal, shell_in_process

CASES = Path(__file__).parent / "cases" / "errors.txt"
NEW = {"group", "notes"}  # Python 3.11 brought them


def cases() -> dict[str, tuple[str, str]]:
    """(cell, what it shows) of each; the first is the cell that defines the apps, and shows nothing."""
    found = {}
    for part in CASES.read_text().split("=== ")[1:]:
        name, _, rest = part.partition("\n")
        cell, _, shown = rest.partition("\n---\n")
        found[name] = cell, shown.strip("\n")
    return found


KNOWN = cases()
APPS = KNOWN.pop("apps")[0]


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    nbflow.clear()
    nbflow.load(Config(executors=[ProcessExecutor(2), ThreadExecutor(1)]))
    with shell_in_process() as shell:
        shell.run_cell(APPS, store_history=True).raise_error()
        yield shell
    nbflow.clear()


def shown(
    shell: InteractiveShell, cell: str, capsys: pytest.CaptureFixture[str], cell_id: str | None = None
) -> str:
    """What a cell prints, without colours."""
    shell.run_cell(cell, store_history=True, cell_id=cell_id)
    return ANSI.sub("", capsys.readouterr().out).partition("-" * 70)[0].strip("\n")


def worded(text: str, cell: int) -> str:
    """The text with what is another one each time: T for a task's number, N for this cell's."""
    text = text.replace(f"Cell In[{cell}]", "Cell In[N]")
    text = re.sub(r"(task|traceback) \d+(\.\d+)?\b", r"\1 T", text)
    text = re.sub(r"worker \d+ \(process \d+\)", "worker W (process P)", text)
    text = re.sub(r"\d{3} times", "K times", text)
    text = re.sub(r"(\.py, line|^---->) \d{3}", r"\1 L", text, flags=re.MULTILINE)
    # Python 3.10 points at no part of a line
    return "\n".join(line for line in text.split("\n") if line.strip(" ~^") or not line)


@pytest.mark.parametrize("name", KNOWN)
def test_a_failure_is_told_briefly(
    shell: InteractiveShell, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in NEW and sys.version_info < (3, 11):
        pytest.skip("Python 3.11 brought it")
    cell, known = KNOWN[name]
    number = shell.execution_count
    assert worded(shown(shell, cell, capsys), number) == known


def shell_errors(shell: InteractiveShell) -> TaskErrors:
    """Those of the extension that is loaded."""
    found: TaskErrors = vars(shell)["showtraceback"].__self__
    return found


# ---------------------------------------------------------------- told once

NEEDS = "first = load('c.csv', scale=0)\nsecond = double(first)\nthird = double(second)\n"


def test_what_a_failure_led_to_refers_to_where_it_was_told(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(shell, NEEDS, capsys)
    number = shell.execution_count
    told = shown(shell, "second.result()", capsys)
    assert "----> 7         raise ValueError" in told
    root = shell.user_ns["first"].tid
    assert shown(shell, "third.result()", capsys) == (
        f"NeedFailed: task {root + 2} `double` was skipped because task {root} `load` failed: "
        f"ValueError: no scale for c.csv (see Cell In[{number}], or `%nbflow traceback {root}`)"
    )
    assert "----> 7" in shown(shell, "first.result()", capsys), (
        "who asks for the task itself is shown its error"
    )


def test_a_cell_that_runs_again_tells_again_what_it_has_told(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(shell, NEEDS, capsys)
    assert "----> 7" in shown(shell, "second.result()", capsys, "one")
    assert "see Cell In[" in shown(shell, "second.result()", capsys, "two")
    assert "----> 7" in shown(shell, "second.result()", capsys, "one")
    assert "see Cell In[" in shown(shell, "third.result()", capsys, "two")


def test_another_failure_of_the_same_kind_is_told(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        shown(shell, NEEDS, capsys)
        assert "----> 7" in shown(shell, "third.result()", capsys)


# ---------------------------------------------------------------- bounds


def test_a_huge_text_is_cut(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(shell, "huge(2_000_000).result()", capsys)
    assert "characters left out" in told
    assert len(told) < 8_000
    assert "raise ValueError" in told


def test_the_last_lines_of_a_long_output_are_told(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shown(shell, "prints(50).result()", capsys)
    words = told.split("Its last words:\n")[1].split("\n\n")[0]
    assert words.split("\n") == [f"    line {n}" for n in range(30, 50)]


def test_an_error_that_has_nothing_to_do_with_tasks_is_left_to_ipython(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("1 / 0", store_history=True)
    told = ANSI.sub("", capsys.readouterr().out)
    assert "Traceback (most recent call last)" in told
    assert "%nbflow" not in told


def test_a_flow_that_has_ended_still_tells_what_the_error_knows(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(shell, "lost = load('z.csv', scale=0); lost.exception()", capsys)
    number = shell.user_ns["lost"].tid
    told = shell_errors(shell).told(shell.user_ns["lost"].exception(), None, number, "load")
    assert (told.arguments, told.words, told.place) == ("", [], "Cell In[1], line 7")
    other = shell_errors(shell).told(shell.user_ns["lost"].exception(), nbflow.dfk(), number, "another")
    assert other.arguments == "", "the number means another task there"


# ---------------------------------------------------------------- %nbflow traceback


def tracebacks(
    shell: InteractiveShell, words: str, capsys: pytest.CaptureFixture[str]
) -> tuple[list[Any], str]:
    """What the command displays, and what it prints."""
    before = len(shell.display_pub.outputs)
    shell.run_cell(f"%nbflow traceback {words}", store_history=True).raise_error()
    return [output["data"] for output in shell.display_pub.outputs[before:]], capsys.readouterr().out


def test_the_whole_traceback_is_shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("failed = raises_from('x'); failed.exception()", store_history=True)
    number = shell.user_ns["failed"].tid
    (bundle,), _ = tracebacks(shell, str(number), capsys)
    lines = bundle["text/plain"].splitlines()
    assert lines[0] == f"task {number} `raises_from` failed: RuntimeError: not there"
    assert lines[1] == "Traceback (most recent call last):"
    assert '  File "Cell In[1]", line 18, in raises_from' in lines
    assert "    return {}[x]" in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert "<pre" in bundle["text/html"]
    (again,), _ = tracebacks(shell, "", capsys)
    assert again == bundle, "without a name, it is the last one that failed"


def test_of_a_skipped_task_the_failure_behind_it_is_shown(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(NEEDS + "third.exception()", store_history=True)
    root = shell.user_ns["first"].tid
    (bundle,), printed = tracebacks(shell, str(root + 2), capsys)
    assert f"task {root + 2} `double` was skipped because task {root} `load` failed:" in printed
    assert bundle["text/plain"].startswith(f"task {root} `load` failed: ValueError: no scale for c.csv\n")
    assert "What it printed:\nreading c.csv" in bundle["text/plain"]


def test_earlier_attempts_and_other_items_are_told(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell(
        "fails = nbflow.python_app(retries=1)(lambda x: 1 / x)(0); fails.exception()", store_history=True
    )
    (bundle,), _ = tracebacks(shell, "", capsys)
    assert "Earlier attempts:\n  ZeroDivisionError: division by zero" in bundle["text/plain"]
    shell.run_cell(
        "nbflow.map(nbflow.python_app(executors=['processes'])(lambda x: 1 / x), [0, 1, 0], chunksize=3).exception()",
        store_history=True,
    )
    (bundle,), _ = tracebacks(shell, "", capsys)
    assert "Other items:\n  item 2: ZeroDivisionError: division by zero" in bundle["text/plain"]


def test_a_task_without_a_failure_has_no_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("fine = double(1); fine.result()", store_history=True)
    number = shell.user_ns["fine"].tid
    bundles, printed = tracebacks(shell, str(number), capsys)
    assert (bundles, f"task {number} `double` has not failed: it is done." in printed) == ([], True)


# ---------------------------------------------------------------- the exception itself


def test_the_exception_is_the_users_and_travels(shell: InteractiveShell) -> None:
    shell.run_cell("caught = load('a.csv', scale=0).exception()", store_history=True)
    error = shell.user_ns["caught"]
    assert (type(error), error.args, vars(error)) == (ValueError, ("no scale for a.csv",), {})
    cause = pickle.loads(pickle.dumps(error.__cause__))
    assert (cause.task_id, cause.app, cause.item) == (error.__cause__.task_id, "load", None)
    assert str(cause).startswith(f"\ntask {cause.task_id} `load`:\nTraceback (most recent call last):")


# ---------------------------------------------------------------- in a real kernel

IN_A_KERNEL = """%%app
class Hostile(Exception):
    def __str__(self):
        raise OSError("no text")

def hostile(x):
    raise Hostile(x)

def compiles(text):
    exec(text)

def exits(code):
    raise SystemExit(code)
"""


def test_a_front_end_is_sent_what_ipython_would_tell_in_ways_of_its_own() -> None:
    with real_kernel() as kernel:
        kernel.run(IN_A_KERNEL)
        for call, first in (
            ("compiles('a b').result()", "SyntaxError: invalid syntax (<string>, line 1)"),
            ("await compiles('a b')", "SyntaxError: invalid syntax (<string>, line 1)"),
            ("exits(3).result()", "SystemExit: 3"),
            ("hostile(1).result()", "Hostile"),
        ):
            ran = kernel.run(call, ok=False)
            assert ran.status == "error"
            lines = ran.error.split("\n")
            assert lines[0] == first
            assert " failed at Cell In[2], line " in lines[1]
            assert any(line.startswith("----> ") for line in lines)


@pytest.mark.parametrize(
    "use",
    ["a + 1", "1 + a", "a()", "int(a)", "len(a)", "f'{a:.2f}'", "a.head()", "a['x'] = 1", "-a", "x * 2"],
)
def test_a_future_that_is_used_as_its_value_is_told_to_be_one(shell: Any, use: str) -> None:
    shell.run_cell("%%app\ndef f(x):\n    return x")
    shell.run_cell("%%app\nx = 1")
    error = refusal(shell, f"a = f(1)\n{use}")
    assert isinstance(error, TypeError)
    assert str(error).endswith("(this is a future, not its value: `.result()` waits for the value; an app can be "
                               "given the future itself)")  # fmt: skip


def test_other_errors_of_type_are_left_as_they_are(shell: Any) -> None:
    assert str(refusal(shell, "len(3)")) == "object of type 'int' has no len()"


def test_a_name_that_a_cell_did_not_bind_is_told_without_a_failure(shell: Any, capsys: Any) -> None:
    shell.run_cell("%%app\nx = (i for i in range(3))")
    capsys.readouterr()
    shell.run_cell("x.result()", store_history=True)
    out = ANSI.sub("", capsys.readouterr().out)
    assert "NotBound: `x` stayed in its task" in out
    assert "failed" not in out
    assert "The value was asked for in" in out
