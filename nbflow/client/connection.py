"""The socket to the scheduler, seen from the user's process: sends in batches, reads on one thread.

An urgent message, or one that stands alone, is sent at once by the thread that posts it. In a burst, messages gather:
a full batch is sent by its poster, what is left over by the reader thread about a millisecond later, or by whoever
waits (`flush`).

Nothing is decided here, and nothing of the user's runs on the reader thread.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from nbflow.wire.channel import Channel, ChannelClosed
from nbflow.wire.messages import ToClient

_BATCH = 128  # messages
_ALONE = 0.001  # seconds since the last post after which a message is not part of a burst
_LINGER_MS = 1.0  # how long the rest of a burst waits


class Connection:
    """One socket, one reader thread. `on_messages` and `on_lost` are called on that thread."""

    def __init__(
        self, sock: socket.socket, on_messages: Callable[[list[Any]], None], on_lost: Callable[[], None]
    ) -> None:
        self.extra: Callable[[], Any] = lambda: None  #: asked for one more message whenever a batch is sent
        self._channel: Channel[ToClient] = Channel(sock, ToClient)
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._gathered: list[Any] = []
        self._posted_at = 0.0
        self._lingering = False  # the reader thread will send what has gathered
        self._open = True
        self._wake_read, self._wake_write = os.pipe()
        self._reader = threading.Thread(target=self._read, name="nbflow-reader", daemon=True)
        self._reader.start()

    def post(self, *messages: Any, urgent: bool = False) -> None:
        """Send messages, in this order, at once or within about a millisecond. Silent once the peer is gone."""
        now = time.perf_counter()
        with self._lock:
            self._gathered += messages
            alone = now - self._posted_at > _ALONE
            self._posted_at = now
            if urgent or alone or len(self._gathered) >= _BATCH:
                self._send()
            elif not self._lingering and self._open:
                self._lingering = True
                os.write(self._wake_write, b"\0")

    def flush(self) -> None:
        """Send what has gathered."""
        if self._gathered:
            with self._lock:
                self._send()

    def _send(self) -> None:
        """With the lock held."""
        if not self._gathered or not self._open:
            return
        batch, self._gathered = self._gathered, []
        if (more := self.extra()) is not None:
            batch.append(more)
        with suppress(ChannelClosed):  # the reader thread finds out as well, and says so once
            self._channel.send(batch)

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        try:
            while self._open:
                ready = poll.poll(_LINGER_MS if self._lingering else None)
                for fd, _ in ready:
                    if fd == self._wake_read:
                        os.read(self._wake_read, 1024)
                    elif messages := self._channel.receive_some():
                        self._on_messages(messages)
                if self._lingering and not ready:
                    with self._lock:
                        self._lingering = False
                        self._send()
        except ChannelClosed:
            pass
        finally:
            was_open, self._open = self._open, False
            if was_open:
                self._on_lost()

    def close(self) -> None:
        """Close the socket: the scheduler ends. Returns when the reader thread has ended."""
        with self._lock:
            if not self._open:
                return
            self._send()
            self._open = False
        os.write(self._wake_write, b"\0")
        if threading.current_thread() is not self._reader:
            self._reader.join()
        self._channel.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def abandon(self) -> None:
        """In a forked child: let go of the socket without a word, so that the scheduler sees the parent's end."""
        self._open = False
        self._lock = threading.Lock()  # whoever held it does not exist here
        self._channel.sock.close()
