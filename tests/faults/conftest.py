"""What the tests of faults share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gates import Gate, make_gate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate of the test's own."""
    made, kept_open = make_gate(tmp_path)
    yield made
    for fd in kept_open:
        os.close(fd)
