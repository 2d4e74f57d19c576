"""What a cell reads and binds: case by case, and against what really happens when a cell is executed."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.notebook.bodies import body_of
from nbflow.notebook.inference import Inferred, infer


def told(source: str) -> Inferred:
    return infer(ast.parse(textwrap.dedent(source)))


def own(names: Any) -> set[str]:
    """Without the builtins, which are inputs only where somebody's namespace has names of its own for them."""
    return {name for name in names if not hasattr(builtins, name)}


# source, what it reads, what it binds; of what it binds, what may stay as it was
CASES = [
    # assignments
    ("x = 1", "", "x", ""),
    ("x = a", "a", "x", ""),
    ("x = y = a", "a", "x y", ""),
    ("x, (y, *z) = a", "a", "x y z", ""),
    ("a = a", "a", "a", ""),
    ("x = 1\ny = x", "", "x y", ""),
    ("a, b = b, a", "a b", "a b", ""),
    ("x += 1", "x", "x", ""),
    ("x = 0\nx += a", "a", "x", ""),
    ("x: T", "T", "", ""),
    ("x: T = a", "T a", "x", ""),
    ("(y := a) + y", "a", "y", ""),
    ("a", "a", "", ""),
    ("f'{a!r:>{b}}'", "a b", "", ""),
    ("a.b.c(d, e=f, *g, **h)", "a d f g h", "", ""),
    ("print(len(a))", "a", "", ""),
    # in place
    ("df['c'] = 1", "df", "df", ""),
    ("df.loc[rows]['c'] = v", "df rows v", "df", ""),
    ("df['c'] += 1", "df", "df", ""),
    ("obj.a = 1", "obj", "obj", ""),
    ("del d[k]", "d k", "d", ""),
    ("df = load()\ndf['c'] = 1", "load", "df", ""),
    ("f()[0] = 1", "f", "", ""),
    ("rows.append(1)", "rows", "", ""),
    ("for d['k'] in r: pass", "d r", "d", ""),
    # comprehensions
    ("y = [i * k for i in xs]", "k xs", "y", ""),
    ("y = [i for i in i]", "i", "y", ""),
    ("y = {k: v for k, v in d if v if w}", "d w", "y", ""),
    ("y = [j for i in a for j in i if b]", "a b", "y", ""),
    ("y = [last := i for i in a]", "a", "y last", "last"),
    ("y = (last := i for i in a)", "a", "y last", "last"),
    ("y = [[j + i + c for j in b] for i in a]", "a b c", "y", ""),
    ("y = [(lambda: i + b)() for i in a]", "a b", "y", ""),
    ("y = (b for i in a)\nb = 1", "a b", "y b", ""),
    ("y = [x async for x in a()]", "a", "y", ""),
    # functions
    ("def f(x): return x + a", "a", "f", ""),
    ("def f(x=a, *, y: B = c) -> D: return x", "a B c D", "f", ""),
    ("@wrap\ndef f(): return a", "wrap a", "f", ""),
    ("def f(): return a\na = 1", "", "f a", ""),
    ("def f(): return a\nf()\na = 1", "a", "f a", ""),
    ("def f(): return g()\ndef g(): return a\nf()", "a", "f g", ""),
    ("def f(): return g()\nf()\ndef g(): return 1", "g", "f g", ""),
    ("def f():\n    global c\n    c += 1\nf()", "c", "f c", "c"),
    ("def f():\n    global c\n    c = 1\nf()\nprint(c)", "c", "f c", "c"),
    ("def f():\n    global c\n    c = 1", "", "f c", "c"),
    ("def f():\n    c = 1\n    def g():\n        nonlocal c\n        c += a\n    return g", "a", "f", ""),
    ("def f():\n    d[k] = 1", "d k", "f d", ""),
    ("def f(d):\n    d[k] = 1", "k", "f", ""),
    ("def f():\n    del a", "", "f", ""),
    ("def f():\n    import m\n    for i in m.x: pass\n    return i", "", "f", ""),
    ("def f(x):\n  class A:\n    y = x\n    z = a\n    def m(self): return y\n  return A", "a y", "f", ""),
    ("f = lambda x, y=a: x + b\nb = 1", "a", "f b", ""),
    ("f = lambda: b\nf()\nb = 1", "b", "f b", ""),
    ("g(lambda: b)\nb = 1", "b g", "b", ""),
    ("def f(): return f", "", "f", ""),
    ("async def f(): await a\nawait f()", "a", "f", ""),
    ("def f(x):\n    match x:\n        case {'k': v, **rest}: return v, rest, w", "w", "f", ""),
    ("def f():\n    try: pass\n    except E as e: return e", "E", "f", ""),
    ("def f(): return [i for i in a if (n := i)] and n", "a", "f", ""),
    ("def f(): return g\nh = f\ng = 1", "g", "f h g", ""),
    # classes
    ("class A(B, metaclass=M):\n    x = a\n    y = x", "B M a", "A", ""),
    ("class A:\n    x = 1\n    def m(self): return x", "x", "A", ""),
    ("class A:\n    x = x", "x", "A", ""),
    ("class A:\n    if a: x = 1\n    y = x", "a x", "A", ""),
    ("class A:\n    x = 1\n    y = [x for i in b]", "b x", "A", ""),
    ("class A:\n    x = 1\n    y = [i for i in x]", "", "A", ""),
    ("class A:\n    def m(self): return a\na = 1\nA().m()", "", "A a", ""),
    ("class A:\n    global g\n    g = 1", "", "A g", ""),
    ("class A:\n    x = 1\n    del x\n    y = x", "x", "A", ""),
    ("class A:\n    d = {}\n    d['k'] = a", "a", "A", ""),
    # branches
    ("if a: y = 1", "a", "y", "y"),
    ("if a: y = 1\nelse: y = 2\nz = y", "a", "y z", ""),
    ("if a: y = 1\nz = y", "a y", "y z", "y"),
    ("if a: raise b\nelse: y = 1\nz = y", "a b", "y z", ""),
    ("y = a if b else c", "a b c", "y", ""),
    ("a and (y := 1)\ny", "a y", "y", "y"),
    ("a < (y := b) < (z := c)", "a b c", "y z", "z"),
    ("assert a, b", "a b", "", ""),
    ("match s:\n    case [a, b]: r = a\n    case _: r = 0", "s", "a b r", "a b"),
    ("match s:\n    case K(x=v) if v > n: r = v", "K n s", "r v", "r v"),
    ("match s:\n case m.V | 1: r = 1\n case {'k': v, **w}: r = w\n case [*o]: r = o\n case _: r = 2",
     "m s", "o r w v", "o w v"),
    # loops
    ("for i in r: z = i", "r", "i z", "i z"),
    ("for i in r: z = i\nprint(z)", "r z", "i z", "i z"),
    ("for i in r:\n    pass\nelse: z = 1", "r", "i z", "i"),
    ("for i in r:\n    if i: break\nelse: z = 1", "r", "i z", "i z"),
    ("for i in r:\n    if a: f()\n    def f(): return b", "a b f r", "f i", "f i"),
    ("while a: y = 1", "a", "y", "y"),
    ("while (n := a()): y = n", "a", "n y", "y"),
    ("while True:\n    y = a\n    if y: break\nz = y", "a", "y z", ""),
    ("x = 1\nfor i in r:\n    del x\nx", "r", "i x", "i x"),
    ("for i in r:\n    if i: continue\n    y = 1\ny", "r y", "i y", "i y"),
    ("async for i in a: y = i", "a", "i y", "i y"),
    # blocks that errors may leave
    ("try:\n    y = a\nexcept E as e:\n    print(e)", "E a", "y", "y"),
    ("try:\n    y = a\nexcept E:\n    y = 0\nz = y", "E a", "y z", ""),
    ("try:\n    y = a\nexcept E:\n    raise\nz = y", "E a", "y z", ""),
    ("try:\n    y = a\nfinally:\n    z = b\ny", "a b", "y z", ""),
    ("try:\n    y = a\nfinally:\n    print(y)", "a y", "y", ""),
    ("try:\n    y = a\nexcept E:\n    pass\nelse:\n    z = y", "E a", "y z", "y z"),
    ("try: pass\nexcept E as e: pass\ne", "E e", "", ""),
    ("for i in r:\n    try: break\n    finally: y = 1\nelse: raise\ny", "r y", "i y", "y"),
    ("with a as f: t = f.read()\nn = t", "a", "f n t", ""),
    ("with suppress(E): t = a\nn = t", "E a suppress t", "n t", "t"),
    ("with pytest.raises(E) as e: t = a", "E a pytest", "e t", "t"),
    ("async with a as f: t = f", "a", "f t", ""),
    # imports and deletions
    ("import a.b, c as d", "", "a d", ""),
    ("from m import x, y as z", "", "x z", ""),
    ("del a", "a", "", ""),
    ("x = 1\ndel x", "", "", ""),
    ("x = 1\ndel x\nx = a", "a", "x", ""),
    ("if a: del b", "a b", "", ""),
    ("global x\nx = 1", "", "x", ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "reads", "binds", "keeps"), CASES)
def test_what_a_cell_reads_and_binds(source: str, reads: str, binds: str, keeps: str) -> None:
    inferred = told(source)
    assert own(inferred.reads) == set(reads.split())
    assert set(inferred.binds) == set(binds.split())
    assert inferred.keeps == set(keeps.split())


@pytest.mark.parametrize(
    ("source", "turns"),
    [
        ("for i in r: z = i", "i z"),
        ("for i in r: pass\nb = i", "i"),
        ("for i in r:\n    if i: y = 1", "i"),
        ("for i in r:\n    if i: continue\n    y = 1\ny", "i"),
        ("for i in r:\n    if i: break\n    y = 1\ny", "i"),
        ("for i in r:\n    for k in i: y = k", "i k y"),
        ("for i in r: raise E\nb = a", ""),
        ("for i in r: return_ = i\nelse: y = return_", "i return_"),
        ("while a: y = 1", "y"),
        ("if a:\n    for i in r: pass", ""),
        ("if a: y = 1\nz = y", ""),
        ("i = 0\nfor i in r: pass\ni", ""),
    ],
)
def test_what_counts_only_where_a_loop_makes_no_turn(source: str, turns: str) -> None:
    assert told(source).turns == set(turns.split())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="`except*` is of Python 3.11")
def test_groups_of_errors_are_caught_like_others() -> None:
    inferred = told("try:\n    y = a\nexcept* E as e:\n    z = e")
    assert (own(inferred.reads), set(inferred.binds)) == ({"a", "E"}, {"y", "z"})


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are of Python 3.12")
def test_type_parameters_are_names_of_their_own() -> None:
    inferred = told("def f[T](x: T) -> a: return T\nclass A[T](B[T]): y: T\ntype X[T] = list[T] | c")
    assert (own(inferred.reads), set(inferred.binds)) == ({"a", "B", "c"}, {"f", "A", "X"})


def test_names_come_in_the_order_in_which_they_come_up() -> None:
    inferred = told("b = z + a\nc = b\na = q")
    assert inferred.reads == ("z", "a", "q")
    assert inferred.binds == ("b", "c", "a")


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("x = a\nif b: c", {"a": (1, 4), "b": (2, 3)}),
        ("a or b", {"a": (1, 0)}),
        ("a if b else c", {"b": (1, 5)}),
        ("a < b < c", {"a": (1, 0), "b": (1, 4)}),
        ("[b for i in a]", {"a": (1, 12)}),
        ("def f(x=a): return b\nf()", {"a": (1, 8)}),
        ("try: a\nexcept b: pass", {}),
        ("for i in a: b", {"a": (1, 9)}),
        ("while a: b", {"a": (1, 6)}),
        ("with a: b", {"a": (1, 5), "b": (1, 8)}),
        ("x: a = b", {"b": (1, 7)}),
        ("from m import *\na", {}),
        ("match a:\n    case b.c: d", {"a": (1, 6)}),
        ("for i in a: last = i\nlast, i", {"a": (1, 9)}),
        ("if a: b = 1\nb", {"a": (1, 3)}),
        ("try: b = a()\nexcept E: pass\nb", {}),
        ("while a: b = 1\nb", {"a": (1, 6)}),
        ("for i in a:\n    if i: break\nelse: b = 1\nb", {"a": (1, 9)}),
        ("def f():\n    global b\n    b = 1\nf()\nb", {}),
        ("b\nif a: b = 1", {"b": (1, 0), "a": (2, 3)}),
        ("b += 1", {"b": (1, 0)}),
    ],
)
def test_what_every_run_reads_is_told_with_its_place(source: str, needed: dict[str, Any]) -> None:
    assert told(source).needed == needed


def test_a_deleted_input_is_told() -> None:
    assert told("del a, b\nb = 1").deletes == ("a",)
    assert told("if x: del a").deletes == ()
    assert told("try: pass\nexcept E as e: pass").deletes == ()


def test_what_is_changed_in_place_is_told() -> None:
    assert told("df['c'] = 1\nx = 2").changes == {"df"}


@pytest.mark.parametrize(
    ("source", "what", "options"),
    [
        ("x = 1\nfrom numpy import *", "a star import", ("-o",)),
        ("exec('x = 1')", "`exec`", ("-i", "-o")),
        ("def f(t): return eval(t)\nf('a')", "`eval`", ("-i", "-o")),
        ("globals()['x'] = 1", "`globals`", ("-i", "-o")),
        ("print(locals())", "`locals`", ("-i", "-o")),
        ("get_ipython().system('ls')", "`get_ipython`", ("-i", "-o")),
        ("print(vars())", "`vars()`", ("-i",)),
        ("dir()", "`dir()`", ("-i",)),
    ],
)
def test_what_makes_it_undecidable_is_named(source: str, what: str, options: tuple[str, ...]) -> None:
    (unknown,) = told(source).unknown
    assert (unknown.what, unknown.options) == (what, options)


@pytest.mark.parametrize(
    "source",
    ["df.eval('a + b')", "model.eval()", "vars(x)", "exec = print\nexec(1)", "def f(eval): eval()", "x.globals()"],
)  # fmt: skip
def test_what_only_looks_undecidable_is_decided(source: str) -> None:
    assert told(source).unknown == ()


# ---------------------------------------------------------------- against symtable, over Python's own modules


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def _globals_of(table: symtable.SymbolTable) -> set[str]:
    names = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_global() and symbol.is_referenced() and not symbol.is_annotated()
    }
    return names.union(*map(_globals_of, table.get_children()))


@pytest.mark.parametrize("module", ["ast", "dataclasses", "functools", "inspect", "typing", "tarfile"])  # fmt: skip
def test_bodies_refer_to_what_symtable_says(module: str) -> None:
    path = Path(__import__(module).__file__)  # type: ignore[arg-type]
    source = path.read_text(encoding="utf-8")
    tables: dict[tuple[str, int], symtable.SymbolTable] = {
        (table.get_name(), table.get_lineno()): table
        for table in symtable.symtable(source, str(path), "exec").get_children()
    }
    compared = 0
    for node in _functions(ast.parse(source)):
        first = min((one.lineno for one in node.decorator_list), default=node.lineno)
        table = tables.get((node.name, node.lineno)) or tables.get((node.name, first))
        if table is not None:
            assert set(body_of(node).reads) >= _globals_of(table), node.name
            assert set(body_of(node).reads) <= _globals_of(table) | _written(table), node.name
            compared += 1
    assert compared > 5


def _written(table: symtable.SymbolTable) -> set[str]:
    """Names under `global` that a statement such as `c += 1` may read, which symtable does not count."""
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_declared_global()}
    return names.union(*map(_written, table.get_children()))


# ---------------------------------------------------------------- against what happens


class Traced(dict[str, Any]):
    """A namespace that notes which names are read while they still have their value from outside."""

    def __init__(self, outside: dict[str, Any]) -> None:
        super().__init__(outside)
        self.outside = dict(outside)
        self.read: set[str] = set()
        self.bound: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.note(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.outside.pop(name, None)
        self.bound.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        self.note(name)
        self.outside.pop(name, None)
        self.bound.discard(name)
        super().__delitem__(name)

    def note(self, name: str) -> None:
        if name in self.outside and self.get(name) is self.outside[name]:
            self.read.add(name)

    def changed(self) -> set[str]:
        """What is bound at the end, by `STORE_GLOBAL` too, which passes the methods by."""
        return {
            name for name, value in self.items() if name in self.bound or self.outside.get(name) is not value
        }


class _Body(dict[str, Any]):
    """The namespace of a class's body: what it lacks is looked for among the globals, unseen by them."""

    def __init__(self, traced: Traced) -> None:
        super().__init__()
        self._traced = traced

    def __missing__(self, name: str) -> Any:
        self._traced.note(name)
        raise KeyError(name)


def _class_builder(traced: Traced) -> Callable[..., Any]:
    class Meta(type):
        @classmethod
        def __prepare__(cls, name: str, bases: tuple[type, ...], **kwargs: Any) -> _Body:  # type: ignore[override]
            return _Body(traced)

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Meta:
            return super().__new__(cls, name, bases, dict(body))

    def build(function: Any, name: str, *bases: type) -> type:
        made: type = builtins.__build_class__(function, name, *bases, metaclass=Meta)  # type: ignore[attr-defined]
        return made

    return build


class Outside:
    """A value from outside, one for each name: it can be called, counted with, gone through and entered."""

    def __init__(self, truth: bool) -> None:
        self.truth = truth

    def __bool__(self) -> bool:
        return self.truth

    def __call__(self, *_: Any) -> Outside:
        return Outside(self.truth)

    def __add__(self, _: Any) -> Outside:
        return Outside(self.truth)

    __radd__ = __add__

    def __iter__(self) -> Iterator[Any]:
        return iter([Outside(True), Outside(False)] if self.truth else [])

    def __lt__(self, _: Any) -> bool:
        return self.truth

    def __enter__(self) -> Outside:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __setitem__(self, *_: Any) -> None:
        return None


class Writer:
    """Writes a program by a list of choices; where that is at its end, each is the first, which is the simplest."""

    def __init__(self, choices: list[int]) -> None:
        self._choices = iter(choices)

    def one_of(self, options: Any) -> Any:
        return options[next(self._choices, 0) % len(options)]

    def name(self, but: str = "") -> str:
        name: str = self.one_of("abcdefg".replace(but, "") if but else "abcdefg")
        return name

    def expression(self, depth: int = 2) -> str:
        if depth == 0:
            return self.name()
        form = self.one_of(
            [
                "{n}", "{n}",
                "({0} + {1})", "({0} and {1})", "({0} or {1})", "({0} if {1} else {2})", "({0} < {1} < {2})",
                "[{0} for {n} in {1}]", "[{0} for {n} in {1} if {2}]", "list({0} for {n} in {1})", "({n} := {0})",
                "{n}()", "(lambda: {0})()", "(lambda {n}={0}: {1})()", "[({n} := {0}) for {m} in {1}]",
                "[[{0} for {n} in {1}] for {m} in {2}]", "(lambda: [{0} for {n} in {1}])()",
            ]
        )  # fmt: skip
        n = self.name()
        parts = [self.expression(depth - 1) for _ in range(3)]
        return str(form.format(*parts, n=n, m=self.name(n)))

    def block(self, depth: int, loop: bool = False) -> str:
        lines = [self.statement(depth, loop) for _ in range(self.one_of([1, 2, 3]))]
        return textwrap.indent("\n".join(lines), "    ")

    def statement(self, depth: int, loop: bool = False) -> str:
        kinds = [
            "simple",
            "simple",
            "if",
            "for",
            "while",
            "try",
            "finally",
            "with",
            "suppress",
            "def",
            "class",
            "match",
        ]
        kind = self.one_of(kinds) if depth else "simple"
        e, n, m = self.expression(), self.name(), self.name()

        def block(loop: bool = loop) -> str:
            return self.block(depth - 1, loop)

        if kind == "if":
            return f"if {e}:\n{block()}\nelse:\n{block()}"
        if kind == "for":
            return f"for {n} in {e}:\n{block(True)}\nelse:\n{block()}"
        if kind == "while":
            return f"while {e} and once_more():\n{block(True)}\nelse:\n{block()}"
        if kind == "try":
            caught = f"except (NameError, TypeError, ValueError) as {n}:\n{block()}"
            return f"try:\n{block()}\n{caught}\nelse:\n{block()}"
        if kind == "finally":
            return f"try:\n{block()}\nfinally:\n{block(False)}"
        if kind == "with":
            return f"with {n} as {m}:\n{block()}"
        if kind == "suppress":
            return f"with suppress(NameError, TypeError):\n{block()}"
        if kind == "def":
            declared = self.one_of(["", f"    global {m}\n"])
            return f"def {n}(x={e}):\n{declared}{block(False)}\n    return {self.expression()}"
        if kind == "class":
            return f"class {n}:\n{block(False)}\n    def {m}(self): return {e}"
        if kind == "match":
            first, second = (textwrap.indent(block(), "    ") for _ in range(2))
            return f"match {e}:\n    case [{n}, *{self.name(n)}]:\n{first}\n    case {m} if {n}:\n{second}"
        return self.simple(e, n, m, loop)

    def simple(self, e: str, n: str, m: str, loop: bool) -> str:
        forms = [
            f"{n} = {e}", f"{e}",
            f"del {n}", f"{n} += {e}", f"{n} = {m} = {e}", f"{n}, {m} = {e}, {n}", f"{n}: {m} = {e}",
            f"{n}: {m}", f"{n} = lambda: {e}", f"import os as {n}", f"{n}[0] = {e}", f"assert {n} or 1, {e}",
        ]  # fmt: skip
        return str(self.one_of(forms + ["break", "continue", f"if {n}: break"] * loop))

    def program(self) -> str:
        source = "\n".join(self.statement(2) for _ in range(self.one_of([1, 2, 3, 4, 5, 6])))
        try:
            compile(source, "cell", "exec")
        except SyntaxError:  # a name that is used before `global`, a `:=` in a class
            return "x = 1"
        return source


PROGRAMS = st.lists(st.integers(0, 255), max_size=200).map(lambda choices: Writer(choices).program())


def run_traced(source: str, outside: dict[str, Any]) -> tuple[set[str], set[str] | None, set[str]]:
    """What a cell really reads from outside, what it has bound at the end, and what is there then.

    What it has bound is None if it does not come to its end.
    """
    import contextlib

    space = Traced(outside)
    tools = {
        **vars(builtins),
        "suppress": contextlib.suppress,
        "once_more": iter([True] * 20 + [False] * 1000).__next__,
        "__build_class__": _class_builder(space),
        "__name__": "cell",
    }
    dict.__setitem__(space, "__builtins__", tools)
    try:
        exec(compile(source, "cell", "exec", dont_inherit=True), space)
    except Exception:
        ended = False
    else:
        ended = True
    names = set("abcdefg")
    return space.read & names, space.changed() & names if ended else None, names.intersection(space)


OUTSIDE = st.dictionaries(st.sampled_from("abcdefg"), st.booleans())


@settings(max_examples=1000, deadline=None)
@given(PROGRAMS, OUTSIDE)
def test_all_that_is_really_read_and_bound_is_inferred(source: str, truths: dict[str, bool]) -> None:
    outside = {name: Outside(truth) for name, truth in truths.items()}
    read, bound, there = run_traced(source, outside)
    inferred = infer(ast.parse(source))
    assert read <= set(inferred.reads)
    if bound is None:
        return
    assert bound <= set(inferred.binds)
    certain = set(inferred.binds) - inferred.keeps - inferred.changes
    assert certain & set("abcdefg") <= there
    assert not there.intersection(inferred.deletes)


def test_the_trace_sees_what_the_inference_is_held_to() -> None:
    outside = {name: Outside(True) for name in "abcdefg"}
    source = "x = a\ndef b():\n    global c\n    c = d()\nb()\nclass e:\n    y = f\ndel g"
    read, bound, there = run_traced(source, outside)
    assert (read, bound, there) == ({"a", "d", "f", "g"}, {"b", "c", "e"}, set("abcdef"))
