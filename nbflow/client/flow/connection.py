"""The socket to the scheduler, seen from the user's process: sends in batches, reads on one thread at a time.

An urgent message, or one that stands alone, is sent at once by the thread that posts it. In a burst, messages gather,
in batches that grow: a full one, or one that has gathered for long, is sent by its poster, what is left over by the
reader thread about a millisecond later, or by whoever waits (`flush`). Nobody is ever held up by that: what the socket
has no room for, because the scheduler is busy or stopped, is kept here without a bound and sent by the reader thread
when there is room.

The reader thread reads, but while a thread of the user's waits for a result, that one reads itself (`read_until`) and
the reader steps aside: a hand-over between threads would cost 20-50 us a result. It need not be told so: both may wait
for messages at a time, and the reader leaves them alone where it finds that somebody leads. For where the notebook
computes, a thread that lets go of the interpreter waits to have it back, see `turns`. Nothing is decided here, and
nothing of the user's runs where the socket is read, but for finalizers and handlers of signals, which Python runs in
the midst of anything: they may post, which then goes out behind what is being sent, and are refused where they would
wait for what their own thread is about to read.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from nbflow.client.flow import turns
from nbflow.client.quiet import NEVER_ENDS
from nbflow.client.signals import undisturbed
from nbflow.errors import UsageError
from nbflow.wire.channel import Channel, ChannelClosed
from nbflow.wire.messages import ToClient
from nbflow.wire.polling import AdaptivePoll

log = logging.getLogger(__name__)

_BATCH = 128  # messages, from which on a batch grows no more: to send one costs as much as to make some calls
_ALONE = 0.001  # seconds since the last post after which a message is not part of a burst
_OLD = 0.0005  # seconds after which a poster sends what has gathered: the reader may wait for the interpreter
_LINGER_MS = 1.0  # how long the rest of a burst waits
_HOLD = 1.0  # seconds that a fork waits at most, should it be one within what is held up
_ASIDE = 0.005  # seconds for which the reader thread stays aside after a thread of the user's has read
_AT_ONCE = 0.001  # seconds within which one that reads again takes one result after the other
_FAR_ASIDE = 0.02  # seconds between two looks of the reader thread while that goes on: each costs some 25 us


class _Watch:
    """What one thread waits for: messages, whoever wakes it, and room for what could not be sent.

    `awake`: of who waits for a result; the reader thread would contend for the interpreter, and sleeps at once.
    """

    def __init__(self, channel: Channel[Any], wake: int, *, awake: bool = False) -> None:
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        self._wait = AdaptivePoll(self._poll.poll).wait if awake else self._poll.poll
        self._channel = channel
        self._for_room = False

    def wait(self, limit: float | None, for_room: bool) -> list[tuple[int, int]]:
        """(descriptor, events) of what is ready, after `limit` milliseconds at the latest."""
        if self._for_room != for_room:
            self._for_room = for_room
            wanted = select.POLLIN | select.POLLOUT if for_room else select.POLLIN
            self._poll.modify(self._channel, wanted)
        return self._wait(limit)


class Connection:
    """One socket, one reader thread. `on_messages` and `on_lost` are called on that thread.

    Raises:
        OSError: the thread cannot be started.
    """

    def __init__(
        self, sock: socket.socket, on_messages: Callable[[list[Any]], None], on_lost: Callable[[], None]
    ) -> None:
        self.busy: Callable[[], bool] = lambda: True  #: whether more messages are to come soon
        self.extra: Callable[[], Any] = lambda: None  #: asked for one more message whenever a batch is sent
        self._channel: Channel[ToClient] = Channel(sock, ToClient)
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._lock = threading.RLock()
        self._sends = False  # the thread that holds the lock
        self._gathered: deque[Any] = deque()  # put in without the lock: whoever sends takes out with it
        self._unsent: deque[memoryview] = deque()  # frames, the first one perhaps in part
        self._posted_at = 0.0
        self._batch = 1  # how many messages are sent together next, in a burst
        self._first_at = 0.0  # when the first of what has gathered was posted
        self._lingering = False  # the reader thread will send what has gathered
        self._open = True
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)  # two may be woken
        self._alone = _Watch(self._channel, self._wake_read)
        self._leader = _Watch(self._channel, self._wake_read, awake=True)
        self._turn = threading.Lock()  # held while messages are taken off the socket and passed on
        self._leading = threading.Lock()  # held by the user's thread that reads
        self._leads = 0  # which that is
        self._reads = False  # the reader thread does, or waits to
        self._held: list[Any] = []  # for a fork
        self._left_at = 0.0  # when a thread of the user's read last
        self._comes_back = False  # it did so at once after the time before
        self._resume = threading.Event()  # the reader thread is wanted again
        self._reader = threading.Thread(target=self._read, name="nbflow-reader", daemon=True)
        try:
            self._reader.start()
        except RuntimeError as error:  # no thread is to be had: the system's limit, in Python's words
            self._let_go()
            raise OSError(errno.EAGAIN, str(error)) from error

    def post(self, *messages: Any, urgent: bool = False) -> None:
        """Send messages, in this order, at once or within about a millisecond. Silent once the peer is gone."""
        gathered = self._gathered
        gathered += messages  # in one step of the interpreter: never between another thread's, nor in part
        now = time.perf_counter()
        alone = now - self._posted_at > _ALONE
        self._posted_at = now
        count = len(gathered)
        if count == len(messages):
            self._first_at = now
        if alone:
            self._batch = 1
        if urgent or alone or count >= self._batch or now - self._first_at > _OLD:
            if self._batch < _BATCH:
                self._batch *= 2
            with undisturbed, self._lock:
                self._send()
        elif not self._lingering:  # looked at after the messages are in: see `_send_the_rest`
            with undisturbed, self._lock:
                if self._open:
                    self._lingering = True
                    self._wake()

    def flush(self) -> None:
        """Send what has gathered."""
        if self._gathered:
            with undisturbed, self._lock:
                self._send()

    def _wake(self) -> None:
        """Have the reader thread, or who reads in its place, look at what there is to be sent."""
        self._resume.set()
        os.write(self._wake_write, b"\0")

    def _send(self) -> None:
        """With the lock held; what this very thread posts meanwhile, in a finalizer, goes behind."""
        if self._sends:
            return
        self._sends = True
        try:
            while self._gathered and self._open:
                self._send_batch()
        finally:
            self._sends = False

    def _send_batch(self) -> None:
        more = self.extra()  # first: should it fail, nothing is taken out
        gathered = self._gathered
        batch = [gathered.popleft() for _ in range(len(gathered))]
        if more is not None:
            batch.append(more)
        frame = self._channel.pack(batch)
        try:  # a context manager would cost as much as the rest of this function
            sent = 0 if self._unsent else self._channel.send_some(frame)
        except ChannelClosed:
            return  # the reader thread finds out as well, and says so once
        if sent < len(frame):
            self._unsent.append(memoryview(frame)[sent:])
            if len(self._unsent) == 1:
                self._wake()

    def _send_rest(self) -> None:
        """There is room in the socket again."""
        with self._lock:
            while self._unsent and self._open:
                rest = self._unsent[0]
                if (sent := self._channel.send_some(rest)) < len(rest):
                    self._unsent[0] = rest[sent:]
                    return
                self._unsent.popleft()

    # ------------------------------------------------------------ reading

    def read_until(self, done: Callable[[], bool], deadline: float | None) -> None:
        """Read in this thread until `done`, or the time (of `time.monotonic`) is over, or the connection is.

        Returns at once where another thread does so already.

        Raises:
            UsageError: this is a finalizer or the like, run by a thread in the midst of reading or sending.
        """
        if self._in_the_midst():
            raise UsageError(NEVER_ENDS)
        with undisturbed:
            if self._leading.acquire(blocking=False):
                self._comes_back = time.monotonic() - self._left_at < _AT_ONCE
                try:
                    self._lead(done, deadline)
                finally:
                    self._left_at = time.monotonic()
                    self._leading.release()
                    if self._lingering or self._unsent:
                        self._pass_the_rest_on()
                    elif not self._comes_back and self.busy():
                        self._resume.set()

    def _pass_the_rest_on(self) -> None:
        """There is something to be sent, and the reader thread may not have heard of it: we did."""
        with self._lock:  # else the number may be another file's by now
            if self._open:
                self._wake()

    def _in_the_midst(self) -> bool:
        """Whether this very thread is reading or sending, and has been interrupted in it."""
        thread = threading.get_ident()
        if thread == self._leads or (self._reads and thread == self._reader.ident):
            return True
        return bool(self._sends and self._lock._is_owned())  # type: ignore[attr-defined] # a condition asks so, too

    def _lead(self, done: Callable[[], bool], deadline: float | None) -> None:
        self._leads = threading.get_ident()
        try:
            while self._open and not done():
                left = None if deadline is None else deadline - time.monotonic()
                # at least once: whoever asks again and again how it stands keeps the reader thread aside
                self._step(self._leader, left if left is None else max(0.0, left))
                if left is not None and left <= 0:
                    break
        except ChannelClosed:
            pass  # as in `_send_batch`
        finally:
            self._leads = 0

    def _read(self) -> None:
        """The reader thread."""
        try:
            while self._open:
                if self._leading.locked():
                    self._stand_aside()
                else:
                    self._reads = True
                    self._step(self._alone, None)
                    self._reads = False
        except ChannelClosed:
            pass
        finally:
            self._reads = False
            with self._lock:
                was_open, self._open = self._open, False
            if was_open:
                self._on_lost()
                self._let_go()

    def _stand_aside(self) -> None:
        """While a thread of the user's reads, and a little longer: it is likely to come back."""
        while self._open and (self._leading.locked() or time.monotonic() - self._left_at < _ASIDE):
            # whoever leads says so at its end, unless it is likely to come back
            far = self._comes_back or self._leading.locked()
            if self._resume.wait(_FAR_ASIDE if far else _ASIDE):
                self._resume.clear()
                if not self._leading.locked():
                    break

    def _step(self, watch: _Watch, timeout: float | None) -> None:
        """Wait for messages, at most `timeout` seconds, and pass them on; send the rest of a burst."""
        limit = _LINGER_MS if self._lingering else None if timeout is None else timeout * 1000
        if hasty := self.busy():
            turns.shorten()
        try:
            try:
                undisturbed.let_in()
                ready = watch.wait(limit, bool(self._unsent))
            finally:
                undisturbed.shut_out()
            # else whoever leads is woken as well
            if self._open and (watch is self._leader or not self._leading.locked()):
                self._take(watch, ready)
        finally:
            if hasty:
                turns.restore()

    def _take(self, watch: _Watch, ready: list[tuple[int, int]]) -> None:
        for fd, events in ready:
            if fd == self._wake_read:
                with suppress(BlockingIOError):
                    os.read(self._wake_read, 1024)
                continue
            if events & select.POLLOUT:
                self._send_rest()
            if events != select.POLLOUT:
                with self._turn:
                    if messages := self._channel.receive_ready():
                        self._pass_on(messages)
                if watch is self._alone and self._leading.locked():
                    # who began to lead meanwhile may wait for what this was
                    os.write(self._wake_write, b"\0")
        if self._lingering and not ready:
            self._send_the_rest()

    def _send_the_rest(self) -> None:
        """What was gathered up to now. Whoever puts in more after the look at it finds that nobody lingers."""
        with self._lock:
            self._lingering = False
            self._send()

    def _pass_on(self, messages: list[ToClient]) -> None:
        try:
            self._on_messages(messages)
        except Exception:
            # a bug of ours; what would be lost is not known, so both ends are told that it is over
            log.exception("what the scheduler said could not be taken in: the flow ends")
            self._channel.sock.shutdown(socket.SHUT_RDWR)

    # ------------------------------------------------------------ the end

    def close(self, before: Callable[[], None]) -> None:
        """Close the socket: the scheduler ends. Returns when the reader thread has ended.

        `before` is called when nothing more is read, and the scheduler is still there.
        """
        with self._lock:
            was_open = self._open
            if was_open:
                self._send()
                self._open = False
                self._wake()
        self.join()
        if was_open:
            before()
            self._let_go()

    def _let_go(self) -> None:
        mine = self._leads == threading.get_ident()  # in a handler of a signal
        with nullcontext() if mine else self._leading, self._turn, self._lock:  # nobody is about to use them
            self._channel.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the reader thread has ended: where it is the one that closes the socket, that comes last."""
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout)

    # ------------------------------------------------------------ forks

    def hold(self) -> None:
        """Before a fork: nothing is half done by other threads, which the child will not have."""
        self._held = [lock for lock in (self._turn, self._lock) if lock.acquire(timeout=_HOLD)]

    def go_on(self) -> None:
        """After it, in the parent."""
        for lock in self._held:
            lock.release()
        self._held = []

    def abandon(self) -> None:
        """After it, in the child: let go of the socket without a word, so that the scheduler sees the parent's end."""
        turns.restore()  # a thread that waited does not exist here either
        self._open = False
        self._lock = threading.RLock()  # whoever held it does not exist here
        self._channel.sock.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
