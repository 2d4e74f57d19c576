"""Which checkpoints a flow recalls from, and where it writes its own. Writing and reading them is the scheduler's.

A recalled value is unpickled, and a pickle can run any code. So a checkpoint counts that is signed with the user's key
and lies where nobody else can change it; of others the user is told, once, and their calls run again. `trust=` lifts
that for the directories that it names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from nbflow import private
from nbflow.client.flow.places import parent_of_runs
from nbflow.client.flow.warned import warn
from nbflow.config import Config
from nbflow.errors import BadCheckpoint, NotPrivate
from nbflow.memoizers import RECORDS, BasicMemoizer, get_all_checkpoints
from nbflow.values import records
from nbflow.wire.messages import MemoSpec

_NAMED = 3  # directories that a warning names


class Earlier(NamedTuple):
    """What a flow recalls from, the oldest first, and what it signs with."""

    directories: list[str]
    trusted: list[str]  # of these, those that the user trusts whoever wrote them
    secret: bytes  # b"" where nothing is recalled nor kept


def memoizer_of(config: Config) -> BasicMemoizer:
    """What the flow remembers by."""
    return BasicMemoizer() if config.memoizer is None else config.memoizer


def earlier_checkpoints(config: Config) -> Earlier:
    """The directories to recall from. To be asked before this run has a directory. Warns of those left out.

    Raises:
        BadCheckpoint: one that was named holds no checkpoint.
    """
    memoizer = memoizer_of(config)
    found = _named(memoizer) if memoizer.checkpoint_files is not None else _found(config, memoizer)
    if not found and memoizer.checkpoint_mode is None:
        return Earlier([], [], b"")
    key = private.user_key()
    if key.trouble:
        _tell_once(
            "what this flow keeps is signed with a key for this session alone, so later ones cannot recall it, nor "
            f"this one what earlier ones have kept: {key.trouble}"
        )
    trusted = [directory for directory in found if _is_trusted(directory, memoizer.trust)]
    troubles = {each: _trouble(each, key.secret) for each in found if each not in trusted}
    bad = {directory: trouble for directory, trouble in troubles.items() if trouble}
    if bad and not (key.trouble and set(bad.values()) == {_NOT_SIGNED}):  # else that is said already
        warn(_warning(bad))
    return Earlier([each for each in found if each not in bad], trusted, key.secret)


def _named(memoizer: BasicMemoizer) -> list[str]:
    named = [os.path.abspath(os.fspath(directory)) for directory in memoizer.checkpoint_files or ()]
    for directory in named:
        if not os.path.isfile(os.path.join(directory, RECORDS)):
            why = "holds none of nbflow's" if os.path.isdir(directory) else "is not there"
            raise BadCheckpoint(
                f"the checkpoint {directory!r} {why}: get_all_checkpoints() gives those of earlier runs"
            )
    return named


def _found(config: Config, memoizer: BasicMemoizer) -> list[str]:
    runs = parent_of_runs(config)
    return get_all_checkpoints(runs) if runs is not None and memoizer.checkpoint_mode is not None else []


def _is_trusted(directory: str, trust: bool | Sequence[str | os.PathLike[str]]) -> bool:
    """Whether the user trusts it, or one that it lies in."""
    if isinstance(trust, bool):
        return trust
    real = os.path.realpath(directory)
    named = (os.path.realpath(os.fspath(each)) for each in trust)
    return any(os.path.commonpath((real, each)) == each for each in named)


_NOT_SIGNED = "it is not signed with your key"


def _trouble(directory: str, secret: bytes) -> str:
    """Why a checkpoint is not to be recalled from; "" if it may be. Each of its values is checked again at its use."""
    try:
        private.check_directory(directory)
        fd = private.open_private(os.path.join(directory, RECORDS), os.O_RDONLY)
    except FileNotFoundError:
        return ""
    except (NotPrivate, OSError) as error:
        return str(error)
    with open(fd, "rb") as file:
        record = records.first(file)
    return "" if record is None or record.signed_by(secret) else _NOT_SIGNED


def _warning(bad: dict[str, str]) -> str:
    shown = [f"{directory} ({trouble})" for directory, trouble in list(bad.items())[:_NAMED]]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return (
        f"not recalled from, so that the calls run again: {', '.join(shown)}{more}. To recall a value is to unpickle "
        "it, which can run any code: if you trust whoever could write these checkpoints, load the flow with "
        f"BasicMemoizer(..., trust={list(bad)[:_NAMED]!r})"
    )


_told: set[str] = set()


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        warn(text)


def memo_spec(config: Config, run_dir: str, earlier: Earlier) -> MemoSpec:
    """What the scheduler is told."""
    memoizer = memoizer_of(config)
    return MemoSpec(
        memoizer.memoize,
        memoizer.checkpoint_mode or "",
        memoizer.period,
        os.path.join(run_dir, "checkpoint"),
        earlier.directories,
        earlier.trusted,
        earlier.secret,
    )
