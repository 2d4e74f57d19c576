"""The parallel patterns of Parsl's guide as scripts: with `parsl` in the import lines replaced, they run as they stand.

Each runs in an empty directory, as `python script.py`, with no more set up than a user has.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gates import make_gate
from tests.patterns.conftest import at_a_gate

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def start(script: Path, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What it printed, once it has ended well and has said nothing on stderr."""
    said, complaints = process.communicate(timeout=50)
    assert (process.returncode, complaints) == (0, "")
    return said


def numbers(text: str) -> list[int]:
    return [int(word.strip("[],")) for word in text.split()]


def files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def bag_of_tasks(said: str, directory: Path) -> None:
    found = [float(line) for line in said.split()]
    assert len(set(found)) == 10
    assert all(0 <= number < 1 for number in found)


def sequential(said: str, directory: Path) -> None:
    assert 1 <= int(said) <= 10
    assert files(directory) == {"output.txt": said.strip() + "\n"}


def parallel(said: str, directory: Path) -> None:
    assert said == "20\n"


def loop(said: str, directory: Path) -> None:
    found = numbers(said)
    assert len(found) == 4
    assert all(1 <= number <= limit for number, limit in zip(found, range(1, 5), strict=True))


def chain_of_files(said: str, directory: Path) -> None:
    found = files(directory)
    parts = [int(found[f"random-{i}.txt"]) for i in range(5)]
    assert all(5 <= part <= 10 for part in parts)
    assert numbers(found["all.txt"]) == parts
    assert int(said) == sum(parts)
    assert found["stdout.txt"] == ""
    assert len(found) == 8, "five parts, their sum, stdout and stderr"


def map_reduce(said: str, directory: Path) -> None:
    assert said == "12\n"


def warm(said: str, directory: Path) -> None:
    values, workers = said.splitlines()
    assert numbers(values) == list(range(1, 21))
    made = files(directory)["initialized.txt"].splitlines()
    assert len(set(made)) == len(made) == int(workers), "once in each worker that was used"


CHECKS: dict[str, Callable[[str, Path], None]] = {
    "bag_of_tasks": bag_of_tasks,
    "sequential": sequential,
    "parallel": parallel,
    "loop": loop,
    "pool": loop,
    "files": chain_of_files,
    "map_reduce": map_reduce,
    "warm": warm,
}


def test_every_pattern_is_checked() -> None:
    assert sorted(CHECKS) == [script.stem for script in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_pattern_runs_as_it_stands(script: Path, tmp_path: Path) -> None:
    CHECKS[script.stem](ended(start(script, tmp_path)), tmp_path)


def test_two_tasks_run_side_by_side_and_the_third_after_both(tmp_path: Path) -> None:
    """Four seconds instead of six, said without a clock."""
    script = tmp_path / "parallel.py"
    script.write_text(at_a_gate((Path(__file__).parent / "scripts" / "parallel.py").read_text()))
    gate, opened = make_gate(tmp_path)
    process = start(script, tmp_path)
    try:
        gate.wait_for(2)
        gate.let_through(2)
        gate.wait_for(1)
        gate.let_through(1)
        assert ended(process) == "20\n"
    finally:
        process.kill()
        for fd in opened:
            os.close(fd)
    assert (tmp_path / "story.txt").read_text().split() == ["begin", "begin", "end", "end", "begin", "end"]
