"""What code refers to by name, and what can be found elsewhere under its own."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import cloudpickle

_WRITES_GLOBALS = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"})
_READS_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})


def by_reference(value: Any) -> bool:
    """Whether a function or class is importable elsewhere under its own name."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return False
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value and value is not None and module not in cloudpickle.list_registry_pickle_by_value()


_CHOOSES: CodeType = functools.singledispatch(by_reference).__code__  # type: ignore[attr-defined] # a function


def chooses(function: FunctionType) -> bool:
    """Whether it is one that `functools.singledispatch` has made: its code is everyone's, and holds a weak cache."""
    return function.__code__ is _CHOOSES


@functools.lru_cache(maxsize=1024)
def names_of(code: CodeType) -> tuple[tuple[str, ...], bool]:
    """Globals that the code and the code within it read, and whether it writes any, or attributes of what they name."""
    reads: dict[str, None] = {}
    writes = False
    for each in _with_inner(code):
        own: set[str] = set()  # what the body of a class has bound for itself by then
        # the step before; whether a name was loaded to be changed: `helper.calls += 1`
        before, twice = (
            "",
            False,
        )
        for instruction in dis.get_instructions(each):
            if instruction.opname in ("STORE_ATTR", "DELETE_ATTR"):
                writes |= before in _LOADS or (twice and before in ("SWAP", "ROT_TWO"))
            twice |= before in _LOADS and instruction.opname in ("COPY", "DUP_TOP")
            before = instruction.opname
            if instruction.opname in _READS_GLOBALS:
                if instruction.argval not in own:
                    reads[instruction.argval] = None
            elif instruction.opname == "STORE_NAME":
                own.add(instruction.argval)
            elif instruction.opname in _WRITES_GLOBALS:
                reads[instruction.argval] = None
                writes = True
            elif instruction.opname in ("STORE_DEREF", "DELETE_DEREF"):
                writes |= instruction.argval in code.co_freevars
    return tuple(reads), writes


@functools.lru_cache(maxsize=1024)
def imports_of(code: CodeType) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """What the code and the code within it import: (level, module, names), as `__import__` is given them."""
    found: dict[tuple[int, str, tuple[str, ...]], None] = {}
    for each in _with_inner(code):
        before: list[dis.Instruction] = []
        for instruction in dis.get_instructions(each):
            if instruction.opname == "IMPORT_NAME":
                names, level = before[-1].argval, before[-2].argval
                found[level if isinstance(level, int) else 0, instruction.argval, tuple(names or ())] = None
            if instruction.opname != "EXTENDED_ARG":
                before = [*before[-1:], instruction]
    return tuple(found)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        code = pending.pop()
        yield code
        pending += (constant for constant in code.co_consts if isinstance(constant, CodeType))
