"""Logs on a stream or in a file."""

from nbflow.logs import (
    DEFAULT_FORMAT,
    set_file_logger,
    set_stream_logger,
)

__all__ = [
    "DEFAULT_FORMAT",
    "set_file_logger",
    "set_stream_logger",
]
