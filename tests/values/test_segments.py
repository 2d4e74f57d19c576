"""Files of big values: what is written is read, buffers are shared, and none is written over that somebody sees."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.values import mapping, objects, outcome, pickling, segments
from nbflow.wire.outcomes import Stored

BIG = 2 * segments.REUSED_FROM

linux_only = pytest.mark.skipif(not mapping.LINUX, reason="the system cannot tell who sees a file")


@pytest.fixture
def stores() -> Iterator[list[str]]:
    """Two directories, the first one in memory; nothing that was made here is kept in sight afterwards."""
    from nbflow import private

    made = [private.fresh_directory("/dev/shm" if os.path.isdir("/dev/shm") else None) for _ in range(2)]
    yield made
    for directory in made:
        paths = [entry.path for entry in os.scandir(directory)]
        segments.freed([path for path in paths if path.endswith(".value")], reuse=False)
        for path in paths:
            os.unlink(path)
        os.rmdir(directory)


def put(array: np.ndarray, stores: list[str]) -> Stored:
    stored = outcome.store(pickling.dumps(array), stores)
    assert isinstance(stored, Stored)
    return stored


def test_a_process_that_has_the_number_of_one_before_it_makes_other_names(
    stores: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(np.ones(BIG // 8), stores)
    monkeypatch.setattr(segments, "_counter", itertools.count(1))
    monkeypatch.setattr(segments, "_MARK", "another")
    assert put(np.ones(BIG // 8), stores).files[0] not in first.files
    assert segments.maker_of(first.files[0]) == os.getpid()


def test_a_file_that_is_there_is_left_as_it_is(stores: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Path(stores[1]) / "1-taken.value"
    taken.write_text("somebody's value")
    monkeypatch.setattr(segments, "_new_path", lambda directory: str(taken))
    with pytest.raises(FileExistsError):
        put(np.ones(BIG // 8), [stores[1]])
    assert taken.read_text() == "somebody's value"


def test_an_interrupt_while_a_file_is_written_leaves_none(
    stores: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mapping, "write_at", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(np.ones(BIG // 8), stores)
    assert not [entry for store in stores for entry in os.scandir(store)]


def inode(stored: Stored) -> int:
    (path,) = stored.files
    return os.stat(path).st_ino


@given(st.lists(st.integers(pickling.BIG, pickling.BIG + 5000), min_size=1, max_size=6), st.data())
def test_buffers_that_are_known_are_referred_to_and_the_others_written(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    directory = [str(tmp_path_factory.mktemp("store"))]
    arrays = [np.full(size, number, dtype=np.uint8) for number, size in enumerate(sizes)]
    first = outcome.store(pickling.dumps(arrays), directory)
    assert isinstance(first, Stored)
    again = outcome.load(first)
    chosen = data.draw(st.lists(st.sampled_from(range(len(arrays))), min_size=1, unique=True))
    mixed = [again[n] if n in chosen else arrays[n] for n in range(len(arrays))]
    second = outcome.store(pickling.dumps(mixed), directory, segments.Places(first.files).find)
    assert isinstance(second, Stored)
    assert all((a == b).all() for a, b in zip(outcome.load(second), arrays, strict=True))
    assert set(first.files) <= set(second.files)
    new = [os.stat(path).st_size for path in second.files if path not in first.files]
    assert sum(new) < sum(size + 64 for n, size in enumerate(sizes) if n not in chosen) + 1
    for path in {*first.files, *second.files}:
        segments.unlink(path)


def test_a_mapping_keeps_no_descriptor(stores: list[str]) -> None:
    stored = put(np.arange(100_000), stores)
    before = len(os.listdir("/proc/self/fd"))
    array = outcome.load(stored)
    assert len(os.listdir("/proc/self/fd")) == before
    assert array[99_999] == 99_999


def test_what_is_mapped_is_read_only(stores: list[str]) -> None:
    array = outcome.load(put(np.ones(BIG), stores))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


def test_a_value_is_gone_when_its_file_is(stores: list[str]) -> None:
    stored = put(np.ones(BIG), stores)
    segments.freed(stored.files, reuse=False)
    segments.unlink(stored.files[0])
    with pytest.raises(OSError, match="No such file"):
        outcome.load(stored)


def test_a_directory_that_is_full_is_passed_over(stores: list[str]) -> None:
    (Path(stores[0]) / segments.FULL).touch()
    assert put(np.ones(BIG), stores).files[0].startswith(stores[1])
    (Path(stores[0]) / segments.FULL).unlink()
    assert put(np.ones(BIG), stores).files[0].startswith(stores[0])


# ---------------------------------------------------------------- written over


@linux_only
@pytest.mark.parametrize("was_read", [False, True])
def test_a_file_that_nobody_needs_is_written_over_under_another_name(
    stores: list[str], was_read: bool
) -> None:
    first = put(np.ones(BIG), stores)
    if was_read:
        assert outcome.load(first).sum() == BIG
    file = inode(first)
    segments.freed(first.files, reuse=True)
    for value in (2.0, 3.0):  # twice: the second time without a page fault
        second = put(np.full(BIG, value), stores)
        assert inode(second) == file
        assert second.files != first.files
        assert (outcome.load(second) == value).all()
        segments.freed(second.files, reuse=True)
    with pytest.raises(OSError, match="No such file"):
        outcome.load(first)


@linux_only
@pytest.mark.parametrize("size", [segments.PREPARED_FROM, segments.PREPARED_FROM - 1])
def test_a_large_file_that_nobody_needs_is_mapped_for_writing_before_there_is_anything_to_write(
    stores: list[str], size: int
) -> None:
    first = put(np.ones(size, dtype=np.uint8), stores)
    segments.freed(first.files, reuse=True)
    for thread in threading.enumerate():
        if thread.name == "nbflow-segment":
            thread.join()
    (path,) = first.files
    assert (segments._free[path].writable is not None) == (size >= segments.PREPARED_FROM)


@linux_only
def test_a_descriptor_that_was_closed_meanwhile_is_not_mapped(stores: list[str]) -> None:
    first = put(np.ones(BIG), stores)
    own = segments._own[first.files[0]]
    os.close(own.fd)
    other = os.open("/dev/null", os.O_RDWR)
    assert other == own.fd
    own.prepare()
    assert own.writable is None
    with pytest.raises(OSError, match="closed"):
        own.write_over([])
    segments.freed(first.files, reuse=False)
    os.close(other)  # it was not closed


@linux_only
def test_a_file_that_is_seen_here_is_not_written_over(stores: list[str]) -> None:
    first = put(np.ones(BIG), stores)
    file = inode(first)
    array = outcome.load(first)[5:9]
    segments.freed(first.files, reuse=True)
    put(np.zeros(BIG), stores)
    assert (array == 1).all()
    del array
    assert inode(put(np.zeros(BIG), stores)) == file, "once it is not seen any more, it is"


@linux_only
def test_a_file_that_another_process_sees_is_not_written_over(stores: list[str]) -> None:
    first = put(np.ones(BIG), stores)
    begun, go = os.pipe(), os.pipe()
    program = (
        "import mmap, os, sys; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ);"
        "f.close(); os.write(int(sys.argv[2]), b'.'); os.read(int(sys.argv[3]), 1); os._exit(m[0])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, first.files[0], str(begun[1]), str(go[0])],
        pass_fds=[begun[1], go[0]],
    )
    assert os.read(begun[0], 1)
    file = inode(first)
    segments.freed(first.files, reuse=True)
    assert inode(put(np.zeros(BIG), stores)) != file
    os.write(go[1], b".")
    assert process.wait(30) == np.ones(1).tobytes()[0]
    for end in (*begun, *go):
        os.close(end)


@linux_only
def test_nothing_that_a_forked_child_may_see_is_written_over(stores: list[str]) -> None:
    first, second = put(np.ones(BIG), stores), put(np.ones(BIG), stores)
    segments.freed(first.files, reuse=True)
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
    assert not os.path.exists(first.files[0])
    segments.freed(second.files, reuse=True)
    assert not os.path.exists(second.files[0])
    assert not segments._free


@linux_only
def test_a_descriptor_that_a_task_has_closed_is_not_taken_for_the_file(stores: list[str]) -> None:
    first = put(np.ones(BIG), stores)
    fd = segments._own[first.files[0]].fd
    os.close(fd)
    other = os.open("/dev/null", os.O_RDWR)
    assert other == fd
    segments.freed(first.files, reuse=True)
    assert put(np.zeros(BIG), stores).files != first.files
    segments.freed(first.files, reuse=False)
    os.close(other)  # it was not closed


def test_bytes_are_their_owners_own(stores: list[str]) -> None:
    for value in (b"x" * BIG, bytearray(b"y" * BIG)):
        stored = outcome.store(pickling.dumps(value), stores)
        assert isinstance(stored, Stored)
        assert len(stored.data) < 1000, "they go out of band"
        again = outcome.load(stored)
        assert type(again) is type(value)
        assert again == value
    again[0] = 0


def test_a_pickle_without_buffers_goes_into_a_file_if_it_is_long(stores: list[str]) -> None:
    value = list(range(100_000))
    stored = objects.put(pickle.dumps(value), [], stores)
    assert stored.data == b""
    assert outcome.load(stored) == value
