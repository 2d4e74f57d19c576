"""The scheduler's door: the only named socket of a flow, and what is done about whoever comes in by it.

Only processes of the same user are let in: the directory is closed to others, and the system is asked whose process
each one is. Whatever they send, or do not send, holds up nobody: few at a time, a short question each, within seconds;
what is not understood is cut off. What may be asked is in `nbflow.wire.door`.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from nbflow.errors import NotPrivate
from nbflow.private import FILE
from nbflow.scheduler.saying import say
from nbflow.scheduler.sockets import Sockets
from nbflow.wire.door import LONGEST, SUFFIX, Ask, FlowState, peer_uid, remove, socket_path

MOST = 8  # peers at a time
PATIENCE = 5.0  # seconds that a peer has for its question, and the door rests that could not let one in
STALE = 60.0  # seconds after which a socket that nobody answers at is that of a dead flow
MOST_NOTES = 20  # lines in the scheduler's log

_decoder = msgspec.json.Decoder(Ask)


class _Peer:
    """One that has come in: what it has said up to now, and until when it may."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.sock = sock
        self.until = until
        self.said = b""


class Door:
    """Of one flow; `answers`: what is answered to each verb."""

    def __init__(self, sockets: Sockets, answers: Mapping[str, Callable[[], FlowState]]) -> None:
        self._sockets = sockets
        self._answers = answers
        self._peers: dict[int, _Peer] = {}
        self._staying: list[socket.socket] = []  # of those who wait for the end
        self._rests_until = 0.0
        self._listens = False
        self._notes = 0
        self._listener: socket.socket | None = None
        self.path = ""

    def open(self, run_id: str) -> None:
        """Let visitors in, if there is a private place for it."""
        try:
            self._open(run_id)
        except (NotPrivate, OSError) as error:
            # the flow is none the worse, but cannot be found from elsewhere
            self._note(f"this flow has no door: {error}")

    @property
    def due(self) -> float | None:
        """When `look` is to be called next, in seconds since the epoch; None = nobody is waited for."""
        if not self._peers and not self._rests_until:  # nearly always
            return None
        times = [peer.until for peer in self._peers.values()]
        if self._rests_until:
            times.append(self._rests_until)
        return min(times) if times else None

    def look(self, now: float) -> None:
        """Part with those whose time is over, and listen again after a rest."""
        for peer in [peer for peer in self._peers.values() if peer.until <= now]:
            self._cut_off(peer, "asked nothing in time")
        if self._rests_until <= now:
            self._rests_until = 0.0
            self._listen()

    def close(self) -> None:
        """Nobody comes in any more; those who wait for the end are told by the end of their connection."""
        if self._listener is not None:
            if self._listens:
                self._sockets.drop(self._listener.fileno())
            self._listener.close()
            self._listener = None
            remove(self.path)
        for peer in list(self._peers.values()):
            self._part(peer)
        while self._staying:
            self._staying.pop().close()

    # ------------------------------------------------------------ coming in

    def _open(self, run_id: str) -> None:
        try:
            self._bind(socket_path(run_id))
        except FileNotFoundError:  # another flow has just gone, and the directory with it
            self._bind(socket_path(run_id))

    def _bind(self, path: str) -> None:
        _sweep(os.path.dirname(path))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.setblocking(False)
            listener.bind(path)
            os.chmod(path, FILE)  # nobody else can be in the directory meanwhile
            listener.listen(MOST)
        except BaseException:
            listener.close()
            with suppress(OSError):
                os.unlink(path)
            raise
        self._listener, self.path = listener, path
        self._listen()

    def _listen(self) -> None:
        """Listen, or not: a door that cannot let anybody in must not be called again and again."""
        wanted = len(self._peers) < MOST and not self._rests_until
        if self._listener is None or wanted == self._listens:
            return
        self._listens = wanted
        if wanted:
            self._sockets.listen(self._listener.fileno(), self._come_in)
        else:
            self._sockets.drop(self._listener.fileno())

    def _come_in(self) -> None:
        assert self._listener is not None
        now = time.time()
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # there is no descriptor left for it
            self._rests_until = now + PATIENCE
            self._listen()
            return
        uid = peer_uid(sock)
        if uid != os.geteuid():
            sock.close()
            self._note(f"a process of user {uid} came to the door and was cut off")
            return
        sock.setblocking(False)
        peer = self._peers[sock.fileno()] = _Peer(sock, now + PATIENCE)
        self._sockets.listen(sock.fileno(), lambda: self._hear(peer))
        self._listen()

    # ------------------------------------------------------------ questions

    def _hear(self, peer: _Peer) -> None:
        try:
            data = peer.sock.recv(LONGEST + 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        peer.said += data
        question, end, _ = peer.said.partition(b"\n")
        if not data:
            self._part(peer)
        elif end:
            self._answer(peer, question)
        elif len(peer.said) > LONGEST:
            self._cut_off(peer, "asked too much")

    def _answer(self, peer: _Peer, question: bytes) -> None:
        try:
            verb = _decoder.decode(question).verb
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._cut_off(peer, "asked what cannot be understood")
            return
        answer = msgspec.json.encode(self._answers[verb]()) + b"\n"
        with suppress(OSError):  # it is gone, or takes nothing: that is its own affair
            peer.sock.send(answer)
        if verb == "end":
            self._staying.append(peer.sock)
            self._leave_open(peer)
        else:
            self._part(peer)

    def _cut_off(self, peer: _Peer, why: str) -> None:
        self._note(f"a process that came to the door {why} and was cut off")
        self._part(peer)

    def _part(self, peer: _Peer) -> None:
        self._leave_open(peer)
        peer.sock.close()

    def _leave_open(self, peer: _Peer) -> None:
        """Hear nothing more of it."""
        number = peer.sock.fileno()
        self._sockets.drop(number)
        del self._peers[number]
        self._listen()

    def _note(self, text: str) -> None:
        """Into the scheduler's log, which must not grow by whoever comes."""
        self._notes += 1
        if self._notes <= MOST_NOTES:
            say(text)


def _sweep(directory: str) -> None:
    """Remove the sockets of flows that have died without being able to."""
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            # one that is being opened does not answer yet
            if name.endswith(SUFFIX) and time.time() - os.lstat(path).st_mtime > STALE:
                sock.setblocking(False)
                try:
                    sock.connect(path)
                except ConnectionRefusedError:
                    os.unlink(path)
