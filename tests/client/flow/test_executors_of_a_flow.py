"""What a flow's executors are given, and how they grow in number while it runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import nbflow
from nbflow import (
    Config,
    DataFlowKernel,
    ProcessExecutor,
    ThreadExecutor,
    bash_app,
    errors,
    join_app,
    python_app,
)
from nbflow.compat.executors import HighThroughputExecutor, ThreadPoolExecutor

ONE = (ProcessExecutor(1),)

pytestmark = pytest.mark.usefixtures("nothing_loaded")


@python_app
def here() -> str:
    import os

    return os.getcwd()


@python_app
def variables(names: list[str]) -> list[str | None]:
    import os

    return [os.environ.get(name) for name in names]


@python_app
def meet(folder: str, others: int) -> tuple[str, str | None]:
    """Come in, wait until so many are there, and say by whom and with which accelerator."""
    import os
    import time
    from pathlib import Path

    worker = os.environ["NBFLOW_WORKER"]
    (Path(folder) / worker).touch()
    while len(os.listdir(folder)) < others:
        time.sleep(0.01)
    return worker, os.environ.get("CUDA_VISIBLE_DEVICES")


# ---------------------------------------------------------------- what workers are given


def test_workers_run_in_their_working_directory_which_is_made(tmp_path: Path) -> None:
    with nbflow.load(Config([HighThroughputExecutor(max_workers=1, working_dir=tmp_path / "a" / "b")])):
        assert here().result(20) == str(tmp_path / "a" / "b")


def test_workers_run_where_the_flow_was_loaded_if_nothing_else_is_said() -> None:
    with nbflow.load(Config(ONE)):
        assert here().result(20) == os.getcwd()


def test_a_working_directory_that_cannot_be_made_is_refused_at_load(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.ConfigurationError, match=r"ProcessExecutor\(working_dir=.*cannot be used"):
        nbflow.load(Config([ProcessExecutor(1, working_dir=tmp_path / "file" / "x")]))


def test_modules_beside_the_program_are_found_from_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_it.py").write_text("answer = 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")

    @python_app
    def ask() -> int:
        import beside_it  # type: ignore[import-not-found] # it is made above

        return int(beside_it.answer)

    with nbflow.load(Config([ProcessExecutor(1, working_dir=tmp_path / "elsewhere")])):
        assert ask().result(20) == 42


def test_each_worker_sees_an_accelerator_of_its_own(tmp_path: Path) -> None:
    with nbflow.load(Config([HighThroughputExecutor(available_accelerators=["gpu-a", "gpu-b"])])):
        futures = [meet(str(tmp_path), 2) for _ in range(2)]
        seen = dict(future.result(40) for future in futures)
        names = variables(["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"]).result(20)
    assert sorted(str(each) for each in seen.values()) == ["gpu-a", "gpu-b"]
    assert names in (["gpu-a"] * 3, ["gpu-b"] * 3)


def test_the_accelerator_of_a_lost_worker_goes_to_the_next(tmp_path: Path) -> None:
    @python_app
    def die() -> None:
        import os

        os._exit(3)

    with nbflow.load(Config([ProcessExecutor(accelerators=["gpu-a", "gpu-b"])])):
        assert isinstance(die().exception(20), errors.WorkerLost)
        futures = [meet(str(tmp_path), 2) for _ in range(2)]
        assert sorted(str(future.result(40)[1]) for future in futures) == ["gpu-a", "gpu-b"]


def test_workers_see_what_this_process_sees_if_there_is_no_word_of_accelerators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    monkeypatch.delenv("ZE_AFFINITY_MASK", raising=False)
    with nbflow.load(Config(ONE)):
        assert variables(["CUDA_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"]).result(20) == ["5", None]


# ---------------------------------------------------------------- adding executors


def test_an_executor_can_be_added_to_a_running_flow() -> None:
    @python_app(executors=["more"])
    def where() -> str | None:
        import os

        return os.environ.get("NBFLOW_EXECUTOR")

    with nbflow.load(Config(ONE)) as flow:
        with pytest.raises(errors.UsageError, match="wants executor 'more'; this flow has: processes"):
            where()
        flow.add_executors([ProcessExecutor(1, "more")])
        assert list(flow.executors) == ["processes", "more"]
        assert where().result(20) == "more"
        assert "more: 1 workers" in repr(flow)
    assert [each.label for each in flow.config.executors] == ["processes"]


def test_threads_can_be_added_and_run_in_this_process() -> None:
    @python_app(executors=["threads"])
    def process() -> int:
        import os

        return os.getpid()

    with nbflow.load(Config(ONE)) as flow:
        flow.add_executors([ThreadPoolExecutor(max_threads=1)])
        assert process().result(20) == os.getpid()


def test_tasks_know_executors_that_were_added_after_their_worker_began(tmp_path: Path) -> None:
    @python_app(executors=["more"])
    def where() -> str | None:
        import os

        return os.environ.get("NBFLOW_EXECUTOR")

    @join_app
    def outer() -> object:
        return where()

    with nbflow.load(Config(ONE)) as flow:
        assert here().result(20)  # the worker has begun
        flow.add_executors([ProcessExecutor(1, "more")])
        assert outer().result(20) == "more"


@pytest.mark.parametrize(
    ("base", "added", "words"),
    [
        (ONE, [ProcessExecutor()], "has a label twice: processes, processes"),
        (ONE, ProcessExecutor(label="x"), "must be a list of executors"),
        (ONE, [], "is empty"),
        (ONE, ["x"], "takes ProcessExecutor and ThreadExecutor objects, not 'x'"),
        (
            (ThreadExecutor(),),
            [ThreadExecutor(label="t"), ProcessExecutor()],
            "that has only threads takes further threads",
        ),
    ],
)
def test_executors_that_cannot_be_added_are_refused_and_nothing_changes(
    base: tuple[nbflow.executors.Executor, ...], added: list[ProcessExecutor], words: str
) -> None:
    with nbflow.load(Config(base)) as flow:
        with pytest.raises(errors.ConfigurationError, match=words):
            flow.add_executors(added)
        assert list(flow.executors) == [each.label for each in base]
    with pytest.raises(errors.FlowClosed):
        flow.add_executors([ThreadExecutor(label="late")])


# ---------------------------------------------------------------- in Parsl's words


def double(x: int, by: int = 2) -> int:
    return x * by


def test_a_function_can_be_submitted_without_being_an_app(flow: DataFlowKernel) -> None:
    assert flow.submit(double, (4,), "all", False, [], {}).result(20) == 8
    needed = flow.submit(double, [1])
    future = flow.submit(double, app_args=(needed,), executors=["processes"], app_kwargs={"by": 5})
    assert future.result(20) == 10
    app = python_app(double)
    assert flow.submit(lambda: [app(1), app(2)], (), join=True).result(20) == [2, 4]
    with pytest.raises(errors.AppBadFormatting):
        flow.submit(3, ())  # type: ignore[arg-type] # that is the test


def test_a_flow_knows_its_tasks_by_their_numbers(flow: DataFlowKernel, tmp_path: Path) -> None:
    assert flow.task_count == 0
    future = meet(str(tmp_path), 2)
    record = flow.tasks[future.tid]
    assert (record["id"], record["func_name"]) == (future.tid, "meet")
    (tmp_path / "somebody").touch()
    future.result(20)
    assert flow.tasks == {}
    assert flow.task_count == 1
    assert flow.rundir == flow.run_dir


def test_tasks_run_in_a_directory_whose_name_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = os.fsencode(tmp_path) + b"/caf\xe9", os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    monkeypatch.chdir(os.fsdecode(odd))
    Path("of_this_directory.py").write_text("VALUE = 3")
    monkeypatch.syspath_prepend(os.fsdecode(odd))
    elsewhere = ProcessExecutor(1, label="elsewhere", working_dir=os.fsdecode(other))
    with nbflow.load(Config([ProcessExecutor(1), elsewhere])) as flow:

        @python_app(executors=["processes"], cache=True)
        def look() -> tuple[bytes, int]:
            import of_this_directory  # type: ignore[import-not-found]

            return os.getcwdb(), of_this_directory.VALUE

        assert look().result(30) == (odd, 3)
        again = look()
        assert again.result(30) == (odd, 3)
        assert flow.rows()[again.tid].recalled
        there = python_app(os.getcwdb, executors=["elsewhere"])()
        assert there.result(30) == other
        said = bash_app(lambda stdout: "echo said", executors=["processes"])(stdout="out")
        assert said.result(30) == 0
        assert Path("out").read_text() == "said\n"
    with pytest.raises(errors.ConfigurationError, match=r"run_dir=.* takes a path that is UTF-8"):
        nbflow.load(Config(run_dir="runs"))


def test_workers_have_the_variables_that_parsls_have(tmp_path: Path) -> None:
    names = [f"PARSL_WORKER_{name}" for name in ("RANK", "COUNT", "POOL_ID", "BLOCK_ID")]

    @python_app
    def look(lost: bool) -> list[str | None]:
        (tmp_path / os.environ["PARSL_WORKER_RANK"]).touch()
        while len(os.listdir(tmp_path)) < 2:
            time.sleep(0.001)
        if lost:
            os._exit(3)
        return [os.environ.get(name) for name in names]

    with nbflow.load(Config([ProcessExecutor(2, label="pool")])):
        ranks = sorted(value for future in [look(False), look(False)] for value in future.result(30)[:1])
        assert ranks == ["0", "1"]
        assert isinstance(look(True).exception(30), errors.WorkerLost)
        for path in tmp_path.iterdir():
            path.unlink()
        found = sorted(future.result(30) for future in [look(False), look(False)])
        assert found == [[rank, "2", "pool", "0"] for rank in ("0", "1")], "the next one has that of the lost"


def test_more_processes_than_the_machine_can_hold_are_refused_before_any_is_started(tmp_path: Path) -> None:
    many = ProcessExecutor(max_workers=100_000_000, label="many")
    with pytest.raises(
        errors.ConfigurationError, match=r"max_workers=100000000\): so many .* 1500 TB of memory"
    ):
        DataFlowKernel(Config([many], run_dir=tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
        with pytest.raises(errors.ConfigurationError, match="so many processes"):
            flow.add_executors([many])
        assert list(flow.executors) == ["processes"]
