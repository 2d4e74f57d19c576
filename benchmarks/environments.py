"""Each peer's own virtual environment, made once and kept in a cache directory.

A peer pins what it depends on, and none of it is to be met by the others or by nbflow. What was installed stands in a
stamp beside it, so that a changed line here makes it anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REQUIREMENTS = {
    "loky": ("loky>=3.5", "joblib>=1.4", "numpy"),
    "dask": ("dask>=2025.1", "distributed>=2025.1", "numpy"),
    "parsl": ("parsl>=2025.1.6", "numpy"),
    "ray": ("ray>=2.40", "numpy"),
}
"""Peers that are installed -> what for. The others, nbflow and the standard library's pool, run where this runs."""

STAMP = "installed.txt"


class NotInstalled(Exception):
    """A peer could not be installed; the text says why."""


def cache_directory() -> Path:
    """Where the environments are: `NBFLOW_BENCH_CACHE`, or `nbflow-bench` in the user's cache directory."""
    named = os.environ.get("NBFLOW_BENCH_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nbflow-bench"


def python_of(peer: str, say: Callable[[str], None] = print) -> str:
    """The interpreter to run a peer with; its environment is made if it is not there as it should be.

    Raises NotInstalled: there is no network, or no build of the peer for this Python.
    """
    if peer not in REQUIREMENTS:
        return sys.executable
    home = cache_directory() / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}"
    python, stamp = home / "bin" / "python", home / STAMP
    wanted = "\n".join(REQUIREMENTS[peer])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and python.exists():
        return str(python)
    say(f"Installing {peer} into {home}")
    home.parent.mkdir(parents=True, exist_ok=True)
    _run(peer, sys.executable, "-m", "venv", "--clear", str(home))
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(peer, str(python), *pip, *REQUIREMENTS[peer])
    stamp.write_text(wanted, encoding="utf-8")  # last: an interrupted installation is made anew
    return str(python)


def _run(peer: str, *command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotInstalled(f"{peer}: {(done.stderr or done.stdout).strip()[-500:]}")
