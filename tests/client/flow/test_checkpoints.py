"""What outlives a flow: values of cached calls, in checkpoints that the next flow recalls from."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbflow
from nbflow import App, BasicMemoizer, Config, ProcessExecutor, errors, join_app, python_app
from nbflow.memoizers import RECORDS, get_all_checkpoints, get_last_checkpoint
from tests.sessions import Session, scanned

MODES = ["task_exit", "dfk_exit", "periodic", "manual"]


pytestmark = pytest.mark.usefixtures("nothing_loaded")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_a_value_is_recalled_in_later_flows_of_the_run_directory(session: Session, mode: str) -> None:
    flow = session.load(mode)
    value = {"words": ["a", "b"], "array": np.arange(3)}
    assert session.app(value).result(10)["words"] == ["a", "b"]
    if mode == "manual":
        assert Path(flow.checkpoint()) == session.run_dir / "000" / "checkpoint"
        session.app(2).result(10)
        assert flow.config.memoizer is not None
        flow.config.memoizer.checkpoint()
        assert len(session.kept) == 2
    for _ in range(2):
        flow = session.load(mode)
        again = session.app(value)
        assert again.result(10)["array"].tolist() == [0, 1, 2]
        assert flow.details(again.tid).story[-1][1] == "done: recalled from the memo"
    assert session.runs == len(session.kept) == (2 if mode == "manual" else 1)


def test_a_run_that_is_removed_while_a_flow_recalls_from_it_costs_what_lay_there(session: Session) -> None:
    session.load("task_exit")
    recalled, other = b"a" * 300_000, b"b" * 300_000
    session.app(recalled).result(10)
    session.app(other).result(10)
    session.load("task_exit")
    assert session.app(recalled).result(10) == recalled
    shutil.rmtree(session.run_dir / "000")
    again = session.app(recalled).exception(10)
    assert isinstance(again, errors.DeserializationError)
    assert str(session.run_dir / "000") in str(again), "it says what is gone"
    assert session.runs == 2
    assert session.app(other).result(10) == other
    assert session.runs == 3, "what this flow has not recalled before runs again"
    assert session.app(other).result(10) == other
    assert session.runs == 3


@pytest.mark.parametrize("mode", MODES)
def test_what_could_not_be_written_is_when_there_is_a_place_for_it(session: Session, mode: str) -> None:
    flow = session.load(mode)
    in_the_way = session.run_dir / "000" / "checkpoint"
    in_the_way.write_text("as a full disk would be")
    assert session.app(1).result(10) == 1
    flow.checkpoint()
    in_the_way.unlink()
    if mode == "manual":
        flow.checkpoint()
    session.load(mode)  # the end of the flow before
    assert session.app(1).result(10) == 1
    assert session.runs == 1
    assert "cannot be written" in (session.run_dir / "000" / "scheduler.log").read_text()


def test_what_nobody_has_asked_for_is_not_written_with_what_is_tried_again(session: Session) -> None:
    flow = session.load("manual")
    in_the_way = session.run_dir / "000" / "checkpoint"
    in_the_way.write_text("as a full disk would be")
    session.app(1).result(10)
    flow.checkpoint()
    in_the_way.unlink()
    session.app(2).result(10)  # after it was asked for
    nbflow.clear()
    assert len(session.kept) == 1


def test_the_newest_run_has_the_highest_number_whichever_are_gone(session: Session) -> None:
    for _ in range(3):
        session.load()
        nbflow.clear()
    shutil.rmtree(session.run_dir / "000")
    session.load()
    assert sorted(path.name for path in session.run_dir.iterdir()) == ["001", "002", "003"]


@pytest.mark.parametrize("mode", [None, "manual"])
def test_what_is_not_asked_for_is_not_kept(session: Session, mode: str | None) -> None:
    flow = session.load(mode)
    session.app(1).result(10)
    if mode is None:
        with pytest.raises(errors.UsageError, match="keeps no checkpoints: load it with"):
            flow.checkpoint()
    session.load(mode)
    session.app(1).result(10)
    assert session.runs == 2
    assert session.kept == []


def test_neither_failures_nor_values_of_this_flows_tasks_are_kept(session: Session) -> None:
    session.load()

    @python_app
    def plain(x: int) -> int:
        return x

    assert session.app(plain(1)).result(10) == 1, "its key names a task"
    assert isinstance(session.app(2, fails=True).exception(10), ValueError)
    assert session.app(session.app([3])[0]).result(10) == 3, "a part of a cached call's value has a key"
    nbflow.clear()
    assert len(session.kept) == 2
    session.load()
    assert isinstance(session.app(2, fails=True).exception(10), ValueError)
    assert session.runs == 5


def test_the_death_of_the_scheduler_loses_nothing_that_was_seen(session: Session) -> None:
    flow = session.load("task_exit")
    assert [future.result(10) for future in map(session.app, range(20))] == list(range(20))
    unended = session.app(99)
    os.kill(flow.status().pid, signal.SIGKILL)
    unended.exception(10)
    runs = session.runs
    session.load("task_exit")
    assert [future.result(10) for future in map(session.app, range(20))] == list(range(20))
    assert session.runs == runs


def test_big_values_are_kept_and_checked(session: Session) -> None:
    session.load()
    array = np.arange(200_000)
    assert session.app(array).result(10).sum() == array.sum()
    session.load()
    for _ in range(2):
        assert (session.app(array).result(10) == array).all()
    assert session.runs == 1
    nbflow.clear()
    (big,) = (session.run_dir / "000" / "checkpoint").glob("*.value")
    content = bytearray(big.read_bytes())
    content[1000] ^= 1
    big.write_bytes(content)
    session.load()
    assert (session.app(array).result(10) == array).all()
    assert session.runs == 2, "it was damaged, so the call ran again"
    big.unlink()
    session.load()
    assert (session.app(array).result(10) == array).all()
    assert session.runs == 2, "the newer one is read"


def test_a_damaged_record_loses_itself_alone(session: Session) -> None:
    session.load()
    for number in range(5):
        session.app(number).result(10)
    nbflow.clear()
    file = session.run_dir / "000" / "checkpoint" / RECORDS
    places = [place for _, place in scanned(file)]
    content = bytearray(file.read_bytes())
    content[places[1] + 80] ^= 1
    file.write_bytes(content[:-3])
    session.load()
    assert [session.app(number).result(10) for number in range(5)] == list(range(5))
    assert session.runs == 7
    assert "cannot be read, so its call runs again" in (session.run_dir / "001" / "scheduler.log").read_text()


def rebuilt(path: str) -> str:
    """What a `Fragile` is when it has travelled."""
    return Path(path).read_text()


class Fragile:
    """Cannot be rebuilt once something else is gone, as an object of a class that was renamed."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return rebuilt, (self.path,)


def fragile(session: Session, directory: Path) -> tuple[Path, App]:
    """A file, and an app whose value cannot be rebuilt without it."""
    path, log = directory / "class", str(session.log)

    @python_app(cache=True)
    def app() -> Any:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        path.write_text("value")
        return Fragile(path)

    return path, app


def test_what_cannot_be_rebuilt_any_more_is_recalled_once_in_vain_and_then_runs_again(
    session: Session, tmp_path: Path
) -> None:
    path, app = fragile(session, tmp_path)
    session.load()
    assert app().result(10) == "value"
    path.unlink()

    def recalled_in_vain() -> None:
        flow = session.load()
        with pytest.raises(errors.DeserializationError, match="call `app` again: it runs then"):
            app().result(10)
        flow.checkpoint()  # the scheduler has heard of it then,
        nbflow.clear()  # and this process of its warning

    with pytest.warns(UserWarning, match=r"`app` .* kept in .* cannot be rebuilt .* recalled no more"):
        recalled_in_vain()
    assert session.runs == 1
    session.load()
    assert app().result(10) == "value"
    assert session.runs == 2, "the session after that runs it"
    session.load()
    assert app().result(10) == "value"
    assert session.runs == 2


def test_a_call_runs_again_in_the_session_in_which_its_value_could_not_be_rebuilt(
    session: Session, tmp_path: Path
) -> None:
    path, app = fragile(session, tmp_path)
    session.load()
    assert app().result(10) == "value"
    path.unlink()
    session.load()
    assert isinstance(app().exception(10), errors.DeserializationError)
    assert app().result(10) == "value"
    assert app().result(10) == "value"
    assert session.runs == 2


def test_the_value_of_a_join_app_is_kept_as_a_whole(session: Session) -> None:
    log = str(session.log)

    @python_app
    def part(n: int) -> Any:
        return np.full(50_000, n)

    @join_app(cache=True)
    def parts(n: int) -> Any:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        return [part(i) for i in range(n)]

    for _ in range(2):
        session.load()
        assert [int(each[0]) for each in parts(3).result(20)] == [0, 1, 2]
    assert session.runs == 1


def test_checkpoints_may_be_named(session: Session, tmp_path: Path) -> None:
    session.load()
    session.app(1).result(10)
    session.load(None, checkpoint_files=get_all_checkpoints(session.run_dir))
    assert session.app(1).result(10) == 1
    session.load("task_exit", checkpoint_files=[])
    session.app(1).result(10)
    assert session.runs == 2, "none was named"


@pytest.mark.parametrize("there", [False, True])
def test_a_checkpoint_that_is_named_and_is_none_is_refused_at_load(session: Session, there: bool) -> None:
    named = session.run_dir.parent / "other"
    if there:
        named.mkdir()
    words = "holds none of nbflow's" if there else "is not there"
    with pytest.raises(errors.BadCheckpoint, match=words):
        session.load(checkpoint_files=[named])
    assert not session.run_dir.exists(), "no run has begun"


def test_without_a_run_directory_checkpoints_go_to_runinfo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert get_all_checkpoints() == get_last_checkpoint() == []
    for _ in range(2):
        nbflow.load(
            Config(
                executors=[ProcessExecutor(max_workers=1)],
                memoizer=BasicMemoizer(checkpoint_mode="task_exit"),
            )
        )
        assert Session(tmp_path).app(len(get_all_checkpoints())).result(10) < 2
        nbflow.clear()
    runs = [str(tmp_path / "runinfo" / run / "checkpoint") for run in ("000", "001")]
    assert get_all_checkpoints() == runs
    assert get_last_checkpoint() == runs[1:]


def test_nothing_is_recalled_where_nothing_is_to_be(session: Session) -> None:
    session.load(None, memoize=False)
    assert [session.app(1).result(10), session.app(1).result(10)] == [1, 1]
    assert session.runs == 2


SCRIPT = """
import sys
import numpy as np
import nbflow
from nbflow import BasicMemoizer, Config, ProcessExecutor, python_app

class Model:
    def __init__(self, names):
        self.names = set(names)

def helper(x):
    return x * FACTOR

FACTOR = int(sys.argv[2])

@python_app(cache=True)
def app(model, weights, *, scale={"a": 1, "b": 2}):
    return helper(weights.sum()) + len(model.names) + scale["b"]

@python_app(cache=True)
def after(x, kinds=frozenset({"these", "are", "words"})):
    with open(LOG, "a") as file:
        file.write("x")
    return x + 1

LOG = sys.argv[1] + ".log"

if __name__ == "__main__":
    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], run_dir=sys.argv[1],
                            memoizer=BasicMemoizer(checkpoint_mode="task_exit"))):
        print(after(app(Model(["x", "yy", "zzz"]), np.arange(4.0))).result(30))
"""


def test_a_script_that_runs_again_finds_its_values(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    log = tmp_path / "runs.log"

    def run(seed: str, factor: int) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, script, tmp_path / "runs", str(factor)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout

    assert run("1", 2) == run("2", 2) == "18.0\n"
    assert log.read_text() == "x"
    script.write_text(f"# a comment\n{SCRIPT}")
    run("3", 2)
    assert log.read_text() == "x", "where it is written does not count"
    assert run("4", 3) == "24.0\n"
    assert log.read_text() == "xx"


CLASSES = """
import dataclasses, enum, sys
import nbflow
from nbflow import BasicMemoizer, Config, ProcessExecutor, python_app

class Verdict(enum.Enum):
    GOOD = 1
    BAD = 2

@dataclasses.dataclass
class Point:
    x: int = DEFAULT

class Plain:
    kind = "plain"
    def __init__(self, value):
        self.value = value

@python_app(cache=True)
def made(x):
    with open(sys.argv[1] + ".log", "a") as file:
        file.write("x")
    return Verdict.GOOD, Point(x), Plain(x)

@python_app
def compared(values):
    verdict, point, plain = values
    return verdict is Verdict.GOOD and point == Point(1) and type(plain) is Plain

if __name__ == "__main__":
    with nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], run_dir=sys.argv[1],
                            memoizer=BasicMemoizer(checkpoint_mode="task_exit"))):
        values = made(1)
        verdict, point, plain = values.result(30)
        print(verdict is Verdict.GOOD, point == Point(1), type(plain) is Plain, compared(values).result(30))
"""


def test_what_is_recalled_is_of_the_classes_that_are_there_now(tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "runs.log"

    def run(default: int) -> str:
        script.write_text(
            CLASSES.replace("DEFAULT", str(default)).replace("sys.argv[1] + ", f"{str(log)[:-4]!r} + ")
        )
        return subprocess.run(
            [sys.executable, script, tmp_path / "runs"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert [run(0), run(0)] == ["True True True True\n"] * 2
    assert log.read_text() == "x"
    assert run(5) == "True True True True\n", "another class, so another function"
    assert log.read_text() == "xx"
