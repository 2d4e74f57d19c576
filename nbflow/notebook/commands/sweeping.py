"""The command that runs an app over what is in the notebook: `%nbflow map`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display

from nbflow.client.sweeps.mapping import grid
from nbflow.client.sweeps.mapping import map as sweep_over
from nbflow.legible import nearest, shorten
from nbflow.notebook.commands.command import Command
from nbflow.notebook.tools import Tools

USAGE = "APP over NAME... [--grid] [--into NAME]"


def run_over(tools: Tools, words: Sequence[str]) -> None:
    """Run an app for the items of one name, for those of several side by side, or, with --grid, for all combinations.

    The sweep is bound to the name behind --into, else to APP_sweep; it is a future of the list of results.
    """
    app, names, combined, into = _read(words)
    namespace: dict[str, Any] = tools.shell.user_ns
    function = _known(app, namespace)
    values = {name: _known(name, namespace) for name in names}
    if not callable(function):
        raise UsageError(f"%nbflow map: {app} is no app or function, but {_kind(function)}")
    try:
        sweep = grid(function, values) if combined else sweep_over(function, *values.values())
    except (TypeError, ValueError) as error:
        raise UsageError(f"%nbflow map: {error}") from None
    namespace[into] = sweep
    said = f"{{{', '.join(f'{name!r}: {name}' for name in names)}}}" if combined else ", ".join(names)
    print(f"{into} = nbflow.{'grid' if combined else 'map'}({app}, {said})")
    display(sweep)  # type: ignore[no-untyped-call]


def _read(words: Sequence[str]) -> tuple[str, list[str], bool, str]:
    """APP, NAMEs, whether they are combined, and the name of the result."""
    left = list(words)
    combined = "--grid" in left
    left = [word for word in left if word != "--grid"]
    into = ""
    if "--into" in left:
        place = left.index("--into")
        into = left[place + 1] if place + 1 < len(left) else ""
        if not into.isidentifier():
            raise UsageError(f"%nbflow map: --into takes a name, not {into!r}")
        del left[place : place + 2]
    wrong = next((word for word in left if word.startswith("-")), None)
    if wrong is not None:
        raise UsageError(f"%nbflow map does not know {wrong!r}; it takes {USAGE}")
    if len(left) < 3 or left[1] != "over":
        raise UsageError(f"%nbflow map takes {USAGE}")
    names = " ".join(left[2:]).replace(",", " ").split()
    for name in (left[0], *names):
        if not name.isidentifier():
            raise UsageError(
                f"%nbflow map takes names of the notebook, not {name!r}; nbflow.map takes any value"
            )
    return left[0], names, combined, into or f"{left[0]}_sweep"


def _known(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    near = nearest(name, [known for known in namespace if known[:1] != "_"])
    hint = f"; did you mean {near!r}?" if near else ""
    raise UsageError(f"%nbflow map: nothing is called {shorten(name)!r} here{hint}")


def _kind(value: Any) -> str:
    return f"of the type {shorten(type(value).__name__)}"


COMMANDS = (
    Command(
        "map",
        run_over,
        "run an app for each item of a list, of several side by side, or with --grid for all combinations",
        usage=USAGE,
    ),
)
