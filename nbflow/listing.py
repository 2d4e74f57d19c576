"""`nbflow flows` and `nbflow end`: the living flows of this user as text, and which of them is meant."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import msgspec

from nbflow.client.flow.living import Living, end, living
from nbflow.legible import legible

HEADS = ("FLOW", "NAME", "PROCESS", "AGE", "WORKERS", "TASKS")
ID = 8  # characters of a flow's id that are shown
LEAST = 4  # characters of an id that name a flow
WITHIN = 30.0  # seconds that a flow gets to end


def list_flows(as_json: bool) -> int:
    """Print all living flows; returns the exit code 0."""
    found = living()
    if as_json:
        known = [msgspec.to_builtins(flow.state) for flow in found if flow.state is not None]
        silent = [{"id": flow.id} for flow in found if flow.state is None]
        print(json.dumps(known + silent, indent=2))
    else:
        print(table(found, time.time()) if found else "no flow of yours is running on this machine")
    return 0


def end_flow(which: str) -> int:
    """End the flow that is meant; returns the exit code: 0 it has ended, 1 it has not, or none or several are meant."""
    found = living()
    meant = [flow for flow in found if _is_meant(flow, which)]
    if len(meant) != 1:
        said = f"{len(meant)} flows are" if meant else "no flow of yours is"
        others = f"; say one of\n{table(meant or found, time.time())}" if found else ", and none is running"
        print(f"nbflow: {said} meant by {which!r}{others}", file=sys.stderr)
        return 1
    (flow,) = meant
    if not end(flow, WITHIN):
        print(
            f"nbflow: flow {flow.id[:ID]} does not answer, or has not ended in {WITHIN:.0f} s",
            file=sys.stderr,
        )
        return 1
    print(f"flow {flow.id[:ID]} has ended")
    return 0


def _is_meant(flow: Living, which: str) -> bool:
    return (len(which) >= LEAST and flow.id.startswith(which)) or (
        flow.state is not None and str(flow.state.driver) == which
    )


def table(flows: Sequence[Living], now: float) -> str:
    """A line for each flow, below a line of heads."""
    rows = [HEADS, *(_row(flow, now) for flow in flows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS) - 1)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
    return "\n".join(lines)


def _row(flow: Living, now: float) -> tuple[str, ...]:
    state = flow.state
    if state is None:
        return flow.id[:ID], "", "", "", "", "does not answer"
    tasks = ", ".join(f"{count:,} {label}" for label, count in state.tasks.items()) or "none yet"
    workers = f"{state.workers}, {state.busy} busy" if state.busy else str(state.workers)
    name = " ".join(legible(state.name).split())
    ending = "ending: " if state.ending else ""
    return flow.id[:ID], name[:30], str(state.driver), age(now - state.since), workers, ending + tasks


def age(seconds: float) -> str:
    """How long in words: "12 s", "3 min", "5 h 07 min", "2 d 04 h"."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"
