"""The command that runs a task's call in the notebook, with IPython's debugger: debug."""

from __future__ import annotations

import bdb
import threading
from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import Any

from IPython.core.error import StdinNotImplementedError, UsageError

from nbflow.client.tasks.saved import SavedCall
from nbflow.errors import describe
from nbflow.legible import shorten
from nbflow.notebook.commands.again import without_value
from nbflow.notebook.commands.choosing import chosen
from nbflow.notebook.commands.command import Command
from nbflow.notebook.flows import loaded_flow, tasks, the_flow
from nbflow.notebook.tools import Tools
from nbflow.numbers import name_of
from nbflow.sizes import in_words
from nbflow.values.traces import of_the_user

BREAK, PLAIN = "--break", "--no-debugger"


def debug(tools: Tools, words: Sequence[str]) -> object:
    """Run a task's call here, in the notebook's process: where it raises, in the debugger."""
    __tracebackhide__ = True  # an error of the call shows the call
    options = [word for word in words if word.startswith("-")]
    if wrong := [word for word in options if word not in (BREAK, PLAIN)]:
        raise UsageError(f"%nbflow debug takes a task, {BREAK} and {PLAIN}; not {wrong[0]!r}")
    if len(set(options)) > 1:
        raise UsageError(f"%nbflow debug takes {BREAK} or {PLAIN}, not both")
    flow = the_flow()
    rows = tasks(flow)
    failed = without_value(rows)
    numbers = chosen(
        {number: row.app for number, row in rows.items()}, failed, [w for w in words if w not in options]
    )
    if len(numbers) != 1:
        raise UsageError(f"%nbflow debug takes one task, by its number; {len(numbers)} are named")
    call = flow.call_of(numbers[0])
    name = f"task {name_of(numbers[0])} `{shorten(call.app)}`"
    print(f"Runs {name} here, as it was called, with {in_words(call.size)} of arguments.")
    function, args, kwargs = call.load()
    run = _runner(call, function)
    if PLAIN in options:
        return run(*args, **kwargs)
    try:
        if BREAK in options:
            return _stepwise(tools, run, function, args, kwargs)
        return _post_mortem(tools, run, args, kwargs)
    except StdinNotImplementedError:
        line = f"%nbflow debug {name_of(numbers[0])} {PLAIN}"
        raise UsageError(f"there is no prompt for a debugger here; `{line}` runs it without one") from None


def _runner(call: SavedCall, function: Callable[..., Any]) -> Callable[..., Any]:
    """What runs the call to its end, as a worker would."""

    def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        value = _awaited(function(*args, **kwargs))
        if call.kind == "bash":
            print("The function of a bash app was run; the command that it gave was not.")
        return value

    return run


def _awaited(value: Any) -> Any:
    """What an async function gives; on a thread of its own, for the notebook's has a loop that runs."""
    if type(value) is not CoroutineType:
        return value
    import asyncio  # only where it is needed

    told: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            told.append(asyncio.run(value))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="nbflow-here")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return told[0]


def _post_mortem(tools: Tools, run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run it; where it raises, look at the frame that did."""
    try:
        return run(*args, **kwargs)
    except Exception as error:
        print(f"{shorten(describe(error), 500)}")
        debugger = tools.shell.debugger_cls()
        debugger.reset()
        debugger.interaction(None, of_the_user(error.__traceback__))
        return None


def _stepwise(
    tools: Tools,
    run: Callable[..., Any],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Run it from its first line on, step by step."""
    debugger = tools.shell.debugger_cls()
    try:
        return _awaited(debugger.runcall(function, *args, **kwargs))
    except bdb.BdbQuit:
        return None


def _offered() -> Sequence[str]:
    flow = loaded_flow()
    return [BREAK, PLAIN] if flow is None else [*map(str, without_value(tasks(flow))), BREAK, PLAIN]


COMMANDS = (
    Command(
        "debug",
        debug,
        "run a task's call here, as it was made; where it raises, in the debugger",
        usage=f"TASK [{BREAK} | {PLAIN}]",
        complete=_offered,
    ),
)
