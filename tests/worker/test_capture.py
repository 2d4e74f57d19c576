"""What a task prints is that task's, whatever it does to the streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import DataFlowKernel, ProcessExecutor, python_app
from nbflow.config import Config


@pytest.fixture
def one_worker() -> Iterator[DataFlowKernel]:
    with DataFlowKernel(Config([ProcessExecutor(max_workers=1)])) as flow:
        yield flow


def test_each_task_has_its_own_output(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def say(word: str) -> None:
        print(word)
        print(word.upper(), file=sys.stderr)

    futures = [say(word) for word in ("one", "two")]
    for future in futures:
        future.result(20)
    assert [one_worker.details(future.tid).output for future in futures] == ["one\nONE\n", "two\nTWO\n"]


@pytest.mark.parametrize(
    "harm",
    [
        "sys.stdout.close()",
        "sys.stdout = None",
        "del sys.stderr",
        "sys.stdout.detach()",
        "os.close(1)",
        "os.close(2)",
        "os.dup2(os.open('/dev/null', os.O_WRONLY), 1)",
    ],
)
def test_a_task_that_harms_a_stream_harms_no_other_task(harm: str, one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def do(code: str) -> int:
        exec(code, {"sys": sys, "os": os})
        return 1

    assert do(harm).result(20) == 1
    after = do("print('still here'); print('and here', file=sys.stderr)")
    assert after.result(20) == 1
    assert one_worker.details(after.tid).output == "still here\nand here\n"


def test_a_file_that_takes_the_place_of_a_closed_stream_is_left_alone(
    one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def write(path: str) -> None:
        os.close(1)
        os.write(os.open(path, os.O_WRONLY | os.O_CREAT), b"precious")

    write(str(tmp_path / "file")).result(20)
    assert (tmp_path / "file").read_text() == "precious"


def test_long_output_keeps_head_and_tail_and_says_what_is_left_out(one_worker: DataFlowKernel) -> None:
    @python_app(data_flow_kernel=one_worker)
    def shout() -> None:
        print("begin" + "x" * 2_000_000 + "end")

    future = shout()
    future.result(20)
    output = one_worker.details(future.tid).output
    assert output.startswith("begin")
    assert output.endswith("end\n")
    assert "bytes left out" in output
    assert len(output) < 1_001_000


def test_what_children_and_c_code_print_goes_there_as_well(
    one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def deep() -> None:
        print("one", flush=False)
        sys.stdout.flush()
        os.write(1, b"two\n")
        os.system("echo three")

    out = tmp_path / "out.txt"
    deep(stdout=out).result(20)
    assert out.read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize("harm", ["sys.stdout.close()", "sys.stdout = None", "os.close(1)"])
def test_a_task_that_harms_a_redirected_stream_harms_no_other(
    harm: str, one_worker: DataFlowKernel, tmp_path: Path
) -> None:
    @python_app(data_flow_kernel=one_worker)
    def do(code: str) -> int:
        exec(code, {"sys": sys, "os": os})
        return 1

    outs = [tmp_path / f"{n}" for n in range(2)]
    for out in outs:
        assert do(harm, stdout=out, stderr=None).result(20) == 1
    for out in outs:
        do("print('fine')", stdout=out).result(20)
    assert [out.read_text() for out in outs] == ["fine\n"] * 2
