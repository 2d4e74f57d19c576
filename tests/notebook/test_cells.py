"""What an `%%app` cell may hold, and what becomes an app of it."""

from __future__ import annotations

import ast
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.notebook.cells import DECORATOR, CellError, decorate, find_apps, with_magic_as_comment

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)


def parse(*lines: str) -> ast.Module:
    return ast.parse("\n".join(lines))


def test_every_function_of_the_cell_becomes_an_app_in_order() -> None:
    tree = parse("import os", "def load(): ...", "async def score(x): ...", "def best(xs): ...")
    assert find_apps(tree) == ("load", "score", "best")


def test_a_function_that_begins_with_an_underscore_stays_a_helper() -> None:
    tree = parse("def _clip(x): return x", "def score(x): return _clip(x)")
    assert find_apps(tree) == ("score",)
    decorate(tree)
    helper, app = tree.body
    assert isinstance(helper, ast.FunctionDef)
    assert helper.decorator_list == []
    assert isinstance(app, ast.FunctionDef)
    assert ast.unparse(app.decorator_list[0]) == DECORATOR


def test_the_app_is_outside_of_the_decorators_that_are_there() -> None:
    tree = parse("import functools", "@functools.lru_cache", "def score(x): return x")
    find_apps(tree)
    assert [ast.unparse(one) for one in decorate(tree).body[1].decorator_list] == [  # type: ignore[attr-defined]
        DECORATOR,
        "functools.lru_cache",
    ]


@pytest.mark.parametrize(
    "own", ["@join_app", "@nbflow.python_app", "@python_app(cache=True)", "@nbflow.bash_app()"]
)
def test_a_function_with_a_decorator_of_nbflow_is_left_as_it_is(own: str) -> None:
    tree = parse(own, "def sweep(x): return x")
    before = ast.unparse(tree)
    assert find_apps(tree) == ("sweep",)
    assert ast.unparse(decorate(tree)) == before


@pytest.mark.parametrize(
    "statement",
    [
        '"""What the cell is about."""',
        "from __future__ import annotations",
        "import numpy as np",
        "from os import path",
        "LIMIT = 10",
        "A = B = 2",
        "A, (B, *C) = 1, (2, 3)",
        "WORD: str = 'x'.upper()",
        "size: int",
        "PATTERN = re.compile('x')",
        "class Model:\n    depth = 3\n    def fit(self): ...",
    ],
)
def test_imports_constants_classes_and_docstrings_stay_what_they_are(statement: str) -> None:
    tree = parse(statement, "def score(x): ...")
    assert find_apps(tree) == ("score",)
    assert ast.unparse(decorate(tree).body[0]) == ast.unparse(ast.parse(statement).body[0])


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("for x in y: ...", "a `for` loop"),
        ("while x: ...", "a `while` loop"),
        ("if x: import y", "an `if` statement"),
        ("with x: ...", "a `with` statement"),
        ("try: x\nexcept E: ...", "a `try` statement"),
        ("match x:\n    case 1: ...", "a `match` statement"),
        ("raise x", "a `raise` statement"),
        ("return 1", "a `return` statement"),
        ("assert x", "an `assert` statement"),
        ("del x", "a `del` statement"),
        ("x += 1", "an assignment that changes a name"),
        ("x.y = 1", "an assignment to an attribute or an item"),
        ("x[0]: int = 1", "an assignment to an attribute or an item"),
        ("x, y.z = 1, 2", "an assignment to an attribute or an item"),
        ("print(x)", "a call"),
        ("x", "an expression"),
        ("await x", "an `await`"),
        ("y = await x", "an `await`"),
        ("y = [await z for z in x]", "an `await`"),
        ("global x", "this statement"),
    ],
)
def test_any_other_statement_is_refused_with_its_line_and_a_hint(statement: str, what: str) -> None:
    with pytest.raises(CellError) as found:
        find_apps(parse("def score(x): ...", "", statement))
    assert found.value.line == 3
    assert found.value.message.startswith(f"{what} ")
    assert "move it to a cell of its own" in found.value.message
    assert "(line 3 of the cell)" in str(found.value)


def test_the_first_refused_statement_is_the_one_that_is_named() -> None:
    with pytest.raises(CellError, match="`for`") as found:
        find_apps(parse("x = 1; for_ = 2", "for y in x: ...", "print(x)"))
    assert (found.value.line, found.value.column) == (2, 0)


@pytest.mark.parametrize("cell", ["", "import os", "X = 1"])
def test_a_cell_without_a_function_is_refused(cell: str) -> None:
    with pytest.raises(CellError, match="no function to make an app of"):
        find_apps(parse(cell))


def test_a_cell_of_helpers_alone_is_refused_and_says_why() -> None:
    with pytest.raises(CellError, match="`_clip` begins with an underscore"):
        find_apps(parse("def _clip(x): ..."))


@pytest.mark.parametrize("own", ["", "@staticmethod\n", "@first\n@second(\n    1,\n)\n"])
def test_a_decorated_function_begins_where_it_began(own: str) -> None:
    text = with_magic_as_comment("--cache", f"import os\n\n{own}def score(x):\n    return x\n")
    namespace = {DECORATOR: lambda f: f, "first": lambda f: f, "second": lambda _: lambda f: f}
    tree = ast.parse(text)
    find_apps(tree)
    exec(compile(decorate(tree), "cell", "exec"), namespace)
    score = namespace["score"]
    code = getattr(score, "__func__", score).__code__
    assert text.splitlines()[code.co_firstlineno - 1] == (own or "def score(x):").splitlines()[0]


def test_a_syntax_error_keeps_its_place() -> None:
    with pytest.raises(SyntaxError) as found:
        ast.parse("x = 1\ndef f(:\n")
    error = CellError.of(found.value)
    assert (error.message, error.line, error.column) == ("invalid syntax", 2, 6)
    moved = CellError.of(found.value, line=1, shift=10)
    assert (moved.line, moved.column) == (1, 16)


@given(st.lists(st.tuples(NAMES, st.booleans()), min_size=1, unique_by=lambda pair: pair[0]))
def test_exactly_the_public_functions_are_made_apps(functions: list[tuple[str, bool]]) -> None:
    text = "\n".join(f"{'async ' if later else ''}def {name}(): return {name!r}" for name, later in functions)
    made: list[str] = []

    def make(function: object) -> object:
        made.append(function.__name__)  # type: ignore[attr-defined]
        return function

    public = [name for name, _ in functions if not name.startswith("_")]
    tree = ast.parse(text)
    if not public:
        with pytest.raises(CellError):
            find_apps(tree)
        return
    assert find_apps(tree) == tuple(public)
    exec(compile(decorate(tree), "cell", "exec"), {DECORATOR: make})
    assert made == public


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="ab\n\t #%", max_size=40))
def test_the_magic_as_a_comment_moves_no_line(line: str, body: str) -> None:
    line = "".join(line.splitlines())
    text = with_magic_as_comment(line, body)
    assert text.split("\n")[1:] == body.split("\n")
    assert text.startswith("# %%app")
