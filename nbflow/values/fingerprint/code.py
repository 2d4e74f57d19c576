"""What functions, classes and modules count by: their code, and whatever it refers to.

Code of the user counts by what it does: its instructions, and the globals, helpers, classes and closure cells that it
uses, by their content. Where it was written, its comments and its docstrings do not count. The standard library and
installed packages count by name and version. A module of the user's counts by its file, and by the modules of the
user's that it uses in turn.
"""

from __future__ import annotations

import bisect
import dataclasses
import dis
import enum
import functools
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NewType, get_args

from nbflow.errors import CannotFingerprint
from nbflow.values.digests import digest
from nbflow.values.fingerprint.imports import digest_of_imports, digest_of_imports_in
from nbflow.values.fingerprint.plain import digest_of_file
from nbflow.values.fingerprint.walk import ATOMS, Handler, Part, Walk, text
from nbflow.values.libraries import is_library
from nbflow.values.referring import by_reference, chooses, names_of

_HEAP_TYPE = 1 << 9  # a class made at run time; the others are part of the interpreter or of an extension
_HAS_DOCSTRING = 0x4000000  # a flag of code objects, from Python 3.14 on
_MISSING = object()

_OF_AN_ENUM = frozenset({"_missing_", "_boundary_"})
"""What of an enum's own names acts when it runs; what its members were made by is told by these."""

_DO_NOTHING = frozenset({"EXTENDED_ARG", "NOP"})
_JUMPS = frozenset({*dis.hasjrel, *dis.hasjabs})

_DERIVED = frozenset(
    {
        "__abstractmethods__",
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__slotnames__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Members of a class that Python makes, some of them late; annotations are told apart."""


# ---------------------------------------------------------------- functions


def _function(walk: Walk, function: types.FunctionType, parts: list[Part]) -> None:
    home = function.__globals__.get("__name__")  # `functools.wraps` gives a wrapper another `__module__`
    library = isinstance(home, str) and home != "__main__" and _is_library(home)
    if library and by_reference(function) and _is_library(function.__module__):
        parts += _named(function.__module__, function.__qualname__)
        return
    if chooses(function):
        _choosing(walk, function, parts)
        return
    parts += (b"function", digest_of_code(function.__code__), walk.part(function.__defaults__))
    parts += (walk.part(function.__kwdefaults__), _annotations(function.__annotations__))
    for cell in function.__closure__ or ():
        # not by `walk.part(cell)`: whether functions share one does not count
        _cell(walk, cell, parts)
    for name in sorted(names_of(function.__code__)[0]) if not library else ():
        value = function.__globals__.get(name, _MISSING)
        # a name that is no global is a builtin, or will be missed
        parts += (text(name), b"builtin" if value is _MISSING else walk.part(value))
    if not library:
        _imports(function.__code__, function.__globals__.get("__package__"), parts)
    parts += _named(str(home), "") if library else ()
    walk.add_pairs(function.__dict__.items(), parts)


def _choosing(walk: Walk, function: Any, parts: list[Part]) -> None:
    """By what it chooses from; in order of the types' names, since a type may refer back to it."""
    registry = sorted(function.registry.items(), key=lambda pair: (pair[0].__module__, pair[0].__qualname__))
    parts.append(b"singledispatch")
    walk.add_items((each for pair in registry for each in pair), parts)


def _app(walk: Walk, app: Any, parts: list[Part]) -> None:
    """By what it does: where and how often it is tried, for how long, and whether it is recalled, changes no value."""
    made_of, options = app.__getstate__()
    parts += (b"app", text(options.kind), walk.part(made_of))


def _imports(code: types.CodeType, package: Any, parts: list[Part]) -> None:
    """What the code imports when it runs; nothing where that is the standard library alone."""
    package = package if isinstance(package, str) else None
    if imported := digest_of_imports(code, package, is_library):
        parts += (b"imports", imported)


def _cell(walk: Walk, cell: types.CellType, parts: list[Part]) -> None:
    try:
        held = cell.cell_contents
    except ValueError:  # not bound yet
        parts.append(b"empty cell")
    else:
        parts += (b"cell", walk.part(held))


def _builtin(walk: Walk, function: types.BuiltinFunctionType, parts: list[Part]) -> None:
    if function.__self__ is None or isinstance(function.__self__, types.ModuleType):
        parts += _named(function.__module__ or "", function.__qualname__)
    else:
        parts += (b"method", walk.part(function.__self__), text(function.__name__))


def _wrapper(tag: bytes, *attributes: str) -> Handler:
    """For what holds functions under these names, and nothing else that counts."""

    def add(walk: Walk, value: Any, parts: list[Part]) -> None:
        parts.append(tag)
        parts += (walk.part(getattr(value, name)) for name in attributes)

    return add


def _code(walk: Walk, code: types.CodeType, parts: list[Part]) -> None:
    parts += (b"code", digest_of_code(code))


@functools.lru_cache(maxsize=1024)
def digest_of_code(code: types.CodeType) -> bytes:
    """What code does, on this minor version of Python; its docstring is a constant that no instruction loads."""
    shape = (
        *sys.version_info[:2],
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_HAS_DOCSTRING,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
    )
    # by their numbers and not where they lie: what does nothing depends on how lines are broken
    steps = [each for each in dis.get_instructions(code) if each.opname not in _DO_NOTHING]
    number = functools.partial(bisect.bisect_left, [each.offset for each in steps])
    return digest(
        _constant(shape),
        _constant(_guarded(code, number)),
        *(_constant((each.opname, _argument(code, each, number))) for each in steps),
    )


def _argument(code: types.CodeType, instruction: dis.Instruction, number: Callable[[int], int]) -> Any:
    if instruction.opname == "KW_NAMES":  # which `dis` of Python 3.11 does not look up
        return code.co_consts[instruction.arg or 0]
    return number(instruction.argval) if instruction.opcode in _JUMPS else instruction.argval


def _guarded(code: types.CodeType, number: Callable[[int], int]) -> tuple[tuple[int, ...], ...]:
    """Which steps are guarded by which others, from Python 3.11 on, where no instruction says so."""
    found: list[tuple[int, ...]] = []
    for entry in getattr(dis.Bytecode(code), "exception_entries", ()):
        first, end = number(entry.start), number(entry.end)
        by = number(entry.target), entry.depth, entry.lasti
        if found and found[-1][1:] == (first, *by):
            first = found.pop()[0]
        if first < end:
            found.append((first, end, *by))
    return tuple(found)


def _constant(value: Any) -> bytes:
    if isinstance(value, types.CodeType):
        return b"code" + digest_of_code(value)
    if isinstance(value, tuple):
        return b"tuple" + digest(*map(_constant, value))
    if isinstance(value, frozenset):
        return b"frozenset" + digest(*sorted(map(_constant, value)))
    atom = ATOMS.get(type(value))
    return atom(value) if atom is not None else text(repr(value))


# ---------------------------------------------------------------- classes


def _class(walk: Walk, made: type, parts: list[Part]) -> None:
    if not made.__flags__ & _HEAP_TYPE:
        parts += _named(made.__module__, made.__qualname__)
    elif not by_reference(made):
        _class_by_value(walk, made, parts)
    elif _is_library(made.__module__):
        parts += _named(made.__module__, made.__qualname__)
    else:
        parts += (b"class of", walk.part(sys.modules[made.__module__]), text(made.__qualname__))


def _class_by_value(walk: Walk, made: type, parts: list[Part]) -> None:
    parts += (b"class", text(made.__qualname__), walk.part(type(made)))
    parts += map(walk.part, made.__bases__)
    members = {
        name: value
        for name, value in vars(made).items()
        if name not in _DERIVED
        and not isinstance(value, types.MemberDescriptorType)  # `__slots__` tells of these
    }
    if issubclass(made, enum.Enum):
        parts += (walk.part((name, member.value)) for name, member in made.__members__.items())
        # what else the metaclass puts there is made of these
        members = {
            n: v
            for n, v in members.items()
            if n not in made.__members__ and (n in _OF_AN_ENUM or not _is_sunder(n))
        }
    annotations = vars(made).get("__annotations__") or {}
    parts.append(_annotations(annotations))
    # converters and validators ask a class for its fields' classes when they run, and nothing else need refer to these
    parts += (walk.part(each) for name in sorted(annotations) for each in _classes_in(annotations[name]))
    for name in sorted(members):
        parts += (text(name), walk.part(members[name]))


def _is_sunder(name: str) -> bool:
    return name.startswith("_") and name.endswith("_") and not name.startswith("__")


def _field(walk: Walk, field: dataclasses.Field[Any], parts: list[Part]) -> None:
    flags = (field.init, field.repr, field.hash, field.compare, getattr(field, "kw_only", False))
    parts += (b"field", text(field.name), text(_words(field.type)), walk.part(flags))
    parts += (walk.part(field.default), walk.part(field.default_factory), walk.part(field.metadata))


def _annotations(annotations: dict[str, Any]) -> bytes:
    """Decorators may act on them, so they count, by their words; what these have kept of them counts by itself."""
    return digest(*(text(word) for name in sorted(annotations) for word in (name, _words(annotations[name]))))


def _classes_in(annotation: Any) -> Iterator[Any]:
    """The user's own classes that an annotation is made of, as far as it is no text."""
    pending = [annotation]
    while pending:
        each = pending.pop()
        if isinstance(each, list):  # of a `Callable`
            pending += each
        elif not _is_class(each) and not isinstance(each, NewType):
            pending += get_args(each)
        elif not by_reference(each) or not _is_library(each.__module__):
            yield each


def _is_class(annotation: Any) -> bool:
    return isinstance(annotation, type) and not hasattr(
        annotation, "__origin__"
    )  # list[int] passes for a type


def _words(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if _is_class(annotation):
        return f"{annotation.__module__}.{annotation.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(annotation))


# ---------------------------------------------------------------- modules


def _module(walk: Walk, module: types.ModuleType, parts: list[Part]) -> None:
    name, file = module.__name__, getattr(module, "__file__", None)
    if sys.modules.get(name) is not module or name == "__main__":
        raise CannotFingerprint(types.ModuleType, f"{name} is not a module that can be imported")
    if _is_library(name):
        parts += _named(name, "")
        return
    parts += (b"module", text(name))
    if file is not None:
        parts.append(digest_of_file(file))
    parts += (walk.part(sys.modules[used]) for used in sorted(_modules_used(module)))
    if file is not None and (imported := digest_of_imports_in(file, module.__package__, is_library)):
        parts += (b"imports", imported)


def _modules_used(module: types.ModuleType) -> set[str]:
    """The user's own modules that a module of the user's refers to."""
    used = set()
    for value in tuple(vars(module).values()):
        name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name in sys.modules and not _is_library(name):
            used.add(name)
    return used - {module.__name__, "__main__"}


def _is_library(name: str) -> bool:
    """Whether a module is of the standard library, or installed, or nbflow itself."""
    top = name.partition(".")[0]
    if top == "nbflow":
        return True
    module = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return is_library(name, file)
    return name in sys.builtin_module_names or top in sys.stdlib_module_names


def _named(module: str, name: str) -> tuple[bytes, bytes, bytes]:
    top = module.partition(".")[0]
    version = getattr(sys.modules.get(top), "__version__", "") if top not in sys.stdlib_module_names else ""
    return b"named", text(f"{module}:{name}"), text(str(version))


HANDLERS: dict[type, Handler] = {
    types.FunctionType: _function,
    types.BuiltinFunctionType: _builtin,
    types.CellType: _cell,
    types.CodeType: _code,
    staticmethod: _wrapper(b"staticmethod", "__func__"),
    classmethod: _wrapper(b"classmethod", "__func__"),
    property: _wrapper(b"property", "fget", "fset", "fdel"),
    functools.cached_property: _wrapper(b"cached_property", "func"),
    type(functools.lru_cache(lambda: None)): _wrapper(b"lru_cache", "__wrapped__"),
    dataclasses.Field: _field,
    NewType: _wrapper(b"NewType", "__name__", "__supertype__"),
}
"""By exact type."""

NAMED: dict[tuple[str, str], Handler] = {("nbflow.client.app", "App"): _app}
"""By module and name of exactly this type, which is further up."""

FAMILIES: dict[type, Handler] = {type: _class, types.ModuleType: _module}
"""By type, and for all that is derived from it."""
