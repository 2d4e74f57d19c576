"""A task can write to whatever its process has open. What is no frame ends its worker, and harms no other task."""

from __future__ import annotations

import os
import stat

import pytest

from nbflow import DataFlowKernel, WorkerLost, python_app


@python_app
def write_to_all_sockets(junk: bytes) -> int:
    written = 0
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                written += os.write(number, junk) > 0
        except OSError:
            continue
    return written


@python_app
def add(a: int, b: int) -> int:
    return a + b


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize(
    "junk", [b"print me", b"\xff" * 1000, b"\x08\0\0\0\xf7\xff\xff\xff\x91\x92\xa5Hello"], ids=[0, 1, 2]
)
def test_a_task_that_writes_to_its_workers_socket_loses_its_own_attempt_only(
    flow: DataFlowKernel, junk: bytes
) -> None:
    for _ in range(3):
        others = [add(number, 1) for number in range(5)]
        with pytest.raises(WorkerLost):
            write_to_all_sockets(junk).result()
        assert [future.result() for future in others] == [1, 2, 3, 4, 5]
        assert add(20, 22).result() == 42
