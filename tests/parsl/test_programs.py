"""Programs as Parsl's users write them run when their import lines say `nbflow.parsl`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITH_A_BLOCK = """
import nbflow.parsl as parsl
from nbflow.parsl.app.app import python_app, bash_app, join_app
from nbflow.parsl.config import Config
from nbflow.parsl.data_provider.files import File
from nbflow.parsl.executors.threads import ThreadPoolExecutor

@python_app
def generate(limit):
    from random import randint
    return randint(1, limit)

@bash_app
def echo(text, outputs=(), stdout=parsl.AUTO_LOGNAME):
    return f"echo {text}; echo {text} > {outputs[0]}"

@python_app
def read(inputs=()):
    with open(inputs[0]) as file:
        return file.read().strip()

@python_app
def add(x, y):
    return x + y

@join_app
def fibonacci(n):
    if n <= 1:
        return add(n, 0)
    return add(fibonacci(n - 1), fibonacci(n - 2))

with parsl.load(Config(executors=[ThreadPoolExecutor(max_threads=4, label="local")], run_dir="runinfo")) as dfk:
    assert 1 <= generate(10).result() <= 10
    hello = echo("hello", outputs=[File("hello.txt")])
    assert read(inputs=[hello.outputs[0]]).result() == "hello"
    with open(hello.stdout) as file:
        assert file.read() == "hello\\n"
    assert fibonacci(6).result() == 8
    assert hello.task_status() == "exec_done"
print("all is well")
"""

WITH_ALL_FIELDS = """
import nbflow.parsl as parsl
from nbflow.parsl import *
from nbflow.parsl.addresses import address_by_hostname
from nbflow.parsl.config import Config
from nbflow.parsl.executors import HighThroughputExecutor
from nbflow.parsl.launchers import SimpleLauncher
from nbflow.parsl.monitoring import MonitoringHub
from nbflow.parsl.providers import LocalProvider
from nbflow.parsl.usage_tracking.levels import LEVEL_1
from nbflow.parsl.app.errors import AppException, BashExitFailure
from nbflow.parsl.dataflow.errors import DependencyError, JoinError
from nbflow.parsl.dataflow.memoization import BasicMemoizer
from nbflow.parsl.dataflow.states import States
from nbflow.parsl.executors.high_throughput.errors import ManagerLost, WorkerLost

config = Config(
    executors=[
        HighThroughputExecutor(
            label="htex_local",
            worker_debug=True,
            cores_per_worker=1,
            max_workers_per_node=2,
            address=address_by_hostname(),
            encrypted=False,
            heartbeat_period=15,
            provider=LocalProvider(init_blocks=1, max_blocks=1, launcher=SimpleLauncher()),
        ),
        ThreadPoolExecutor(label="local", max_threads=1),
    ],
    memoizer=BasicMemoizer(),
    monitoring=MonitoringHub(workflow_name="mine", resource_monitoring_interval=1),
    strategy="simple",
    retries=1,
    usage_tracking=LEVEL_1,
    exit_mode="wait",
)
parsl.set_file_logger("parsl.log")
parsl.load(config)

@python_app(executors=["htex_local"], cache=True)
def divide(x, y):
    return x / y

@python_app(executors=["local"])
def same(x):
    return x

@bash_app
def fail():
    return "exit 3"

assert same(divide(6, 3)).result() == 2
try:
    same(divide(1, 0)).result()
except DependencyError as error:
    assert "ZeroDivisionError" in str(error)
try:
    fail().result()
except BashExitFailure as error:
    assert error.exitcode == 3
parsl.wait_for_current_tasks()
assert parsl.dfk().config is config
assert {label for label in parsl.dfk().executors} == {"htex_local", "local"}
parsl.dfk().cleanup()
parsl.clear()
parsl.load(config)
assert divide(8, 2).result() == 4
print("all is well")
"""


@pytest.mark.parametrize("program", [WITH_A_BLOCK, WITH_ALL_FIELDS], ids=["with a block", "with all fields"])
def test_a_program_of_parsls_runs(program: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, "program.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("all is well\n", "", 0)
