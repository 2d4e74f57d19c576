"""Runs an `%%app` cell in IPython: compiles it under the cell's own file name and puts its apps into the namespace.

The cell's frame, which called the magic, tells the file name that IPython gave the cell. What is compiled here has the
same name and its text takes the place of IPython's (which is one call of the magic), so tracebacks,
`inspect.getsource` and `app??` speak of the cell, line by line.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbflow.notebook.cells import DECORATOR, CellError, decorate, find_apps, with_magic_as_comment
from nbflow.notebook.templates import Signature, fill, fill_name, template_source

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from IPython.core.interactiveshell import InteractiveShell

Decorator = Callable[[Callable[..., Any]], Any]

MAGIC = "%%app "
"""What stands before the magic's line in the cell."""


def define_functions(shell: InteractiveShell, line: str, body: str, decorator: Decorator) -> tuple[str, ...]:
    """Run the cell; each of its functions is an app made by `decorator`. Returns their names.

    Raises CellError where the cell holds something else, and whatever the cell itself raises.
    """
    __tracebackhide__ = True  # an error of the cell shows the cell
    text = with_magic_as_comment(line, body)
    file = file_of_cell(shell, text)
    tree = parse(shell, text, file)
    apps = find_apps(tree)
    code = _compile(shell, decorate(tree), file)
    shell.user_ns[DECORATOR] = decorator
    try:
        exec(code, shell.user_ns)
    finally:
        del shell.user_ns[DECORATOR]
    return apps


def define_template(
    shell: InteractiveShell, body: str, signature: Signature, decorator: Decorator
) -> tuple[str, ...]:
    """Make an app of a shell template and put it into the namespace. Returns its name, as the only one.

    Raises CellError where the template is empty, and whatever the signature's defaults raise.
    """
    __tracebackhide__ = True
    text = template_source(signature, body)
    file = file_of_cell(shell, text)
    code = _compile(shell, decorate(parse(shell, text, file)), file)
    # globals of its own: `fill` is found whatever the user's names are, while defaults are read in the namespace
    names = {"__name__": shell.user_ns["__name__"], DECORATOR: decorator, fill_name(signature): fill}
    exec(code, names, shell.user_ns)
    return (signature.name,)


def file_of_cell(shell: InteractiveShell, text: str | None = None) -> str:
    """The file name of the cell that called the magic; its text is `text` from now on, where that is given."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals is not shell.user_ns:
        frame = frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    if shell.compile.format_code_name(file) is None:
        # no cell, but a program or another magic called: the text is a cell of its own
        return shell.compile.cache(text or "", len(shell.user_ns["In"]) - 1)
    if text is not None:
        # without a modification time the entry survives linecache.checkcache()
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return file


def parse(shell: InteractiveShell, text: str, file: str) -> ast.Module:
    """The syntax tree of a cell.

    Raises CellError where it is no Python, and says so where it is IPython's.
    """
    try:
        tree = shell.compile.ast_parse(text, file)
    except SyntaxError as error:
        found = CellError.of(error)
        if _is_for_ipython(shell, text):
            found.message += (
                " (`!`, `%` and `?` are IPython's: apps and tasks run outside the notebook, where they have no "
                "meaning; a shell command is a `%%app --bash NAME()` cell, a magic a cell of its own)"
            )
        raise found from None
    assert isinstance(tree, ast.Module)
    return tree


def _is_for_ipython(shell: InteractiveShell, text: str) -> bool:
    try:
        ast.parse(shell.transform_cell(text))  # type: ignore[no-untyped-call]
    except SyntaxError:
        return False
    return True


def _compile(shell: InteractiveShell, tree: ast.Module, file: str) -> CodeType:
    try:
        code: CodeType = shell.compile(tree, file, "exec")  # type: ignore[arg-type]  # a tree is welcome too
    except SyntaxError as error:
        raise CellError.of(error) from None
    return code
