"""The scene of a flow as it grows, in the layout that was asked for.

One owner, the publisher's thread: it says when the structure changed, and asks for the newest scene when there is time
for that. Graphviz' places come late: until they are there, and where there will be none, the scene has our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nbflow.notebook.fold import AUTO, DOT, MOST_FORCED, NODES
from nbflow.notebook.graphviz_layout import NotPlaced, Placing
from nbflow.notebook.layout import Pair, lay_out
from nbflow.notebook.view import Draft, build, draft, place
from nbflow.wire.rows import TaskRow

LOOK = 0.05
"""Seconds between two looks whether Graphviz has answered."""


class Scenes:
    """The newest scene. `note` says what the user is to know of it, and is empty mostly."""

    def __init__(
        self,
        name: str,
        layout: str = AUTO,
        placing: Callable[[list[Pair], list[Pair]], Placing] = Placing,
    ) -> None:
        self._name = name
        self._placing = placing
        self.layout = layout
        self.scene = build(name, [])
        self.stale = False  #: the structure has changed, or the wish, since the scene was made
        self.note = ""
        self._draft: Draft | None = None  # what Graphviz is busy with
        self._run: Placing | None = None

    def choose(self, layout: str) -> None:
        """Draw in another layout from now on."""
        self.layout, self.stale = layout, True

    def refresh(self, rows: Sequence[TaskRow]) -> None:
        """Make the scene anew, of these rows."""
        self.close()
        self.stale, self.note = False, ""
        if self.layout in (NODES, DOT) and len(rows) > MOST_FORCED:
            self.note = f"More than {MOST_FORCED:,} tasks are too many for a node each."
        made = draft(rows, NODES if self.layout == DOT else self.layout)
        self.scene = place(self._name, made, lay_out(made.sizes, made.layers, made.edges))
        if self.layout == DOT and made.rows:
            try:
                self._run, self._draft = self._placing(made.sizes, made.edges), made
            except NotPlaced as why:
                self._give_up(why)

    def look(self) -> bool:
        """True if Graphviz' places have come and the scene has them now, or there is a note that they will not."""
        if self._run is None or self._draft is None:
            return False
        try:
            placed = self._run.look()
        except NotPlaced as why:
            self._give_up(why)
            return True
        if placed is None:
            return False
        self.scene = place(self._name, self._draft, placed, DOT)
        self._run = self._draft = None
        return True

    @property
    def pause(self) -> float | None:
        """Seconds until it is worth a look; None: nobody is waited for."""
        return None if self._run is None else LOOK

    def close(self) -> None:
        """End what runs for it."""
        if self._run is not None:
            self._run.stop()
        self._run = self._draft = None

    def _give_up(self, why: NotPlaced) -> None:
        self._run = self._draft = None
        self.note = f"{why}: drawn in nbflow's own layout."
