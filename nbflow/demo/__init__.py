"""`nbflow demo`: the digits notebook, run without a browser and written out as a notebook and as a page.

    kernel --iopub--> execution (nbclient: outputs of the cells) --> DIR/digits-sweep.ipynb --> page --> DIR/*.html
                  '-> execution (counts that the live graph publishes) --> status (a line in the terminal)

What is told to the user, and in which order, is here; the other modules tell nothing by themselves.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from nbflow.demo.status import StatusLine, worded

NOTEBOOK = "digits-sweep.ipynb"
NEEDED = ("jupyterlab", "matplotlib", "nbclient", "nbconvert", "pandas", "sklearn")


class CannotStart(Exception):
    """The demo could not begin: something is missing, or nothing can be written. Its text is for the user."""


def notebook_path() -> Path:
    """Return where the demo notebook lies: in the installed package, else in the checkout around it."""
    package = Path(__file__).parent.parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / NOTEBOOK).is_file():
            return folder / NOTEBOOK
    raise CannotStart(f"{NOTEBOOK} is neither in {package} nor beside it; install nbflow again")


def run(output: Path, timeout: float) -> int:
    """Run the notebook, showing in a line how far it is; write it and its page to `output`; return the exit code.

    0: it ran; 1: a cell failed, the kernel died, or `timeout` (seconds, for the whole run) was not enough: the
    notebook is written as far as it came; 130: stopped by the user. Raises CannotStart.
    """
    source, target = _prepared(output)
    from nbflow.demo import execution, page  # not before it is known that nbclient and nbconvert are here

    print(f"Running {NOTEBOOK} (Ctrl-C stops it)", flush=True)
    with StatusLine(sys.stdout) as line:
        ran = execution.execute(source, timeout, line)
    target.write_text(ran.notebook, encoding="utf-8")
    if ran.stopped:
        print("Stopped; its tasks ended with it.", file=sys.stderr)
        return 130
    if ran.error:
        print(f"{ran.error}\n\nThe notebook as far as it came: {target}", file=sys.stderr)
        return 1
    html = target.with_suffix(".html")
    html.write_text(page.page(ran.notebook, title="nbflow: reading handwritten digits"), encoding="utf-8")
    print(f"Done in {ran.seconds:.1f} s   {worded(ran.counts)}")
    print(f"  {target}   the notebook as it ran")
    print(f"  {html}   the same as a page: needs no kernel and no network")
    return 0


def open_lab(output: Path) -> NoReturn:
    """Become JupyterLab, opened on a copy of the notebook in `output`. Raises CannotStart."""
    source, _ = _prepared(output)
    copy = output / f"live-{NOTEBOOK}"
    if not copy.exists():  # what the user changed in it stays
        shutil.copyfile(source, copy)
    print(f"Opening {copy} in JupyterLab (Ctrl-C twice ends it)", flush=True)
    may_run_as_root = ["--allow-root"] if os.geteuid() == 0 else []
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(copy), *may_run_as_root])


def _prepared(output: Path) -> tuple[Path, Path]:
    """The notebook to run and the one to write, when all is there that they need."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CannotStart(
            f"the demo needs what is not installed here: {', '.join(missing)}. pip install 'nbflow-kit[demo]'"
        )
    source = notebook_path()
    try:
        output.mkdir(parents=True, exist_ok=True)
        target = output / NOTEBOOK
        target.touch()
    except OSError as error:
        raise CannotStart(f"cannot write to {output}: {error.strerror}") from error
    return source, target
