"""What `%nbflow freeze` does: pictures in the place of what is live, for the notebook's file."""

from __future__ import annotations

import time
from collections.abc import Sequence

from IPython.display import display

from nbflow.notebook.flows import tasks, the_flow
from nbflow.notebook.marks import sentence
from nbflow.notebook.saved import bundle
from nbflow.notebook.status import many
from nbflow.notebook.still import still
from nbflow.notebook.tools import Tools


def freeze(tools: Tools, words: Sequence[str]) -> None:
    """Put a picture in the place of each live view of the flow as it stands now; without any, show one here."""
    flow = the_flow()
    from nbflow.notebook import widget  # the widgets' machinery takes its time to load

    picture = still(flow.name, tasks(flow).values(), time.time())
    told = sentence(picture.board.counts)
    live = widget.views(flow)
    places = sum(view.shown for view in live)
    for view in live:
        # what waits or runs is told as such; what has ended may take a moment to be seen
        view.freeze() if picture.board.at_rest else view.freeze(0.0)
    if places:
        print(
            f"{many(places, 'view')} of the flow {'is a picture' if places == 1 else 'are pictures'} now: {told}."
        )
    else:
        display(bundle(picture), raw=True)  # type: ignore[no-untyped-call]
        print(f"There was no live view to freeze, so the picture stands here: {told}.")
    if not picture.board.at_rest and picture.board.rows:
        print("The flow goes on: `%nbflow graph` shows it live.")
