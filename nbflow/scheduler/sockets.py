"""Which descriptor has something to say, and what could not be sent yet. Nothing here knows what is said."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from nbflow.wire.channel import ChannelClosed, Port
from nbflow.wire.polling import AdaptivePoll

_READ = select.POLLIN
# it knows its descriptors from one wait to the next; its events have the same numbers
_EPOLL = hasattr(select, "epoll")


class Sockets:
    """The descriptors of a loop. A callback is called when its descriptor can be read, or has been closed."""

    def __init__(self) -> None:
        self._poll: Any = select.epoll() if _EPOLL else select.poll()
        self._awake = AdaptivePoll(self._poll.poll)
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._ports: dict[int, Port[Any]] = {}
        self._full: set[int] = set()  # ports whose peer did not take everything
        self._in_order: list[tuple[int, Port[Any]]] = []  # those to be sent to, in the order of `flush`

    def listen(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back when there is something to read."""
        self._callbacks[fd] = callback
        self._poll.register(fd, _READ)

    def add(self, port: Port[Any], callback: Callable[[], None]) -> None:
        """Listen to a port, and send what is put into its `outgoing`."""
        self._ports[port.fileno()] = port
        self._in_order = [*reversed(self._ports.items())]
        self.listen(port.fileno(), callback)

    def drop(self, fd: int) -> None:
        """Forget a descriptor, before it is closed."""
        del self._callbacks[fd]
        self._ports.pop(fd, None)
        self._in_order = [*reversed(self._ports.items())]
        self._full.discard(fd)
        self._poll.unregister(fd)

    def flush(self, but: Port[Any] | None = None) -> None:
        """Send what waits, to the port added last first: workers before the client, who is in no hurry.

        `but`: whose messages wait for more.
        """
        for fd, port in self._in_order:  # not changed while it is walked, but replaced
            if port is but or (not port.outgoing and fd not in self._full):
                continue
            try:
                sent = port.flush()
            except ChannelClosed:
                continue  # its reading end is told as well, and that is where it is handled
            if sent == (fd in self._full):
                (self._full.discard if sent else self._full.add)(fd)
                self._poll.modify(fd, _READ if sent else _READ | select.POLLOUT)

    def has_sent(self, port: Port[Any]) -> bool:
        """Whether everything that was to be sent to a port's peer is on its way."""
        return not port.outgoing and port.fileno() not in self._full

    def wait(self, timeout: float | None) -> None:
        """Wait until something can be done, at most `timeout` seconds (None = as long as it takes), and call back."""
        if timeout is not None and not _EPOLL:
            timeout *= 1000  # it counts milliseconds
        for fd, event in self._awake.wait(timeout):
            callback = self._callbacks.get(fd)  # gone, if another callback of this round has dropped it
            if callback is not None and event != select.POLLOUT:
                callback()
