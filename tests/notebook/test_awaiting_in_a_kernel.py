"""`await` at the top level of a cell: in the event loop that the kernel itself runs in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.shells import Kernel, real_kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        kernel.run("@nbflow.python_app\ndef double(x):\n    return 2 * x")
        yield kernel


def test_a_cell_may_await_a_future(kernel: Kernel) -> None:
    assert kernel.value("await double(double(1))") == "4"


def test_a_cell_may_await_several_in_order_and_as_they_end(kernel: Kernel) -> None:
    assert kernel.value("await nbflow.gather(double(1), double('a'))") == "[2, 'aa']"
    assert kernel.value("sorted(f.result() for f in nbflow.as_completed([double(2), double(1)]))") == "[2, 4]"


def test_a_failure_is_the_users_own_and_the_kernel_goes_on(kernel: Kernel) -> None:
    kernel.run("@nbflow.python_app\ndef fails():\n    raise ValueError('not today')")
    ran = kernel.run("await nbflow.gather(double(1), fails())", ok=False)
    assert ran.status == "error"
    assert "ValueError: not today" in ran.error
    assert kernel.value("await double(3)") == "6"


def test_other_coroutines_of_the_kernels_loop_go_on_meanwhile(kernel: Kernel) -> None:
    code = (
        "import asyncio, time\n"
        "turns = 0\n"
        "async def turn():\n"
        "    global turns\n"
        "    while True:\n"
        "        turns += 1\n"
        "        await asyncio.sleep(0)\n"
        "@nbflow.python_app\n"
        "def slow():\n"
        "    import time\n"
        "    time.sleep(0.3)\n"
        "other = asyncio.ensure_future(turn())\n"
        "await nbflow.gather(slow(), slow())\n"
        "other.cancel()\n"
        "turns > 10"
    )
    assert kernel.value(code) == "True"
