"""What nbflow logs goes to the logger `nbflow` and those below it; here is how to see it. Nothing does by default.

Records that are about a flow say so in attributes of their own: `flow` (its name), and `run_dir`; those about a task,
which are of level DEBUG: `task` (its number) and `app`.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nbflow import private
from nbflow.checking import Description, count, text
from nbflow.legible import legible

LOGGER = "nbflow"
LEVEL = logging.DEBUG
STREAM_FORMAT = "%(asctime)s %(name)s [%(levelname)s] %(message)s"
DEFAULT_FORMAT = (
    "%(asctime)s %(processName)s-%(process)d %(threadName)s %(name)s:%(lineno)d %(levelname)s: %(message)s"
)
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def set_stream_logger(
    name: str = LOGGER,
    level: int = LEVEL,
    format_string: str | None = None,
    stream: IO[str] | None = None,
) -> Callable[[], None]:
    """Show what is logged.

    Args:
        name: the logger.
        level: the least level that is shown.
        format_string: of each record, in `logging`'s manner; None = time, logger, level, text.
        stream: where to; None = standard error.

    Returns:
        A function that undoes this call.
    """
    return _attach(logging.StreamHandler(stream), name, level, format_string or STREAM_FORMAT)


def set_file_logger(
    filename: str,
    name: str = LOGGER,
    level: int = LEVEL,
    format_string: str | None = None,
) -> Callable[[], None]:
    """Append what is logged to a file; if it is made here, only the user can read it.

    Arguments and result are those of `set_stream_logger`.

    Raises:
        OSError: the file cannot be opened.
    """
    handler = _own(logging.FileHandler)(filename, encoding="utf-8")
    return _attach(handler, name, level, format_string or DEFAULT_FORMAT)


class LogConfig(ABC):
    """What `Config(initialize_logging=...)` takes beside True and False."""

    @abstractmethod
    def initialize_logging(self, *, log_dir: Path, log_name: str) -> Callable[[], None]:
        """Begin to log into a directory, for the time of a flow; returns a function that ends it."""


@dataclass(frozen=True, repr=False)
class FileLogging(Description, LogConfig):
    """A log in a file of the run directory, of bounded size: what is older goes to `.1`, then goes.

    Args:
        format_string: of each record, in `logging`'s manner.
        level: the least level that is logged.
        longest: bytes of one file.

    Raises:
        ConfigurationError: a value is not allowed.
    """

    format_string: str = DEFAULT_FORMAT
    level: int = LEVEL
    longest: int = 5_000_000

    def __post_init__(self) -> None:
        text("FileLogging(format_string=...)", self.format_string)
        count("FileLogging(level=...)", self.level, 0)
        count("FileLogging(longest=...)", self.longest, 1)
        super().__post_init__()

    def initialize_logging(self, *, log_dir: Path, log_name: str) -> Callable[[], None]:
        """Log into `<log_dir>/<log_name>.log` until the function that is returned is called."""
        from logging.handlers import RotatingFileHandler  # it loads sockets and more: few flows keep a log

        log_dir.mkdir(parents=True, exist_ok=True)
        path = log_dir / f"{log_name}.log"
        handler = _own(RotatingFileHandler)(path, maxBytes=self.longest, backupCount=1, encoding="utf-8")
        return _attach(handler, LOGGER, self.level, self.format_string)


def start(wanted: bool | LogConfig, run_dir: str) -> Callable[[], None]:
    """Begin a flow's own log, if one is wanted; returns a function that ends it."""
    if wanted is False:
        return _nothing
    config = FileLogging(level=logging.INFO) if wanted is True else wanted
    ends: object = config.initialize_logging(log_dir=Path(run_dir), log_name=LOGGER)
    return ends if callable(ends) else _nothing  # one of the user's may have forgotten it


def _nothing() -> None:
    """Nothing was begun, nothing ends."""


class _Formatter(logging.Formatter):
    """Makes records legible, and indents what is not their first line: no text of a task's can pass for a record."""

    def format(self, record: logging.LogRecord) -> str:
        return legible(super().format(record)).replace("\n", "\n    ")


def _own(kind: type[logging.FileHandler]) -> Callable[..., logging.FileHandler]:
    """A handler whose files are the user's alone: what is logged of calls may be nobody else's business."""

    class Own(kind):  # type: ignore[misc, valid-type] # the base is one of two
        def _open(self) -> IO[str]:
            return open(
                self.baseFilename,
                self.mode,
                encoding=self.encoding,
                errors=self.errors,
                opener=private.opener,
            )

    return Own


@dataclass
class _Logger:
    """The level that a logger had, and those that the handlers attached here ask for."""

    own: int
    wanted: list[int]

    def level(self) -> int:
        """The least that anybody wants to see."""
        if not self.wanted:
            return self.own
        return min(self.wanted if self.own == logging.NOTSET else [self.own, *self.wanted])


_loggers: dict[str, _Logger] = {}


def _attach(handler: logging.Handler, name: str, level: int, format_string: str) -> Callable[[], None]:
    handler.setLevel(level)
    handler.setFormatter(_Formatter(format_string, TIME_FORMAT))
    logger = logging.getLogger(name)
    ours = _loggers.setdefault(name, _Logger(logger.level, []))
    ours.wanted.append(level)
    logger.setLevel(ours.level())
    logger.addHandler(handler)
    attached = [handler]

    def undo() -> None:
        if not attached:
            return
        attached.clear()
        logger.removeHandler(handler)
        handler.close()
        ours.wanted.remove(level)
        logger.setLevel(ours.level())
        if not ours.wanted:
            del _loggers[name]

    return undo


def about(flow: str, run_dir: str) -> dict[str, Any]:
    """What records about a flow carry: for `extra=`."""
    return {"flow": flow, "run_dir": run_dir}
