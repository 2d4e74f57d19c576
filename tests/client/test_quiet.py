"""The locks of futures: no thread is ended while it holds one."""

from __future__ import annotations

import threading

from nbflow.client import quiet
from nbflow.client.quiet import QuietCondition


class Ended(BaseException):
    """The end of a task on a thread."""


def test_a_thread_is_ended_once_it_holds_no_lock_of_a_future() -> None:
    """Each step waits for the other thread: what it holds is still held when its end is wanted."""
    first, second = QuietCondition(), QuietCondition()
    held, wanted = threading.Event(), threading.Event()
    seen: list[object] = []

    def task() -> None:
        try:
            first.acquire()
            second.acquire()
            held.set()
            wanted.wait(30)
            second.release()
            seen.append("goes on with the first")
            first.release()
            seen.append("it has gone on")
        except Ended:
            seen.append(Ended)

    thread = threading.Thread(target=task)
    thread.start()
    assert held.wait(30)
    quiet.end(thread.ident or 0, Ended, lambda: seen.append("at once"))
    wanted.set()
    thread.join(30)
    assert seen == ["goes on with the first", Ended]
    for condition in (first, second):
        assert condition.acquire(blocking=False), "nobody has it any more"
        condition.release()


def test_one_that_holds_none_is_ended_at_once() -> None:
    seen: list[str] = []
    quiet.end(threading.get_ident(), Ended, lambda: seen.append("at once"))
    assert seen == ["at once"]
