"""The states of tasks."""

from nbflow.client.record import (
    FINAL_FAILURE_STATES,
    FINAL_STATES,
    States,
)

__all__ = [
    "FINAL_FAILURE_STATES",
    "FINAL_STATES",
    "States",
]
