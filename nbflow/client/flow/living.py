"""The living flows of this user, found from any process, and what can be said to them: at their doors.

Nothing is believed of a socket that lies where somebody else could have put it, or that is somebody else's.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Literal, NamedTuple

import msgspec

from nbflow import private
from nbflow.errors import NotPrivate
from nbflow.wire.door import SUFFIX, Ask, FlowState, peer_uid

PATIENCE = 3.0  # seconds for an answer
LONGEST = 1 << 16  # bytes of an answer


class Living(NamedTuple):
    """A flow's socket; `state` is None if its scheduler does not answer, such as one that was stopped."""

    id: str
    path: str
    state: FlowState | None


def living() -> list[Living]:
    """All flows of this user that are there, the oldest first, those that do not answer last."""
    found = [flow for path in _sockets() if (flow := _look_at(path)) is not None]
    return sorted(found, key=lambda flow: flow.state.since if flow.state else float("inf"))


def end(flow: Living, within: float) -> bool:
    """Have a flow cancel its tasks and end; whether it has ended `within` seconds."""
    try:
        with _asked(flow.path, "end", within) as sock:
            while sock.recv(LONGEST):
                pass
    except TimeoutError:
        return False
    except OSError:
        return True  # it was gone before
    return True


def _sockets() -> Iterator[str]:
    for directory in private.runtime_directories():
        with suppress(NotPrivate, OSError):
            real = private.check_directory(directory)
            yield from (os.path.join(real, name) for name in os.listdir(real) if name.endswith(SUFFIX))


def _look_at(path: str) -> Living | None:
    """None if nobody listens there any more."""
    name = os.path.basename(path)[: -len(SUFFIX)]
    try:
        with _asked(path, "state", PATIENCE) as sock:
            said = b""
            while not said.endswith(b"\n") and len(said) < LONGEST and (data := sock.recv(LONGEST)):
                said += data
        return Living(name, path, msgspec.json.decode(said, type=FlowState))
    except (TimeoutError, BlockingIOError, msgspec.DecodeError, UnicodeDecodeError):
        return Living(name, path, None)
    except OSError:
        return None


@contextmanager
def _asked(path: str, verb: Literal["state", "end"], within: float) -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
        sock.settimeout(within)
        sock.connect(path)
        if peer_uid(sock) != os.geteuid():
            raise PermissionError(f"{path} is somebody else's")
        sock.sendall(msgspec.json.encode(Ask(verb)) + b"\n")
        yield sock
