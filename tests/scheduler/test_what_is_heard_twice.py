"""A worker that dies between sending and crossing out leaves messages that are heard a second time."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from nbflow.core import events as ev
from nbflow.scheduler.loop import Scheduler
from nbflow.wire.channel import Port
from nbflow.wire.messages import Configure, Define, FromClient, Release, Submit
from nbflow.wire.outcomes import Inline


def test_a_call_and_its_release_count_once_however_often_they_are_heard() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        port: Port[FromClient] = Port(ours, FromClient)
        scheduler = Scheduler(port, Configure([], "", [], [], [], b"", True))
        worker: Any = SimpleNamespace(number=1, calls=set(), promises=set())
        define = Define(b"d", b"", True, "", "", 0, {})
        submit = Submit(5, "f", "python", b"d", Inline(b""), (), "", None, (), None, None, b"", (), ())
        for _ in range(2):
            scheduler.hear(worker, [define, submit, Release([5])])
        kinds = [type(event) for event in scheduler.events]
        released = [
            task for event in scheduler.events if isinstance(event, ev.Released) for task in event.tasks
        ]
        assert kinds.count(ev.Submitted) == 1
        assert released == [5]
