"""What becomes of a bash app's command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbflow import bash_app, errors
from nbflow.errors import exit_in_words

pytestmark = pytest.mark.usefixtures("each_flow")


@bash_app
def run(command: Any) -> Any:
    return command


def failure(command: str, **keywords: Any) -> errors.BashExitFailure:
    error = run(command, **keywords).exception(20)
    assert isinstance(error, errors.BashExitFailure)
    assert error.app_name == "run"
    return error


def test_a_command_that_succeeds_gives_0() -> None:
    assert run("true").result(20) == 0
    assert run("false || true").result(20) == 0


def test_it_is_bash_that_runs_it(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    assert run(f'a=(1 2); echo "${{a[1]}} $((RANDOM < 32768))" &> {out}').result(20) == 0
    assert out.read_text() == "2 1\n"


def test_a_later_command_hides_an_earlier_ones_failure_as_in_bash() -> None:
    assert run("false\ntrue").result(20) == 0
    assert failure("set -e; false; true").exitcode == 1
    assert failure("set -o pipefail; false | true").exitcode == 1


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("exit 3", 3, "ended with exit code 3"),
        ("no_such_command_at_all", 127, "exit code 127 (a command was not found)"),
        ("/etc/hostname_is_no_command", 127, "exit code 127 (a command was not found)"),
        ("/", 126, "exit code 126 (a command cannot be executed)"),
        ("kill -9 $$", -9, "was killed by SIGKILL"),
        ("bash -c 'kill -15 $$'; exit $?", 143, "exit code 143 (as after SIGTERM)"),
        ("if", 2, "exit code 2"),
    ],
)
def test_how_a_command_ended_is_said_in_words(command: str, code: int, words: str) -> None:
    error = failure(command)
    assert error.exitcode == code
    assert words in str(error)


def test_every_exit_code_has_words() -> None:
    assert {exit_in_words(code) for code in (1, 128, 255)} == {
        "ended with exit code 1",
        "ended with exit code 128",
        "ended with exit code 255",
    }
    assert exit_in_words(-60) == "was killed by signal 60"


def test_the_last_words_are_quoted_wherever_they_went(tmp_path: Path) -> None:
    err, out = tmp_path / "err.txt", tmp_path / "out.txt"
    err.write_text("of an earlier run\n")
    assert failure("echo reason >&2; exit 1").tail == "reason"
    error = failure("echo out; echo reason >&2; exit 1", stderr=err)
    assert error.tail == "reason"
    assert str(error) == "bash app run ended with exit code 1; its last words: reason"
    assert failure("echo said; exit 1", stdout=out, stderr=err).tail == "said"
    assert failure("exit 1", stdout=out, stderr=err).tail == "", "what was there before is not quoted"
    assert failure("echo out; echo reason >&2; exit 1", stdout=out).tail == "reason"
    assert failure("seq 100000 >&2; exit 1", stderr=err).tail.endswith("99999\n100000")


@pytest.mark.parametrize(
    "leaves", [True, False], ids=["its function has gone elsewhere", "it has removed its log"]
)
def test_a_log_that_cannot_be_read_any_more_changes_nothing_about_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    @bash_app
    def run(stderr: str) -> str:
        if leaves:
            os.chdir("/")
        return f"echo reason >&2; {'' if leaves else f'rm {stderr};'} exit 3"

    name = os.path.relpath(tmp_path / "err.txt")
    error = run(stderr=name).exception(20)
    assert isinstance(error, errors.BashExitFailure)
    assert (error.exitcode, error.tail) == (3, "reason" if leaves else "")


def test_standard_input_is_empty() -> None:
    assert run('read line; test -z "$line"').result(20) == 0


def test_large_output_does_not_block(tmp_path: Path) -> None:
    assert run("head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2").result(20) == 0
    out = tmp_path / "out.txt"
    assert run("head -c 3000000 /dev/zero", stdout=out).result(20) == 0
    assert out.stat().st_size == 3_000_000


def test_a_command_longer_than_an_argument_may_be_runs_too(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    words = " ".join(str(n) for n in range(50_000))
    assert len(words) > 131_072
    assert run(f"echo {words} > {out}").result(20) == 0
    assert out.read_text() == f"{words}\n"
    assert failure(f": {words}; exit 4").exitcode == 4


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (None, "it returned None"),
        (3, "it returned 3"),
        ("  ", "it returned '  '"),
        ([0] * 1000, "it returned list"),
    ],
)
def test_what_is_not_a_command_is_an_error(command: Any, words: str) -> None:
    error = run(command).exception(20)
    assert isinstance(error, errors.BashAppNoReturn)
    assert isinstance(error, ValueError)
    assert words in str(error)
    assert error.reason == str(error)


def test_an_exception_of_the_function_comes_out_as_itself() -> None:
    @bash_app
    def broken(template: str) -> str:
        return template.format()

    assert isinstance(broken("{a}").exception(20), KeyError)


def test_a_template_without_enough_values_is_bad_formatting() -> None:
    @bash_app
    def broken(inputs: Any = ()) -> str:
        return f"cat {inputs[0]}"

    error = broken().exception(20)
    assert isinstance(error, errors.AppBadFormatting)
    assert "bash app broken cannot be put together: IndexError: list index out of range" in str(error)
    assert "inputs[0]" in str(error.__cause__)


def test_the_errors_of_apps_are_one_tree() -> None:
    for kind in (errors.BashExitFailure, errors.BashAppNoReturn, errors.AppTimeout, errors.MissingOutputs):
        assert issubclass(kind, errors.AppException)
        assert issubclass(kind, errors.TaskError)


def test_an_output_that_was_not_written_is_named_in_parsls_way(tmp_path: Path) -> None:
    there, missing = tmp_path / "new" / "there", tmp_path / "new" / "missing"
    future = bash_app(lambda outputs: f"touch {outputs[0]}")(outputs=[there, missing])
    error = future.exception(20)
    assert isinstance(error, errors.MissingOutputs)
    assert error.outputs == [str(missing)]
    assert error.outputs[0].filepath == str(missing)  # type: ignore[attr-defined]
    assert "bash app <lambda> ended without writing all its outputs" in error.reason
    assert str(missing) in str(error)
    assert str(there) not in str(error)
    assert os.path.isdir(there.parent), "folders of outputs are made"
