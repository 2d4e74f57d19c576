"""Tasks that fail so many times, and what is known of them. The fixture `log` gives the file of the count."""

from __future__ import annotations

from pathlib import Path

from nbflow import AppFuture, DataFlowKernel


def attempts(log: Path) -> int:
    return len(log.read_text())


def fails(log: Path, error: BaseException, times: int = 100) -> str:
    """The body of a task: raises so many times, then returns."""
    with log.open("a") as file:
        file.write("x")
    if len(log.read_text()) <= times:
        raise error
    return "done"


def story(flow: DataFlowKernel, future: AppFuture) -> list[str]:
    return [words for _, words in flow.details(future.tid).story]
