"""Where Graphviz' `dot` would put the nodes: better places than ours, at a price that only the user can choose to pay.

`dot` runs beside us as a process of its own, for at most five seconds; whoever waits for the places looks in from time
to time (`look`). Only numbers go into it and come out of it, so no text of the user's is ever read as its language.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from nbflow.notebook.layout import Layout, Pair

MOST_PLACED = 1_000
"""Nodes up to which `dot` is asked: beyond that it takes half a minute or gives up."""
LIMIT = 5.0
"""Seconds that `dot` may take."""
_INCH = 72.0  # pixels
_GAP, _COLUMN_GAP = 14, 72  # pixels between two nodes of a column, between two columns


class NotPlaced(Exception):
    """There are no places by `dot`; the message says why."""


class Placing:
    """One run of `dot`. Whoever makes it ends it, by `look` until it answers or by `stop`.

    Raises NotPlaced where there is no `dot` to run, or too much for it.
    """

    def __init__(
        self, sizes: list[Pair], edges: list[Pair], clock: Callable[[], float] = time.monotonic
    ) -> None:
        program = shutil.which("dot")
        if program is None:
            raise NotPlaced("Graphviz' dot is not installed")
        if len(sizes) > MOST_PLACED:
            raise NotPlaced(f"Graphviz' dot is asked for up to {MOST_PLACED:,} tasks")
        self._sizes = sizes
        self._edges = edges
        self._clock = clock
        self._until = clock() + LIMIT
        with ExitStack() as opened:
            self._told = opened.enter_context(tempfile.TemporaryFile())
            asked = opened.enter_context(tempfile.TemporaryFile())
            asked.write(_written(sizes, edges).encode())
            asked.seek(0)
            try:
                # Of its own session: an interrupt of the notebook is not meant for it.
                self._process = subprocess.Popen(
                    [program, "-Tplain"],
                    stdin=asked,
                    stdout=self._told,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise NotPlaced(f"Graphviz' dot could not be started ({error})") from None
            self._open = opened.pop_all()

    def look(self) -> Layout | None:
        """The places, or None as long as `dot` works on them.

        Raises NotPlaced where it failed or took too long.
        """
        ended = self._process.poll()
        if ended is None:
            if self._clock() < self._until:
                return None
            self.stop()
            raise NotPlaced(f"Graphviz' dot took more than {LIMIT:.0f} s")
        with self._open:
            self._told.seek(0)
            text = self._told.read().decode("ascii", "replace")
        if ended:
            raise NotPlaced(f"Graphviz' dot ended with {ended}")
        return _read(text, self._sizes, self._edges)

    def stop(self) -> None:
        """End the run, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._open.close()


def _written(sizes: Iterable[Pair], edges: Iterable[Pair]) -> str:
    lines = [f"digraph{{rankdir=LR;nodesep={_GAP / _INCH:.3f};ranksep={_COLUMN_GAP / _INCH:.3f}"]
    lines.append('node[shape=box,fixedsize=true,label=""];edge[arrowhead=none,tailport=e,headport=w]')
    lines += [f"{n}[width={w / _INCH:.4f},height={h / _INCH:.4f}]" for n, (w, h) in enumerate(sizes)]
    lines += [f"{a}->{b}" for a, b in edges]
    return "\n".join([*lines, "}"])


def _read(text: str, sizes: list[Pair], edges: list[Pair]) -> Layout:
    """The places from what `dot -Tplain` tells: inches, counted from below."""
    x, y = [0] * len(sizes), [0] * len(sizes)
    routes: dict[Pair, list[int]] = {}
    width = high = 0.0
    placed = 0
    try:
        for line in text.splitlines():
            kind, *words = line.split()
            if kind == "graph":
                width, high = float(words[1]), float(words[2])

            elif kind == "node":
                n = int(words[0])
                x[n] = round(float(words[1]) * _INCH - sizes[n][0] / 2)
                y[n] = round((high - float(words[2])) * _INCH - sizes[n][1] / 2)
                placed += 1
            elif kind == "edge":
                numbers = [float(word) for word in words[3 : 3 + 2 * int(words[2])]]
                a, b = (int(word.split(":")[0]) for word in words[:2])  # "7:e": the side is told as well
                routes[a, b] = [
                    round((high - number if i % 2 else number) * _INCH) for i, number in enumerate(numbers)
                ]
        if placed != len(sizes):
            raise ValueError(f"{placed} of {len(sizes)} nodes")
        return Layout(
            x, y, [routes[edge] for edge in edges], round(width * _INCH), round(high * _INCH), curved=True
        )
    except (ValueError, LookupError) as error:
        raise NotPlaced(f"Graphviz' dot gave an answer that cannot be read: {error!r}") from None
