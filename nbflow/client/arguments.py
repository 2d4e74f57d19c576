"""Large arguments of calls: each is written into the store once, however many calls it is given to.

A buffer is known again by where it is in memory, and only if every byte of it is what was written: what has been
changed in place since is written anew, so that what the user sees is what runs. To compare costs a fraction of writing.

The scheduler is told to keep what may be named again (`Keep`) before the call that names it first. It is told to let it
go (`LetGo`) once the object that was passed is gone, or was not passed again for `LINGER` seconds, and after every call
that names it: as long as the payload of one is in this process, the call has not been sent.

Here, too, the scheduler is told at once of futures of big values that are gone, though nothing else is to be sent.
"""

from __future__ import annotations

import mmap
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nbflow.client.signals import undisturbed
from nbflow.values import mapping, objects, outcome, segments
from nbflow.values.pickling import Pickled
from nbflow.wire.messages import Keep, LetGo
from nbflow.wire.outcomes import Inline, Stored

LINGER = 2.0  # seconds
MOST = 64  # buffers that are known

_Key = tuple[int, int]  # address, bytes


class _Known:
    """A buffer that was written. `gone`: the object that was passed is, if that could be watched."""

    def __init__(self, path: str, offset: int) -> None:
        self.path = path
        self.offset = offset
        self.used_at = 0.0
        self.gone = False
        self.watched: weakref.ref[Any] | None = None
        self.mapped: mmap.mmap | None = None
        self.payloads: dict[int, weakref.ref[Stored]] = {}  # of calls that may not have been sent

    def watch(self, given: Any, wake: Callable[[None], None]) -> None:
        """Notice when the object goes. That may be at any moment, so no lock is taken."""

        def gone(_: object) -> None:
            self.gone = True
            wake(None)

        with suppress(TypeError):
            self.watched = weakref.ref(given, gone)


class Arguments:
    """Those of the calls of one process. `post` sends messages to the scheduler, in their order.

    `take_released` gives the next message about futures that are gone, if there is any.
    """

    def __init__(
        self,
        directories: Sequence[str],
        post: Callable[..., None],
        take_released: Callable[[], Any] = lambda: None,
    ) -> None:
        self._directories = directories
        self._post = post
        self._take_released = take_released
        self._lock = threading.RLock()  # a finalizer that the collector runs with it held may make calls
        self._known: dict[_Key, _Known] = {}
        self._kept: dict[str, int] = {}  # file -> how many of the known buffers lie in it
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()  # filled at any moment, in any thread
        self._starting = threading.RLock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def store(self, pickled: Pickled) -> Inline | Stored:
        """Arguments as they travel. The buffers are let go of.

        Raises:
            OSError: the store has no room.
        """
        if not pickled.buffers:
            return outcome.store(pickled, self._directories)
        with self._lock:
            stored = self._store(pickled)
        self._watch()
        return stored

    def tether(self) -> Tether:
        """What a future of a big value is to hold: with its end the scheduler is told at once that it is gone."""
        self._watch()
        return Tether(self._wake)

    # ------------------------------------------------------------ with the lock held

    def _store(self, pickled: Pickled) -> Stored:
        views = [buffer.raw() for buffer in pickled.buffers]
        keys = [(mapping.address(view), view.nbytes) for view in views]
        stored = objects.put(pickled.data, pickled.buffers, self._directories, self._find)
        assert isinstance(stored, Stored)
        first = len(stored.places) - 3 * len(views)  # the pickle may come before the buffers
        now = time.monotonic()
        for number, (key, view) in enumerate(zip(keys, views, strict=True)):
            file, offset, _ = stored.places[first + 3 * number : first + 3 * number + 3]
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._remember(_Known(stored.files[file], offset), view.obj)
            known.used_at = now
            known.payloads[id(stored)] = weakref.ref(stored, lambda _: self._wake.put(None))
        del view
        views.clear()
        if isinstance(pickled.buffers, list):
            pickled.buffers.clear()
        for key in keys:
            known = self._known[key]
            if known.gone:  # a view that pickling has made: it says nothing of what was passed
                known.gone, known.watched = False, None
        for key in list(self._known)[:-MOST]:
            self._forget_if(key, lambda known: True)
        return stored

    def _find(self, view: memoryview) -> tuple[str, int] | None:
        """Where a buffer stands already; what has been changed since is not known any more."""
        key = mapping.address(view), view.nbytes
        known = self._known.get(key)
        if known is None:
            return None
        with suppress(OSError):
            known.mapped = known.mapped or segments.map_path(known.path)
            if mapping.equal(view, known.mapped, known.offset):
                return known.path, known.offset
        if not self._forget_if(key, lambda known: True):
            # a call that names it is being sent by another thread: let go of it later, under another key
            self._known[id(known), -1] = self._known.pop(key)
        return None

    def _remember(self, known: _Known, given: Any) -> _Known:
        known.watch(given, self._wake.put)
        if known.path not in self._kept:
            self._post(Keep([known.path]))
        self._kept[known.path] = self._kept.get(known.path, 0) + 1
        return known

    def _forget_if(self, key: _Key, unneeded: Callable[[_Known], bool]) -> bool:
        """Let go of a buffer, if that may be: every call that names it has been sent."""
        known = self._known[key]
        known.payloads = {number: ref for number, ref in known.payloads.items() if ref() is not None}
        if known.payloads or not unneeded(known):
            return False
        del self._known[key]
        known.mapped = None
        self._kept[known.path] -= 1
        if not self._kept[known.path]:
            del self._kept[known.path]
            self._post(LetGo([known.path]), urgent=True)
        return True

    # ------------------------------------------------------------ upkeep

    def close(self) -> None:
        """No more calls are made."""
        self._closed = True
        self._wake.put(None)

    def _watch(self) -> None:
        if self._thread is None:
            # the thread may not be startable: Python 3.12 lets none begin once the program's end has
            with self._starting, suppress(RuntimeError):
                if self._thread is None:
                    thread = threading.Thread(target=self._tend, name="nbflow-values", daemon=True)
                    with undisturbed:
                        thread.start()
                    self._thread = thread

    def _tend(self) -> None:
        """On a thread of its own: let go of what is not needed any more."""
        while not self._closed:
            with suppress(queue.Empty):
                self._wake.get(timeout=LINGER / 2 if self._known else None)
            if (released := self._take_released()) is not None:
                self._post(released, urgent=True)
            self._forget_all()

    def _forget_all(self) -> None:
        with self._lock:
            for key in list(self._known):
                self._forget_if(key, _is_over)


def _is_over(known: _Known) -> bool:
    return known.gone or known.used_at < time.monotonic() - LINGER


class Tether:
    """Wakes the upkeep when it goes. It takes no lock, for that may be at any moment."""

    __slots__ = ("_wake",)

    def __init__(self, wake: queue.SimpleQueue[None]) -> None:
        self._wake = wake

    def __del__(self) -> None:
        self._wake.put(None)
