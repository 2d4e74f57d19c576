"""What code imports while it runs: modules that no global tells of.

Nothing is imported for that: a module that is not loaded yet is found as `import` would find it, and what one of the
user's imports in turn is read from its source. Each of these counts by its name and its file; an installed package by
its name and version, and the standard library not at all.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, ModuleType

from nbflow.values.digests import digest
from nbflow.values.fingerprint.plain import digest_of_file
from nbflow.values.fingerprint.walk import text
from nbflow.values.referring import imports_of

_MOST_SOURCE = 4 << 20  # bytes of a file that is read for what it imports


def digest_of_imports(code: CodeType, package: str | None, is_library: Callable[[str, str], bool]) -> bytes:
    """What the code in `package` imports, however deep; b"" if that is the standard library alone.

    `is_library(name, file)`: whether a module is none of the user's.

    Raises:
        OSError: a file cannot be read.
    """
    return _closure(_resolved(imports_of(code), package), is_library)


def digest_of_imports_in(file: str, package: str | None, is_library: Callable[[str, str], bool]) -> bytes:
    """The same of all code in a file."""
    return _closure(_resolved(_imports_of_file(file, digest_of_file(file)), package), is_library)


def _closure(names: Iterable[str], is_library: Callable[[str, str], bool]) -> bytes:
    found: dict[str, bytes] = {}
    pending = [*names]
    while pending:
        name = pending.pop()
        if name in found or name == "__main__":
            continue
        file, is_package = _file_of(name)
        if file is None:
            continue
        if is_library(name, file):
            top = name.partition(".")[0]
            if top != "nbflow" and top not in sys.stdlib_module_names:
                found[top] = _version_of(top)
            continue
        found[name] = digest_of_file(file)
        within = name if is_package else name.rpartition(".")[0]
        pending += _resolved(_imports_of_file(file, found[name]), within)
        pending.append(name.rpartition(".")[0])  # whose package runs first
    return digest(*(part for name in sorted(found) for part in (text(name), found[name]))) if found else b""


@functools.lru_cache(maxsize=1024)
def _version_of(package: str) -> bytes:
    """What an installed package counts by, whether it is loaded or not; what is loaded stays as it is.

    Which distribution it is of, all of them would have to be asked, which takes most of a second. As a rule one has its
    name; of any other package its first file counts.
    """
    from importlib import metadata  # it is some 20 ms of start-up

    try:
        return metadata.version(package).encode()
    except metadata.PackageNotFoundError:
        file, _ = _file_of(package)
        return b"" if file is None else digest_of_file(file)


def _resolved(imports: Iterable[tuple[int, str, tuple[str, ...]]], package: str | None) -> Iterator[str]:
    """The names of what may be modules, from the top."""
    for level, module, names in imports:
        try:
            name = importlib.util.resolve_name("." * level + module, package) if level else module
        except (ImportError, ValueError):  # it is in no package: to run it fails
            continue
        yield name
        yield from (f"{name}.{each}" for each in names)


def _file_of(name: str) -> tuple[str | None, bool]:
    """The source of a module, loaded or not, and whether it is a package; None where there is none."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None) if isinstance(module, ModuleType) else _found(name)
    if spec is None:
        file = getattr(module, "__file__", None)
        return (file, False) if isinstance(file, str) else (None, False)
    if not spec.has_location or not isinstance(spec.origin, str):
        return None, False
    return spec.origin, spec.submodule_search_locations is not None


def _found(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where `import` would find a module; without running its package, as `importlib.util.find_spec` would."""
    parent, _, _ = name.rpartition(".")
    path = None
    if parent:
        loaded = sys.modules.get(parent)
        spec = _found(parent) if loaded is None else getattr(loaded, "__spec__", None)
        if spec is None or spec.submodule_search_locations is None:
            return None
        path = list(spec.submodule_search_locations)
    try:
        return importlib.machinery.PathFinder.find_spec(name, path)
    except (ImportError, ValueError):
        return None


@functools.lru_cache(maxsize=1024)
def _imports_of_file(file: str, _content: bytes) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    if not file.endswith(".py"):
        return ()
    with open(file, "rb") as source:
        written = source.read(_MOST_SOURCE)
    try:
        return imports_of(compile(written, file, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):  # to import it fails
        return ()
