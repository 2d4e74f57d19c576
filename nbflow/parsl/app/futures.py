"""The futures of files."""

from nbflow.client.datafuture import DataFuture

__all__ = ["DataFuture"]
