"""Where a task's standard output and error go, for Python, bash and join apps alike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import (
    AUTO_LOGNAME,
    App,
    Config,
    DataFlowKernel,
    DataFuture,
    File,
    bash_app,
    errors,
    join_app,
    python_app,
)
from nbflow.client.special import automatic_name

pytestmark = pytest.mark.usefixtures("each_flow")


@python_app
def in_python(word: str) -> None:
    print(word)
    print("oops", file=sys.stderr)


@bash_app
def in_bash(word: str) -> str:
    return f"echo {word}; echo oops >&2"


@join_app
def in_join(word: str) -> list[Any]:
    print(word)
    print("oops", file=sys.stderr)
    return []


KINDS = pytest.mark.parametrize("say", [in_python, in_bash, in_join], ids=lambda app: app.kind)


@KINDS
def test_a_path_is_written_to_and_its_folders_are_made(say: App, tmp_path: Path) -> None:
    out, err = tmp_path / "new" / "folder" / "out.txt", tmp_path / "err.txt"
    future = say("hello", stdout=str(out), stderr=err)
    future.result(20)
    assert (out.read_text(), err.read_text()) == ("hello\n", "oops\n")
    assert (future.stdout, future.stderr) == (str(out), err), "what was asked for"


@KINDS
def test_a_path_is_added_to_and_a_mode_may_say_otherwise(say: App, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    for word in ("one", "two"):
        say(word, stdout=str(out)).result(20)
    assert out.read_text() == "one\ntwo\n"
    future = say("three", stdout=(out, "w"))
    future.result(20)
    assert out.read_text() == "three\n"
    assert future.stdout == (out, "w")


@KINDS
def test_a_file_is_written_afresh_and_its_future_makes_others_wait(say: App, tmp_path: Path) -> None:
    @python_app
    def read(file: Any) -> str:
        return Path(file).read_text()

    path = tmp_path / "out.txt"
    path.write_text("old")
    future = say("new", stdout=File(path))
    assert isinstance(future.stdout, DataFuture)
    assert future.stdout.parent is future
    assert future.outputs == []
    assert read(future.stdout).result(20) == "new\n"
    assert future.stdout.result(20) == str(path)


@KINDS
def test_both_streams_may_go_to_one_file_and_stay_in_order(say: App, tmp_path: Path) -> None:
    for mode, text in (("w", "hello\noops\n"), ("a+", "hello\noops\nhello\noops\n")):
        both = tmp_path / "both.txt"
        say("hello", stdout=(both, mode), stderr=(str(both), mode)).result(20)
        assert both.read_text() == text


# ---------------------------------------------------------------- automatic names


@KINDS
def test_an_automatic_name_is_below_the_run_directory(say: App, each_flow: DataFlowKernel) -> None:
    future = say("hello", stdout=AUTO_LOGNAME, stderr=AUTO_LOGNAME)
    folder = Path(each_flow.run_dir) / "task_logs" / "0000"
    name = f"task_{future.tid:04d}_{say.__name__}"
    assert future.stdout == str(folder / f"{name}.stdout")
    assert future.stderr == str(folder / f"{name}.stderr")
    future.result(20)
    assert Path(future.stdout).read_text() == "hello\n"
    assert Path(future.stderr).read_text() == "oops\n"


def test_a_label_is_part_of_the_automatic_name() -> None:
    @bash_app
    def say(label: Any = None, stdout: Any = AUTO_LOGNAME) -> str:
        return f"echo {label} > /dev/null; echo {stdout}"

    future = say(label="first")
    assert future.stdout.endswith(f"task_{future.tid:04d}_say_first.stdout")
    future.result(20)
    assert Path(future.stdout).read_text() == future.stdout + "\n", "the function sees the name"
    by_place = say("a/b c")
    assert by_place.stdout.endswith(f"task_{by_place.tid:04d}_say_a_b_c.stdout")
    by_place.result(20)


def test_ten_thousand_tasks_share_a_folder() -> None:
    assert automatic_name("run", "9999", "f", "stdout", None) == "run/task_logs/0000/task_9999_f.stdout"
    assert automatic_name("run", "10000", "f", "stderr", None) == "run/task_logs/0001/task_10000_f.stderr"
    assert automatic_name("run", "3.12", "f", "stdout", 1) == "run/task_logs/0000/task_3.12_f_1.stdout"


def test_a_call_inside_a_task_has_an_automatic_name_too() -> None:
    @python_app
    def outer() -> tuple[str, str]:
        future = in_bash("inner", stdout=AUTO_LOGNAME)
        future.result()
        return future.stdout, Path(future.stdout).read_text()

    name, text = outer().result(20)
    assert "task_logs" in name
    assert text == "inner\n"


def test_a_path_that_looks_like_the_automatic_name_is_none(tmp_path: Path) -> None:
    assert nbflow.AUTO_LOGNAME == -1
    for wrong in (-1.0, True, -2, [AUTO_LOGNAME]):
        with pytest.raises(errors.BadStdStreamFile):
            in_bash("x", stdout=wrong)


class Path3:
    """A path object of another library, whose comparison is its own affair."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


def test_any_path_object_will_do(tmp_path: Path) -> None:
    in_bash("hello", stdout=Path3(tmp_path / "out.txt")).result(20)
    assert (tmp_path / "out.txt").read_text() == "hello\n"


@pytest.mark.parametrize("kind", ["text", "path", "tuple", "File"])
def test_automatic_names_are_the_users_to_make(kind: str, tmp_path: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def name(record: Any, stream: str) -> Any:
        asked.append(
            (record["id"], record["func_name"], record["try_id"], record["kwargs"].get("word"), stream)
        )
        path = tmp_path / f"{record['func_name']}.{record['id']}.{stream}"
        return {"text": str(path), "path": path, "tuple": (path, "w"), "File": File(path)}[kind]

    with DataFlowKernel(Config(std_autopath=name)) as flow:
        future = bash_app(data_flow_kernel=flow)(in_bash.__wrapped__)(word="hello", stdout=AUTO_LOGNAME)  # type: ignore[attr-defined]
        path = tmp_path / f"in_bash.{future.tid}.stdout"
        assert asked == [(future.tid, "in_bash", 0, "hello", "stdout")]
        future.result(20)
        assert path.read_text() == "hello\n"
        if kind == "File":
            assert future.stdout.result(20) == str(path)
        else:
            assert future.stdout == {"text": str(path), "path": path, "tuple": (path, "w")}[kind]


def test_an_error_of_the_users_naming_comes_out_of_the_call() -> None:
    def name(record: Any, stream: str) -> Any:
        raise LookupError("no name")

    with DataFlowKernel(Config(std_autopath=name)) as flow:
        app = python_app(data_flow_kernel=flow)(len)
        with pytest.raises(LookupError, match="no name"):
            app([1], stdout=AUTO_LOGNAME)
        assert app([1]).result(20) == 1


# ---------------------------------------------------------------- what cannot be used


@pytest.mark.parametrize("name", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "wrong", [7, "", ("a",), ("a", "r"), ("a", "w", "x"), (1, "w"), ["a", "w"], ("a", 3), b"bytes"]
)
def test_a_stream_that_cannot_be_used_is_refused_at_the_call(name: str, wrong: Any) -> None:
    with pytest.raises(errors.BadStdStreamFile, match=f"{name}= takes a path"):
        in_python("x", **{name: wrong})


def test_a_stream_cannot_go_to_another_machine() -> None:
    for wrong in (File("zip:/a.zip/inner"), (File("http://host/a"), "w")):
        with pytest.raises(errors.BadStdStreamFile, match="stdout= takes files of this machine, not "):
            in_python("x", stdout=wrong)


@KINDS
def test_a_stream_that_cannot_be_opened_is_the_tasks_error(say: App, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for stdout in (tmp_path, tmp_path / "file" / "below", (tmp_path / "file", "x")):
        error = say("x", stdout=stdout).exception(20)
        assert isinstance(error, errors.BadStdStreamFile)
        assert "cannot be opened" in str(error)
