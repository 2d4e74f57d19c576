"""The walk through a value, part by part: what a fingerprint is made of.

What must not live here: what any single type counts by. That is handed in (`Handler`), and a type that nobody knows
counts by what `pickle` would take apart of it.

    value ──> parts: tagged bytes, digests of other values, or the place of one that is still being walked through
          ──> blake2b of the parts

Neither addresses nor sharing count. Objects that refer to each other in a circle are taken together when the walk
leaves the first of them (Tarjan's way). Each of them then counts by what is met from it on, whichever was met first, so
each is walked through once, however many ways lead to it and in whatever order a set gives them.
"""

from __future__ import annotations

import copyreg
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias

from nbflow.errors import CannotFingerprint
from nbflow.values.digests import digest

_LONG = 64  # bytes from which on text and bytes count by a digest of their own

Part: TypeAlias = "bytes | int"
"""Bytes, or the place of an object that is still being walked through."""

Handler: TypeAlias = "Callable[[Walk, Any, list[Part]], None]"
"""Adds the parts of a value of a type that it knows, a tag first."""


def text(value: str) -> bytes:
    """What a string counts by."""
    return octets(b"s", value.encode("utf-8", "surrogatepass"))


def octets(tag: bytes, value: bytes | bytearray | memoryview) -> bytes:
    """What bytes count by."""
    view = memoryview(value)
    return b"%b#%b" % (tag, digest(view)) if view.nbytes >= _LONG else b"%b:%b" % (tag, bytes(view))


ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"None",
    bool: lambda value: b"True" if value else b"False",
    int: lambda value: b"i%x" % value if value >= 0 else b"i-%x" % -value,
    float: lambda value: b"f" + struct.pack("<d", value),
    complex: lambda value: b"c" + struct.pack("<dd", value.real, value.imag),
    str: text,
    bytes: lambda value: octets(b"b", value),
    bytearray: lambda value: octets(b"B", value),
    type(...): lambda value: b"...",
    type(NotImplemented): lambda value: b"NotImplemented",
}
"""What cannot refer to anything."""


class Walk:
    """The walk through one value.

    `handler_of` gives what knows a type, None if nothing does; `name_of_future` what a future among the parts counts
    by; `directories`: where relative paths of files lead, "" = from this process's present one.
    """

    def __init__(
        self,
        handler_of: Callable[[type], Handler | None],
        name_of_future: Callable[[Future[Any]], bytes] | None,
        directories: Sequence[str] = ("",),
    ) -> None:
        self.directories = directories
        self._handler_of = handler_of
        self._name_of_future = name_of_future
        self._done: dict[int, bytes] = {}
        self._kept: list[Any] = []  # so that no identity in `_done` is used again
        self._open: dict[int, int] = {}  # identity -> its place in `_stack`
        self._stack: list[tuple[int, list[Part]]] = []
        self._lowest = 0  # the lowest place that what is being walked through refers back to

    def part(self, value: Any) -> Part:
        """What a value counts by within another one.

        Raises:
            CannotFingerprint: it has no fingerprint.
            Exception: whatever the value's own code raises.
        """
        kind = type(value)
        handler = self._handler_of(kind)
        if handler is None and (atom := ATOMS.get(kind)) is not None:
            return atom(value)
        identity = id(value)
        if (done := self._done.get(identity)) is not None:
            return done
        if (place := self._open.get(identity)) is not None:
            self._lowest = min(self._lowest, place)
            return place
        place, lowest_outside = len(self._stack), self._lowest
        self._lowest = self._open[identity] = place
        self._kept.append(value)
        parts: list[Part] = []
        self._stack.append((identity, parts))
        self._expand(value, kind, handler, parts)
        lowest, self._lowest = self._lowest, min(self._lowest, lowest_outside)
        if lowest < place:
            return place  # it is of a circle that was entered elsewhere, and counts with that one
        circle = self._stack[place:]
        del self._stack[place:]
        for (member, _), found in zip(circle, _digests(place, [parts for _, parts in circle]), strict=True):
            del self._open[member]
            self._done[member] = b"#" + found
        return self._done[identity]

    def knows_none_of(self, kinds: Iterable[type]) -> bool:
        """Whether values of these types are atoms, and nothing else is said of them."""
        return all(kind in ATOMS and self._handler_of(kind) is None for kind in kinds)

    def closed(self, value: Any) -> bytes:
        """The same for an element of a set or a key, by which these are put in order: it must not refer back."""
        part = self.part(value)
        if isinstance(part, int):
            raise CannotFingerprint(type(value), "it is in a set, or is a key, that it refers back to")
        return part

    def add_pairs(self, pairs: Iterable[tuple[Any, Any]], parts: list[Part]) -> None:
        """Add keys and values of a mapping whose order does not count."""
        keyed = sorted(((self.closed(key), value) for key, value in pairs), key=lambda pair: pair[0])
        parts.append(b"pairs")
        for key, value in keyed:
            parts += (key, self.part(value))

    def add_items(self, items: Iterable[Any], parts: list[Part]) -> None:
        """Add the elements of a sequence."""
        parts.append(b"items")
        parts += map(self.part, items)

    def _expand(self, value: Any, kind: type, handler: Handler | None, parts: list[Part]) -> None:
        if handler is not None:
            handler(self, value, parts)
        elif isinstance(value, Future):
            name = self._name_of_future(value) if self._name_of_future is not None else b""
            if not name:
                raise CannotFingerprint(kind, "it is a future")
            parts += (b"future", name)
        else:
            self.take_apart(value, kind, parts)

    def take_apart(self, value: Any, kind: type, parts: list[Part]) -> None:
        """Add what pickle would take a value apart into."""
        reduce = copyreg.dispatch_table.get(kind)
        try:
            reduced = reduce(value) if reduce is not None else value.__reduce_ex__(4)
        except Exception as error:
            raise CannotFingerprint(kind, f"{type(error).__name__}: {error}") from error
        if isinstance(reduced, str):
            parts += (b"global", self.part(kind), text(reduced))
            return
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if reduce is None and _is_plain_set(kind):
            arguments = (frozenset(value),)
        parts += (b"object", self.part(kind), self.part(make), self.part(arguments), self.part(state))
        if items is not None:
            self.add_items(items, parts)
        if pairs is not None and isinstance(value, OrderedDict):
            self.add_items((each for pair in pairs for each in pair), parts)
        elif pairs is not None:
            self.add_pairs(pairs, parts)


def _is_plain_set(kind: Any) -> bool:
    """Whether it is derived from a set and gives its elements in no order of its own: pickle puts them in a list."""
    base: Any = next((each for each in (set, frozenset) if issubclass(kind, each)), None)
    return (
        base is not None
        and kind.__reduce_ex__ is object.__reduce_ex__
        and kind.__reduce__ is base.__reduce__
        and kind.__iter__ is base.__iter__
    )


def _digests(first: int, members: list[list[Part]]) -> Sequence[bytes]:
    """What objects that refer to each other count by; as a rule one, by itself. `first`: the place of the first."""
    alone = members[0]
    if len(members) == 1 and int not in map(type, alone):
        return (digest(b"%d" % len(alone), *alone),)  # type: ignore[arg-type] # no place is among them
    references = [[part - first for part in parts if isinstance(part, int)] for parts in members]
    own = [digest(*(part if isinstance(part, bytes) else b"^" for part in parts)) for parts in members]
    # each by all within as many steps from it as tell those apart that can be told apart at all
    found, kinds, told_apart = own, 0, len(set(own))
    while told_apart > kinds:
        found = [
            digest(each, *(found[place] for place in to)) for each, to in zip(own, references, strict=True)
        ]
        kinds, told_apart = told_apart, len(set(found))
    circle = digest(*sorted(found))  # how many they are counts, also of those that nothing tells apart
    return [digest(b"circle", circle, each) for each in found]
