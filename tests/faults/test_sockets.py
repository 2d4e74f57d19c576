"""No port, no abstract socket, one named socket; what comes in by it, and what it is good for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, errors, python_app
from nbflow.client.flow import living as living_flows
from nbflow.client.flow.living import Living, living
from nbflow.private import runtime_directory
from nbflow.scheduler import door as doors
from tests.faults.processes import Driver, alive, traces_of
from tests.gates import Gate, stand_at

linux = pytest.mark.skipif(not os.path.isdir("/proc/self/net"), reason="reads /proc")


def of(flow: DataFlowKernel) -> Living:
    """What anybody of this user finds of a flow, once it has begun."""
    (found,) = [each for each in living() if each.id == flow.run_id]
    return found


def nbflow_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nbflow", *arguments], capture_output=True, text=True, check=False, timeout=50
    )


def sockets_of(pids: set[int]) -> set[str]:
    """The inodes of all sockets that processes hold."""
    found = set()
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:  # closed meanwhile
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


@linux
def test_a_flow_has_one_socket_with_a_name_and_no_port(flow: DataFlowKernel, gate: Gate) -> None:
    apps = [python_app(stand_at)(gate, number) for number in range(2)]
    gate.wait_for(2)
    pids = alive(flow.run_id)
    assert len(pids) == 3, "the scheduler and two workers"
    own = sockets_of(pids)
    assert len(own) >= 4
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        lines = Path(f"/proc/{min(pids)}/net/{kind}").read_text().splitlines()[1:]
        assert not [line for line in lines if line.split()[9] in own], f"a {kind} socket"
    named = []
    for line in Path(f"/proc/{min(pids)}/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if fields[6] in own and len(fields) > 7:
            named.append(fields[7])
    assert named == [of(flow).path]
    for path, kind, mode in (
        (named[0], stat.S_IFSOCK, 0o600),
        (os.path.dirname(named[0]), stat.S_IFDIR, 0o700),
    ):
        about = os.lstat(path)
        assert (stat.S_IFMT(about.st_mode), stat.S_IMODE(about.st_mode)) == (kind, mode)
        assert about.st_uid == os.geteuid()
    gate.let_through(2)
    assert [app.result(20) for app in apps] == [0, 1]
    nbflow.clear()
    assert not os.path.lexists(named[0])


def test_whoever_comes_by_the_socket_the_flow_goes_on(flow: DataFlowKernel) -> None:
    flow.status()
    path = of(flow).path
    said = [b"", b"\n", b"\x80\x04.\n", b"x" * 100_000, b'{"verb": "exec"}\n', b'{"verb":"st']
    visitors = []
    for number in range(40):
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        visitor.setblocking(False)
        try:
            visitor.connect(path)
            visitor.send(said[number % len(said)])
        except OSError:  # there are enough of them, or it was cut off
            pass
        visitors.append(visitor)
    assert python_app(abs)(-1).result(20) == 1
    assert flow.status().pid
    for visitor in visitors:
        visitor.close()
    assert of(flow).state is not None


def test_a_flow_tells_how_it_is(flow: DataFlowKernel, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    app = python_app(stand_at)
    futures = [app(gate, number) for number in range(3)]
    gate.wait_for(2)
    state = of(flow).state
    assert state is not None
    assert (state.id, state.name, state.driver) == (flow.run_id, "flow", os.getpid())
    assert (state.scheduler, state.run_dir) == (flow.status().pid, flow.run_dir)
    assert sum(state.tasks.values()) == 3
    assert state.tasks["running"] == state.busy == state.workers == 2
    listed = [
        each for each in json.loads(nbflow_command("flows", "--json").stdout) if each["id"] == flow.run_id
    ]
    assert listed[0]["tasks"] == state.tasks
    table = nbflow_command("flows").stdout.splitlines()
    assert table[0].split() == ["FLOW", "NAME", "PROCESS", "AGE", "WORKERS", "TASKS"]
    (line,) = [line for line in table if line.startswith(flow.run_id[:8])]
    assert line.split()[1:3] == ["flow", str(os.getpid())]
    assert "2, 2 busy" in line
    assert "2 running" in line
    gate.let_through(3)
    assert [future.result(20) for future in futures] == [0, 1, 2]


def test_a_scheduler_that_was_stopped_is_listed_as_such(
    flow: DataFlowKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(living_flows, "PATIENCE", 0.2)
    scheduler = flow.status().pid
    os.kill(scheduler, signal.SIGSTOP)
    try:
        assert of(flow).state is None
    finally:
        os.kill(scheduler, signal.SIGCONT)
    monkeypatch.undo()
    assert of(flow).state is not None


@pytest.mark.filterwarnings("ignore:nbflow. flow .* was ended by:UserWarning")
def test_a_flow_is_ended_from_another_process(flow: DataFlowKernel, gate: Gate) -> None:
    @python_app
    def stubborn(gate: Gate) -> None:
        import signal
        import time

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stand_at(gate, None)
        time.sleep(600)

    @python_app
    def after(value: object) -> None:
        pass

    traces = traces_of(flow)
    running = stubborn(gate)
    waiting = [after(running) for _ in range(3)]
    gate.wait_for()
    gate.let_through()
    ended = nbflow_command("end", flow.run_id[:10])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"flow {flow.run_id[:8]} has ended\n"
    with pytest.raises(CancelledError):
        running.result(20)
    for future in waiting:
        with pytest.raises((CancelledError, errors.NeedFailed)):
            future.result(20)
    traces.assert_gone()
    with pytest.raises(errors.FlowClosed, match="it was ended by `nbflow end`"):
        flow.calls.call_function(abs, -1)
    assert [each for each in living() if each.id == flow.run_id] == []
    nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
    assert python_app(abs)(-2).result(20) == 2


def test_to_end_a_flow_one_must_be_named(flow: DataFlowKernel) -> None:
    other = DataFlowKernel(Config(executors=[ProcessExecutor(max_workers=1)], name="other"))
    try:
        flow.status()
        other.status()
        ended = nbflow_command("end", str(os.getpid()))
        assert ended.returncode == 1
        assert "nbflow: 2 flows are meant by" in ended.stderr
        assert flow.run_id[:8] in ended.stderr
        assert other.run_id[:8] in ended.stderr
        assert nbflow_command("end", "no-such-flow").returncode == 1
        assert of(flow).state is not None
    finally:
        other.cleanup()


DIES = """
flow = nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
tell_traces(flow)
sys.stdin.readline()
"""


def test_of_a_flow_that_was_killed_as_a_whole_no_socket_stays(tmp_path: Path, flow: DataFlowKernel) -> None:
    for _ in range(2):
        with Driver(DIES, tmp_path) as driver:
            traces = driver.hear_traces()
            path = os.path.join(runtime_directory(), f"{traces.run_id}.sock")
            assert stat.S_ISSOCK(os.lstat(path).st_mode)
            for pid in (driver.pid, traces.scheduler, *traces.workers):
                os.kill(pid, signal.SIGKILL)
        assert traces.run_id not in [each.id for each in living()]
        assert os.path.lexists(path), "nobody was left to remove it"
        past = time.time() - doors.STALE - 10
        os.utime(path, (past, past))
        DataFlowKernel(Config(executors=[ProcessExecutor(max_workers=1)])).cleanup()
        assert not os.path.lexists(path), "the next flow does"
        for place in traces.places:
            shutil.rmtree(place, ignore_errors=True)
    assert of(flow).state is not None
