"""What is kept counts only if this user has signed it and nobody else can change it: before anything is unpickled."""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import nbflow
from nbflow import BasicMemoizer, Config, errors, private
from nbflow.client.flow import checkpoints
from nbflow.memoizers import RECORDS
from nbflow.scheduler.checkpoints import Checkpoints
from nbflow.values import objects, records
from nbflow.wire.messages import MemoSpec
from nbflow.wire.outcomes import Composed, Inline, Stored
from tests.sessions import Session

SOMEBODY = 65534
KEY = b"k" * records.KEY
STRANGER = b"a stranger's key, as good as any"


pytestmark = pytest.mark.usefixtures("nothing_loaded")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@contextmanager
def said() -> Iterator[list[warnings.WarningMessage]]:
    """What the user is warned of meanwhile, whatever thread says it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


class Poison:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def checkpoint_of(session: Session, *values: Any) -> Path:
    """A checkpoint of a session that has ended, and is not that of any session to come: they begin anew."""
    session.load()
    for value in values:
        session.app(value).result(10)
    nbflow.clear()
    session.log.write_text("")
    other = session.run_dir.parent / "theirs" / "000"
    other.parent.mkdir(exist_ok=True)
    shutil.move(session.run_dir / "000", other)
    return other / "checkpoint"


def rewrite(directory: Path, secret: bytes, changed: Callable[[Any], Any] = lambda content: content) -> None:
    """Sign all records with another key; `changed`: what becomes of what they hold."""
    path = directory / RECORDS
    with path.open("rb") as file:
        found = [records.read(file, place) for _, place in records.scan(file)]
    with path.open("wb") as file:
        for record in found:
            assert record is not None
            content = changed(msgspec.msgpack.decode(record.content))
            records.append(file.fileno(), record.key, msgspec.msgpack.encode(content), secret)


def poisoned(trace: Path) -> Callable[[Any], Any]:
    """For `rewrite`: another value in the record's place."""
    return lambda content: [*content[:2], ["i", pickle.dumps(Poison(trace))], []]


def test_what_somebody_else_has_signed_is_not_even_unpickled_and_one_warning_says_so(
    session: Session, tmp_path: Path
) -> None:
    theirs = checkpoint_of(session, 1, 2)
    rewrite(theirs, STRANGER, poisoned(tmp_path / "ran"))
    with said() as caught:
        session.load("task_exit", checkpoint_files=[theirs])
        assert [session.app(value).result(10) for value in (1, 2)] == [1, 2]
    assert session.runs == 2
    assert not (tmp_path / "ran").exists()
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith(
        f"nbflow: not recalled from, so that the calls run again: {theirs} (it is not signed"
    )
    assert f"trust=['{theirs}']" in text
    assert warning.filename == session.load.__code__.co_filename, "it points at the line that loaded the flow"


def test_a_run_directory_that_came_with_a_notebook_is_one_warning_however_many_runs_are_in_it(
    session: Session,
) -> None:
    theirs = checkpoint_of(session, 1)
    rewrite(theirs, STRANGER)
    for number in range(5):
        shutil.copytree(theirs.parent, session.run_dir / f"{number:03d}")
    with pytest.warns(UserWarning, match="and 2 more") as caught:
        session.load()
    assert len(caught) == 1
    assert session.app(1).result(10) == 1
    assert session.runs == 1
    session.run_dir.joinpath("005").rename(session.run_dir.parent / "own")
    shutil.rmtree(session.run_dir)
    session.run_dir.mkdir()
    session.run_dir.parent.joinpath("own").rename(session.run_dir / "000")
    session.load()
    assert session.app(1).result(10) == 1
    assert session.runs == 1, "one's own is recalled, wherever it lies by now"


def test_a_forged_record_among_ones_own_loses_itself_alone(session: Session, tmp_path: Path) -> None:
    own = checkpoint_of(session, 1, 2, 3)
    content = (own / RECORDS).read_bytes()
    rewrite(own, STRANGER, poisoned(tmp_path / "ran"))
    forged = (own / RECORDS).read_bytes()
    with (own / RECORDS).open("rb") as file:
        second = [place for _, place in records.scan(file)][1]
    (own / RECORDS).write_bytes(content + forged[:second])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.load(None, checkpoint_files=[own])
    with said() as caught:
        assert [session.app(value).result(10) for value in (1, 2, 3)] == [1, 2, 3]
        assert session.app(4).result(10) == 4
    assert [str(each.message).partition(" although")[0] for each in caught] == [
        f"nbflow: a value in {own} is not signed with your key"
    ]
    assert session.runs == 1, "4 alone: behind the forged value of 1 there is the true one"
    assert not (tmp_path / "ran").exists()


def replaced(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)


def linked(path: Path, other: Path) -> None:
    path.rename(other)
    path.symlink_to(other)


def piped(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def given_away(path: Path, _: Path) -> None:
    os.chown(path, SOMEBODY, -1)


def opened_up(path: Path, _: Path) -> None:
    path.chmod(0o666)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[MemoSpec, Path]:
    """A checkpoint with one big value, as a later run is told of it, and that value's file."""
    spec = MemoSpec(True, "task_exit", 0.0, str(tmp_path / "000"), secret=b"k" * 32)
    value = objects.put(b"pickle", [pickle.PickleBuffer(bytes(100_000))], [str(tmp_path)])
    store = Checkpoints(spec, pytest.fail)
    store.put(KEY, "app", Composed(b"template", [value, Inline(b"small")]))
    store.close()
    (file,) = (tmp_path / "000").glob("*.value")
    later = MemoSpec(True, "", 0.0, str(tmp_path / "001"), [spec.directory], secret=spec.secret)
    return later, file


@pytest.mark.parametrize("change", [None, replaced, linked, piped, given_away, opened_up])
def test_a_big_values_file_is_the_very_one_that_was_signed(
    kept: tuple[MemoSpec, Path], tmp_path: Path, change: Callable[[Path, Path], None] | None
) -> None:
    if change is given_away and os.geteuid() != 0:
        pytest.skip("needs root, to give a file away")
    spec, file = kept
    if change is not None:
        change(file, tmp_path / "elsewhere")
    found = Checkpoints(spec, pytest.fail).get(KEY)
    if change is not None:
        assert found is None
    else:
        stored = Stored(b"pickle", [str(file)], [0, 0, 100_000], 100_006)
        assert found == Composed(b"template", [stored, Inline(b"small")]), "used where it lies"


def test_what_is_trusted_and_damaged_is_not_taken_over(kept: tuple[MemoSpec, Path]) -> None:
    spec, file = kept
    rewrite(file.parent, STRANGER)
    spec = msgspec.structs.replace(spec, trusted=spec.earlier)
    found = Checkpoints(spec, pytest.fail).get(KEY)
    assert isinstance(found, Composed)
    (copy,) = Path(spec.directory).glob("*.value")
    assert found.parts[0] == Stored(b"pickle", [str(copy)], [0, 0, 100_000], 100_006)
    assert copy.read_bytes() == file.read_bytes()
    shutil.rmtree(spec.directory)
    replaced(file, file)
    assert Checkpoints(spec, pytest.fail).get(KEY) is None
    assert list(Path(spec.directory).iterdir()) == []


def test_what_is_trusted_is_recalled_and_becomes_ones_own(session: Session) -> None:
    array = np.arange(200_000)
    theirs = checkpoint_of(session, 1, array)
    rewrite(theirs, STRANGER)
    session.load("task_exit", checkpoint_files=[theirs], trust=[theirs])
    assert session.app(1).result(10) == 1
    assert (session.app(array).result(10) == array).all()
    shutil.rmtree(theirs)
    session.load()
    assert session.app(1).result(10) == 1
    assert (session.app(array).result(10) == array).all()
    assert session.runs == 0


def counted(theirs: Path, trust: Any = False) -> bool:
    """Whether a flow would recall from a checkpoint."""
    config = Config(memoizer=BasicMemoizer(checkpoint_files=[theirs], trust=trust))
    return checkpoints.earlier_checkpoints(config).directories == [str(theirs)]


def test_trust_holds_for_a_directory_and_what_is_in_it(kept: tuple[MemoSpec, Path]) -> None:
    theirs = kept[1].parent
    rewrite(theirs, STRANGER)
    assert counted(theirs, trust=[theirs])
    assert counted(theirs, trust=["/nowhere", theirs.parent])
    assert counted(theirs, trust=True)
    for other in ([], False, [theirs / "checkpoint"], [f"{theirs}-2"]):
        with pytest.warns(UserWarning, match="not recalled from"):
            assert not counted(theirs, trust=other)


def test_a_checkpoint_that_others_can_write_is_passed_over_unless_it_is_trusted(session: Session) -> None:
    array = np.arange(200_000)
    own = checkpoint_of(session, array)
    own.chmod(0o777)
    with pytest.warns(UserWarning, match=f"{own} can be written by others: chmod go-w {own}"):
        session.load(None, checkpoint_files=[own])
    assert (session.app(array).result(10) == array).all()
    assert session.runs == 1
    session.load(None, checkpoint_files=[own], trust=[own])
    recalled = session.app(array)
    recalled.result(10)
    for file in own.glob("*.value"):  # whoever replaces it now comes too late
        replaced(file, file)

    @nbflow.python_app
    def total(value: Any) -> int:
        return int(value.sum())

    assert total(recalled).result(10) == array.sum()
    assert session.runs == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act for other users")
@pytest.mark.parametrize("what", ["its directory", "its records", "one above it"])
def test_a_checkpoint_of_somebody_elses_is_passed_over(tmp_path: Path, what: str) -> None:
    own = tmp_path / "runs" / "checkpoint"
    own.mkdir(parents=True)
    with (own / RECORDS).open("wb") as file:
        records.append(file.fileno(), KEY, b"content", private.user_key().secret)
    assert counted(own)
    os.chown(
        {"its directory": own, "its records": own / RECORDS, "one above it": own.parent}[what], SOMEBODY, -1
    )
    with pytest.warns(UserWarning, match="belongs to somebody else"):
        assert not counted(own)


def test_without_a_key_that_can_be_kept_nothing_is_recalled_and_that_is_said_once(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = checkpoint_of(session, 1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(private, "_for_this_session", b"")
    monkeypatch.setattr(checkpoints, "_told", set())
    private.user_key()
    key = tmp_path / "state" / "nbflow" / "key"
    key.chmod(0o640)
    with pytest.warns(
        UserWarning, match=f"a key for this session alone.* can be read by others.*rm {key}"
    ) as caught:
        session.load("task_exit", checkpoint_files=[own])
    assert len(caught) == 1
    assert session.app(1).result(10) == 1
    session.load("task_exit", checkpoint_files=[session.run_dir / "000" / "checkpoint"])
    assert session.app(1).result(10) == 1
    assert session.runs == 1, "within the session the key holds"


def test_a_flow_without_checkpoints_asks_for_no_key(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    session.load(None)
    assert [session.app(1).result(10), session.app(1).result(10)] == [1, 1]
    assert session.runs == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("trust", ["/a/path", Path("/a/path"), None, 1, [1]])
def test_trust_is_spelt_out(trust: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"BasicMemoizer\(trust=...\) must be"):
        BasicMemoizer(trust=trust)
