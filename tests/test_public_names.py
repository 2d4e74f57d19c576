"""The public names of `nbflow`: all there, each imported when it is asked for; none pays for what it needs not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nbflow


def loaded_after(statement: str) -> set[str]:
    """The modules of nbflow that a fresh interpreter has after a statement."""
    program = f"{statement}\nimport sys\nprint(*(name for name in sys.modules if name.startswith('nbflow')))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_every_public_name_has_a_home() -> None:
    assert sorted(nbflow._HOME_OF) == sorted([*nbflow.__all__, "map"])


@pytest.mark.parametrize("name", nbflow.__all__)
def test_a_public_name_can_be_imported_and_is_listed(name: str) -> None:
    assert getattr(nbflow, name) is not None
    assert name in dir(nbflow)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        nbflow.nothing  # noqa: B018 - asking is the test


def test_all_of_them_come_with_a_star() -> None:
    namespace: dict[str, object] = {}
    exec("from nbflow import *", namespace)
    assert set(nbflow.__all__) <= namespace.keys()
    assert "map" not in namespace, "Python's own stays"


def test_the_package_alone_brings_nothing_along() -> None:
    assert loaded_after("import nbflow") == {"nbflow"}


def test_a_scheduler_knows_nothing_of_clients_and_a_worker_nothing_of_their_handle() -> None:
    scheduler = loaded_after("import nbflow.scheduler.loop")
    assert not {
        name for name in scheduler if name.startswith(("nbflow.client", "nbflow.worker", "nbflow.notebook"))
    }
    worker = loaded_after("import nbflow.worker.loop")
    assert not worker & {"nbflow.client.flow.kernel", "nbflow.client.flow.connection", "nbflow.config"}
