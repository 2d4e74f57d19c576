"""Shell templates: the signature is Python, the body is shell."""

from __future__ import annotations

import ast
import inspect
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.files import File
from nbflow.notebook.cells import CellError
from nbflow.notebook.templates import Signature, fill, fill_name, split_signature, template_source

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def function_of(line: str, body: str, **names: Any) -> Any:
    _, signature = split_signature(line)
    assert signature is not None
    names[fill_name(signature)] = fill
    exec(template_source(signature, body), names)
    return names[signature.name]


# ---------------------------------------------------------------- the signature


def test_the_signature_is_taken_out_and_the_options_are_left() -> None:
    options, signature = split_signature("--bash count(path, n=10) --retries 2")
    assert options.split() == ["--bash", "--retries", "2"]
    assert signature == Signature("count", ("path", "n"), "count(path, n=10)")


def test_a_line_without_a_signature_is_left_alone() -> None:
    assert split_signature("--cache --executor big") == ("--cache --executor big", None)


def test_every_kind_of_parameter_may_be_used_in_the_template() -> None:
    _, signature = split_signature('f(a, /, b, *rest, c=g("),(", [1]), **more)')
    assert signature is not None
    assert set(signature.parameters) == {"a", "b", "c", "rest", "more"}
    assert signature.text == 'f(a, /, b, *rest, c=g("),(", [1]), **more)'


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("--bash count(path,, n)", 18, "invalid syntax"),
        ("--bash count(path", 12, r"'\(' was never closed"),
        ("--bash for(path)", 7, "invalid syntax"),
        ("--bash count(1)", 13, "invalid syntax"),
    ],
)
def test_a_signature_that_is_not_python_is_refused_at_its_place(line: str, column: int, message: str) -> None:
    with pytest.raises(CellError, match=message) as found:
        split_signature(line, shift=6)
    assert (found.value.line, found.value.column) == (1, column + 6)


# ---------------------------------------------------------------- the function


def test_the_function_returns_the_command_with_its_arguments_put_in() -> None:
    count = function_of("count(path, n=10)", "sort {path!q} | head -n {n}\n")
    assert count("a b.txt") == "\nsort 'a b.txt' | head -n 10\n"
    assert count("x", n=3) == "\nsort x | head -n 3\n"
    assert str(inspect.signature(count)) == "(path, n=10)"


def test_defaults_are_read_where_the_function_is_made() -> None:
    assert function_of("count(n=LIMIT)", "head -n {n}", LIMIT=7)() == "\nhead -n 7\n"


def test_lines_of_the_template_are_lines_of_the_cell() -> None:
    _, signature = split_signature("count(path)")
    assert signature is not None
    source = template_source(signature, "one\ntwo {path}\nthree\n")
    assert source.split("\n")[1:4] == ["one", "two {path}", "three"]


def test_no_parameter_hides_what_fills_the_template() -> None:
    assert function_of("count(fill, _fill)", "{fill} {_fill}")("a", "b") == "\na b\n"


def test_an_empty_template_is_refused() -> None:
    with pytest.raises(CellError, match="empty"):
        template_source(Signature("count", (), "count()"), "\n  \n")


@given(st.text(alphabet="ab \n\\'\"{}$#`", min_size=1).filter(str.strip))
def test_any_script_comes_out_as_it_went_in(body: str) -> None:
    assert function_of("run()", body)() == f"\n{body.rstrip()}\n"
    assert len(ast.parse(template_source(Signature("run", (), "run()"), body)).body) == 1


# ---------------------------------------------------------------- filling in


@pytest.mark.parametrize(
    ("template", "command"),
    [
        ("{name}", "a b"),
        ("{name!q}", "'a b'"),
        ("{files}", "x y z.txt"),
        ("{files!q}", "x 'y z.txt'"),
        ("{files[1]}", "y z.txt"),
        ("{files[1]!q}", "'y z.txt'"),
        ("{pair}", "1 2"),
        ("{number}", "3"),
        ("{nothing}", "None"),
        ("${name}", "${name}"),
        ("{other}", "{other}"),
        ("{name.upper}", "{name.upper}"),
        ("{name!r}", "{name!r}"),
        ("{ name }", "{ name }"),
        ("{}", "{}"),
        ("{{name}}", "{a b}"),
        ("awk '{print $1}' x{1..3}", "awk '{print $1}' x{1..3}"),
        ("${name:-x} ${#name}", "${name:-x} ${#name}"),
    ],
)
def test_placeholders_are_filled_and_all_else_stays(template: str, command: str) -> None:
    values = {
        "name": "a b",
        "files": [File("x"), File("y z.txt")],
        "pair": (1, 2),
        "number": 3,
        "nothing": None,
    }
    assert fill(template, values) == command


def test_an_item_that_is_not_there_fails_as_in_python() -> None:
    with pytest.raises(IndexError):
        fill("{files[2]}", {"files": ["a"]})


def test_what_was_put_in_is_not_looked_at_again() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "{a}"}) == "{b} {a}"


@given(TEXT, st.dictionaries(st.sampled_from(["a", "b"]), TEXT))
def test_a_text_without_placeholders_of_values_stays(template: str, values: dict[str, str]) -> None:
    quiet = template.replace("{", "(")
    assert fill(quiet, values) == quiet
    assert fill(template, {}) == template


@given(st.lists(TEXT))
def test_quoted_items_reach_the_shell_as_they_are(items: list[str]) -> None:
    assert shlex.split(fill("{items!q}", {"items": items})) == items


def test_bash_sees_quoted_values_unharmed() -> None:
    nasty = 'a\'b "$HOME" `id` \\ \n*'
    command = function_of("show(value)", "printf %s {value!q}")(nasty)
    assert subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True).stdout == nasty
