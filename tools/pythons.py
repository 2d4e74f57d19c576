"""The Python interpreters of this machine, by version, and virtual environments made from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTED = ("3.10", "3.11", "3.12", "3.13")
# What a package client may need to reach its registry, and processes to find their tools.
KEPT = ("PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "LANG", "LC_", "TMPDIR", "TERM")


def find(version: str) -> str | None:
    """Return the path of a Python of this version ("3.12"), from PATH or pyenv; None where there is none."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [
        shutil.which(f"python{version}"),
        *sorted(map(str, home.glob(f"{version}.*/bin/python")), reverse=True),
    ]
    return next((path for path in candidates if path and _works(path, version)), None)


def _works(path: str, version: str) -> bool:
    program = "import ensurepip, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"
    ended = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    return ended.returncode == 0 and ended.stdout.strip() == version


def environment(home: Path, *first_on_path: Path) -> dict[str, str]:
    """Return variables for a process that should know nothing of this user but how to reach the network."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(KEPT) or name.lower().endswith("_proxy") or name == "OPENBLAS_CORETYPE"
    }
    path = os.pathsep.join([*map(str, first_on_path), "/usr/local/bin", "/usr/bin", "/bin"])
    return {**kept, "HOME": str(home), "PATH": path}


def check(command: list[str], **options: object) -> None:
    """Run a command, showing it; raise SystemExit, with what it wrote, if it fails."""
    print("$", " ".join(command), flush=True)
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    if ended.returncode:
        sys.exit(f"{ended.stdout}\nfailed with exit code {ended.returncode}: {' '.join(command)}")
