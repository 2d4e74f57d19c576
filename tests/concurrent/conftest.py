"""Pools for the tests: one that all tests of a module share, and gates for their tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import nbflow
from nbflow import Config, ProcessExecutor, ThreadExecutor
from nbflow.concurrent import NbflowPoolExecutor

WORKERS = 2
CONFIGS = {
    "processes": Config(executors=[ProcessExecutor(max_workers=WORKERS)]),
    "threads": Config(executors=[ThreadExecutor(max_workers=WORKERS)]),
}

processes = pytest.mark.parametrize("config", ["processes"], indirect=True)
threads = pytest.mark.parametrize("config", ["threads"], indirect=True)


@pytest.fixture(scope="module", params=CONFIGS)
def config(request: pytest.FixtureRequest) -> Config:
    """Two workers of each kind."""
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def pool(config: Config) -> Iterator[NbflowPoolExecutor]:
    """A pool that tests leave as it is."""
    nbflow.clear()
    with NbflowPoolExecutor(config) as pool:
        yield pool


@pytest.fixture
def own_pool(config: Config) -> Iterator[NbflowPoolExecutor]:
    """A pool for a test that ends it."""
    with NbflowPoolExecutor(config) as pool:
        yield pool
