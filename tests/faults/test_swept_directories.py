"""What is left where driver and scheduler were killed at once goes with the next flow; nothing else does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import Config, DataFlowKernel, ProcessExecutor
from nbflow.client.flow import claims
from tests.faults.processes import Driver, Traces, alive, has_ended, kill, wait_for_end

DEAD = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=1)], run_dir=sys.argv[1] if len(sys.argv) > 1 else None))
os.mkfifo("ready")

@python_app
def begin(path):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    open(path, "w").close()
    time.sleep(1000)

future = begin(os.path.abspath("ready"))
open("ready").close()
tell_traces(flow)
sys.stdin.readline()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for temporary files of this test's own."""
    place = tmp_path / "temporary"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield place
    monkeypatch.undo()


def load_another() -> None:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])):
        pass


def kill_both(driver: Driver, traces: Traces) -> None:
    os.kill(traces.scheduler, 19)  # SIGSTOP: it must not see the driver die
    kill(driver.pid)
    driver.wait()
    kill(traces.scheduler)
    wait_for_end([traces.scheduler, *traces.workers])


@pytest.mark.parametrize("kept", [False, True], ids=["temporary", "run_dir"])
def test_the_next_flow_removes_what_nobody_is_left_to_remove(place: Path, tmp_path: Path, kept: bool) -> None:
    runs = tmp_path / "runs"
    with Driver(DEAD, tmp_path, *([str(runs)] if kept else [])) as driver:
        traces = driver.hear_traces()
        load_another()
        assert all(map(os.path.isdir, traces.places)), "those of a living flow stay"
        kill_both(driver, traces)
        here = [path for path in traces.places if path.startswith(str(tmp_path))]
        assert here
        assert all(map(os.path.isdir, here))
        assert alive(traces.run_id), "what the task has started in a session of its own"
        with DataFlowKernel(Config([ProcessExecutor(max_workers=1)], run_dir=runs if kept else None)) as flow:
            traces.assert_gone()
            assert os.path.isdir(flow.run_dir)
    if kept:
        assert sorted(os.listdir(runs)) == ["000", "001"], "the runs themselves stay"


def test_a_scheduler_alone_holds_the_directories(place: Path, tmp_path: Path) -> None:
    with Driver(DEAD, tmp_path) as driver:
        traces = driver.hear_traces()
        os.kill(traces.scheduler, 19)
        kill(driver.pid)
        driver.wait()
        load_another()
        assert all(map(os.path.isdir, traces.places)), (
            "it is for the scheduler to remove them, when it goes on"
        )
        os.kill(traces.scheduler, 18)
        traces.assert_gone()


def test_what_is_not_of_a_dead_flow_stays(place: Path, tmp_path: Path) -> None:
    users = place / "nbflow-experiments"
    users.mkdir()
    (users / "data").write_text("a user's")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / claims.NAME).write_text("0" * 16)
    (place / "nbflow-link").symlink_to(elsewhere)
    open_to_all = place / "nbflow-open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / claims.NAME).write_text("0" * 16)
    linked = place / "nbflow-linked"
    linked.mkdir(mode=0o700)
    (linked / claims.NAME).symlink_to(elsewhere / claims.NAME)
    load_another()
    for path in (users / "data", elsewhere / claims.NAME, open_to_all, linked):
        assert path.exists(), path


def test_a_claim_is_seen_by_others_until_all_who_hold_it_have_gone(tmp_path: Path) -> None:
    directory = tmp_path / "nbflow-claimed"
    directory.mkdir(mode=0o700)
    fd = claims.claim(str(directory), "0" * 16)
    assert fd is not None
    holder = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[fd])
    os.close(fd)
    claims.sweep(str(tmp_path))
    assert directory.exists()
    holder.communicate()
    assert has_ended(holder.pid)
    claims.sweep(str(tmp_path))
    assert not directory.exists()
