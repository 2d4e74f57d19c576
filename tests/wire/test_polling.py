"""How long a waiter stays awake: on a clock that is moved by hand."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from nbflow.scheduler.sockets import Sockets
from nbflow.wire.polling import ASIDE, AWAKE, LONGEST, WANTED, AdaptivePoll

READY = [(3, 1)]
LOOK = 1e-6  # seconds


class World:
    """A descriptor that becomes ready at a time, and a core that others may want."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ready_at = 0.0
        self.others_take = 0.0  # seconds, whenever the core is left to them
        self.looks = 0
        self.slept: list[float | None] = []
        self.poll = AdaptivePoll(self._poll, self._give_way, lambda: self.now)

    def _poll(self, timeout: float | None) -> list[tuple[int, int]]:
        self.now += LOOK
        if timeout == 0:
            self.looks += 1
            return READY if self.now >= self.ready_at else []
        self.slept.append(timeout)
        over = self.now + timeout if timeout is not None else float("inf")
        self.now = max(self.now, min(over, self.ready_at))
        return READY if self.now >= self.ready_at else []

    def _give_way(self) -> None:
        self.now += self.others_take

    def wait(self, for_: float, timeout: float | None = None) -> list[tuple[int, int]]:
        """Wait for what comes in so many seconds."""
        self.ready_at = self.now + for_
        self.looks, self.slept = 0, []
        return self.poll.wait(timeout)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def awake(world: World) -> World:
    """The last wait was a short one."""
    world.wait(AWAKE / 2)
    return world


def test_the_first_wait_sleeps_at_once(world: World) -> None:
    assert world.wait(AWAKE / 2) == READY
    assert (world.looks, world.slept) == (0, [None])


def test_after_a_short_wait_what_comes_soon_is_seen_without_sleep(awake: World) -> None:
    for _ in range(3):
        assert awake.wait(AWAKE / 2) == READY
        assert awake.looks > 1
        assert awake.slept == []


def test_what_does_not_come_soon_is_slept_for_then_and_the_next_time(awake: World) -> None:
    assert awake.wait(5.0, timeout=7.0) == READY
    assert awake.looks > 1
    assert awake.slept == [7.0]
    assert awake.wait(5.0) == READY
    assert (awake.looks, awake.slept) == (0, [None])


def test_what_comes_soon_again_wakes_the_waiter_again(awake: World) -> None:
    awake.wait(5.0)
    awake.wait(AWAKE / 2)
    assert awake.wait(AWAKE / 2) == READY
    assert awake.slept == []


@pytest.mark.parametrize("so_far", [AWAKE / 2, 5.0])
def test_the_time_is_over_and_nothing_has_come(world: World, so_far: float) -> None:
    world.wait(so_far)
    assert world.wait(60.0, timeout=2.0) == []
    assert world.slept == [2.0]
    assert world.wait(AWAKE / 2) == READY
    assert world.looks == 0, "an answer that did not come came not soon"


def test_no_wait_is_longer_than_the_system_takes(world: World) -> None:
    assert world.wait(LONGEST * 10, timeout=1e12) == []
    assert world.slept == [LONGEST]
    sockets = Sockets()  # whatever its selector counts in
    read, write = os.pipe()
    os.write(write, b"x")
    heard: list[int] = []
    sockets.listen(read, lambda: heard.append(read))
    sockets.wait(1e12)
    assert heard == [read]
    sockets.drop(read)
    os.close(read)
    os.close(write)


def test_a_look_alone_never_sleeps(awake: World) -> None:
    looks: list[Callable[[], list[tuple[int, int]]]] = [lambda: awake.wait(1.0, timeout=0)] * 3
    assert [look() for look in looks] == [[], [], []]
    assert (awake.looks, awake.slept) == (1, [])


def test_a_core_that_others_want_is_left_to_them_for_a_while(awake: World) -> None:
    awake.others_take = WANTED + AWAKE
    assert awake.wait(AWAKE / 2) == READY
    assert awake.slept == [None], "it came while others had the core, and sleep is what lets one in first"
    awake.wait(AWAKE / 2)
    awake.wait(AWAKE / 2)
    assert awake.looks == 0
    awake.now += ASIDE
    awake.others_take = 0.0
    assert awake.wait(AWAKE / 2) == READY
    assert awake.slept == []


def test_a_core_that_is_given_back_at_once_is_not_wanted(awake: World) -> None:
    awake.others_take = WANTED / 4
    assert awake.wait(AWAKE / 2) == READY
    assert awake.wait(AWAKE / 2) == READY
    assert awake.looks > 1
