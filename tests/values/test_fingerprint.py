"""Fingerprints: equal content, equal bytes, in any process; other content, other bytes; or else a refusal."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import enum
import fractions
import functools
import importlib
import itertools
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
import typing
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.errors import CannotFingerprint
from nbflow.files import File
from nbflow.values.fingerprint import fingerprint, id_for_memo, imports

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(max_size=70)
    | st.binary(max_size=70)
)
hashable = st.recursive(
    atoms, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6
)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
        | st.tuples(inner)
    ),
    max_leaves=8,
)


def canonical(value: Any) -> Any:
    """A text in which only equal values of equal types are equal, in whatever order their parts are."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, sorted(repr((canonical(k), canonical(v))) for k, v in value.items())
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(canonical(each)) for each in value)
    if isinstance(value, (list, tuple)):
        return kind, [canonical(each) for each in value]
    return kind, repr(value)


def reordered(value: Any) -> Any:
    """The same content, put together the other way round."""
    if isinstance(value, dict):
        return {reordered(k): reordered(v) for k, v in reversed(value.items())}
    if isinstance(value, (set, frozenset)):
        return type(value)(reordered(each) for each in reversed(list(value)))
    if isinstance(value, (list, tuple)):
        return type(value)(reordered(each) for each in value)
    return value


@given(values, values)
def test_fingerprints_are_equal_exactly_where_type_and_content_are(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (canonical(one) == canonical(other))


@given(values)
def test_neither_order_nor_identity_nor_sharing_counts(value: Any) -> None:
    found = fingerprint(value)
    assert len(found) == 16
    assert found == fingerprint(reordered(value))
    assert found == fingerprint(copy.deepcopy(value)) == fingerprint(pickle.loads(pickle.dumps(value)))
    assert fingerprint([value, value]) == fingerprint([value, copy.deepcopy(value)])


@given(st.lists(st.integers() | st.floats(allow_nan=False) | st.booleans(), min_size=90, max_size=110))
def test_long_columns_of_numbers_follow_the_same_rules(column: list[Any]) -> None:
    assert fingerprint(column) == fingerprint(pickle.loads(pickle.dumps(column)))
    for place, changed in enumerate([1, 1.0, True, -0.0, 0.0]):
        other = [*column[:place], changed, *column[place + 1 :]]
        assert (fingerprint(other) == fingerprint(column)) == (canonical(other) == canonical(column))


def test_parts_do_not_run_into_each_other() -> None:
    different = [
        ["ab", "c"],
        ["a", "bc"],
        ["abc"],
        [["abc"]],
        ("abc",),
        "abc",
        b"abc",
        {"abc"},
        {"abc": None},
    ]
    assert len({fingerprint(value) for value in different}) == len(different)
    assert fingerprint("x" * 100) != fingerprint(b"x" * 100) != fingerprint(bytearray(b"x" * 100))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Pair:
    left: Any
    right: Any = None


class Point(typing.NamedTuple):
    x: int
    y: int = 0


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any) -> None:
        self.a = a


@pytest.mark.parametrize(
    ("make", "others"),
    [
        (lambda: Colour.RED, [Colour.BLUE, 1]),
        (lambda: Pair(1, [2]), [Pair(1, [3]), Pair([2], 1), (1, [2])]),
        (lambda: Point(1), [Point(2), (1, 0)]),
        (lambda: Slotted(1), [Slotted(2)]),
        (lambda: Path("a/b"), [Path("a/c"), PurePosixPath("a/b"), "a/b"]),
        (lambda: datetime.date(2026, 1, 1), [datetime.date(2026, 1, 2), datetime.time(2)]),
        (lambda: datetime.timedelta(1), [datetime.timedelta(2)]),
        (
            lambda: datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
            [datetime.datetime.fromisoformat("2026-01-01")],
        ),
        (lambda: Decimal("1.50"), [Decimal("1.5"), 1.5]),
        (lambda: fractions.Fraction(1, 3), [fractions.Fraction(1, 2)]),
        (lambda: range(1, 9, 2), [range(1, 9, 3), range(9)]),
        (lambda: slice(1, None), [slice(2, None)]),
        (lambda: collections.OrderedDict(a=1, b=2), [collections.OrderedDict(b=2, a=1), {"a": 1, "b": 2}]),
        (lambda: collections.Counter("aab"), [collections.Counter("abb")]),
        (lambda: collections.deque([1, 2], 3), [collections.deque([1, 2]), collections.deque([2, 1], 3)]),
        (lambda: functools.partial(max, 1), [functools.partial(max, 2), functools.partial(min, 1)]),
        (lambda: Pair(1).__eq__, [Pair(2).__eq__, Pair(1).__repr__]),
        (lambda: ValueError("a"), [ValueError("b"), TypeError("a")]),
        (lambda: memoryview(b"ab"), [memoryview(b"ac"), b"ab"]),
        (lambda: int, [float, None]),
        (lambda: list[int], [list[str]]),
        (lambda: len, [max]),
        (lambda: np.linalg.norm, [np.linalg.det]),
        (lambda: np, [pd]),
        (lambda: np.float64(1), [1.0, np.float32(1), np.float64(2)]),
        (lambda: np.datetime64("2026-01-01"), [np.datetime64("2026-01-02")]),
    ],
)
def test_a_value_counts_by_its_content(make: Callable[[], Any], others: list[Any]) -> None:
    found = fingerprint(make())
    assert found == fingerprint(make())
    assert found not in [fingerprint(other) for other in others]


def test_a_circle_has_a_fingerprint() -> None:
    def circle(inner: int) -> list[Any]:
        made: list[Any] = [inner]
        made.append({"back": made})
        return made

    assert fingerprint(circle(1)) == fingerprint(circle(1))
    assert fingerprint(circle(1)) != fingerprint(circle(2))
    assert fingerprint(circle(1)) != fingerprint([1, {"back": [1, None]}])


def test_a_dense_graph_of_objects_is_walked_through_once() -> None:
    def graph(size: int, cut: int) -> Any:
        nodes = [Pair(number, []) for number in range(size)]
        for node in nodes:
            node.right += [other for other in nodes if (node.left, other.left) != (cut, 0)]
        return nodes[0]

    assert fingerprint(graph(40, 3)) == fingerprint(graph(40, 3))
    assert fingerprint(graph(40, 3)) != fingerprint(graph(40, 4))


class Counted:
    """Tells how often it is taken apart."""

    taken_apart: typing.ClassVar[list[int]] = []

    def __init__(self, number: int, parent: Pair) -> None:
        self.number = number
        self.parent = parent

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.taken_apart.append(self.number)
        return super().__reduce_ex__(protocol)


def test_objects_that_refer_to_their_parent_and_back_are_each_taken_apart_once() -> None:
    parent = Pair("parent", [])
    parent.right += [Counted(number, parent) for number in range(30)]
    Counted.taken_apart.clear()
    fingerprint(list(parent.right))
    assert sorted(Counted.taken_apart) == [*range(30)]


@st.composite
def graphs(draw: st.DrawFn) -> list[list[Any]]:
    """Lists that hold a number, and each other in any way."""
    size = draw(st.integers(1, 5))
    nodes: list[list[Any]] = [[draw(st.integers(0, 1))] for _ in range(size)]
    for node in nodes:
        node += (nodes[to] for to in draw(st.lists(st.integers(0, size - 1), max_size=3)))
    return nodes


def unfolded(node: list[Any], steps: int) -> Any:
    """What is met from a node on."""
    return (node[0], *(unfolded(each, steps - 1) for each in node[1:])) if steps else ...


@given(graphs())
def test_of_a_circle_counts_what_is_met_and_not_where_it_was_entered(nodes: list[list[Any]]) -> None:
    alone = [fingerprint(node) for node in nodes]
    assert alone == [fingerprint(node) for node in copy.deepcopy(nodes)]
    for order in (nodes, nodes[::-1]):  # each entered from those before it, and then by itself
        assert fingerprint(order) == fingerprint([copy.deepcopy(node) for node in order])
    # in six steps all is met that tells apart any two of five nodes
    met = [repr(unfolded(node, 6)) for node in nodes]
    for one, other in itertools.combinations(range(len(nodes)), 2):
        assert met[one] == met[other] or alone[one] != alone[other]


def test_of_a_circle_it_counts_how_many_objects_there_are_also_if_nothing_tells_them_apart() -> None:
    def ring(size: int) -> list[Any]:
        nodes: list[list[Any]] = [["one"] for _ in range(size)]
        for node, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
            node.append(following)
        return nodes[0]

    assert len({fingerprint(ring(size)) for size in (1, 2, 3, 4)}) == 4
    assert fingerprint(ring(3)) == fingerprint(ring(3))


class _NoPickle:
    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError("not today")


def _nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), (n for n in ()), _NoPickle(), [_NoPickle()], _nested(100_000), sys.stdout],
    ids=["lock", "generator", "raising", "in a list", "too deep", "open file"],
)
def test_what_cannot_be_taken_apart_is_refused_in_one_way(value: Any) -> None:
    with pytest.raises(CannotFingerprint, match="has no fingerprint: ") as caught:
        fingerprint(value)
    assert isinstance(caught.value.kind, type)


# ---------------------------------------------------------------- arrays and tables


def test_an_array_counts_by_type_shape_and_elements_whatever_its_layout() -> None:
    array = np.arange(24.0).reshape(4, 6)
    found = fingerprint(array)
    assert (
        found == fingerprint(np.asfortranarray(array)) == fingerprint(np.arange(48.0)[::2].reshape(4, 6) / 2)
    )
    assert found == fingerprint(array[::-1][::-1])
    assert found not in [
        fingerprint(array.reshape(6, 4)),
        fingerprint(array.astype("f4")),
        fingerprint(array + 1),
        fingerprint(array.tolist()),
    ]
    assert fingerprint(np.array(["2026"], "M8[s]")) != fingerprint(np.array(["2027"], "M8[s]"))
    assert fingerprint(np.empty((0, 3))) != fingerprint(np.empty((3, 0)))


def test_arrays_of_objects_and_of_records_count_by_their_elements() -> None:
    objects = np.array([1, "a", None, [2]], dtype=object)
    assert fingerprint(objects) == fingerprint(copy.deepcopy(objects))
    assert fingerprint(objects) != fingerprint(np.array([1, "a", None, [3]], dtype=object))
    padded = np.dtype([("a", "i1"), ("b", "f8")], align=True)

    def records(fill: int) -> Any:
        made = np.frombuffer(bytes([fill]) * padded.itemsize * 2, padded).copy()
        made["a"], made["b"] = [1, 2], [3, 4]
        return made

    assert fingerprint(records(0)) == fingerprint(records(255)), "what lies between the fields does not count"


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_what_fills_up_a_long_number_in_memory_does_not_count(dtype: Any) -> None:
    def thirds(fill: int) -> Any:
        made = np.array([1, 2, 3, 4], dtype) / dtype(3)
        if np.finfo(np.longdouble).nmant == 63:  # of 80 bits; elsewhere nothing needs to be filled up
            made.view("g").reshape(-1, 1).view("u1")[:, 10:] = fill
        return made.reshape(2, 2)

    found = fingerprint(thirds(0))
    assert found == fingerprint(thirds(255)) == fingerprint(np.asfortranarray(thirds(7)))
    assert fingerprint(thirds(0)[0, 0]) == fingerprint(thirds(255)[0, 0]) != fingerprint(thirds(0)[0, 1])
    other = thirds(0)
    other[1, 1] = np.nextafter(other[1, 1].real, np.longdouble(2))
    assert fingerprint(other) != found
    swapped = [fingerprint(thirds(fill).astype(np.dtype(dtype).newbyteorder())) for fill in (0, 255)]
    assert swapped[0] == swapped[1] != found


class Bag(set[Any]):
    pass


class Sorted(set[Any]):
    """Has an order of its own, as far as anybody can tell."""

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted(super().__iter__(), key=str))


@pytest.mark.parametrize("kind", [Bag, Sorted])
def test_a_set_of_a_class_of_its_own_counts_by_class_elements_and_attributes(kind: Any) -> None:
    def made(elements: str, **attributes: Any) -> Any:
        bag = kind(elements)
        vars(bag).update(attributes)
        return bag

    found = fingerprint(made("abc", name="x"))
    assert found == fingerprint(made("cba", name="x"))
    assert found not in [fingerprint(each) for each in (made("abd", name="x"), made("abc"), set("abc"))]


def test_a_table_counts_by_columns_index_and_types() -> None:
    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {
                "n": [1, 2],
                "s": ["x", None],
                "c": pd.Categorical(["u", "v"]),
                "t": pd.to_datetime(["2026", "2027"]),
            }
        )

    joined = pd.concat([table()[["n"]], table()[["s", "c", "t"]]], axis=1)
    found = fingerprint(table())
    assert found == fingerprint(joined)
    others = [
        table().rename(columns={"n": "m"}),
        table().set_index("n"),
        table().astype({"n": "int32"}),
        table()[::-1],
        table()[["s", "n", "c", "t"]],
        table().assign(n=[1, 3]),
        table()["n"],
    ]
    assert found not in [fingerprint(other) for other in others]
    pairs = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])
    assert fingerprint(pairs) == fingerprint(pd.MultiIndex.from_product([[1, 2], ["a", "b"]])[[0, 3]])
    assert fingerprint(table()["n"]) != fingerprint(table()["n"].rename("m"))


def test_a_file_counts_by_path_and_content(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    absent = fingerprint(File(path))
    path.write_text("one")
    found = fingerprint(File(path))
    assert found == fingerprint(File(path)) != absent
    path.write_text("two")  # as long, and maybe within one tick of the file system's clock
    assert fingerprint(File(path)) != found
    path.write_text("one")
    os.utime(path, (1, 1))
    assert fingerprint(File(path)) == found
    (tmp_path / "other.txt").write_text("one")
    assert fingerprint(File(tmp_path / "other.txt")) != found
    with pytest.raises(CannotFingerprint, match="cannot be read"):
        fingerprint(File(tmp_path))


# ---------------------------------------------------------------- functions and classes


def defined(source: str, name: str = "f", **names: Any) -> Any:
    """What a cell leaves under `name`."""
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(compile(textwrap.dedent(source), "<cell>", "exec", dont_inherit=True), space)
    return space[name]


ONE_CELL = """
    import math
    SCALE = [2]
    def helper(x):
        return x + 1
    class Base:
        factor = 3
        def twice(self, x):
            return 2 * x
    class Worker(Base):
        def run(self, x):
            return super().twice(x) + self.factor
    def f(x, y=1, *, z=2):
        '''What it does.'''
        inner = [helper(i) for i in range(x)]
        return math.sqrt(sum(inner)) + SCALE[0] + Worker().run(y) + z, dict(a=1, b=2)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x + 2"),
        ("SCALE = [2]", "SCALE = [3]"),
        ("factor = 3", "factor = 4"),
        ("2 * x", "3 * x"),
        ("super().twice(x) +", "super().twice(x) -"),
        ("y=1", "y=0"),
        ("z=2", "z=0"),
        ("math.sqrt", "math.exp"),
        ("range(x)", "range(y)"),
        ("import math", "import cmath as math"),
        ("class Base:", "class Base(list):"),
        ("def f(x, y=1", "def f(x: int, y=1"),
        ("def helper(x):", "def helper(x, *more):"),
        ("dict(a=1, b=2)", "dict(a=1, c=2)"),
        ("dict(a=1, b=2)", "dict(b=1, a=2)"),
    ],
)
def test_what_a_function_does_and_all_that_it_refers_to_counts(old: str, new: str) -> None:
    assert old in ONE_CELL
    assert fingerprint(defined(ONE_CELL)) != fingerprint(defined(ONE_CELL.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'''What it does.'''", "'''What it did.'''"),
        ("'''What it does.'''", ""),
        ("    SCALE", "\n\n\n    # a comment\n    SCALE"),
        ("import math", "import math; import os; UNUSED = 5"),
        ("x + 1", "(x + 1)"),
    ],
)
def test_how_a_function_is_written_does_not_count(old: str, new: str) -> None:
    assert old in ONE_CELL
    assert fingerprint(defined(ONE_CELL)) == fingerprint(defined(ONE_CELL.replace(old, new)))


BROKEN_LINES = {
    "a loop without end": "while True:| x = g(x)",
    "a guarded call": "try:| x = g(x)|except KeyError:| x = h(x)|finally:| g(0)",
    "contexts": "with (a as b,| c as d):| x = g(b)",
    "a choice": "match x:| case 1:|  x = g(x)| case _:|  x = h(x)",
    "conditions": "if (x| and g(x)| or h(x)):| x = 1|elif x:| x = 2|else:| x = 3",
    "a comprehension": "x = [y| for y in g(x)| if y| if x]",
    "leaving a loop": "for y in x:| if y:|  break| if x:|  continue| g(y)",
}


@pytest.mark.parametrize("steps", BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_where_lines_are_broken_and_what_does_nothing_does_not_count(steps: str) -> None:
    def written(between: str) -> Any:
        body = steps.replace("|", between)
        return defined("def f(x):\n" + textwrap.indent(body, "    ") + "\n    return x")

    found = fingerprint(written("\n"))
    assert found == fingerprint(written("\n\n    # a comment\n"))
    short = re.sub(
        r":\n +(?=x = |g\(|break|continue)", ": ", steps.replace("|", "\n")
    )  # no lines of their own
    for first in ("", "    pass\n"):
        body = first + textwrap.indent(short, "    ")
        assert found == fingerprint(defined(f"def f(x):\n{body}\n    return x"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "try: a = g(x); b = h(x)\n    except KeyError: b = 0",
            "a = g(x)\n    try: b = h(x)\n    except KeyError: b = 0",
        ),
        (
            "for b in x:\n        if b: break\n        g(b)",
            "for b in x:\n        if b: continue\n        g(b)",
        ),
        (
            "while x:\n        if g(x): b = 1\n        x = h(x)",
            "while x:\n        if g(x): b = 1\n    x = h(x)",
        ),
    ],
)
def test_which_steps_follow_and_guard_which_counts(one: str, other: str) -> None:
    made = [defined(f"def f(x):\n    {steps}\n    return b") for steps in (one, other)]
    assert fingerprint(made[0]) != fingerprint(made[1])


def test_a_closure_counts_by_what_it_holds() -> None:
    def scaled(factor: Any) -> Callable[[int], int]:
        return lambda x: x * factor  # type: ignore[no-any-return]

    assert fingerprint(scaled(2)) == fingerprint(scaled(2)) != fingerprint(scaled(3))


def test_a_closure_has_no_fingerprint_where_what_it_holds_has_none() -> None:
    def given(held: Any) -> Callable[[], Any]:
        return lambda: held

    with pytest.raises(CannotFingerprint, match="lock"):
        fingerprint(given(threading.Lock()))

    def unbound() -> Callable[[], Any]:
        later: Any
        function = lambda: later  # noqa: E731 # its cell is filled when it is made already
        if unbound is None:
            later = 1
        return function

    assert fingerprint(unbound()) == fingerprint(unbound()) != fingerprint(given(None))


def test_functions_that_call_each_other_have_fingerprints_that_follow_all_of_them() -> None:
    source = "\n".join(
        f"def f{n}(x): return x and f{(n + 1) % 15}(f{(n + 7) % 15}(x - {n})) + f{(n + 4) % 15}(x)"
        for n in range(15)
    )
    found = fingerprint(defined(source, "f0"))
    assert found == fingerprint(defined(source, "f0"))
    assert found != fingerprint(defined(source.replace("x - 9", "x - 8"), "f0"))


def test_a_wrapped_function_counts_by_wrapper_and_wrapped() -> None:
    source = """
        import functools
        def deco(f):
            @functools.wraps(f)
            def wrapper(*args):
                return f(*args) + 1
            return wrapper
        @deco
        def f(x):
            return x
    """
    found = fingerprint(defined(source))
    assert found == fingerprint(defined(source))
    assert found != fingerprint(defined(source.replace("+ 1", "+ 2")))
    assert found != fingerprint(defined(source.replace("return x", "return -x")))
    assert fingerprint(functools.lru_cache(defined(source))) != found


CLASSES = """
    import dataclasses, enum, typing
    Size = typing.NewType("Size", int)
    class Inner:
        def shown(self): return "inner"
    class Other:
        def shown(self): return "other"
    @dataclasses.dataclass
    class Outer:
        inner: Inner
        others: typing.Optional[typing.Callable[[Other], list[int]]] = None
    class Level(enum.Enum):
        LOW = 1
        @classmethod
        def _missing_(cls, value): return cls.LOW
    class Way(enum.IntFlag):
        READ = 1
        WRITE = 2
    def f(x: Outer):
        return typing.get_type_hints(Outer), Size(x), Level(x), Way(x)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Size", int', '"Size", float'),
        ('"inner"', '"changed"'),
        ('"other"', '"changed"'),
        ("return cls.LOW", "return None"),
        pytest.param(
            "(enum.IntFlag)",
            "(enum.IntFlag, boundary=enum.CONFORM)",
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="has no boundaries"),
        ),
    ],
)
def test_what_classes_do_with_values_and_tell_of_their_fields_counts(old: str, new: str) -> None:
    assert old in CLASSES
    found = fingerprint(defined(CLASSES))
    assert found == fingerprint(defined(CLASSES))
    assert found != fingerprint(defined(CLASSES.replace(old, new)))


def test_the_classes_that_a_functions_parameters_are_annotated_with_do_not_count() -> None:
    source = """
        import threading
        class Log:
            lock = {lock}
        def f(x, log: Log = None): return x
    """
    with_lock, without = (defined(source.format(lock=lock)) for lock in ("threading.Lock()", "None"))
    assert fingerprint(with_lock) == fingerprint(without)


CHOOSING = """
    import functools
    class Tree:
        def __init__(self, *leaves): self.leaves = leaves
        def __str__(self): return words(self)
    @functools.singledispatch
    def words(x):
        return 'any'
    @words.register(list)
    def _(x):
        return [words(each) for each in x]
    @words.register(Tree)
    def _(x):
        return 'tree', words(x.leaves)
    def f(x):
        return words(x)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'any'", "'none'"),
        ("words(each) for", "str(each) for"),
        ("x.leaves)", "x.leaves[:1])"),
        ("register(list)", "register(tuple)"),
        ("    def f", "    words.register(int, str)\n    def f"),
    ],
)
def test_a_function_of_singledispatch_counts_by_what_it_chooses_from(old: str, new: str) -> None:
    assert old in CHOOSING
    found = fingerprint(defined(CHOOSING))
    assert found == fingerprint(defined(CHOOSING))
    called = defined(CHOOSING)
    called([1, "a"])  # which it remembers
    assert found == fingerprint(called)
    assert found != fingerprint(defined(CHOOSING.replace(old, new)))


def test_in_which_order_functions_were_registered_does_not_count() -> None:
    def made(*kinds: type) -> Any:
        words = defined(CHOOSING, "words")
        for kind in kinds:
            words.register(kind, str)
        return words

    assert fingerprint(made(int, float)) == fingerprint(made(float, int)) != fingerprint(made(int))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Writes modules of the user's and imports them."""
    monkeypatch.syspath_prepend(tmp_path)
    made: set[str] = set()

    def write(name: str, source: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        made.add(name)
        for each in made:
            sys.modules.pop(each, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # its clock is coarse
        try:
            return importlib.import_module(name)
        finally:
            sys.dont_write_bytecode = before

    yield write
    for name in made:
        sys.modules.pop(name, None)


def test_a_module_of_the_users_counts_by_its_source_and_the_ones_it_uses(
    module: Callable[..., ModuleType],
) -> None:
    module("deeper_of_mine", "def deep(x): return x")
    mine = module(
        "of_mine", "import deeper_of_mine\ndef helper(x): return deeper_of_mine.deep(x)\nclass Model: pass"
    )
    apps = {
        "by module": lambda: defined("def f(x): return m.helper(x)", m=importlib.import_module("of_mine")),
        "by function": lambda: importlib.import_module("of_mine").helper,
        "by class": lambda: importlib.import_module("of_mine").Model(),
    }
    before = {name: fingerprint(make()) for name, make in apps.items()}
    assert before == {name: fingerprint(make()) for name, make in apps.items()}
    module("deeper_of_mine", "def deep(x): return -x")
    after = {name: fingerprint(make()) for name, make in apps.items()}
    assert all(before[name] != after[name] for name in apps)
    assert isinstance(mine, ModuleType)


@pytest.mark.parametrize(
    "decorator",
    ["contextlib.contextmanager", "functools.singledispatch", "functools.cache", "of_mine.wrapped"],
)
def test_a_function_of_a_module_of_the_users_counts_by_what_it_does_whatever_it_is_decorated_with(
    module: Callable[..., ModuleType], decorator: str
) -> None:
    def found(number: int) -> bytes:
        mine = module(
            "of_mine",
            f"""
            import contextlib, functools, sys
            of_mine = sys.modules[__name__]
            def wrapped(f):
                @functools.wraps(f)
                def run(*args): return f(*args)
                return run
            @{decorator}
            def helper(x=None): yield {number}
            """,
        )
        return fingerprint(defined("def f(): return helper()", helper=mine.helper))

    assert found(1) == found(1) != found(2)


@pytest.mark.parametrize(
    "body",
    [
        "import mine_one\n    return mine_one.v()",
        "from mine_one import v as w\n    return w()",
        "def inner():\n        import mine_one\n    return inner",
        "import mine_two\n    return mine_two.g()",
        "from mine_pack import sub\n    return sub.v()",
        "import mine_pack.sub as deep\n    return deep.v()",
        "from mine_pack.sub import v\n    return v()",
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_what_a_function_imports_when_it_runs_counts_whether_it_is_loaded_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, loaded: bool
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_pack").mkdir()
    files = {
        "mine_one.py": "def v(): return 1",
        "mine_two.py": "def g():\n    from mine_pack import sub\n    return sub.v()",
        "mine_pack/__init__.py": "",
        "mine_pack/sub.py": "def v():\n    from ..mine_pack import other\n    from . import other\n    return other.v",
        "mine_pack/other.py": "v = 1",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = ["mine_one", "mine_two", "mine_pack", "mine_pack.sub", "mine_pack.other"]
    try:
        for name in names if loaded else ():
            importlib.import_module(name)
        function = defined(f"def f():\n    import json, numpy\n    {body}")
        before = fingerprint(function)
        assert fingerprint(function) == before
        if not loaded:
            assert not set(names) & set(sys.modules)
        last = "mine_one.py" if "mine_one" in body else "mine_pack/other.py"
        (tmp_path / last).write_text("v = 2000; more = lambda: 0")
        assert fingerprint(function) != before
    finally:
        for name in names:
            sys.modules.pop(name, None)


def test_what_a_function_imports_of_the_standard_library_does_not_count() -> None:
    def plain() -> object:
        import json

        return json

    from nbflow.values.libraries import is_library

    assert imports.digest_of_imports(plain.__code__, None, is_library) == b""


@pytest.mark.parametrize("named_alike", [True, False])
@pytest.mark.parametrize(
    "body",
    ["import packed", "from packed.deep import v", "import of_mine_within", "from of_mine_within import v"],
)
def test_what_is_installed_and_imported_when_a_function_runs_counts_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, named_alike: bool
) -> None:
    installed = tmp_path / "site-packages"
    described = installed / f"{'packed' if named_alike else 'Packed_for_all'}-1.dist-info"
    (installed / "packed").mkdir(parents=True)
    described.mkdir()
    (installed / "packed" / "deep.py").write_text("v = 1")
    (tmp_path / "of_mine_within.py").write_text("def v():\n    import packed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(installed)
    function = defined(f"def f():\n    {body}")

    def found(version: int) -> bytes:
        name = described.name.partition("-")[0]
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (installed / "packed" / "__init__.py").write_text(f"__version__ = '{version}'")
        imports._version_of.cache_clear()
        return fingerprint(function)

    first = found(1)
    assert first == found(1) != found(2)
    assert "packed" not in sys.modules
    importlib.import_module("packed")
    try:
        assert found(1) == first, "whether it is loaded does not count"
    finally:
        del sys.modules["packed"]


def test_what_is_installed_counts_by_name_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = fingerprint(np.linalg.norm)
    monkeypatch.setattr(np, "__version__", "99")
    assert fingerprint(np.linalg.norm) != found


# ---------------------------------------------------------------- another process

ZOO = """
import abc, collections, dataclasses, enum, functools, typing
import numpy as np
import nbflow

class Colour(enum.Enum):
    RED = 1
    def shade(self): return self.value

@dataclasses.dataclass(frozen=True)
class Pair:
    left: int
    right: list = dataclasses.field(default_factory=list, metadata={"unit": "m"})

class Point(typing.NamedTuple):
    x: int = 0

class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
    @property
    def name(self): return type(self).__name__

class Square(Shape):
    __slots__ = ("side",)
    def area(self): return super().name and Square
    @classmethod
    def make(cls): return cls()
    @staticmethod
    def plain(): return {"b", "a", "c"}

class Has(typing.Protocol):
    def area(self) -> int: ...

def odd(n): return n and even(n - 1)
def even(n): return not n or odd(n - 1)

@functools.singledispatch
def choice(x): return x
@choice.register(Pair)
def _(x): return choice(x.left)
choice.register(Colour, str)

def words(x): return x in {"these", "words", "in", "a", "set"}

class Bag(set):
    pass

class Frozen(frozenset):
    def __init__(self, elements):
        self.first = min(elements)

class Way(enum.Flag, **({"boundary": enum.KEEP} if hasattr(enum, "KEEP") else {})):
    IN = 1
    OUT = 2
    @classmethod
    def _missing_(cls, value): return super()._missing_(value or 1)

Id = typing.NewType("Id", Pair)

@dataclasses.dataclass
class Node:
    pair: Pair
    ways: typing.Dict[Id, "Way"]
    other: typing.Optional[Pair] = None

class Child:
    def __init__(self, name, parent):
        self.name, self.parent = name, parent
        parent.append(self)
    def __hash__(self): return hash(self.name)

def children(parent):
    return {Child(name, parent) for name in "abcdef"}

@nbflow.python_app(cache=True)
def app(x, *, deep=frozenset({"x", "yy", "zzz"})):
    return odd(x), Colour.RED, Pair(1), Point(), Square(), np.ones(x), words("a")

ZOO = [
    app, odd, words, Colour, Colour.RED, Pair, Pair(1, [2]), Point, Point(1), Shape, Square, Square(), Has,
    {"a", "b", "c", ("d", frozenset({"e", "f"}))}, {"k": 1, ("t",): {2, 3}}, collections.OrderedDict(a=1),
    np.arange(5.0), functools.partial(odd, 3), Square.make, lambda: Pair,
    choice, Way, Way.IN | Way.OUT, Id, Node,
    children([]), Bag("abcdef"), Frozen("abcdef"), np.longdouble(1) / 3, np.clongdouble(1) / 3,
]
"""


def test_fingerprints_are_the_same_in_every_process_and_on_the_other_side_of_a_pickle(tmp_path: Path) -> None:
    say = (
        "from nbflow.values.fingerprint import fingerprint\nprint(*[fingerprint(each).hex() for each in zoo])"
    )
    script = tmp_path / "zoo.py"
    script.write_text(
        f"{ZOO}\nimport sys\nfrom pathlib import Path\nfrom nbflow.values.byvalue import dumps_function\n"
        f"zoo = ZOO\n{say}\n"
        "Path(sys.argv[1]).write_bytes(dumps_function(ZOO))\n"
        f"{say}  # pickling leaves notes on classes\n"
    )
    reader = tmp_path / "reader.py"
    reader.write_text(f"import sys, pickle\nzoo = pickle.load(open(sys.argv[1], 'rb'))\n{say}\n")
    told = []
    for seed, program in (("1", script), ("2", script), ("3", reader)):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, program, tmp_path / "zoo.pickle"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        told += ended.stdout.splitlines()
    assert len(told) == 5
    apart = [
        place for place, of_one in enumerate(zip(*map(str.split, told), strict=True)) if len(set(of_one)) > 1
    ]
    assert not apart, "numbers of the zoo"


# ---------------------------------------------------------------- registering


class Handle:
    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()


class Special(Handle):
    pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten."""
    yield
    for kind in [kind for kind in id_for_memo.registry if kind is not object]:
        # singledispatch has no way to take one back
        table = next(
            cell.cell_contents
            for cell in id_for_memo.register.__closure__  # type: ignore[attr-defined]
            if isinstance(cell.cell_contents, dict)
        )
        del table[kind]
    id_for_memo._clear_cache()


@pytest.mark.usefixtures("registry")
def test_what_is_registered_for_a_type_wins_for_it_and_those_derived_from_it() -> None:
    with pytest.raises(CannotFingerprint):
        fingerprint(Special("a"))

    @id_for_memo.register(Handle)
    def _(handle: Handle, output_ref: bool = False) -> bytes:
        return f"{handle.name} {output_ref}".encode()

    assert fingerprint([Special("a")]) == fingerprint([Special("a")]) != fingerprint([Special("b")])
    assert fingerprint(Special("a")) != fingerprint(Handle("a")), "the type counts too"
    assert id_for_memo(Handle("a"), output_ref=True) == b"a True"

    id_for_memo.register(int, lambda value, output_ref=False: b"any")
    assert fingerprint(1) == fingerprint(2)
    assert fingerprint(list(range(200))) == fingerprint(list(range(1, 201)))


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("answer", [None, "text", ZeroDivisionError()])
def test_a_registered_function_that_fails_is_a_refusal(answer: Any) -> None:
    def give(value: Any, output_ref: bool = False) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    id_for_memo.register(Handle, give)
    with pytest.raises(CannotFingerprint, match="what is registered for it") as caught:
        fingerprint(Handle("a"))
    assert caught.value.own


def test_functions_of_the_tests_are_functions() -> None:
    assert isinstance(defined(ONE_CELL), FunctionType)
    assert cloudpickle.loads(cloudpickle.dumps(defined(ONE_CELL)))(4) == defined(ONE_CELL)(4)
