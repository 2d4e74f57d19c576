"""A log in a file."""

from nbflow.logs import FileLogging

__all__ = ["FileLogging"]
