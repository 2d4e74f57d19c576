"""Which combination of arguments each item of a `grid` has: kept as the lists that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from nbflow.legible import shorten
from nbflow.values.short import short


class Points(Sequence[Mapping[str, Any]]):
    """The combinations, in the order of loops within each other; each is a dict by the parameters' names.

    `axes` are the values of each parameter.

    Raises:
        TypeError: `varied` is no dict by names; the values of a parameter are no iterable, or a text, of which nobody
            wants the letters; a parameter is `fixed` as well.
        ValueError: nothing varies.
    """

    def __init__(self, varied: Mapping[str, Iterable[Any]], fixed: Iterable[str] = ()) -> None:
        if not isinstance(varied, Mapping):
            raise TypeError(
                f'grid() takes the values of each parameter as a dict, such as {{"C": [1, 10]}}, not {short(varied)}'
            )
        if not varied:
            raise ValueError("grid() takes at least one parameter that varies")
        self.axes = {_name(name): _values(name, values) for name, values in varied.items()}
        both = sorted(set(self.axes).intersection(fixed))
        if both:
            raise TypeError(f"grid(): {shorten(repr(both[0]))} cannot vary and be fixed at once")
        self._count = 1
        for values in self.axes.values():
            self._count *= len(values)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} points, none is at {index}")
        left, found = index % len(self), {}
        for name, values in reversed(self.axes.items()):
            left, place = divmod(left, len(values))
            found[name] = values[place]
        return {name: found[name] for name in self.axes}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))

    def __repr__(self) -> str:
        points = "point" if len(self) == 1 else "points"
        return shorten(f"<{len(self):,} {points} of {' × '.join(self.axes)}>")


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"grid(): parameters are named by texts, not {short(name)}")
    return name


def _values(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(
            f"grid(): the values of {shorten(repr(name))} must be a list or another iterable, not {short(values)}"
        )
    return list(values)
