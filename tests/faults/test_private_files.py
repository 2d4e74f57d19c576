"""What a flow makes is the user's alone, whatever the umask; a place that is not is refused, with what to do."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, ProcessExecutor, errors
from tests.faults.processes import Driver

SOMEBODY = 65534

BUSY = """
import numpy as np
from nbflow import AUTO_LOGNAME, BasicMemoizer

run_dir, own, mask = sys.argv[1:]
os.umask(int(mask, 8))
flow = nbflow.load(Config(
    executors=[ProcessExecutor(max_workers=2), ThreadExecutor(label="threads", max_workers=1)], run_dir=run_dir,
    memoizer=BasicMemoizer(checkpoint_mode="task_exit"),
))

@python_app(cache=True, executors=["processes"])
def big(n):
    print("a line")
    return np.arange(n)

@bash_app(executors=["processes"])
def command(outputs, stdout=AUTO_LOGNAME, stderr=AUTO_LOGNAME):
    return f"echo written; touch {outputs[0]}"

@python_app(executors=["threads"])
def total(array, stdout=AUTO_LOGNAME):
    print("summed")
    return int(array.sum())

values = [big(n) for n in (50_000, 60_000)]
command([own]).result(20)
assert total(values[0]).result(20) == 1249975000
values[1].result(20)
stores = [*flow._places.stores, flow.run_dir]
found = {}
for place in [run_dir, os.environ["XDG_STATE_HOME"] + "/nbflow", *stores]:
    for path in [place, *(os.path.join(folder, name) for folder, folders, files in os.walk(place)
                          for name in folders + files)]:
        about = os.lstat(path)
        found[path] = [about.st_mode, about.st_uid]
tell(json.dumps(found))
nbflow.clear()
"""


@pytest.mark.parametrize("mask", ["000", "022", "077", "777"])
def test_all_that_a_busy_flow_makes_is_the_users_alone(tmp_path: Path, mask: str) -> None:
    if mask == "777" and os.geteuid() != 0:
        pytest.skip("the user's own program could not even read what it writes")
    own = tmp_path / "own.txt"
    environment = {"XDG_STATE_HOME": str(tmp_path / "state"), "TOKEN": "very-secret-token"}
    with Driver(BUSY, tmp_path, str(tmp_path / "runs"), str(own), mask, environment=environment) as driver:
        found = json.loads(driver.hear())
    modes = {path: stat.S_IMODE(mode) for path, (mode, _) in found.items()}
    wanted = {path: 0o700 if stat.S_ISDIR(mode) else 0o600 for path, (mode, _) in found.items()}
    assert modes == wanted
    assert {uid for _, uid in found.values()} == {os.geteuid()}
    names = " ".join(os.path.basename(path) for path in found)
    for each in (
        "scheduler.log",
        "worker-",
        "nbflow.log",
        "memo.records",
        ".value",
        ".stdout",
        ".stderr",
        "key",
    ):
        assert each in names, f"nothing was seen of {each}"
    kept = [path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert len(kept) >= 6
    assert not [content for content in kept if b"very-secret-token" in content], "no log has the environment"
    assert stat.S_IMODE(own.stat().st_mode) == 0o666 & ~int(mask, 8), (
        "what the user has named has the user's umask"
    )


def load(run_dir: Path) -> None:
    nbflow.clear()
    nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)], run_dir=run_dir))


@pytest.mark.parametrize("which", ["it", "one above it"])
def test_a_run_directory_that_others_can_write_is_refused_and_nothing_is_made(
    tmp_path: Path, which: str
) -> None:
    runs = tmp_path / "shared" / "runs"
    runs.mkdir(parents=True)
    open_to_all = runs if which == "it" else runs.parent
    open_to_all.chmod(0o777)
    words = (
        rf"Config\(run_dir='{runs}'\) cannot be used: .* can be written by others: chmod go-w {open_to_all}"
    )
    with pytest.raises(errors.ConfigurationError, match=words):
        load(runs)
    assert list(runs.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act for other users")
def test_a_run_directory_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    runs = tmp_path / "theirs"
    runs.mkdir()
    os.chown(runs, SOMEBODY, -1)
    with pytest.raises(errors.ConfigurationError, match="belongs to somebody else"):
        load(runs)


def test_without_a_safe_place_for_temporary_files_the_home_has_one(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o777)
    program = "import nbflow; print(nbflow.load().run_dir); nbflow.clear()"

    def ended(home: Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "XDG_STATE_HOME": str(home)}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )

    run = ended(tmp_path / "state")
    assert run.stdout.startswith(str(tmp_path / "state" / "nbflow" / "nbflow-")), run.stderr
    assert os.listdir(tmp_path / "state" / "nbflow") == [], "it goes in the end"
    words = ended(tmp_path / "tmp" / "state").stderr
    assert "ConfigurationError: there is no place for a flow's files" in words
    assert "set TMPDIR to a directory that only you can write" in words


def test_what_is_logged_to_a_file_is_for_the_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        end = nbflow.set_file_logger(str(tmp_path / "own.log"))
    finally:
        os.umask(before)
    end()
    assert stat.S_IMODE((tmp_path / "own.log").stat().st_mode) == 0o600
