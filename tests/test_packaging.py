"""What is in the wheel: what users need, and nothing else."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nbflow import demo

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.parametrize(
    "name",
    [
        "nbflow/py.typed",
        "nbflow/notebook/static/graph/main.mjs",
        "nbflow/notebook/static/graph/graph.css",
        "nbflow/notebook/static/line/main.mjs",
        "nbflow/notebook/static/line/line.css",
        "nbflow/notebooks/digits-sweep.ipynb",
        "nbflow/notebooks/01-first-steps.ipynb",
        "nbflow/notebooks/02-parallel-patterns.ipynb",
        "nbflow/notebooks/03-cells-as-tasks.ipynb",
    ],
)
def test_the_wheel_holds(wheel: Path, name: str) -> None:
    assert name in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_nothing_beside_the_package(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"nbflow", f"{wheel.name.partition('-py3')[0]}.dist-info"}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
    metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Name"] == "nbflow-kit"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"


def test_the_command_works_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = f"""if True:
        import sys
        sys.path[:] = [{str(tmp_path)!r}, *(path for path in sys.path if path not in ("", {str(ROOT)!r}))]
        from nbflow import demo
        print(demo.notebook_path())
    """
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == str(tmp_path / "nbflow" / "notebooks" / demo.NOTEBOOK)
