"""The worker's loop: who reads the socket, and which task is next.

    idle:  the main thread reads the socket itself (a hand-over between threads would cost 20-50 us a task)
    busy:  the main thread runs its queue, and reads now and then between two tasks; once one has run for `PATIENCE`,
           the attendant reads, so that a queued task can be taken back, nested calls get their answers, and what the
           task prints is told

Only one of the two reads at a time (`_reading`). The process ends when its socket does, whatever runs; by itself it
ends where a task has done to it what cannot be undone, or a module was edited that is imported here (`Leaving`).
"""

from __future__ import annotations

import faulthandler
import os
import select
import socket
import threading
import time
import traceback
from contextlib import suppress
from typing import Any, NoReturn

from nbflow.client import current
from nbflow.client.calls import Calls
from nbflow.client.tasks.bars import bar_of_tqdm
from nbflow.client.tasks.progress import EVERY
from nbflow.client.tasks.running import Runner
from nbflow.numbers import first_of
from nbflow.values import heap, segments
from nbflow.wire.channel import Channel, ChannelClosed, frame_of
from nbflow.wire.descriptors import lifted
from nbflow.wire.leftovers import take_in_orphans
from nbflow.wire.lifeline import tie
from nbflow.wire.messages import (
    Define,
    Executors,
    Finished,
    Freed,
    Gathered,
    Hello,
    ImportPath,
    Leaving,
    Printed,
    Reported,
    Returned,
    Run,
    Settled,
    Setup,
    TakeBack,
    ToWorker,
)
from nbflow.wire.outbox import Outbox
from nbflow.wire.outcomes import Here
from nbflow.wire.polling import AdaptivePoll
from nbflow.wire.process import CUT_OFF
from nbflow.worker.earlier import Earlier
from nbflow.worker.modules import Modules
from nbflow.worker.nested import NestedLink
from nbflow.worker.place import Place
from nbflow.worker.restore import tell_of_crashes

PATIENCE = 0.025  # seconds a task runs until the attendant reads: longer than the scheduler's before it asks for others
LOOK_BETWEEN = 0.0003  # seconds between two looks for messages between tasks
LINGER = 0.0005  # seconds that an answer waits for others while more tasks are queued
PROMPT = 0.0001  # seconds from which on a task's answer does not wait: to send it is little beside that
LOOK_EVERY = EVERY  # seconds between two looks of the attendant's while there is nothing to be sent
TELL_EVERY = 0.5  # seconds between two looks at what a running task prints
STAND_BY = 0.001  # seconds between two looks whether the next task may begin
BROKEN = 70  # exit code of a worker that cannot go on (EX_SOFTWARE of <sysexits.h>)
REST_AFTER = 40  # idle looks of the attendant after which it sleeps until it is woken


class Worker:
    """One worker process."""

    def __init__(self, channel: Channel[ToWorker], outbox: Outbox, setup: Setup) -> None:
        self._home = os.getpid()
        self._channel = channel
        self._outbox = outbox
        self._sent_at = 0.0
        self._place = Place()
        self._queue: dict[int, Run] = {}
        self._lock = threading.Lock()  # of the queue
        self._sending = threading.RLock()  # a finalizer that the collector runs with it held may make calls
        self._reading = threading.Lock()
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._awake = AdaptivePoll(self._poll.poll)
        self._look_at = 0.0  # when to look for messages between tasks again
        self._earlier = Earlier()
        self._import_path: list[str] = []  # what the next task is to find as `sys.path`; told by both threads
        self._imports_from = self._import_path  # what the last one has found, as it was told
        self._modules = Modules()
        self._modules_at = time.time()  # when they were looked at
        self._now: Run | None = None  # the task that runs
        self._busy_since = 0.0  # when that one has begun; 0.0 = idle
        self._brief = True  # the one before took less than `PATIENCE`
        self._function = b""  # the one before was a call of
        self._told = ""
        self._reported_at = 0.0
        self._looked_at = (0, 0), 0.0  # (task, attempt), and when it began: seconds since the epoch
        self._attendant_reads = False
        self._dozes = False  # the attendant looks for nothing to send before it is roused
        self._wake_read, self._wake_write = map(lifted, os.pipe())
        self._called = threading.Event()  # wakes the attendant from its rest
        self._resting = False
        self._link = NestedLink(self._send, self._listen, self._rouse)
        self._calls = Calls(
            self._link,
            first=first_of(setup.worker),
            retries=setup.retries,
            executors=setup.executors,
            store_dirs=setup.store_dirs,
            run_dir=setup.run_dir,
            directory=os.getcwd(),
            show_values=setup.show_values,
        )
        self._runner = Runner(setup.store_dirs, self._place, self._calls.need, setup.show_values)
        segments.keep_recent(setup.store_dirs)
        current.set_home(self._calls)
        # what is still to be written is the parent's to write
        os.register_at_fork(before=self._place.flush, after_in_child=self._forked)

    def run(self) -> None:
        """Until the socket closes."""
        self._send([Hello(os.getpid())])
        threading.Thread(target=self._attend, name="nbflow-attendant", daemon=True).start()
        take_in_orphans()  # before the first task, and while the scheduler is at sending it
        while True:
            while (run := self._next()) is not None:
                if not run.values or self._fill(run):
                    self._one(run)
                    self._look_between()
            self._busy_since = 0.0
            self._read_when_idle()
            self._look_at_modules(time.monotonic())

    # ------------------------------------------------------------ the main thread

    def _next(self) -> Run | None:
        while True:
            with self._lock:
                if not self._queue:
                    self._now = None
                    return None
                run = next(iter(self._queue.values()))
                if not self._outbox.begin(run.id, run.attempt):
                    del self._queue[run.id]
                    self._now = run
                    break
            self._stand_by()
        return run

    def _stand_by(self) -> None:
        """Nothing may begin: this process is about to be killed for the task that it ran, or what waits was taken back.

        The message that says so is read here, unless the attendant does.
        """
        self._outbox.begin(0, 0)  # it has not, should this process be killed now
        while self._outbox.must_wait:
            if not self._read_unless_attended(STAND_BY):
                time.sleep(STAND_BY)

    def _one(self, run: Run) -> None:
        self._calls.parent = run.id
        if (path := self._import_path) is not self._imports_from:
            self._imports_from = path
            self._place.import_from(path)
        if run.function != self._function:  # it may take longer than the one before, whose answer may be here
            self._function = run.function
            if not self._outbox.empty:
                with self._sending:
                    self._empty_outbox()
        self._place.begun = self._busy_since = time.monotonic()
        if self._resting:
            self._called.set()
        answer: Finished | Gathered = self._runner.run(run)
        self._runner.joined = None  # what it releases goes behind the answer
        messages = self._link.end()
        messages.append(answer)
        if not self._earlier.keep(answer) and self._queue and (behind := self._part_with({run.id})):
            messages.insert(0, Returned(behind, [], True))
        if (released := self._calls.take_released()) is not None:
            messages.append(released)
        if self._place.harm:
            self._leave(messages, self._place.harm)
        with self._sending:
            encoded = self._channel.encode(messages)
            alone = not self._queue and self._outbox.empty
            if alone or not self._outbox.add(len(messages), encoded):
                self._empty_outbox()
                self._channel.send_frame(frame_of(len(messages), encoded))
            else:
                now = time.monotonic()
                linger = now - self._sent_at < LINGER and now - self._place.begun < PROMPT
                if self._queue and linger:
                    self._rouse()
                else:
                    self._empty_outbox()
        self._place.put_back()
        current.come_home()
        if self._place.harm:
            self._leave([], self._place.harm)

    def _look_between(self) -> None:
        """Read what has come, if it is time, unless the attendant does."""
        now = time.monotonic()
        self._brief = now - self._busy_since < PATIENCE
        self._look_at_modules(now)
        if now >= self._look_at and self._read_unless_attended(0.0):
            self._look_at = now + LOOK_BETWEEN

    def _look_at_modules(self, now: float) -> None:
        """If it is time, and one of them was edited, leave the place to a worker that has not imported it."""
        if now >= self._modules.due:
            if edited := self._modules.edited(self._modules_at):
                self._leave([], f"the module {edited}, which its tasks had imported, was edited")
            self._modules_at = time.time()

    def _read_unless_attended(self, patience: float) -> bool:
        """Wait so many seconds for messages, and take them; False, at once, where the attendant reads."""
        if not self._reading.acquire(blocking=False):
            return False
        try:
            if self._poll.poll(patience * 1000):
                self._take(self._channel.receive_some())
        finally:
            self._reading.release()
        return True

    def _fill(self, run: Run) -> bool:
        """Put values in that tasks have given here before; a task that lacks one is given back, and False."""
        try:
            run.values[:] = map(self._earlier.value, run.values)
        except KeyError:
            self._runner.is_past(run.function)
            self._send([Returned([run.id, *self._part_with({run.id})], [], True)])
            return False
        return True

    def _part_with(self, tasks: set[int]) -> list[int]:
        """These tasks give no value here: what was to run behind them goes as well, and what behind that; those."""
        parted = []
        with self._lock:
            for run in tuple(self._queue.values()):
                if run.values and any(type(value) is Here and value.task in tasks for value in run.values):
                    del self._queue[run.id]
                    self._runner.is_past(run.function)
                    parted.append(run.id)
                    tasks.add(run.id)
        return parted

    def _leave(self, messages: list[Any], why: str) -> NoReturn:
        """End after this answer; whatever else was sent here goes elsewhere."""
        self._send([*messages, Leaving(why)])
        os._exit(0)

    def _empty_outbox(self) -> None:
        """Send what has gathered. With `_sending` held."""
        self._sent_at = time.monotonic()
        if not self._outbox.empty:
            self._channel.send_frame(self._outbox.frame())
            self._outbox.cross_out()

    def _read_when_idle(self) -> None:
        if self._attendant_reads:
            os.write(self._wake_write, b"\0")
        with self._reading:
            if not self._queue:  # the attendant may just have read something
                self._awake.wait(None)
                self._take(self._channel.receive_some())

    # ------------------------------------------------------------ both threads

    def _take(self, messages: list[ToWorker]) -> None:
        for message in messages:
            if isinstance(message, Run):
                with self._lock:
                    self._queue[message.id] = message
            elif isinstance(message, Define):
                self._runner.define(message)
            elif isinstance(message, TakeBack):
                self._give_back(message.ids)
            elif isinstance(message, Settled):
                self._calls.settle(message)
            elif isinstance(message, Executors):
                self._calls.name_executors(message.labels)
            elif isinstance(message, ImportPath):
                self._import_path = [*map(os.fsdecode, message.entries)]  # a task may be running
            elif isinstance(message, Freed):
                segments.freed(message.files, message.reuse)

    def _give_back(self, ids: list[int]) -> None:
        with self._lock:
            runs = [run for number in ids if (run := self._queue.pop(number, None)) is not None]
        for run in runs:
            self._runner.is_past(run.function)
        back = [run.id for run in runs]
        kept = [number for number in ids if number not in back]
        behind = self._part_with(set(back)) if back else []
        self._send([Returned([*back, *behind], kept)])

    def _send(self, messages: list[Any]) -> None:
        if os.getpid() != self._home:  # forked by C code, which has told nobody
            self._forked()
            raise self._calls.refusal()
        with self._sending:
            self._empty_outbox()
            self._channel.send(messages)

    # ------------------------------------------------------------ the attendant

    def _listen(self) -> None:
        """A task waits for an answer: read at once."""
        self._called.set()

    def _rouse(self) -> None:
        """There is something to be sent before long. Called once it is there, so that one of us sees the other."""
        if self._dozes:
            self._dozes = False
            os.write(self._wake_write, b"\0")

    def _attend(self) -> None:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        try:
            idle = 0
            while True:
                since = self._busy_since
                if since and (time.monotonic() - since >= PATIENCE or self._called.is_set()):
                    idle = 0
                    self._read_while_busy(poll)
                    continue
                idle = 0 if since else idle + 1
                self._resting = idle > REST_AFTER
                if self._resting:
                    heap.give_back()
                self._called.wait(None if self._resting and not self._busy_since else PATIENCE)
                if self._resting:
                    self._called.clear()
                    self._resting, idle = False, 0
        except ChannelClosed:
            os._exit(CUT_OFF)  # nobody wants what the main thread does
        except BaseException:
            faulthandler.dump_traceback()
            os._exit(BROKEN)

    def _read_while_busy(self, poll: select.poll) -> None:
        with self._reading:
            self._attendant_reads = True
            try:
                told_at = 0.0
                while self._busy_since:
                    came = poll.poll((LOOK_EVERY if self._dozes else PATIENCE) * 1000)
                    self._dozes = not came
                    # looked at once that is said: see `_rouse`
                    if self._dozes and (self._link.gathered or not self._outbox.empty):
                        self._dozes = False
                    for fd, _ in came:
                        if fd == self._wake_read:
                            os.read(self._wake_read, 1024)
                        else:
                            self._take(self._channel.receive_some())
                    self._link.flush()
                    with self._sending:
                        self._empty_outbox()
                    now = time.monotonic()
                    if now - self._reported_at >= EVERY:
                        self._report(now)
                    if now - told_at >= TELL_EVERY:
                        told_at = now
                        self._tell()
                    if self._brief and now - self._busy_since < PATIENCE and not self._called.is_set():
                        break  # tasks are short again
            finally:
                self._attendant_reads = self._dozes = False
                self._called.clear()

    def _tell(self) -> None:
        """Send what the running task has printed since the last look."""
        run = self._now
        printed = self._place.latest()
        if run is not None and printed and printed != self._told:
            self._told = printed
            self._send([Printed(run.id, run.attempt, printed)])

    def _report(self, now: float) -> None:
        """Send how far the running task has come, if it says so, or draws a bar that does."""
        run, saying = self._now, self._link.saying
        if run is None:
            return
        self._reported_at = now
        if not saying.speaks(run.id):
            if self._looked_at[0] != (run.id, run.attempt):
                self._looked_at = (run.id, run.attempt), time.time() - (now - self._place.begun)
            if (bar := bar_of_tqdm(self._looked_at[1])) is not None:
                saying.note_bar(run.id, *bar)
        if (progress := saying.take(run.id)) is not None:
            self._send([Reported(run.id, run.attempt, progress)])

    def _forked(self) -> None:
        """In a child that a task has forked: it must never be heard as the worker, nor run what the worker runs."""
        if self._calls.closed:
            return  # a child of such a child
        self._calls.abandon()
        self._channel.sock.close()
        self._outbox.close()
        for end in (self._wake_read, self._wake_write):
            os.close(end)


def _be_ended_first() -> None:
    """Should the system run out of memory, it ends a worker, not the notebook's kernel, nor the scheduler.

    A task's processes inherit it. The figure is what browsers use for their pages: enough to stand before every
    process that has less than 30 % of the memory more, and no reason to end small workers for a large program's sake.
    """
    with suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+") as file:
        adjustment = min(1000, int(file.read()) + 300)
        file.seek(0)
        file.write(str(adjustment))


def main(fd: int, outbox: int, life: int) -> None:
    """The whole life of a worker process; `fd` is its socket to the scheduler, `outbox` memory shared with it.

    `life`: see `lifeline`.
    """
    tell_of_crashes()
    tie(life)
    _be_ended_first()
    channel: Channel[ToWorker] = Channel(socket.socket(fileno=lifted(fd)), ToWorker)
    try:
        setup, *others = channel.receive()
        assert isinstance(setup, Setup)
        os.chdir(setup.directory)
        shared = Outbox(outbox)
        os.close(outbox)  # it stays mapped
        if setup.keeps:
            heap.begin()
        worker = Worker(channel, shared, setup)
        worker._take(others)
        worker.run()
    except ChannelClosed:
        os._exit(CUT_OFF)  # threads that a task has left behind must not keep the process
    except BaseException:  # an interrupt between two tasks, say
        try:
            traceback.print_exc()
        finally:
            os._exit(BROKEN)
