"""One flow is loaded at a time; how it is loaded, forgotten and ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, errors, parsl, python_app
from nbflow.client import current
from nbflow.client.flow import loading
from nbflow.client.flow.loading import start_on_first_call

ONE = (ProcessExecutor(1),)

pytestmark = pytest.mark.usefixtures("nothing_loaded")


@python_app
def add(x: int, y: int = 1) -> int:
    return x + y


@python_app
def wait_for(path: str) -> str:
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.01)
    return path


def test_nothing_runs_before_load() -> None:
    nbflow.clear()
    with pytest.raises(errors.NoDataFlowKernelError, match="load"):
        add(1)
    with pytest.raises(errors.NoDataFlowKernelError):
        nbflow.dfk()


def test_loading_again_with_nothing_new_gives_the_same_flow(flow: DataFlowKernel) -> None:
    assert nbflow.load() is flow
    assert nbflow.load(Config(executors=[ProcessExecutor(max_workers=2)])) is flow
    assert nbflow.dfk() is flow
    with pytest.raises(errors.ConfigurationError, match=r"clear\(\) first"):
        nbflow.load(Config(executors=[ProcessExecutor(max_workers=1)]))
    assert add(1).result(10) == 2


def test_a_configuration_can_be_used_again(flow: DataFlowKernel) -> None:
    config = flow.config
    nbflow.clear()
    again = nbflow.load(config)
    assert again is not flow
    assert add(1).result(20) == 2


def test_the_first_call_loads_the_default_where_that_is_wanted() -> None:
    nbflow.clear()
    start_on_first_call()
    try:
        assert add(1).result(20) == 2
        assert nbflow.dfk().config == Config()
    finally:
        start_on_first_call(False)
        nbflow.clear()


def test_a_flow_is_a_context_manager() -> None:
    nbflow.clear()
    with DataFlowKernel(Config(executors=[ProcessExecutor(max_workers=1)])) as flow:
        assert add(1).result(20) == 2
    assert flow.closed
    with pytest.raises(errors.NoDataFlowKernelError):
        add(1)


def test_a_flow_is_loaded_with_a_config(flow: DataFlowKernel) -> None:
    for make in (DataFlowKernel, nbflow.load):
        with pytest.raises(errors.ConfigurationError, match=r"nbflow\.Config, not 3"):
            make(3)  # type: ignore[operator] # that is the test


def test_loading_something_else_says_what_differs(flow: DataFlowKernel) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        nbflow.load(Config(flow.config.executors, retries=3))
    assert str(caught.value).endswith("clear() first, which ends it. Loaded is retries=0, not 3")


def test_clear_ends_the_loaded_flow() -> None:
    flow = nbflow.load(Config(ONE))
    nbflow.clear()
    nbflow.clear()
    assert flow.closed


def test_parsls_clear_forgets_the_flow_and_lets_it_go_on(tmp_path: Path) -> None:
    with nbflow.load(Config(ONE)) as flow:
        future = wait_for(str(tmp_path / "go"))
        parsl.clear()
        with pytest.raises(errors.NoDataFlowKernelError):
            add(1)
        with parsl.load(Config(ONE)) as other:
            assert other is not flow
            assert add(1).result(20) == 2
            (tmp_path / "go").touch()
            assert future.result(20) == str(tmp_path / "go")


def test_a_forgotten_flow_ends_with_the_program(tmp_path: Path) -> None:
    program = (
        "import nbflow.parsl as parsl\n"
        "from nbflow.parsl.configs.htex_local import config\n"
        "flow = parsl.load(config); print(flow._host.pid, flow.run_dir); parsl.clear()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    pid, run_dir = ran.stdout.split()
    assert not os.path.exists(run_dir)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_the_loader_of_older_programs_loads_too() -> None:
    from nbflow.parsl.dataflow.dflow import DataFlowKernelLoader

    flow = DataFlowKernelLoader.load(Config(ONE))
    assert DataFlowKernelLoader.dfk() is nbflow.dfk() is flow
    DataFlowKernelLoader.wait_for_current_tasks()
    DataFlowKernelLoader.clear()
    with pytest.raises(errors.NoDataFlowKernelError):
        nbflow.dfk()
    flow.cleanup()


# ---------------------------------------------------------------- the end of a block


def test_a_block_ends_its_flow_without_waiting(tmp_path: Path) -> None:
    with nbflow.load(Config(ONE)) as flow:
        future = wait_for(str(tmp_path / "never"))
    assert flow.closed
    assert isinstance(future.exception(0), errors.FlowClosed)


def test_a_block_that_waits_ends_when_its_tasks_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = DataFlowKernel.wait_for_current_tasks

    def begin_to_wait(flow: DataFlowKernel) -> None:
        (tmp_path / "go").touch()
        wait(flow)

    monkeypatch.setattr(DataFlowKernel, "wait_for_current_tasks", begin_to_wait)
    with nbflow.load(Config(ONE, exit_mode="wait")) as flow:
        future = wait_for(str(tmp_path / "go"))
    assert flow.closed
    assert future.result(0) == str(tmp_path / "go")


def test_a_block_that_waits_does_not_after_an_exception(tmp_path: Path) -> None:
    flow = nbflow.load(Config(ONE, exit_mode="wait"))
    future = wait_for(str(tmp_path / "never"))
    with pytest.raises(ValueError, match="mine"), flow:
        raise ValueError("mine")
    assert flow.closed
    assert isinstance(future.exception(0), errors.FlowClosed)


def test_a_block_whose_waiting_is_interrupted_ends_its_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(flow: DataFlowKernel) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DataFlowKernel, "wait_for_current_tasks", interrupt)
    with pytest.raises(KeyboardInterrupt), nbflow.load(Config(ONE, exit_mode="wait")) as flow:
        pass
    assert flow.closed


def test_a_block_that_skips_leaves_its_flow_loaded() -> None:
    with nbflow.load(Config(ONE, exit_mode="skip")) as flow:
        pass
    assert nbflow.dfk() is flow
    assert add(1).result(20) == 2


def test_what_an_earlier_task_of_the_worker_has_loaded_is_not_the_next_ones_though_it_is_not_closed_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = SimpleNamespace(closed=False)
    left = SimpleNamespace(closed=False, calls=SimpleNamespace(closed=False))
    monkeypatch.setattr(current, "_home", home)
    monkeypatch.setattr(loading, "_loaded", left)
    monkeypatch.setattr(current, "_current", left.calls)
    assert cast(object, nbflow.dfk()) is left
    current.come_home()
    with pytest.raises(errors.NoDataFlowKernelError, match="call apps as they are"):
        nbflow.dfk()
