"""The measuring: rounds in which every peer has its turn, so that a slow minute weighs on all.

Within a round the fast ones are there together and take turns work by work: idle, they use no CPU. The others, whose
daemons never rest, are started one after the other, alone. A peer that fails is noted and given up for that round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from benchmarks import machine
from benchmarks.catalogue import FAST, IDLE_MEMORY, START, TITLES, Work
from benchmarks.environments import NotInstalled, python_of
from benchmarks.processes import PeerFailed, PeerProcess, Skipped
from benchmarks.results import Results

PATIENCE = 100.0  # seconds that one piece of work may take
SETTLE = 0.5  # seconds until a peer that has just begun is at rest
Say = Callable[[str], None]


class Measuring:
    """One run: which peers, which work, how much of it."""

    def __init__(self, peers: Sequence[str], works: Sequence[Work], *, tiny: bool, say: Say) -> None:
        self.results = Results(machine=machine.describe())
        self._works = works
        self._tiny = tiny
        self._say = say
        self._deadline = 0.0
        self._python: dict[str, str] = {}
        for peer in peers:
            try:
                self._python[peer] = python_of(peer, say)
            except NotInstalled as why:
                self._give_up(peer, "installation", str(why))

    def run(self, rounds: int, starts: int, minutes: float) -> Results:
        """So many rounds; fewer, if another would not end within that time. What is late by a quarter is cut off."""
        begun = time.monotonic()
        self._deadline = begun + 60 * minutes * 1.25
        for number in range(rounds):
            took = (time.monotonic() - begun) / number if number else 0.0
            if number and time.monotonic() + took > begun + 60 * minutes:
                self._say(f"No time for round {number + 1} of {rounds}")
                break
            self._say(f"Round {number + 1} of {rounds}")
            self._round(number, starts)
        self.results.machine["load after"] = machine.load()
        self.results.machine["rounds"] = str(number + 1)
        return self.results

    def _round(self, number: int, starts: int) -> None:
        together = [peer for peer in self._python if peer in FAST]
        for _ in range(starts):
            for peer in together:
                self._start(peer)
        self._turns(together, number)
        for peer in self._python:
            if peer not in FAST:
                self._turns([peer], number)

    def _start(self, peer: str) -> None:
        """Only begin, and end again."""
        try:
            with PeerProcess(peer, self._python[peer]) as process:
                self._note_start(process)
        except PeerFailed as why:
            self._give_up(peer, START, str(why))

    def _note_start(self, process: PeerProcess) -> None:
        time.sleep(SETTLE)
        self.results.add(process.name, START, {"": process.first_result})
        self.results.add(process.name, IDLE_MEMORY, {"": process.memory()})

    def _turns(self, peers: Sequence[str], number: int) -> None:
        """Each work in turn on each of these peers."""
        self._say(f"  {', '.join(TITLES[peer] for peer in peers)}")
        with ExitStack() as stack:
            open_: dict[str, PeerProcess] = {}
            for peer in peers:
                try:
                    open_[peer] = stack.enter_context(PeerProcess(peer, self._python[peer]))
                except PeerFailed as why:
                    self._give_up(peer, START, str(why))
                    continue
                self.results.versions[peer] = open_[peer].version
                if peer not in FAST:
                    self._note_start(open_[peer])
            for work in self._works:
                if time.monotonic() > self._deadline:
                    for peer in open_:
                        self._give_up(peer, f"round {number + 1} from {work.name} on", "the time was over")
                    break
                if number < work.rounds:
                    self._work(work, open_)
        for process in open_.values():
            if process.left_behind:
                self._give_up(process.name, "end", f"{process.left_behind} processes had to be killed")

    def _work(self, work: Work, open_: dict[str, PeerProcess]) -> None:
        for _ in range(1 if self._tiny else work.samples):
            for peer, process in list(open_.items()):
                sizes = work.for_peer(peer, self._tiny)
                if sizes is None or work.name in self.results.notes.get(peer, {}):
                    continue
                try:
                    figures = process.ask(work.does, sizes, PATIENCE)
                except Skipped as why:
                    self._give_up(peer, work.name, str(why))
                except PeerFailed as why:
                    self._give_up(peer, work.name, str(why))
                    del open_[peer]
                else:
                    self.results.add(peer, work.name, figures)
                    self.results.sizes.setdefault(peer, {})[work.name] = dict(sizes)

    def _give_up(self, peer: str, what: str, why: str) -> None:
        self._say(f"{TITLES[peer]}, {what}: {why}")
        self.results.note(peer, what, why)
