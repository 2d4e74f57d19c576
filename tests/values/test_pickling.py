"""Values as bytes: what goes in comes out, futures become references wherever they stand."""

from __future__ import annotations

import copyreg
import threading
import typing
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow.legible
from nbflow import errors
from nbflow.legible import shorten
from nbflow.values import outcome, pickling, segments
from nbflow.values.short import LONGEST, short
from nbflow.wire.outcomes import Composed, Inline, Stored

ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())
HASHABLE = st.recursive(ATOMS, lambda inner: st.one_of(st.tuples(inner), st.frozensets(inner)), max_leaves=5)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(HASHABLE, inner), st.tuples(inner, inner)),
    max_leaves=20,
)


class Promise(pickling.Needed):
    """A stand-in for a future."""

    def __hash__(self) -> int:
        return id(self)


@dataclass
class Box:
    content: Any


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    pickled = pickling.dumps(value)
    assert pickling.loads(pickled.data, pickled.buffers) == value
    args = pickling.dumps_call((value,), {"name": value})
    assert pickling.loads(args.data, args.buffers) == ((value,), {"name": value})


@pytest.mark.parametrize(
    "build",
    [
        lambda p: p,
        lambda p: [1, [p, 2]],
        lambda p: (p, {"a": p}),
        lambda p: {"a": {"b": [p]}},
        lambda p: {p: 1},
        lambda p: {p, 2},
        lambda p: Box([p]),
    ],
)
def test_a_future_is_replaced_by_its_value_at_any_depth(build: Any) -> None:
    promise = Promise()
    arguments = build(promise)
    pickled = pickling.dumps(arguments)
    assert pickled.needs == [promise]
    assert pickling.loads(pickled.data, pickled.buffers, ["value"]) == build("value")
    assert pickling.dumps(arguments).needs == [promise], "the caller's own containers stay as they are"


@given(st.lists(st.integers(0, 5), max_size=30))
def test_each_future_is_one_need_however_often_it_is_used(order: list[int]) -> None:
    promises = [Promise() for _ in range(6)]
    pickled = pickling.dumps([promises[i] for i in order])
    assert list(pickled.needs) == [promises[i] for i in dict.fromkeys(order)]
    values = [promises.index(need) for need in pickled.needs]
    assert pickling.loads(pickled.data, pickled.buffers, values) == order


@given(st.integers(0, 300_000))
def test_big_buffers_go_through_the_store_and_come_back(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    directory = tmp_path_factory.mktemp("store")
    value = {"array": np.arange(size, dtype=np.uint8), "note": "x"}
    stored = outcome.store(pickling.dumps(value), [str(directory)])
    if size >= pickling.BIG:
        assert isinstance(stored, Stored)
    elif size < pickling.BIG - 1000:  # in between it depends on what the pickle itself takes
        assert isinstance(stored, Inline)
    again = outcome.load(stored)
    assert (again["array"] == value["array"]).all()
    assert again["note"] == "x"
    if isinstance(stored, Stored):
        assert again["array"].flags.writeable == (size < pickling.BIG), "only what lies out of band is shared"
        (path,) = stored.files
        assert Path(path).stat().st_mode & 0o777 == 0o600
        segments.unlink(path)
        assert again["array"].sum() == value["array"].sum(), "a mapping outlives its file"


def test_a_store_without_room_falls_back_to_the_next_one(tmp_path: Path) -> None:
    stored = outcome.store(pickling.dumps(bytes(200_000)), ["/nonexistent/store", str(tmp_path)])
    assert isinstance(stored, Stored)
    assert stored.files[0].startswith(str(tmp_path))
    with pytest.raises(OSError, match="nonexistent"):
        outcome.store(pickling.dumps(bytes(200_000)), ["/nonexistent/store"])


def test_a_composed_value_is_made_of_its_parts() -> None:
    promises = [Promise(), Promise()]
    template = pickling.dumps([promises[0], {"b": promises[1]}], in_band=True).data
    parts: list[Any] = [Inline(pickling.dumps(n).data) for n in (1, 2)]
    assert outcome.load(Composed(template, parts)) == [1, {"b": 2}]


def test_a_class_of_the_users_stays_as_it_is_when_a_value_of_it_comes_back() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("class C:\n    n = 1", namespace)
    data = pickling.dumps(namespace["C"]()).data
    namespace["C"].n = 2
    again = pickling.loads(data, mine=True)
    assert isinstance(again, namespace["C"])
    assert namespace["C"].n == 2


class Angry(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} {b}")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_comes_back_as_itself_with_the_traceback_as_its_cause() -> None:
    nothing: list[int] = []
    try:
        nothing[1]
    except IndexError as error:
        failure = outcome.pack_error(error)
    again = outcome.unpack_error(failure, 3, "f")
    assert isinstance(again, IndexError)
    assert "list index out of range" in str(again.__cause__)
    assert "nothing[1]" in str(again.__cause__)


def test_an_error_that_cannot_be_rebuilt_keeps_its_name_and_text() -> None:
    angry = Angry(1, 2)
    angry.lock = threading.Lock()  # type: ignore[attr-defined]
    again = outcome.unpack_error(outcome.pack_error(angry), 3, "f")
    assert type(again) is errors.RemoteError
    assert str(again) == "Angry: 1 2"


def test_an_error_whose_class_takes_something_else_than_it_says_comes_back_as_itself() -> None:
    again = outcome.unpack_error(outcome.pack_error(Angry(1, 2)), 3, "f")
    assert type(again) is Angry
    assert str(again) == "1 2"


def test_an_error_without_words_does_not_break_the_sender() -> None:
    failure = outcome.pack_error(Mute())
    assert failure.kind == "Mute"


@given(VALUES)
def test_a_short_text_is_short_and_on_one_line(value: Any) -> None:
    text = short(value)
    assert len(text) <= LONGEST + 3
    assert "\n" not in text


def test_a_short_text_never_runs_the_users_code() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("called")

        __str__ = __len__ = __repr__

    assert short(Loud()) == "Loud"
    assert short([Loud()]) == "list of 1"
    assert short(Future()) == "a task", "whatever library it is of"
    assert short(np.zeros((3, 4))) == "ndarray(3, 4)"


# ---------------------------------------------------------------- what the C pickler does alone


_ARRAY = np.arange(12.0).reshape(3, 4)
_PLAIN = [
    _ARRAY,
    _ARRAY[:, 1],
    np.asfortranarray(_ARRAY),
    np.array(["a", "bc"]),
    np.array([1, 2], "M8[D]"),
    np.zeros(2, [("x", "f8"), ("y", "i4")]),
    np.zeros((0, 3)),
    np.float64(1.5),
    np.int8(-3),
    np.bool_(True),
    np.datetime64("2026-11-27"),
    {"loss": np.float64(0.5), "epochs": [1, 2, 3]},
    (1.5, _ARRAY),
    [[1, 2], [3, [4, [5]]]],
    list(range(100)),
    np.void(b"abc"),
    np.ma.masked_array([1, 2], [True, False]),
    pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}, index=["r", "s"]),
    pd.Series([1, 2], name="n"),
]


@pytest.mark.parametrize("value", _PLAIN, ids=lambda value: type(value).__name__)
def test_data_come_back_alone_among_others_and_as_arguments(value: Any) -> None:
    def same(found: Any, given: Any) -> bool:
        return type(found) is type(given) and repr(found) == repr(given)

    assert same(pickling.loads(pickling.dumps(value).data, []), value)
    args, kwargs = pickling.loads(pickling.dumps_call((value, 1), {"x": value}).data)
    assert same(args[0], value)
    assert same(kwargs["x"], value)
    pickled = pickling.dumps_call((Promise(), value), {})
    (first, second), _ = pickling.loads(pickled.data, needs=["given"])
    assert first == "given"
    assert same(second, value)


def test_large_arrays_go_out_of_band_wherever_they_are() -> None:
    large = np.zeros(pickling.BIG)
    for pickled in (
        pickling.dumps(large),
        pickling.dumps({"x": [large]}),
        pickling.dumps_call((1, large), {}),
        pickling.dumps_call((Promise(), large), {}),
    ):
        assert [buffer.raw().nbytes for buffer in pickled.buffers] == [large.nbytes]
        assert len(pickled.data) < 1000
    assert not pickling.dumps({"x": large}, in_band=True).buffers


@pytest.mark.parametrize(
    "hidden",
    [
        lambda it: np.array([it, None], dtype=object),
        lambda it: pd.DataFrame({"a": [it]}, dtype=object),
        lambda it: [[[[it]]]],
        lambda it: [*range(30), it],
        lambda it: {"a": {"b": it}},
        lambda it: np.zeros(2, np.dtype("f8", metadata={"of": it})),
    ],
)
def test_what_is_hidden_among_data_is_found(hidden: Callable[[Any], Any]) -> None:
    """A future becomes its value, and a function that cannot be imported travels with its code."""
    pickled = pickling.dumps(hidden(Promise()))
    assert len(pickled.needs) == 1
    local = 3

    def function() -> int:
        return local

    back = pickling.loads(pickling.dumps(hidden(function)).data)
    assert repr(back).count("function") == repr(hidden(function)).count("function")


def test_how_a_type_is_pickled_may_be_said_later() -> None:
    class Late:
        pass

    before = pickling.dumps([Late()])
    copyreg.pickle(Late, lambda late: (str, ("reduced",)))
    try:
        assert pickling.loads(pickling.dumps([Late()]).data) == ["reduced"]
    finally:
        del copyreg.dispatch_table[Late]
    assert type(pickling.loads(before.data)[0]).__name__ == "Late"
    assert type(pickling.loads(pickling.dumps([Late()]).data)[0]).__name__ == "Late"


def test_a_module_that_is_to_travel_by_value_does_so_from_then_on() -> None:
    assert pickling.loads(pickling.dumps(shorten).data) is shorten
    cloudpickle.register_pickle_by_value(nbflow.legible)
    try:
        assert pickling.loads(pickling.dumps(shorten).data) is not shorten
    finally:
        cloudpickle.unregister_pickle_by_value(nbflow.legible)
    assert pickling.loads(pickling.dumps(shorten).data) is shorten


@pytest.mark.parametrize("module", ["numpy", "builtins", "nowhere", 5])
def test_what_says_nonsense_about_itself_is_pickled_all_the_same(module: Any) -> None:
    made = type("Odd", (), {"__module__": module})
    for value in (made, made()):
        assert "Odd" in repr(pickling.loads(pickling.dumps(value).data))


def test_a_named_tuple_with_types_travels_by_value() -> None:
    space: dict[str, Any] = {"NamedTuple": typing.NamedTuple, "__name__": "__main__"}
    exec(
        "class Pair(NamedTuple):\n    a: int\n    b: int = 2\n\n    def total(self):\n        return self.a + self.b",
        space,
    )
    again = pickling.loads(pickling.dumps(space["Pair"](1)).data)
    assert (again, again.total(), again._fields) == ((1, 2), 3, ("a", "b"))
