"""Finds a Chromium-like browser on this machine, and where it may, installs Debian's.

`python -m tools.browser` prints the path of the browser. The browser tests call `find()`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
    "brave-browser",
)
MAC_APPLICATIONS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
# The second carries the signs that the live graph draws (✓ ▶ ✕ ↺).
DEBIAN_PACKAGES = ("chromium", "fonts-dejavu-core")
HINT = "Install Chromium or Chrome, or name one: NBFLOW_BROWSER=/path/to/chromium"


def find() -> str | None:
    """Return the path of a Chromium-like browser, `$NBFLOW_BROWSER` first; None where there is none."""
    named = os.environ.get("NBFLOW_BROWSER")
    if named:
        return shutil.which(named)
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    for application in MAC_APPLICATIONS:
        path = f"/Applications/{application}"
        if Path(path).exists():
            return path
    return None


def install() -> None:
    """Install Debian's Chromium; does nothing where this user may not, or there is no apt-get."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("No Chromium here; installing Debian's package", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *DEBIAN_PACKAGES]):
        ended = subprocess.run(
            ["apt-get", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            print(f"apt-get {command[0]} failed:\n{ended.stdout[-2000:]}", file=sys.stderr)


def main() -> int:
    """Print the browser's path, installing it first if need be; 1 where CI has none."""
    if find() is None:
        install()
    path = find()
    if path:
        print(f"Browser for the browser tests: {path}")
        return 0
    print(f"No Chromium-like browser found: the browser tests will be skipped. {HINT}", file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    raise SystemExit(main())
