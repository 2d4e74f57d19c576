"""Every path that Parsl's documentation tells a user to import from is there, and leads to nbflow's own object."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbflow
import nbflow.parsl

PROVIDERS = "AWS Azure Condor GoogleCloud GridEngine Kubernetes LSF Local PBSPro Slurm Torque"
LAUNCHERS = "Aprun GnuParallel Jsrun MpiExec MpiRun Simple SingleNode Srun SrunMPI Wrapped"

# path below nbflow.parsl: {module of nbflow's: "names", or "name=its name there" where that differs}
TABLE = {
    "": {
        "nbflow": "AUTO_LOGNAME Config DataFlowKernel File bash_app dfk join_app load python_app "
        "wait_for_current_tasks",
        "nbflow.client.flow.loading": "clear=forget",
        "nbflow.compat.executors": "HighThroughputExecutor RadicalPilotExecutor ThreadPoolExecutor WorkQueueExecutor",
        "nbflow.compat.monitoring": "MonitoringHub",
        "nbflow.logs": "set_file_logger set_stream_logger",
    },
    "addresses": {
        "nbflow.compat.addresses": "address_by_hostname address_by_interface address_by_query address_by_route "
        "get_all_addresses get_any_address"
    },
    "app.app": {"nbflow": "python_app bash_app join_app AppBase=App"},
    "app.errors": {
        "nbflow.errors": "AppBadFormatting AppException AppTimeout BadStdStreamFile BashAppNoReturn BashExitFailure "
        "MissingOutputs"
    },
    "app.futures": {"nbflow": "DataFuture"},
    "concurrent": {"nbflow.concurrent": "ParslPoolExecutor=NbflowPoolExecutor"},
    "config": {"nbflow": "Config"},
    "data_provider.ftp": {"nbflow.compat.staging": "FTPInTaskStaging FTPSeparateTaskStaging"},
    "data_provider.globus": {"nbflow.compat.staging": "GlobusStaging"},
    "data_provider.rsync": {"nbflow.compat.staging": "RSyncStaging"},
    "data_provider.zip": {"nbflow.compat.staging": "ZipFileStaging"},
    "data_provider.file_noop": {"nbflow.staging": "NoOpFileStaging"},
    "data_provider.files": {"nbflow": "File"},
    "data_provider.http": {
        "nbflow.client.fetching": "HTTPSeparateTaskStaging=HTTPStaging HTTPInTaskStaging=HTTPStaging"
    },
    "data_provider.staging": {"nbflow.staging": "Staging"},
    "dataflow.dependency_resolvers": {
        "nbflow.values.resolvers": "DEEP_DEPENDENCY_RESOLVER SHALLOW_DEPENDENCY_RESOLVER DependencyResolver"
    },
    "dataflow.dflow": {"nbflow": "DataFlowKernel"},
    "dataflow.errors": {
        "nbflow.errors": "BadCheckpoint DependencyError JoinError PropagatedException DataFlowException=NbflowError"
    },
    "dataflow.futures": {"nbflow": "AppFuture"},
    "dataflow.states": {"nbflow.client.record": "States FINAL_STATES FINAL_FAILURE_STATES"},
    "dataflow.taskrecord": {"nbflow.client.record": "TaskRecord"},
    "dataflow.memoization": {"nbflow.memoizers": "BasicMemoizer", "nbflow.values.fingerprint": "id_for_memo"},
    "errors": {
        "nbflow.errors": "ConfigurationError NoDataFlowKernelError ParslError=NbflowError "
        "InternalConsistencyError=IllegalMove",
        "nbflow.compat.errors": "OptionalModuleMissing",
    },
    "executors": {
        "nbflow.compat.executors": "HighThroughputExecutor ThreadPoolExecutor MPIExecutor WorkQueueExecutor "
        "TaskVineExecutor FluxExecutor RadicalPilotExecutor GlobusComputeExecutor"
    },
    "executors.errors": {
        "nbflow.errors": "BadStateException ExecutorError InvalidResourceSpecification UnsupportedFeatureError",
        "nbflow.compat.errors": "ScalingFailed",
    },
    "executors.flux.executor": {"nbflow.compat.executors": "FluxExecutor"},
    "executors.globus_compute": {"nbflow.compat.executors": "GlobusComputeExecutor"},
    "executors.high_throughput.errors": {"nbflow.errors": "WorkerLost ManagerLost=WorkerLost"},
    "executors.high_throughput.executor": {"nbflow.compat.executors": "HighThroughputExecutor"},
    "executors.high_throughput.manager_selector": {
        "nbflow.compat.executors": "RandomManagerSelector BlockIdManagerSelector"
    },
    "executors.radical.executor": {"nbflow.compat.executors": "RadicalPilotExecutor"},
    "executors.taskvine.executor": {"nbflow.compat.executors": "TaskVineExecutor"},
    "executors.high_throughput.mpi_executor": {"nbflow.compat.executors": "MPIExecutor"},
    "executors.radical": {"nbflow.compat.executors": "RadicalPilotExecutor"},
    "executors.taskvine": {"nbflow.compat.executors": "TaskVineExecutor"},
    "executors.threads": {"nbflow.compat.executors": "ThreadPoolExecutor"},
    "executors.workqueue": {"nbflow.compat.executors": "WorkQueueExecutor"},
    "executors.workqueue.executor": {"nbflow.compat.executors": "WorkQueueExecutor"},
    "launchers": {"nbflow.compat.providers": " ".join(f"{name}Launcher" for name in LAUNCHERS.split())},
    "launchers.base": {"nbflow.compat.providers": "Launcher"},
    "launchers.launchers": {
        "nbflow.compat.providers": " ".join(f"{name}Launcher" for name in LAUNCHERS.split())
    },
    "log_utils": {"nbflow.logs": "set_file_logger set_stream_logger DEFAULT_FORMAT"},
    "logconfigs.base": {"nbflow.logs": "LogConfig"},
    "logconfigs.file": {"nbflow.logs": "FileLogging"},
    "monitoring": {"nbflow.compat.monitoring": "MonitoringHub"},
    "monitoring.monitoring": {"nbflow.compat.monitoring": "MonitoringHub"},
    "providers": {"nbflow.compat.providers": " ".join(f"{name}Provider" for name in PROVIDERS.split())},
    "serialize": {"nbflow.parsl.serialize.facade": "serialize deserialize"},
    "serialize.errors": {"nbflow.errors": "DeserializationError SerializationError=CannotPickle"},
    "utils": {"nbflow.memoizers": "get_all_checkpoints get_last_checkpoint"},
    "version": {"nbflow": "VERSION=__version__"},
}

# what lives at its path, for it says nothing that nbflow's own users need
OF_ITS_OWN = {
    "configs.htex_local": "config",
    "configs.local_threads": "config",
    "dataflow.dflow": "DataFlowKernelLoader",
    "serialize.facade": "serialize deserialize",
    "usage_tracking.levels": "DISABLED LEVEL_1 LEVEL_2 LEVEL_3",
}

ROWS = [
    (path, *(name.split("=") * 2)[:2], own)
    for path, owners in TABLE.items()
    for own, names in owners.items()
    for name in names.split()
]


def module(path: str) -> object:
    return importlib.import_module(f"nbflow.parsl.{path}".rstrip("."))


@pytest.mark.parametrize(("path", "name", "there", "own"), ROWS)
def test_a_name_of_parsls_is_nbflows_own_object(path: str, name: str, there: str, own: str) -> None:
    assert getattr(module(path), name) is getattr(importlib.import_module(own), there)


@pytest.mark.parametrize(("path", "names"), OF_ITS_OWN.items())
def test_what_lives_at_its_path_is_there(path: str, names: str) -> None:
    assert all(hasattr(module(path), name) for name in names.split())


def test_the_table_has_every_module_with_names() -> None:
    """A module without names is a folder of Parsl's, no more."""
    found = {
        info.name.removeprefix("nbflow.parsl.")
        for info in pkgutil.walk_packages(nbflow.parsl.__path__, "nbflow.parsl.")
        if vars(importlib.import_module(info.name)).get("__all__")
    }
    assert found <= TABLE.keys() | OF_ITS_OWN.keys()


def test_a_star_import_gives_what_parsls_users_write_unqualified() -> None:
    names: dict[str, object] = {}
    exec("from nbflow.parsl import *", names)
    assert {"python_app", "bash_app", "join_app", "Config", "File", "load", "clear", "dfk"} <= names.keys()
    assert {name for name in nbflow.parsl.__all__ if not hasattr(nbflow.parsl, name)} == set()


def test_one_import_reaches_the_modules_below_as_attributes() -> None:
    program = (
        "import nbflow.parsl as parsl\n"
        "parsl.config.Config, parsl.app.app.python_app, parsl.executors.ThreadPoolExecutor\n"
        "parsl.data_provider.files.File, parsl.dataflow.dflow.DataFlowKernel, parsl.errors.ParslError\n"
        "import sys; assert 'IPython' not in sys.modules and 'asyncio' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_modules_are_thin() -> None:
    """Definitions belong to nbflow's own modules; what is below is what Parsl alone says."""
    folder = Path(nbflow.parsl.__file__).parent
    defining = {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.py")
        if any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in ast.parse(path.read_text()).body)
    }
    assert defining == {"dataflow/dflow", "serialize/facade"}
