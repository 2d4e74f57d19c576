"""Values as bytes: the C pickler where it is enough, cloudpickle where it is needed, futures as references.

A future among the arguments, at any depth of any object, is pickled as `need(i)`; whoever unpickles hands in the
values of the needs in their order. So the caller's containers are never touched, and nothing is searched.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from cloudpickle import cloudpickle as _inner

from nbflow.values import classes
from nbflow.values.byvalue import PLAIN, ByValue

BIG = 64 * 1024  # bytes from which on a buffer travels out of band, and a value through the object store

ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
_SMALL = ATOMS - {bytes}  # but for texts and integers of people who like them long


class Needed:
    """The base of futures: something whose value a task needs. `refer` says what it is unpickled as."""

    def refer(self, index: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A function and its arguments; `index` is the need's place among the values handed in."""
        return need, (index,)

    def settles_with(self) -> Any:
        """The future whose task must have ended; itself if not a part of another one."""
        return self

    def counts_as(self) -> bytes:
        """What it counts by in the keys of calls, see `nbflow.values.memo`."""
        raise NotImplementedError


class NeededTogether:
    """The base of what stands for a list of futures: in a task's arguments it becomes the list of their values."""

    def needed(self) -> list[Any]:
        """The futures. Raises `TypeError` where it cannot be an argument."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (self.needed(),)


def settling(future: Any) -> Any:
    """The future whose end comes with this one's."""
    return future.settles_with() if isinstance(future, Needed) else future


class Pickled(NamedTuple):
    """A pickle, its out-of-band buffers, and the futures that its references stand for."""

    data: bytes
    buffers: Sequence[pickle.PickleBuffer]
    needs: Sequence[Any]


_NONE: tuple[Any, ...] = ()
AT_A_GLANCE = 16  # things in a container: to look at more takes as long as to pickle them the long way


def _keep(buffers: list[pickle.PickleBuffer], buffer: pickle.PickleBuffer) -> bool:
    """False = out of band, among the buffers."""
    try:
        big = buffer.raw().nbytes >= BIG
    except BufferError:  # not contiguous: it goes in band
        return True
    if big:
        buffers.append(buffer)
    return not big


class _Pickler(ByValue):
    """The pickler by value, which in addition turns futures into references."""

    def __init__(self, file: io.BytesIO, in_band: bool) -> None:
        self.buffers: list[pickle.PickleBuffer] = []
        self.needs: list[Any] = []
        # identity of a future -> its place in `needs`, which keeps it alive
        self._places: dict[int, int] = {}
        # not a method of this: the circle would keep all that was pickled until the garbage collector comes
        keep = None if in_band else functools.partial(_keep, self.buffers)
        super().__init__(file, 5, keep)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)  # not `isinstance`: what that asks an object may be the user's code
        if kind in PLAIN:
            return NotImplemented
        if issubclass(kind, Needed):
            return obj.refer(self._index(obj.settles_with()))
        if issubclass(kind, Future):  # of another library
            return need, (self._index(obj),)
        return super().reducer_override(obj)

    def _index(self, future: Any) -> int:
        index = self._places.setdefault(id(future), len(self.needs))
        if index == len(self.needs):
            self.needs.append(future)
        return index


class _Bytes:
    """Bytes that go out of band: Python's own never do. Unpickled as what they were, which takes one copy."""

    def __init__(self, value: bytes | bytearray) -> None:
        self._value = value

    def __reduce__(self) -> tuple[type, tuple[pickle.PickleBuffer]]:
        return type(self._value), (pickle.PickleBuffer(self._value),)


def _apart(value: Any) -> Any:
    """The same value, out of band if it is large bytes."""
    return _Bytes(value) if type(value) in (bytes, bytearray) and len(value) >= BIG else value


def dumps(value: Any, *, in_band: bool = False) -> Pickled:
    """Pickle a value; `in_band`: without out-of-band buffers.

    Raises:
        Exception: whatever pickling raises.
    """
    if not in_band:
        value = _apart(value)
    if _is_plain(value):
        return _dumps_plain(value, _NONE, in_band=in_band)
    with io.BytesIO() as file:
        pickler = _Pickler(file, in_band)
        pickler.dump(value)
        return Pickled(file.getvalue(), pickler.buffers, pickler.needs)


def _is_plain(value: Any, depth: int = 2) -> bool:
    """Whether there can be no future in it, and nothing that is to be pickled by value, as can be seen at a glance.

    `depth`: of containers that are looked into.
    """
    kind = type(value)
    if kind in ATOMS:
        return True
    if kind is dict or kind is list or kind is tuple:
        if not depth or len(value) > AT_A_GLANCE:
            return False
        for inner in value if kind is not dict else (*value, *value.values()):
            if type(inner) not in _SMALL and not _is_plain(inner, depth - 1):
                return False
        return True
    if kind.__module__ != "numpy" or (numpy := sys.modules.get("numpy")) is None:
        return False
    if kind is getattr(numpy, "ndarray", None) or issubclass(kind, getattr(numpy, "number", ())):
        # 2 were a dtype that somebody else has registered
        return bool(value.dtype.isbuiltin == 1 and not value.dtype.hasobject)
    return kind is getattr(numpy, "bool_", None)


def _dumps_plain(value: Any, needs: Sequence[Any], *, in_band: bool = False) -> Pickled:
    """Pickle what is plain: the C pickler alone does it."""
    if in_band or type(value) in ATOMS:
        return Pickled(pickle.dumps(value, 5), _NONE, needs)
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, 5, buffer_callback=functools.partial(_keep, buffers))
    return Pickled(data, buffers, needs)


def refusal(value: Any) -> Exception | None:
    """Why a value cannot be pickled; None if it can."""
    try:
        dumps(value)
    except Exception as error:
        return error
    return None


class _Reference:
    """Stands for a future that is an argument itself, for the C pickler."""

    __slots__ = ("_reduced",)

    def __init__(self, index: int) -> None:
        self._reduced = need, (index,)

    def __reduce__(self) -> Any:
        return self._reduced


def dumps_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pickled:
    """Pickle the arguments of a call; the C pickler alone does it where each is plain, or a whole future."""
    if not (
        _SMALL.issuperset(map(type, args)) and (not kwargs or _SMALL.issuperset(map(type, kwargs.values())))
    ):
        args, kwargs = tuple(map(_apart, args)), {name: _apart(value) for name, value in kwargs.items()}
        if all(map(_is_plain, args)) and all(map(_is_plain, kwargs.values())):
            return _dumps_plain((args, kwargs), _NONE)
        return _dumps_futures(args, kwargs) or dumps((args, kwargs))
    return Pickled(pickle.dumps((args, kwargs), 5), _NONE, _NONE)


def _dumps_futures(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pickled | None:
    """Arguments that are plain or whole futures; None if others are among them."""
    needs: list[Any] = []
    places: dict[int, int] = {}  # identity of a future -> its place in `needs`
    filled: list[Any] = []
    for value in (*args, *kwargs.values()):
        kind = type(value)
        if issubclass(kind, Needed) and kind.refer is Needed.refer:
            place = places.setdefault(id(value), len(needs))
            if place == len(needs):
                needs.append(value)
            filled.append(_REFERENCES[place])
            if len(needs) == len(_REFERENCES):
                return None
        elif _is_plain(value):
            filled.append(value)
        else:
            return None
    count = len(args)
    call = tuple(filled[:count]), dict(zip(kwargs, filled[count:], strict=True))
    return _dumps_plain(call, needs)


def loads(data: Any, buffers: Iterable[Any] = (), needs: Sequence[Any] = (), *, mine: bool = False) -> Any:
    """Unpickle a value. `needs`: the values that its references stand for.

    `mine`: classes that this process defined stay as they are, and are not put back to what they were when the value
    was made.

    Raises:
        Exception: whatever unpickling raises.
    """
    owns = mine and _has_class(data if type(data) is bytes else bytes(data))
    if not needs and not owns:
        return pickle.loads(data, buffers=buffers) if buffers else pickle.loads(data)
    _context.needs.append(needs)
    try:
        if owns:
            return _OwnersUnpickler(io.BytesIO(data), buffers=buffers).load()
        return pickle.loads(data, buffers=buffers)
    finally:
        _context.needs.pop()


def _has_class(data: bytes) -> bool:
    """Whether a class may come with it; one that an earlier version has kept, too."""
    return b"nbflow.values.classes" in data or b"_class_setstate" in data


def need(index: int) -> Any:
    """What a reference is unpickled as. Only for `loads`."""
    return _context.needs[-1][index]


# a call with more futures among its arguments takes the long way
_REFERENCES = tuple(map(_Reference, range(9)))


class _Context(threading.local):
    def __init__(self) -> None:
        self.needs: list[Sequence[Any]] = []  # a stack: unpickling may unpickle


_context = _Context()


class _OwnersUnpickler(pickle.Unpickler):
    """For the process in which classes were defined: a value brings a copy of its class along, which is not applied."""

    def __init__(self, file: io.BytesIO, buffers: Iterable[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._own: set[type] = set()

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if found is _inner._make_skeleton_class:
            return self._make_skeleton_class
        if found is _inner._class_setstate or found is classes.set_state:
            return functools.partial(self._set_state, found)
        return found

    def _make_skeleton_class(self, *args: Any) -> Any:
        tracker = args[4]
        known = tracker in _inner._DYNAMIC_CLASS_TRACKER_BY_ID
        made = _inner._make_skeleton_class(*args)
        if known:
            self._own.add(made)
        return made

    def _set_state(self, set_state: Callable[[type, Any], Any], made: type, state: Any) -> Any:
        return made if made in self._own else set_state(made, state)
