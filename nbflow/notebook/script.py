"""One text of the modules and styles of a page: a widget travels as one module, whose imports nobody would resolve.

    static/graph/main.mjs ── import { x } from "./marks.mjs" ──> the text of marks.mjs, before it, without its exports

The modules are written so that they can be joined by taking lines out: an import is one line, names that are imported
from beside it or from another page's folder, without `as`; an export is a word before a declaration; no two modules
have a name in common. `joined` refuses what is written otherwise, so a mistake is one of ours, found at the first
test. Everything else is left to JavaScript.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{ \w+(?:, \w+)* \} from "((?:\./|\.\./\w+/)\w+\.mjs)";$')
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) )")
_DECLARED = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)")

STATIC = Path(__file__).parent / "static"


def joined(main: Path) -> str:
    """The module `main` and all that it imports, as one module that imports nothing and exports what `main` does.

    Raises ValueError where a module is written so that it cannot be joined.
    """
    texts: dict[Path, str] = {}
    names: dict[str, Path] = {}
    _take(main.resolve(), texts, names, ())
    return "\n".join(texts.values())


def styles(folder: Path) -> str:
    """All style sheets of a folder, in the order of their names."""
    return sheets(*sorted(folder.glob("*.css")))


def sheets(*paths: Path) -> str:
    """These style sheets, in this order."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _take(module: Path, texts: dict[Path, str], names: dict[str, Path], importers: tuple[Path, ...]) -> None:
    if module in importers:
        raise ValueError(f"{module.name} imports itself, by way of {importers[-1].name}")
    kept = []
    for line in module.read_text(encoding="utf-8").splitlines():
        found = _IMPORT.match(line)
        if found is not None:
            other = (module.parent / found[1]).resolve()
            if other not in texts:
                _take(other, texts, names, (*importers, module))
        elif line.startswith("import"):
            raise ValueError(
                f'{module.name}: {line!r} is not of the form `import {{ a, b }} from "./c.mjs";`'
            )
        else:
            declared = _DECLARED.match(line)
            if declared is not None and names.setdefault(declared[1], module) != module:
                raise ValueError(f"{module.name} declares {declared[1]!r}, as {names[declared[1]].name} does")
            kept.append(_EXPORT.sub("", line) if importers else line)
    texts[module] = "\n".join(kept) + "\n"
