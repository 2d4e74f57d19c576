"""The named socket of a flow: where it lies, who may come in, what may be asked there, and what the answer is.

It is the only thing of a flow that has a name others could come by: other processes of the same user, for which it is
made, such as `nbflow flows`. A question is a line of JSON and so is its answer: nothing is unpickled at either end, and
no value of the user's goes this way.

    <runtime directory>/<run_id>.sock
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import Literal

import msgspec

from nbflow import private

SUFFIX = ".sock"
LONGEST = 256  # bytes of a question


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`state`: how it is; `end`: cancel all tasks and end the flow; the connection closes when it has ended."""

    verb: Literal["state", "end"]


class FlowState(msgspec.Struct, frozen=True):
    """The answer to both: the flow as it is now."""

    id: str  # its `run_id`
    name: str
    driver: int  # the process that has loaded it
    scheduler: int
    since: float  # seconds since the epoch
    run_dir: str
    tasks: dict[str, int]  # how many are in each state that has any, by its label
    workers: int
    busy: int  # of them
    ending: bool = False


def socket_path(run_id: str) -> str:
    """Where a new flow's socket is to be, in a private directory.

    Raises:
        NotPrivate: there is no such directory.
    """
    return os.path.join(private.runtime_directory(), run_id + SUFFIX)


def remove(path: str) -> None:
    """The socket goes, and the directory with the last one."""
    with suppress(OSError):
        os.unlink(path)
        os.rmdir(os.path.dirname(path))


def remove_of(run_id: str) -> None:
    """After the end of a flow that may not have done so itself: its socket goes."""
    for directory in private.runtime_directories():
        remove(os.path.join(directory, run_id + SUFFIX))


def peer_uid(sock: socket.socket) -> int | None:
    """Whose process is at the other end, as the system says; None if it does not."""
    with suppress(OSError):
        if hasattr(socket, "SO_PEERCRED"):
            peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII"))
            return int(struct.unpack("iII", peer)[1])
        # the BSDs and macOS: level 0, LOCAL_PEERCRED, a struct xucred that begins with version and uid
        return int(struct.unpack_from("II", sock.getsockopt(0, 1, 76))[1])
    return None
