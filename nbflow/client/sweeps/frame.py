"""A sweep as a pandas DataFrame: a row for each item, what it ran for, how it stands and what it gave."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from nbflow.client.sweeps.sweep import Sweep
from nbflow.core.states import State
from nbflow.errors import describe
from nbflow.legible import shorten

if TYPE_CHECKING:
    from pandas import DataFrame

LAST = ("state", "error", "seconds")


def frame_of(sweep: Sweep) -> DataFrame:
    """See `Sweep.frame`."""
    try:
        import pandas  # half a second, and not everybody has it
    except ImportError as error:
        raise ImportError(
            "sweep.frame() needs pandas, which is not installed here: `pip install pandas`"
        ) from error
    told = sweep.told()
    columns: dict[Hashable, Any] = {}
    if sweep.points is not None:
        every = list(sweep.points)
        columns = {name: [point[name] for point in every] for name in sweep.points.axes}
    done = [state == State.DONE for state in told.states]
    columns |= _results(told.values, done, {*columns, *LAST})
    columns["state"] = [State(state).label for state in told.states]
    columns["error"] = [None if error is None else shorten(describe(error)) for error in told.errors]
    columns["seconds"] = pandas.array(told.seconds, dtype="float64")
    frame: DataFrame = pandas.DataFrame(columns, index=pandas.RangeIndex(len(sweep), name="item"))
    return frame


def _results(values: Sequence[Any], done: Sequence[bool], taken: set[Hashable]) -> dict[Hashable, list[Any]]:
    """The column of the results, or the columns of their fields where each of them has fields."""
    spread = [_fields(value) if there else None for value, there in zip(values, done, strict=True)]
    names: dict[Hashable, None] = {}
    for fields, there in zip(spread, done, strict=True):
        if there and fields is None:
            names.clear()
            break
        names.update(dict.fromkeys(fields or ()))
    missing = float("nan")
    if not names:
        return {"result": [value if there else missing for value, there in zip(values, done, strict=True)]}
    return {
        f"result_{name}" if name in taken else name: [
            missing if fields is None else fields.get(name, missing) for fields in spread
        ]
        for name in names
    }


def _fields(value: Any) -> dict[Hashable, Any] | None:
    """Of a dict, a named tuple or a dataclass; None of anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=False))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
