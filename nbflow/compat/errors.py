"""Errors of Parsl's that nothing here raises: programs name them in their `except` clauses."""

from __future__ import annotations

from nbflow.errors import ExecutorError, NbflowError


class OptionalModuleMissing(NbflowError):
    """A module that only some features need is not installed: what is here needs none."""


class ScalingFailed(ExecutorError):
    """Blocks of nodes cannot be had: there are none here."""
