"""The tasks, and the harm that they do to whoever runs them. All give what `graph.value_of` says, in their own form."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from nbflow import bash_app, join_app, python_app
from tools.chaos.graph import BLOB, mixed

WALLTIME = 1.0  # seconds; of a task that hangs the first time


class Meant(Exception):
    """A task fails because it was told to."""


@python_app
def plain(mark: int, harm: str, place: str, needs: Sequence[Any]) -> int:
    """A task like most."""
    do(harm, place)
    return mixed(mark, read(needs))


@python_app(walltime=WALLTIME)
def hanging(mark: int, harm: str, place: str, needs: Sequence[Any]) -> int:
    """One that may hang."""
    do(harm, place)
    return mixed(mark, read(needs))


@python_app
def big(mark: int, harm: str, place: str, needs: Sequence[Any]) -> bytes:
    """One whose value goes through the object store."""
    do(harm, place)
    return mixed(mark, read(needs)).to_bytes(4, "little") * (BLOB // 4)


@python_app(cache=True, ignore_for_cache=["harm", "place"])
def cached(mark: int, harm: str, place: str, needs: Sequence[Any]) -> int:
    """One whose equal calls run once."""
    do(harm, place)
    return mixed(mark, read(needs))


@python_app
def nested(mark: int, harm: str, place: str, needs: Sequence[Any]) -> int:
    """One that calls two others and waits for them."""
    do(harm, place)
    value = mixed(mark, read(needs))
    inner = [plain(value, "", place, [1]), plain(value, "", place, [2])]
    return mixed(value, [future.result() for future in inner])


@join_app
def joined(mark: int, harm: str, place: str, needs: Sequence[Any]) -> Future[int]:
    """One that goes on as another one."""
    do(harm, place)
    value = mixed(mark, read(needs))
    return plain(value, "", place, [plain(value, "", place, [1]), plain(value, "", place, [2])])


@bash_app
def shell(mark: int, harm: str, place: str, needs: Sequence[Any]) -> str:
    """A command. Its value is that it has written its number."""
    do(harm, place)
    return f"echo {mixed(mark, read(needs))} > {place}.new && mv {place}.new {place}.out"


APPS = {"": plain, "big": big, "cached": cached, "nested": nested, "joined": joined, "shell": shell}


def read(values: Sequence[Any]) -> list[int]:
    """Values as numbers, whatever form they have."""
    return [as_number(value) for value in values]


def as_number(value: Any) -> int:
    """One value as a number; -1 if it is none that a task gives."""
    if isinstance(value, bytes):
        word = value[:4]
        return int.from_bytes(word, "little") if value == word * (BLOB // 4) else -1
    return value if isinstance(value, int) else -1


def do(harm: str, place: str) -> None:
    """Do harm, most of them once for each place."""
    if harm == "prints":
        print("a line that nobody reads\n" * 2000)
    elif harm == "sleeps":
        time.sleep(0.01)
    elif harm and first_time(place):
        HARMS[harm]()


def first_time(place: str) -> bool:
    """Whether nobody has been here."""
    try:
        os.close(os.open(f"{place}.harmed", os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def raises() -> None:
    """An error."""
    raise Meant("as it was told to")


def exits() -> None:
    """The worker ends."""
    os._exit(3)


def crashes() -> None:
    """A segmentation fault."""
    ctypes.string_at(0)


def hangs() -> None:
    """Until the walltime is over."""
    time.sleep(3600)


def leaves() -> None:
    """Child processes that nobody waits for."""
    subprocess.Popen(["sleep", "3600"])
    subprocess.Popen(["sleep", "3600"], start_new_session=True)


def shuts() -> None:
    """The standard streams."""
    for number in range(3):
        os.close(number)


HARMS = {
    "raises": raises,
    "exits": exits,
    "crashes": crashes,
    "hangs": hangs,
    "leaves": leaves,
    "shuts": shuts,
}
