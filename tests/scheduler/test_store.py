"""The store's books: a file stays as long as somebody needs it, in memory or on the disk, and no longer."""

from __future__ import annotations

import os
import select
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from nbflow.scheduler.store import AT_REST, Store
from nbflow.values.segments import FULL, REUSED_FROM
from nbflow.wire.outcomes import Composed, Inline, Stored

SMALL, LARGE = 100_000, REUSED_FROM
MAKER = 77


class Host:
    """A store, and what plays its loop and the processes that make files."""

    def __init__(self, limit: int, directory: str) -> None:
        self.memory, self.disk = (os.path.join(directory, name) for name in ("memory", "disk"))
        os.mkdir(self.memory)
        os.mkdir(self.disk)
        self.told: list[tuple[str, bool]] = []
        self.heard: dict[int, Callable[[], None]] = {}
        self.store = Store([self.memory, self.disk], limit, self.tell, self.heard.__setitem__)
        self.made = 0

    def tell(self, process: int, paths: list[str], reuse: bool) -> bool:
        assert process == MAKER
        self.told += [(path, reuse) for path in paths]
        return True

    def make(self, size: int) -> Stored:
        self.made += 1
        path = os.path.join(self.memory, f"{MAKER}-{self.made}.value")
        Path(path).write_bytes(bytes([self.made % 256]) * size)
        return Stored(b"", [path], [0, 0, size], size)

    def wait(self, until: Callable[[], bool]) -> None:
        while not until():
            ready, _, _ = select.select(list(self.heard), [], [], 30)
            assert ready, "the thread says nothing"
            for fd in ready:
                self.heard[fd]()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(5 * LARGE, str(tmp_path))
    yield host
    host.store.close()


def test_a_file_of_several_values_stays_until_the_last_of_them_goes(host: Host) -> None:
    one = host.make(SMALL)
    another = Stored(b"", [*one.files, *host.make(SMALL).files], [], 2 * SMALL)
    composed = Composed(b"", [one, Inline(b""), Composed(b"", [another])])
    for value in (one, another, composed):
        host.store.hold(value)
    assert host.store.row().total == 2 * SMALL
    host.store.drop(one)
    host.store.drop(another)
    assert all(map(os.path.exists, another.files))
    host.store.drop(composed)
    assert not any(map(os.path.exists, another.files))
    assert (host.store.row().total, host.store.row().peak) == (0, 2 * SMALL)


def test_what_lies_elsewhere_is_not_touched(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "1-1.value"
    path.write_bytes(b"of a checkpoint")
    host.store.refuse(Stored(b"", [str(path)], [0, 0, 15], 15))
    assert path.exists()


def test_a_large_file_rests_for_its_maker_and_goes_if_that_does_not_write_into_it(host: Host) -> None:
    value = host.make(LARGE)
    host.store.hold(value)
    host.store.drop(value)
    (path,) = value.files
    assert host.told == [(path, True)]
    assert host.store.row().total == 0
    assert host.store.due is not None
    host.store.look(host.store.due - AT_REST / 2)
    assert os.path.exists(path)
    host.store.look(host.store.due)
    assert not os.path.exists(path)
    assert host.told[1:] == [(path, False)]
    assert host.store.due is None


def test_a_file_that_was_written_anew_rests_no_more(host: Host) -> None:
    value = host.make(LARGE)
    host.store.refuse(value)
    renamed = os.path.join(host.memory, f"{MAKER}-9.value")
    os.rename(value.files[0], renamed)
    host.store.hold(Stored(b"", [renamed], [0, 0, LARGE], LARGE))
    assert host.store.due is None
    assert host.store.row().total == LARGE


def test_a_process_that_ends_takes_along_what_nobody_was_told_of(host: Host) -> None:
    told, untold, kept, resting = (host.make(LARGE) for _ in range(4))
    host.store.hold(told)
    host.store.keep(3, kept.files)
    host.store.keep(3, kept.files)  # heard twice
    host.store.refuse(resting)
    part = Path(host.disk) / f"{MAKER}-8.value"
    part.touch()
    other = Path(host.memory) / f"{MAKER}0-1.value"
    other.touch()
    host.store.gone(3, MAKER)
    assert os.path.exists(told.files[0])
    assert other.exists()
    assert not part.exists()
    assert not any(os.path.exists(value.files[0]) for value in (untold, resting))
    host.store.look(host.store.due or 0.0)
    assert not os.path.exists(kept.files[0])


def test_what_may_be_named_again_stays_until_it_is_let_go_of(host: Host) -> None:
    value = host.make(SMALL)
    host.store.keep(0, value.files)
    host.store.refuse(value)
    assert os.path.exists(value.files[0])
    host.store.let_go(0, value.files)
    host.store.let_go(0, value.files)
    assert not os.path.exists(value.files[0])


# ---------------------------------------------------------------- beyond the budget


def test_the_least_recently_used_go_to_the_disk_and_are_read_under_their_names(host: Host) -> None:
    values = [host.make(LARGE) for _ in range(5)]
    for value in values:
        host.store.hold(value)
    host.store.touch(values[0], MAKER)
    more = [host.make(LARGE) for _ in range(2)]
    for value in more:
        host.store.hold(value)
    assert os.path.exists(os.path.join(host.memory, FULL)), "whoever writes is told"
    host.wait(lambda: host.store.row().spilled == 2 * LARGE)
    assert not os.path.exists(os.path.join(host.memory, FULL))
    assert [os.path.islink(v.files[0]) for v in (*values, *more)] == [False, True, True] + [False] * 4
    for number, value in enumerate((*values, *more), 1):
        assert Path(value.files[0]).read_bytes() == bytes([number]) * LARGE
    assert Path(os.path.realpath(values[1].files[0])).stat().st_mode & 0o777 == 0o600
    assert {path for path, reuse in host.told if not reuse} == {v.files[0] for v in values[1:3]}
    for value in (*values, *more):
        host.store.drop(value)
    assert os.listdir(host.disk) == []
    assert host.store.row().spilled == host.store.row().total == 0


def test_a_value_that_goes_while_it_is_moved_leaves_nothing(host: Host) -> None:
    values = [host.make(LARGE) for _ in range(8)]
    for value in values:
        host.store.hold(value)
    for value in values:
        host.store.drop(value)
    host.wait(lambda: not any(os.path.exists(v.files[0]) for v in values[:3]))
    assert os.listdir(host.disk) == []


def test_what_cannot_be_moved_stays_where_it_is(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(host.disk)
    values = [host.make(LARGE) for _ in range(6)]
    for value in values:
        host.store.hold(value)
    said = ""
    while "cannot be moved" not in said:
        host.wait(lambda: not host.store.files[values[0].files[0]].moving)
        said += capfd.readouterr().err
    assert all(os.path.exists(value.files[0]) for value in values)
    assert host.store.row().spilled == 0


def test_what_rests_goes_before_anything_is_moved(host: Host) -> None:
    resting = host.make(LARGE)
    host.store.refuse(resting)
    for value in [host.make(LARGE) for _ in range(5)]:
        host.store.hold(value)
    assert not os.path.exists(resting.files[0])
    assert not os.path.exists(os.path.join(host.memory, FULL))


class TheBooks(RuleBasedStateMachine):
    """Values come and go in any order: what is there is what somebody needs, and the sums agree."""

    held = Bundle("held")

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.mkdtemp()
        self.host = Host(3 * LARGE, self.directory)
        self.count: dict[str, int] = {}
        self.size: dict[str, int] = {}

    @rule(target=held, size=st.sampled_from([SMALL, LARGE]))
    def come(self, size: int) -> Stored:
        value = self.host.make(size)
        self.count[value.files[0]] = 0
        self.size[value.files[0]] = size
        return self.again(value)

    @rule(target=held, value=held)
    def again(self, value: Stored) -> Stored:
        self.host.store.hold(value)
        for path in value.files:
            self.count[path] += 1
        return value

    @rule(target=held, one=held, other=held)
    def together(self, one: Stored, other: Stored) -> Stored:
        return self.again(Stored(b"", list(dict.fromkeys([*one.files, *other.files])), [], 0))

    @rule(value=consumes(held))
    def go(self, value: Stored) -> None:
        self.host.store.drop(value)
        for path in value.files:
            self.count[path] -= 1

    @rule()
    def pass_time(self) -> None:
        self.host.store.look((self.host.store.due or 0.0) + 1)

    @invariant()
    def what_is_there_is_what_is_needed(self) -> None:
        if not hasattr(self, "host"):
            return
        needed = {path for path, count in self.count.items() if count}
        assert set(self.host.store.files) == needed
        assert all(map(os.path.exists, needed))
        assert self.host.store.row().total == sum(self.size[path] for path in needed)

    def teardown(self) -> None:
        self.host.store.close()
        for callback in tuple(self.host.heard.values()):
            if select.select(list(self.host.heard), [], [], 0)[0]:
                callback()
        shutil.rmtree(self.directory)


TestTheBooks = TheBooks.TestCase
