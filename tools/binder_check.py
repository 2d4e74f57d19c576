"""Checks binder/ without Docker, as far as that goes.

1. repo2docker reads an export of HEAD and renders its Dockerfile: the build pack, the Python and the steps are those
   that are meant.
2. In a new environment of that Python, with an empty HOME, the steps themselves are run: pip, then postBuild.
3. There the first notebook is executed with what a pod has: one core, 1 GiB (measured), 64 MB of /dev/shm (where this
   user may mount one).

What it cannot see: Ubuntu's packages, conda's, and the image that comes out.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from repo2docker.app import Repo2Docker
from repo2docker.buildpacks import PythonBuildPack

from tools.pythons import ROOT, check, environment, find

NOTEBOOK = "notebooks/01-first-steps.ipynb"
PYTHON = "3.12"
STEPS = (  # of the Dockerfile, in this order
    'bin/pip install --no-cache-dir -r "binder/requirements.txt"',
    "COPY --chown=1000:1000 src/ ${REPO_DIR}/",
    "RUN ./binder/postBuild",
    'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
)
SCRIPTS = ("postBuild", "start")
MEMORY = 768  # MiB for the kernel and its flow; the pod's other 256 are JupyterLab's
NOTEBOOK_TIME = 180  # seconds
SMALL_SHM = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'


def expect(holds: bool, what: str) -> None:
    """Say that something holds, or end with what does not."""
    if not holds:
        sys.exit(f"binder-check: not so: {what}")
    print(f"ok: {what}", flush=True)


def render(checkout: Path) -> None:
    """Let repo2docker read the checkout, and hold its Dockerfile to what is meant."""
    before = Path.cwd()
    os.chdir(checkout)  # a build pack reads the current directory
    try:
        app = Repo2Docker()
        for kind in app.buildpacks:
            pack = kind(app.base_image)
            pack.platform = "linux/amd64"
            if pack.detect():
                break
        dockerfile = pack.render({})
    finally:
        os.chdir(before)
    expect(type(pack) is PythonBuildPack, f"the build pack is {PythonBuildPack.__name__}")
    expect(pack.binder_dir == "binder", "it reads binder/")
    expect(pack.python_version == PYTHON, f"the Python is {PYTHON}")
    places = [dockerfile.find(step) for step in STEPS]
    expect(-1 not in places and places == sorted(places), f"its steps are: {'; '.join(STEPS)}")


def scripts(checkout: Path) -> None:
    """Check what Docker would only find out late: that the scripts can be run at all."""
    for name in SCRIPTS:
        path = checkout / "binder" / name
        text = path.read_bytes()
        expect(os.access(path, os.X_OK), f"binder/{name} is executable")
        expect(text.startswith(b"#!/bin/bash\n") and b"\r" not in text, f"binder/{name} is a bash script")
        check(["bash", "-n", str(path)])
    expect(
        (checkout / "binder" / "start").read_text().endswith('exec "$@"\n'),
        "binder/start ends in what is started",
    )


def build(checkout: Path, venv: Path, home: Path) -> dict[str, str]:
    """Run the steps in a new environment; return the variables for what runs in it."""
    python = find(PYTHON)
    if python is None:
        python = sys.executable
        print(f"No Python {PYTHON} here: the steps run on {sys.version.split()[0]} instead")
    check([python, "-m", "venv", str(venv)])
    variables = environment(home, venv / "bin")
    pip = [str(venv / "bin" / "python"), "-m", "pip"]
    check([*pip, "install", "--quiet", "-r", "binder/requirements.txt"], cwd=checkout, env=variables)
    check(["./binder/postBuild"], cwd=checkout, env=variables)
    check([*pip, "check"], env=variables)
    check([str(venv / "bin" / "jupyter"), "lab", "--version"], env=variables)
    return variables


def first_notebook(checkout: Path, variables: dict[str, str]) -> None:
    """Execute the first notebook in a pod's bounds."""
    command = ["./binder/start", "jupyter", "execute", "--output", "executed", NOTEBOOK]
    for private in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        bounded = [*private, "sh", "-c", SMALL_SHM, "sh"]
        if subprocess.run([*bounded, "true"], capture_output=True, check=False).returncode == 0:
            command = [*bounded, *command]
            print("with 64 MB of /dev/shm")
            break
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited
        print("on one core")
    print("$", " ".join(command), flush=True)
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, cwd=checkout, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        most = 0.0
        try:
            while process.poll() is None:
                most = max(most, _memory(process.pid))
                if time.monotonic() > began + NOTEBOOK_TIME:
                    sys.exit(f"binder-check: {NOTEBOOK} is not through after {NOTEBOOK_TIME} s")
                time.sleep(0.2)
        finally:
            for left in _tree(process.pid):
                left.kill()
        if process.returncode:
            log.seek(0)
            sys.exit(f"{log.read()}\nbinder-check: {NOTEBOOK} failed")
    expect(
        most <= MEMORY, f"{NOTEBOOK} ran in {time.monotonic() - began:.0f} s and {most:.0f} of {MEMORY} MiB"
    )


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def _memory(pid: int) -> float:
    """MiB of a process and those below it; what they share is counted once."""
    total = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def main() -> int:
    """Check it all; SystemExit with the reason where something does not hold."""
    with tempfile.TemporaryDirectory(prefix="nbflow-binder-") as scratch:
        checkout, home = Path(scratch) / "checkout", Path(scratch) / "home"
        checkout.mkdir()
        home.mkdir()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=checkout, input=archive, check=True)
        render(checkout)
        scripts(checkout)
        first_notebook(checkout, build(checkout, Path(scratch) / "venv", home))
    print("binder-check: all well")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
