"""What is done to a running flow from outside: workers are killed and stopped at random times, tasks cancelled."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from nbflow import DataFlowKernel
from nbflow.errors import NbflowError
from nbflow.wire.leftovers import FLOW
from tools.chaos.graph import Node, downstream

PAUSE = 0.2  # seconds between two deeds, in the mean; and at least one task ends between them
LONGEST_STOP = 1.0  # seconds
MOST_WITH_IT = 20  # tasks that need the one that is cancelled: else little would be left to be looked at
DEEDS = {"kill": 60, "kill all": 4, "stop": 20, "cancel": 16}  # of a hundred


class Attack:
    """A thread that does harm until `until` (of `time.monotonic`), or it is told to stop. `done`: what, how often."""

    def __init__(
        self,
        flow: DataFlowKernel,
        nodes: Sequence[Node],
        futures: Sequence[Future[Any]],
        seed: int,
        until: float,
    ) -> None:
        self.done: Counter[str] = Counter()
        self.cancelled: set[int] = set()  # places in `futures`
        self._flow = flow
        self._nodes = nodes
        self._futures = futures
        self._until = until
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._stopped: dict[int, float] = {}  # descriptor of a stopped process -> when it goes on
        self._thread = threading.Thread(target=self._run, name="attack", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No more harm; what was stopped goes on."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            ended = -1
            while not self._over.wait(self._chance.expovariate(1 / PAUSE)):
                self._let_go_on(time.monotonic())
                if time.monotonic() > self._until:
                    break
                before, ended = ended, sum(future.done() for future in self._futures)
                if ended == before:
                    continue  # on a busy machine workers start slowly: where all are killed first, nothing is shown
                deed = self._chance.choices(list(DEEDS), list(DEEDS.values()))[0]
                with suppress(NbflowError, TimeoutError):
                    # the flow has ended meanwhile, or is slow to answer
                    self._do(deed)
        finally:
            self._let_go_on(float("inf"))

    def _do(self, deed: str) -> None:
        if deed == "cancel":
            self._cancel()
            return
        workers = self._flow.workers()
        if not workers:
            return
        chosen = workers if deed == "kill all" else [self._chance.choice(workers)]
        for worker in chosen:
            fd = self._open(worker.pid)
            if fd is None:
                continue
            number = signal.SIGSTOP if deed == "stop" else signal.SIGKILL
            signal.pidfd_send_signal(fd, number)
            self.done[deed] += 1
            if deed == "stop":
                self._stopped[fd] = time.monotonic() + self._chance.uniform(0.0, LONGEST_STOP)
            else:
                os.close(fd)

    def _cancel(self) -> None:
        place = self._chance.randrange(len(self._futures))
        if self._futures[place].done() or len(downstream(self._nodes, {place})) > MOST_WITH_IT:
            return
        if self._futures[place].cancel():
            self.cancelled.add(place)
            self.done["cancel"] += 1

    def _open(self, pid: int) -> int | None:
        """A descriptor of a worker of this very flow; None if it has ended, whoever has its number now."""
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            return None
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if f"{FLOW}={self._flow.run_id}".encode() in file.read().split(b"\0"):
                return fd
        os.close(fd)
        return None

    def _let_go_on(self, now: float) -> None:
        """Wake those whose time has come."""
        for fd, at in tuple(self._stopped.items()):
            if at <= now:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(fd, signal.SIGCONT)
                os.close(fd)
                del self._stopped[fd]
