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


STANDS = (
    "import os, tempfile\n"
    "gate = os.path.join(tempfile.mkdtemp(), 'gate')\n"
    "os.mkfifo(gate)\n"
    "@nbflow.python_app\n"
    "def stand(gate):\n"
    "    return open(gate).read()"
)
OPEN = "open(gate, 'w').write('it went on')"


@pytest.mark.parametrize("waits", ["await future", "await nbflow.gather(double(1), future)"])
def test_an_interrupt_ends_the_waiting_and_the_task_goes_on(kernel: Kernel, waits: str) -> None:
    """As at a `result()`, also where the interrupt comes before the `await`, which a kernel lets it end."""
    kernel.run(STANDS)
    code = (
        "import os, signal\nfuture = stand(gate)\nos.kill(os.getpid(), signal.SIGINT)  # as the button does\n"
    )
    ran = kernel.run(code + waits, ok=False)
    assert ran.status == "error"
    assert "Interrupted: only the waiting was interrupted; " in ran.error
    assert "line 4" in ran.error
    assert kernel.value("future.cancelled()") == "False"
    kernel.run(OPEN)
    assert kernel.value("future.result()") == "'it went on'"


def test_an_interrupt_while_a_cell_awaits_ends_the_waiting_alone(kernel: Kernel) -> None:
    kernel.run(STANDS)
    code = (
        "import os, signal, asyncio\n"
        "future = stand(gate)\n"
        "asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)\n"
        "await future"
    )
    ran = kernel.run(code, ok=False)
    assert "`stand` goes on in the background." in ran.error
    kernel.run(OPEN)
    assert kernel.value("await future") == "'it went on'"


def test_a_wait_that_is_given_up_withdraws_its_task_as_ever(kernel: Kernel) -> None:
    kernel.run(STANDS)
    ran = kernel.run("import asyncio\nfuture = stand(gate)\nawait asyncio.wait_for(future, 0.1)", ok=False)
    assert "TimeoutError" in ran.error
    assert kernel.value("future.cancelled()") == "True"
