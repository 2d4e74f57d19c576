"""Keeps the notebooks in git as source: no outputs, no execution counts, no trace of whose kernel ran them.

`python -m tools.notebooks [FILE...]` mends the files in place; with `--check` it only names them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parent.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def emptied(text: str) -> str:
    """Return a notebook's text with everything that running it leaves behind taken out."""
    notebook: Any = nbformat.reads(text, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return str(nbformat.writes(notebook, indent=1)) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Mend or check the notebooks; 1 if any was not as it should be."""
    parser = argparse.ArgumentParser(description="Empty the notebooks of outputs.")
    parser.add_argument("files", nargs="*", type=Path, help="default: all in notebooks/")
    parser.add_argument("--check", action="store_true", help="change nothing, only tell")
    options = parser.parse_args(arguments)
    dirty = 0
    for path in options.files or sorted(FOLDER.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        wanted = emptied(text)
        if wanted == text:
            continue
        dirty += 1
        if options.check:
            print(f"{path} carries outputs or stray metadata; `make format` takes them out")
        else:
            path.write_text(wanted, encoding="utf-8")
            print(f"{path}: emptied")
    return 1 if dirty else 0


if __name__ == "__main__":
    raise SystemExit(main())
