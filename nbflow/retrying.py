"""`Retry`: how often a task is tried again, after which errors, and how long it waits before.

Plain data. What comes of it is decided in `nbflow.core`; which errors count is looked at where the error is.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from nbflow.checking import Description, count, number, refuse
from nbflow.errors import ConfigurationError


@dataclass(frozen=True, repr=False)
class Retry(Description):
    """How a task is tried again whose attempt failed. A plain number `n` means `Retry(n)`.

        Retry(3, on=(OSError, nbflow.WorkerLost), delay=2)      # after 2 s, 4 s and 8 s

    Args:
        times: how many further attempts, after the first one: at most `times + 1` in all.
        on: the class of errors after which there is another attempt, or a tuple of classes. The default leaves out
            what asks a program to end (`SystemExit`, `KeyboardInterrupt`). A lost worker counts as `WorkerLost`, a
            walltime that is over as `AppTimeout`, a task ended for its memory as `MemoryLimitExceeded`. A task whose
            need failed is never tried again.
        delay: seconds before the first further attempt.
        factor: each further delay is so many times as long, at least 1.
        longest: seconds; no delay is longer.

    Raises:
        ConfigurationError: a value is not allowed; the text names field, value and what is.
    """

    times: int
    _: KW_ONLY
    on: type[BaseException] | tuple[type[BaseException], ...] = Exception
    delay: float = 0.0
    factor: float = 2.0
    longest: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep("times", count, 0)
        self._keep("delay", number, least=0)
        self._keep("factor", number, least=1)
        self._keep("longest", number, least=0)
        if not self.classes or not all(
            isinstance(c, type) and issubclass(c, BaseException) for c in self.classes
        ):
            raise refuse("Retry(on=...)", "a class of exceptions or a tuple of such classes", self.on)

    def __repr__(self) -> str:
        names = ", ".join(kind.__name__ for kind in self.classes)
        return (
            super().__repr__().replace(repr(self.on), f"({names})" if isinstance(self.on, tuple) else names)
        )

    @property
    def classes(self) -> tuple[Any, ...]:
        """What `on` names, as a tuple."""
        return self.on if isinstance(self.on, tuple) else (self.on,)


def check_retries(where: str, value: Any) -> int | Retry:
    """A number of further attempts, or a `Retry`.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(value, Retry):
        return value
    try:
        return count(where, value, 0)
    except ConfigurationError:
        raise refuse(where, "a whole number of at least 0 or an nbflow.Retry", value) from None
