"""Nothing is on the screen that nobody asked for; what is asked for can be taken back."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from nbflow import DataFlowKernel, ProcessExecutor, errors, logs, python_app
from nbflow.config import Config

LOGGER = logging.getLogger("nbflow")


def test_a_stream_shows_what_is_logged_until_it_is_undone() -> None:
    stream = io.StringIO()
    undo = logs.set_stream_logger(stream=stream, level=logging.INFO)
    logging.getLogger("nbflow.part").info("seen")
    LOGGER.debug("below the level")
    undo()
    undo()
    LOGGER.info("too late")
    assert stream.getvalue().endswith(" nbflow.part [INFO] seen\n")
    assert stream.getvalue().count("\n") == 1


def test_a_file_shows_what_is_logged_in_the_format_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "some.log"
    undo = logs.set_file_logger(str(path), format_string="%(levelname)s %(message)s")
    LOGGER.debug("grüße")
    undo()
    assert path.read_text(encoding="utf-8") == "DEBUG grüße\n"


def test_undoing_gives_the_logger_its_level_back_in_any_order() -> None:
    before = LOGGER.level
    first = logs.set_stream_logger(stream=io.StringIO(), level=logging.WARNING)
    second = logs.set_stream_logger(stream=io.StringIO(), level=logging.DEBUG)
    assert LOGGER.level == logging.DEBUG
    second()
    assert LOGGER.level == logging.WARNING
    third = logs.set_stream_logger(stream=io.StringIO(), level=logging.INFO)
    first()
    assert LOGGER.level == logging.INFO
    third()
    assert LOGGER.level == before


def test_a_level_that_the_user_has_set_is_not_raised() -> None:
    logger = logging.getLogger("nbflow.user_set")
    logger.setLevel(logging.DEBUG)
    undo = logs.set_stream_logger("nbflow.user_set", logging.ERROR, stream=io.StringIO())
    assert logger.level == logging.DEBUG
    undo()
    assert logger.level == logging.DEBUG


def test_nothing_is_on_the_screen_by_default() -> None:
    program = "import logging, nbflow; logging.getLogger('nbflow.part').error('bad')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (ran.stdout, ran.stderr) == (b"", b"")


@pytest.mark.parametrize(
    "make",
    [
        lambda: logs.FileLogging(level="DEBUG"),  # type: ignore[arg-type] # that is the test
        lambda: logs.FileLogging(longest=0),
        lambda: logs.FileLogging(format_string=""),
    ],
)
def test_a_wrong_description_of_a_log_is_refused(make: object) -> None:
    with pytest.raises(errors.ConfigurationError):
        make()  # type: ignore[operator]


def test_a_log_in_a_file_is_bounded(tmp_path: Path) -> None:
    end = logs.FileLogging("%(message)s", longest=100).initialize_logging(log_dir=tmp_path, log_name="x")
    for number in range(100):
        LOGGER.info("line %d", number)
    end()
    assert {path.name for path in tmp_path.iterdir()} == {"x.log", "x.log.1"}
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert "line 99" in (tmp_path / "x.log").read_text()


# ---------------------------------------------------------------- of a flow

ONE = (ProcessExecutor(1),)


def test_a_flow_keeps_a_log_where_its_files_are_kept(tmp_path: Path) -> None:
    executors = [ProcessExecutor(1, environment={"TOKEN": "secret"})]
    with DataFlowKernel(Config(executors, run_dir=tmp_path / "runs", name="sweep")) as flow:
        path = Path(flow.run_dir) / "nbflow.log"
        assert f"flow 'sweep' begins in {flow.run_dir}, on processes: 1 workers" in path.read_text()
        assert "secret" not in path.read_text()
    said = path.read_text()
    assert said.rstrip().endswith("flow 'sweep' has ended")
    LOGGER.info("of no flow")
    assert path.read_text() == said


def test_a_flow_keeps_no_log_where_none_is_wanted(tmp_path: Path) -> None:
    with DataFlowKernel(Config(ONE, run_dir=tmp_path / "runs", initialize_logging=False)) as flow:
        assert not (Path(flow.run_dir) / "nbflow.log").exists()


def test_a_log_configuration_of_the_users_is_begun_and_ended_with_the_flow(tmp_path: Path) -> None:
    story: list[object] = []

    class Mine(logs.LogConfig):
        def initialize_logging(self, *, log_dir: Path, log_name: str) -> object:  # type: ignore[override]
            story.append((log_dir, log_name))
            return lambda: story.append("ended")

    with DataFlowKernel(Config(ONE, run_dir=tmp_path / "runs", initialize_logging=Mine())) as flow:
        assert story == [(Path(flow.run_dir), "nbflow")]
    assert story == [(Path(flow.run_dir), "nbflow"), "ended"]


def test_a_log_that_cannot_be_begun_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken(logs.LogConfig):
        def initialize_logging(self, *, log_dir: Path, log_name: str) -> NoReturn:
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        DataFlowKernel(Config(ONE, run_dir=tmp_path / "runs", initialize_logging=Broken()))
    assert not (tmp_path / "runs" / "000" / "values").exists()
    assert not (tmp_path / "runs" / "000" / "scheduler.log").exists()


def test_records_about_a_flow_say_which(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "nbflow"), DataFlowKernel(Config(ONE, name="sweep")) as flow:
        pass
    about = [record.__dict__ for record in caplog.records]
    assert [(each["flow"], each["run_dir"]) for each in about] == [("sweep", flow.run_dir)] * 2


def test_records_about_a_task_say_which(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "nbflow"), DataFlowKernel(Config(ONE)) as flow:
        double = python_app(data_flow_kernel=flow)(_double)
        double(double(2)).result(30)
    about = [
        (record.__dict__["task"], record.__dict__["app"], record.getMessage())
        for record in caplog.records
        if "task" in record.__dict__
    ]
    assert (1, "_double", "task 1 `_double`: submitted, needs []") in about
    assert (2, "_double", "task 2 `_double`: submitted, needs ['1']") in about
    assert (2, "_double", "task 2 `_double`: done") in about


def _double(x: int) -> int:
    return 2 * x
