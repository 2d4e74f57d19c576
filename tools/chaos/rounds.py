"""One round: a graph, a flow, an attack on it; and what came of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbflow
from nbflow import Config, ProcessExecutor
from nbflow.wire.leftovers import carriers
from tools.chaos import apps, graph
from tools.chaos.attack import Attack
from tools.chaos.graph import Node

WORKERS = 4
RETRIES = 1000  # kills come often: what is to be shown is that nothing is lost, not that attempts are counted
HANGS = 60.0  # seconds without any task that ends


@dataclass
class Figures:
    """What was done, and what came of it; sums up over rounds."""

    tasks: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    harms: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    cancelled: int = 0
    # futures with neither the right value nor a cancellation of ours
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # processes and directories that outlived their flow

    def add(self, other: Figures) -> None:
        """One more round."""
        self.tasks += other.tasks
        self.attacks += other.attacks
        self.harms += other.harms
        self.retries += other.retries
        self.cancelled += other.cancelled
        self.lost += other.lost
        self.left += other.left


def play(seed: int, count: int, until: float) -> Figures:
    """A round of `count` tasks, attacked until `until` (of `time.monotonic`) at most."""
    nodes = graph.made(seed, count)
    figures = Figures(count)
    figures.harms.update(node.harm for node in nodes if node.harm in apps.HARMS)
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        executor = ProcessExecutor(max_workers=WORKERS)
        flow = nbflow.load(Config(executors=[executor], retries=RETRIES, run_dir=Path(directory, "runs")))
        places = [flow.run_dir + "/values", *flow._places.temporary]
        try:
            flow.watch()
            futures = called(nodes, directory)
            attack = Attack(flow, nodes, futures, seed, until)
            try:
                wait_while_some_end(futures)
            finally:
                attack.end()
            figures.attacks = attack.done
            judge(nodes, futures, attack.cancelled, directory, figures)
            flow.status()  # the rows have come by then
            figures.retries = sum(max(0, row.attempt - 1) for row in flow.feed.rows.values())
        finally:
            nbflow.clear()
        figures.left += [f"process {pid}" for pid in carriers(flow.run_id)]
        figures.left += [place for place in places if os.path.exists(place)]
    return figures


def called(nodes: Sequence[Node], directory: str) -> list[Future[Any]]:
    """The future of each task."""
    futures: list[Future[Any]] = []
    for node in nodes:
        app = apps.hanging if node.harm == "hangs" and not node.kind else apps.APPS[node.kind]
        harm = "" if node.harm == "hangs" and node.kind else node.harm
        place = os.path.join(directory, str(node.number))
        futures.append(app(node.mark, harm, place, [futures[need] for need in node.needs]))
    return futures


def wait_while_some_end(futures: Sequence[Future[Any]]) -> None:
    """Until all have ended, or none does any more."""
    left: set[Future[Any]] = set(futures)
    while left:
        ended, left = wait(left, HANGS, FIRST_COMPLETED)
        if not ended:
            return
        time.sleep(0.05)  # many at a time


def judge(
    nodes: Sequence[Node],
    futures: Sequence[Future[Any]],
    cancelled: set[int],
    directory: str,
    figures: Figures,
) -> None:
    """Compare every future with what must come of it."""
    may_be_cancelled = graph.downstream(nodes, cancelled)
    for node, future, wanted in zip(nodes, futures, graph.values(nodes), strict=True):
        name = f"task {node.number} ({node.kind or 'plain'}, {node.harm or 'harmless'})"
        if not future.done():
            figures.lost.append(f"{name} has not ended")
            continue
        try:
            value = future.result()
        except CancelledError:
            figures.cancelled += 1
            if node.number not in may_be_cancelled:
                figures.lost.append(f"{name} was cancelled, and nobody has asked for it")
            continue
        except BaseException as error:
            figures.lost.append(f"{name} failed: {error!r}")
            continue
        if node.kind == "shell" and value == 0:
            value = int(Path(directory, f"{node.number}.out").read_text())
        if apps.as_number(value) != wanted:
            figures.lost.append(f"{name} gave {value!r:.80}, not {wanted}")
        elif node.number in cancelled:
            figures.lost.append(f"{name} has a value, although cancel() said that it has none")
