"""The futures of tasks."""

from nbflow.client.future import AppFuture

__all__ = ["AppFuture"]
