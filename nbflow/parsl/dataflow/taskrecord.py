"""The record of a task."""

from nbflow.client.record import TaskRecord

__all__ = ["TaskRecord"]
