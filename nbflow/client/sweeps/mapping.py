"""`map`, `starmap` and `grid`: a function over many items, as one `Sweep`.

Many items travel as one task where that is possible, see `driver`. Where a call means more than its function (a cached
app, a bash app, a walltime, special keywords, values that stay in this process), each item is a call of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import Any

from nbflow.checking import at_least_one
from nbflow.client.app import App, python_app
from nbflow.client.calls import Calls
from nbflow.client.current import current
from nbflow.client.future import AppFuture
from nbflow.client.parameters import SPECIAL
from nbflow.client.signals import is_of_a_handler
from nbflow.client.sweeps.batching import Batching
from nbflow.client.sweeps.chunk import Board, Form
from nbflow.client.sweeps.driver import Driver
from nbflow.client.sweeps.points import Points
from nbflow.client.sweeps.sweep import Sweep
from nbflow.errors import FlowClosed, NoDataFlowKernelError
from nbflow.executors import Executor, ProcessExecutor
from nbflow.values.short import short


def map(  # noqa: A001 - `nbflow.map` is its name
    function: Callable[..., Any], /, *iterables: Iterable[Any], chunksize: int | None = None
) -> Sweep:
    """Run a function for an item of each iterable, as far as the shortest one goes; returns at once.

    Items that take little time travel many at a time: how many, follows from how long they take. Items of one such
    chunk run one after the other on one worker, as in a loop, and what they print is kept together. One that
    raises, kills its worker or cannot travel costs itself alone; its app's `retries` are its own, too.

    >>> sweep = nbflow.map(pow, range(1000), [2] * 1000)        # doctest: +SKIP
    >>> sweep.result()[:4], sweep[3].result()                   # doctest: +SKIP
    ([0, 1, 4, 9], 9)

    Args:
        function: a plain function, or an app. It runs as it is now, whatever it is redefined as meanwhile.
        iterables: where its arguments come from; they are gone through before this returns.
        chunksize: how many items travel at a time; None = as measured.

    Returns:
        A `Sweep`: the future of the list of all results, and a sequence of futures, one for each item.

    Raises:
        TypeError: the function would not take such arguments; `chunksize` is no whole number.
        ValueError: `chunksize` is less than 1.
        CannotPickle: what the function refers to cannot travel.
        NoDataFlowKernelError: no flow is loaded, or it has ended.
    """
    if not iterables:
        raise TypeError("nbflow.map() takes a function and at least one iterable")
    for given in iterables:
        _check_iterable("map", given)
    if len(iterables) == 1:
        return _sweep("map", function, list(iterables[0]), Form.ONE, chunksize)
    return _sweep("map", function, list(zip(*iterables)), Form.SPREAD, chunksize)  # noqa: B905 - the shortest one


def starmap(
    function: Callable[..., Any], items: Iterable[Iterable[Any]], /, *, chunksize: int | None = None
) -> Sweep:
    """Run a function for each item, which is a tuple of its arguments; otherwise as `map`.

    >>> nbflow.starmap(pow, [(2, 5), (3, 2)]).result()          # doctest: +SKIP
    [32, 9]
    """
    _check_iterable("starmap", items)
    spread = [_arguments(index, item) for index, item in enumerate(items)]
    return _sweep("starmap", function, spread, Form.SPREAD, chunksize)


def _arguments(index: int, item: Iterable[Any]) -> tuple[Any, ...]:
    try:
        arguments = iter(item)
    except TypeError:
        raise TypeError(
            f"nbflow.starmap() takes a tuple of arguments for each item, not {short(item)} (item {index})"
        ) from None
    return tuple(arguments)


def _check_iterable(called: str, given: object) -> None:
    try:
        iter(given)  # type: ignore[call-overload] # that is the question
    except TypeError:
        raise TypeError(
            f"nbflow.{called}() goes through lists and other iterables, not {short(given)}"
        ) from None


def grid(
    function: Callable[..., Any],
    varied: Mapping[str, Iterable[Any]],
    /,
    *,
    chunksize: int | None = None,
    **fixed: Any,
) -> Sweep:
    """Run a function for each combination of the values of some parameters; otherwise as `map`.

    The combinations come in the order of loops within each other, the first parameter's the outermost: the last one
    varies fastest. Each is an item of its own. `sweep.frame()` has a column for each varied parameter.

    >>> sweep = nbflow.grid(fit, {"C": [1, 10], "kernel": ["rbf", "linear"]}, data=table)   # doctest: +SKIP
    >>> sweep.points                                                                         # doctest: +SKIP
    <4 points of C × kernel>
    >>> sweep.points[1]                                                                      # doctest: +SKIP
    {'C': 1, 'kernel': 'linear'}

    Args:
        function: as for `map`.
        varied: the values of each parameter that varies, by its name; they are gone through before this returns.
        chunksize: as for `map`.
        fixed: the values of other parameters, the same for all items; futures among them are waited for.

    Raises:
        TypeError: values are no list or other iterable, or a text; a parameter varies and is fixed; and as `map`.
        ValueError: nothing varies; and as `map`.
    """
    points = Points(varied, fixed)
    items = [{**fixed, **point} for point in points]
    return _sweep("grid", function, items, Form.NAMED, chunksize, points)


def _sweep(
    called: str,
    function: Any,
    items: list[Any],
    form: Form,
    chunksize: int | None,
    points: Points | None = None,
) -> Sweep:
    if not callable(function):
        raise TypeError(f"nbflow.{called}() takes a function or an app, not {short(function)}")
    if chunksize is not None:
        chunksize = at_least_one(f"{called}(chunksize=...)", chunksize)
    app = function if isinstance(function, App) or _calls_an_app(function) else python_app(function)
    if not isinstance(app, App):
        sweep = Sweep(current(), getattr(app, "__name__", "app"), len(items), points)
        return _one_by_one(sweep, app, items, form)
    if items and (why := app.callee.parameters.refused(*form.given(items[0]))):
        raise TypeError(f"{app.options.name}(): {why}")
    calls = current() if app.flow is None else app.flow.calls
    name = app.options.name
    sweep = Sweep(calls, name, len(items), points)
    if not items:
        return sweep
    special = form is Form.NAMED and any(name in items[0] for name in SPECIAL)
    board = _board(items, calls) if not special and _travels_many(app, calls) else None
    if board is None:
        return _one_by_one(sweep, app, items, form)
    batching = Batching(_workers(app, calls), chunksize)
    try:
        driver = Driver(sweep, app.callee, items, form, board, batching)
    except BaseException:
        board.remove()
        raise
    sweep.begin(driver)
    try:
        driver.start()
    except RuntimeError:  # Python 3.12 lets no thread begin once the program's end has
        board.remove()
        calls.sweeps.discard(sweep)
        raise
    return sweep


def _calls_an_app(function: Any) -> bool:
    """Whether a call of it makes a task itself: the method of an object, or a `partial`, that is an app."""
    while isinstance(function, (MethodType, functools.partial)):
        function = function.__func__ if isinstance(function, MethodType) else function.func
        if isinstance(function, App):
            return True
    return False


def _travels_many(app: App, calls: Calls) -> bool:
    """Whether a call of the app is no more than a call of its function, somewhere else."""
    options, parameters = app.options, app.callee.parameters
    read = {*parameters.places, *parameters.defaults} - {"label"}
    plain = options.kind == "python" and not (options.cache or options.walltime or read)
    judged = getattr(getattr(calls.flow, "config", None), "retry_handler", None)  # inside tasks there is none
    apart = any(getattr(executor, "max_tasks_per_worker", None) for executor in _executors(app, calls))
    return plain and judged is None and not apart and calls.takes_many(options)


def _executors(app: App, calls: Calls) -> list[Executor]:
    """Those that may run it; inside a task they are not known."""
    executors: dict[str, Executor] = getattr(calls.flow, "executors", {})
    labels = app.options.executors or tuple(executors)
    return [executors[label] for label in labels if label in executors]


def _workers(app: App, calls: Calls) -> int:
    """How many workers may run it."""
    known = _executors(app, calls)
    return sum(executor.workers for executor in known) if known else ProcessExecutor().workers


def _board(items: list[Any], calls: Calls) -> Board | None:
    """None where there is no room for it."""
    if calls.closed:
        raise calls.refusal()
    try:
        return Board(len(items), calls.store_dirs)
    except OSError:
        return None


def _one_by_one(sweep: Sweep, app: Callable[..., AppFuture], items: list[Any], form: Form) -> Sweep:
    """Each item is a call."""
    made: list[AppFuture] = []
    try:
        for index, item in enumerate(items):
            try:
                args, kwargs = form.given(item)
                task = app(*args, **kwargs)
            except (FlowClosed, NoDataFlowKernelError):
                raise
            except Exception as error:
                if is_of_a_handler(error):
                    raise
                sweep.fail(index, index + 1, error)
            else:
                sweep.take_task(index, task)
                made.append(task)
    except BaseException:  # interrupted: nobody will have the sweep
        for task in made:
            task.cancel(wait=False)
        raise
    sweep.watch()
    return sweep
