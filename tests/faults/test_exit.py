"""The end of a program: within its time, and nothing is left, whatever its tasks are at."""

from __future__ import annotations

from pathlib import Path

from tests.faults.processes import Driver, alive

IDLE = """
flow = nbflow.load(Config([ProcessExecutor(max_workers=2)]))
started = python_app(lambda: subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)().result()
tell(started)
tell_traces(flow)
sys.stdin.readline()
"""


def test_all_that_a_flow_starts_is_found_by_its_id_and_goes_with_it(tmp_path: Path) -> None:
    with Driver(IDLE, tmp_path) as driver:
        started = int(driver.hear())
        traces = driver.hear_traces()
        assert alive(traces.run_id) >= {traces.scheduler, *traces.workers}
        assert started
        driver.say()
        assert driver.wait() == 0, driver.errors()
        traces.assert_gone()
