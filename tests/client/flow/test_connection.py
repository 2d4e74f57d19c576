"""Two threads may wait for the same socket: what either of them reads is not missed by the other."""

from __future__ import annotations

import itertools
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbflow.client.flow.connection import Connection
from nbflow.wire.channel import Channel
from nbflow.wire.messages import FromClient, Release, Survey, ToClient, Warned

PATIENCE = 30.0  # seconds


class Ends:
    """A connection, and the other end of its socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.other: Channel[Any] = Channel(theirs, FromClient)
        self.on_messages: Callable[[list[ToClient]], None] = lambda messages: None
        self.lost = threading.Event()
        self.connection = Connection(ours, lambda messages: self.on_messages(messages), self.lost.set)

    def lead(self, done: Callable[[], bool]) -> threading.Thread:
        """A thread of the user's that waits."""
        thread = threading.Thread(target=self.connection.read_until, args=(done, None))
        thread.start()
        return thread


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.connection.close(lambda: None)
    made.other.close()


def ended(thread: threading.Thread) -> bool:
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_who_begins_to_wait_while_what_it_waits_for_is_passed_on_hears_of_it(ends: Ends) -> None:
    """The reader thread found that nobody leads, and has taken the message; then somebody asks, and is told no."""
    came, asked, leaders = threading.Event(), threading.Event(), []

    def done() -> bool:
        found = came.is_set()
        asked.set()
        return found

    def pass_on(messages: list[ToClient]) -> None:
        leaders.append(ends.lead(done))
        assert asked.wait(PATIENCE)
        came.set()

    ends.on_messages = pass_on
    ends.other.send([Warned("the only message")])
    assert came.wait(PATIENCE)
    assert ended(leaders[0])


def test_who_waits_reads_what_comes_while_the_reader_thread_waits_as_well(ends: Ends) -> None:
    came = threading.Event()
    readers: list[str] = []

    def pass_on(messages: list[ToClient]) -> None:
        readers.append(threading.current_thread().name)
        came.set()

    ends.on_messages = pass_on
    leader = ends.lead(came.is_set)
    while not ends.connection._leads:
        pass
    ends.other.send([Warned("")])
    assert ended(leader)
    assert readers == [leader.name]


def test_the_reader_thread_goes_on_when_nobody_waits_any_more(ends: Ends) -> None:
    came = [threading.Event() for _ in range(3)]
    seen: list[int] = []

    def pass_on(messages: list[ToClient]) -> None:
        for message in messages:
            assert isinstance(message, Warned)
            seen.append(int(message.text))
            came[seen[-1]].set()

    ends.on_messages = pass_on
    leader = ends.lead(came[0].is_set)
    for number in range(3):
        ends.other.send([Warned(str(number))])
        assert came[number].wait(PATIENCE)
    assert ended(leader)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("leads", [False, True])
def test_the_rest_of_a_burst_is_sent_whoever_waits(ends: Ends, leads: bool) -> None:
    over = threading.Event()
    leader = ends.lead(over.is_set) if leads else None
    for _ in range(3):  # the first is sent alone
        ends.connection.post(Survey())
    got = 0
    while got < 3:
        assert select.select([ends.other], [], [], PATIENCE)[0], f"{got} of 3 came"
        got += len(ends.other.receive_some())
    if leader is not None:
        over.set()
        ends.other.send([Warned("")])
        assert ended(leader)


def test_what_there_was_no_room_for_follows_while_somebody_waits(ends: Ends) -> None:
    over = threading.Event()
    leader = ends.lead(over.is_set)
    count, got = 200_000, 0
    for _ in range(count):
        ends.connection.post(Survey())
    ends.connection.flush()
    while got < count:
        assert select.select([ends.other], [], [], PATIENCE)[0], f"{got} of {count} came"
        got += len(ends.other.receive_some())
    over.set()
    ends.other.send([Warned("")])
    assert ended(leader)


def test_the_end_of_the_peer_ends_both_waits(ends: Ends) -> None:
    leader = ends.lead(lambda: False)
    while not ends.connection._leads:
        pass
    ends.other.close()
    assert ended(leader)
    assert ends.lost.wait(PATIENCE)
    assert ended(ends.connection._reader)


def test_closing_ends_both_waits_and_leaves_no_descriptor(ends: Ends) -> None:
    leader = ends.lead(lambda: False)
    while not ends.connection._leads:
        pass
    descriptors = ends.connection._wake_read, ends.connection._wake_write
    ends.connection.close(lambda: None)
    assert ended(leader)
    for number in descriptors:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(number)


def test_who_leaves_hands_on_what_it_alone_has_heard_of(ends: Ends) -> None:
    """Both may be woken for the rest of a burst; who has taken note may be done with waiting then."""
    for _ in range(50):
        over = threading.Event()
        leader = ends.lead(over.is_set)
        while not ends.connection._leads:
            pass
        over.set()  # seen at the next look, which comes with the burst
        for _ in range(3):
            ends.connection.post(Survey())
        got = 0
        while got < 3:
            assert select.select([ends.other], [], [], PATIENCE)[0], f"{got} of 3 came"
            got += len(ends.other.receive_some())
        assert ended(leader)


def test_who_asks_again_and_again_without_waiting_reads_what_has_come(ends: Ends) -> None:
    came = threading.Event()
    ends.on_messages = lambda messages: came.set()
    ends.connection.read_until(came.is_set, 0.0)
    ends.other.send([Warned("")])
    deadline = time.monotonic() + PATIENCE
    while not came.is_set():
        ends.connection.read_until(came.is_set, 0.0)
        assert time.monotonic() < deadline


def test_a_thread_that_goes_on_posting_sends_what_has_gathered_for_long(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader thread, which else does, may wait for the interpreter: the burst is not over for that."""
    now = itertools.count(step=0.0003)
    monkeypatch.setattr("nbflow.client.flow.connection.time.perf_counter", lambda: next(now))
    ends.connection._lingering = True  # as far as the reader thread is concerned, somebody else is at it
    ends.connection._batch = 128
    for number in range(4):
        ends.connection.post(Release([number]))
    ends.other.sock.settimeout(PATIENCE)
    assert ends.other.receive() == [Release([0]), Release([1]), Release([2])]


def test_a_burst_is_sent_in_batches_that_grow_so_that_workers_begin_early(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.client.flow.connection.time.perf_counter", lambda: 1.0)
    ends.connection._lingering = True
    sizes = []
    for number in range(500):
        ends.connection.post(Release([number]))
        if came := ends.other.receive_ready():
            sizes.append(len(came))
    assert sizes == [1, 2, 4, 8, 16, 32, 64, 128, 128]
