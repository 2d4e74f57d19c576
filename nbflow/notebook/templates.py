"""Shell templates: `%%app --bash count(path, n=10)` with a shell script as the cell's body.

Pure. The signature is Python, the body is shell; together they are a function that returns the command:

    def count(path, n=10): return fill(r\"\"\"
    sort {path!q} | head -n {n}
    \"\"\", {"path": path, "n": n})

Its lines are the cell's lines, so what Python or bash says of line 2 holds for line 2 of the cell. Workers
import this module for `fill`, so it imports nothing heavy.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass

from nbflow.notebook.cells import CellError

PLACEHOLDER = re.compile(r"(?<!\$)\{(?P<name>[^\W\d]\w*)(?:\[(?P<index>\d+)\])?(?P<quoted>!q)?\}")
SIGNATURE = re.compile(r"(?<!\S)[^\W\d]\w*\s*\(")


@dataclass(frozen=True, slots=True)
class Signature:
    """`count(path, n=10)`: its text, and the names that the template may use."""

    name: str
    parameters: tuple[str, ...]
    text: str


def split_signature(line: str, shift: int = 0) -> tuple[str, Signature | None]:
    """Take `NAME(params)` out of the magic's line: what is left (the options), and the signature or None.

    `shift` is where `line` begins in the cell's first line, in characters. Raises CellError where the
    signature is not Python.
    """
    found = SIGNATURE.search(line)
    if found is None:
        return line, None
    start = found.start()
    end = start + _closing_bracket(line[start:], shift + start)
    text = line[start:end]
    try:
        function = ast.parse(f"def {text}: pass").body[0]
    except SyntaxError as error:
        raise CellError.of(error, line=1, shift=shift + start - len("def ")) from None
    assert isinstance(function, ast.FunctionDef)
    return f"{line[:start]} {line[end:]}", Signature(function.name, _parameters(function.args), text)


def _closing_bracket(text: str, shift: int) -> int:
    """The position behind the bracket that closes the first one."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                if depth == 0:
                    return token.end[1]
    except (tokenize.TokenError, SyntaxError):
        pass  # the end came first, which is said below
    opening = text.index("(") + shift
    raise CellError("'(' was never closed", 1, opening, opening + 1)


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    several = [part for part in (arguments.vararg, arguments.kwarg) if part is not None]
    return tuple(argument.arg for argument in [*named, *several])


def template_source(signature: Signature, body: str) -> str:
    """The function, as what is compiled and what `??` shows."""
    if not body.strip():
        raise CellError(f"the shell template of `{signature.name}` is empty", 1)
    values = ", ".join(f'"{name}": {name}' for name in signature.parameters)
    return f"def {signature.text}: return {fill_name(signature)}({_literal(body)}, {{{values}}})\n"


def fill_name(signature: Signature) -> str:
    """The name of `fill` in that function: one that no parameter hides."""
    name = fill.__name__
    while name in signature.parameters:
        name = f"_{name}"
    return name


def _literal(body: str) -> str:
    """The body as a string of Python on the same lines; the magic's line is an empty one in the shell."""
    text = f"\n{body.rstrip()}\n"
    for quotes in ('"""', "'''"):
        if quotes not in text:
            return f"r{quotes}{text}{quotes}"
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}"""'


def fill(template: str, values: Mapping[str, object]) -> str:
    """The command: `template` with the values put in.

    `{name}` becomes `str(value)`, a list or tuple its items joined by spaces; `{name[0]}` one item of it;
    `{name!q}` and `{name[0]!q}` the same, each item quoted for the shell. `${name}`, braces around anything
    but a name of `values`, and all else stay as they are. What was put in is not looked at again.
    """

    def insert(match: re.Match[str]) -> str:
        if match["name"] not in values:
            return match[0]
        value = values[match["name"]]
        if match["index"] is not None:
            value = value[int(match["index"])]  # type: ignore[index]  # no sequence: the task fails and says so
        items = value if isinstance(value, list | tuple) else [value]
        return " ".join(shlex.quote(str(item)) if match["quoted"] else str(item) for item in items)

    return PLACEHOLDER.sub(insert, template)
