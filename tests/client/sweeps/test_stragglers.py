"""An item of a sweep that takes long holds up none of those behind it in its chunk, while other workers are idle."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, ProcessExecutor, Sweep, errors
from nbflow.client.sweeps.chunk import BEGUN, Answer, Board, Chunk, read
from tests.gates import Gate, stand_at

SOON = 20  # seconds
CHUNK, COUNT, LONG = 20, 40, 5  # items of a chunk, of a sweep, and the one that takes long
BEHIND = range(LONG + 1, COUNT)


@pytest.fixture
def two_workers() -> Iterator[DataFlowKernel]:
    nbflow.clear()
    yield nbflow.load(Config([ProcessExecutor(max_workers=2)]))
    nbflow.clear()


def sweep_over(log: Path, gate: Gate, *long: int) -> Sweep:
    """Items that say in the log that they run; those that take long stop at the gate."""

    def run(item: int) -> int:
        with log.open("a") as file:
            file.write(f"{item}\n")
        return stand_at(gate, item) if item in long else item

    return nbflow.map(run, range(COUNT), chunksize=CHUNK)


def with_one_at_the_gate(log: Path, gate: Gate) -> Sweep:
    """The same where one takes long, and all behind it have ended."""
    sweep = sweep_over(log, gate, LONG)
    gate.wait_for()
    assert [sweep[item].result(SOON) for item in BEHIND] == list(BEHIND)
    return sweep


def runs(log: Path) -> dict[int, int]:
    return dict(Counter(map(int, log.read_text().split())))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_what_waits_behind_it_runs_on_another_worker_and_once(
    two_workers: DataFlowKernel, gate: Gate, log: Path
) -> None:
    sweep = with_one_at_the_gate(log, gate)
    assert not sweep[LONG].done()
    counted = [row.part.count for row in two_workers.rows().values() if row.part is not None]
    assert sum(counted) == COUNT, "each item is told of as one task's"
    gate.let_through()
    assert sweep.result(SOON) == list(range(COUNT))
    assert runs(log) == dict.fromkeys(range(COUNT), 1)
    assert sweep.counts()[nbflow.State.DONE] == COUNT


def test_several_of_them_in_one_chunk_each_hold_up_themselves(
    two_workers: DataFlowKernel, gate: Gate, log: Path
) -> None:
    sweep = sweep_over(log, gate, LONG, LONG + 3, LONG + 4)
    gate.wait_for(2)  # each worker has one
    gate.let_through()
    gate.wait_for()
    gate.let_through()
    others = range(LONG + 5, COUNT)
    assert [sweep[item].result(SOON) for item in others] == list(others)
    assert not sweep.done()
    gate.let_through()
    assert sweep.result(SOON) == list(range(COUNT))
    assert runs(log) == dict.fromkeys(range(COUNT), 1)


def test_what_is_cancelled_behind_it_does_not_run_wherever_it_is_sent(
    two_workers: DataFlowKernel, gate: Gate, log: Path
) -> None:
    sweep = sweep_over(log, gate, LONG)
    gate.wait_for()
    was = sweep[LONG + 7].cancel()
    gate.let_through()
    expected = [item for item in range(COUNT) if not (was and item == LONG + 7)]
    found = sweep.result(SOON, return_exceptions=True)
    assert [value for value in found if isinstance(value, int)] == expected
    assert runs(log) == dict.fromkeys(expected, 1)


def test_when_its_worker_dies_those_that_were_taken_do_not_run_again(
    two_workers: DataFlowKernel, gate: Gate, log: Path
) -> None:
    sweep = with_one_at_the_gate(log, gate)
    (pid,) = (row.pid for row in two_workers.workers() if row.task is not None)
    os.kill(pid, signal.SIGKILL)
    assert isinstance(sweep[LONG].exception(SOON), errors.WorkerLost)
    assert [sweep[item].result(SOON) for item in range(LONG)] == list(range(LONG))
    assert runs(log) == dict.fromkeys(range(LONG), 2) | {LONG: 1} | dict.fromkeys(BEHIND, 1)


def test_a_sweep_that_is_cancelled_meanwhile_ends(two_workers: DataFlowKernel, gate: Gate, log: Path) -> None:
    sweep = sweep_over(log, gate, LONG)
    gate.wait_for()
    assert sweep[COUNT - 1].result(SOON) == COUNT - 1
    assert sweep.cancel()
    assert sweep.cancelled()


# ---------------------------------------------------------------- the board


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(10, [str(tmp_path)])


def run_chunk(board: Board, first: int, stop: int, turn: int) -> tuple[Answer, list[int]]:
    """What a chunk of the items from `first` on answers, and which it ran for."""
    ran: list[int] = []
    results = Chunk(ran.append)(range(first, stop), 0, board.path, 10, first, b"", True, turn)
    value, _, _ = results.pack("app")
    return read([bytes(part) for part in value])[0], ran


def test_a_chunk_ends_where_items_were_taken_from_it(board: Board) -> None:
    board.take(4, 10, board.turn(0, 10))
    answer, ran = run_chunk(board, 0, 10, 1)
    assert ran == [0, 1, 2, 3]
    assert answer.ran == 4


def test_those_that_were_taken_run_in_the_next_turn_and_may_be_taken_again(board: Board) -> None:
    board.take(4, 10, board.turn(0, 10))
    assert board.turn(4, 10) == 2
    board.take(8, 10, board.turn(4, 10))
    answer, ran = run_chunk(board, 4, 10, 2)
    assert ran == [4, 5, 6, 7]
    assert answer.ran == 4
    assert run_chunk(board, 8, 10, board.turn(8, 10))[1] == [8, 9]


def test_an_item_that_was_cancelled_stays_so_when_it_is_taken(board: Board) -> None:
    board.skip[6] = 1
    board.take(4, 10, board.turn(0, 10))
    answer, ran = run_chunk(board, 4, 10, board.turn(4, 10))
    assert ran == [4, 5, 7, 8, 9]
    assert (answer.ran, answer.skipped) == (6, [2])


def test_items_that_were_cancelled_where_a_chunk_ends_are_those_of_the_next(board: Board) -> None:
    board.take(4, 10, board.turn(0, 10))
    board.skip[2] = board.skip[4] = board.skip[5] = 1
    answer, ran = run_chunk(board, 0, 10, 1)
    assert ran == [0, 1, 3]
    assert (answer.ran, answer.skipped) == (4, [2])
    answer, ran = run_chunk(board, 4, 10, board.turn(4, 10))
    assert (answer.ran, answer.skipped) == (6, [0, 1])


def test_only_what_no_worker_has_begun_goes_again(board: Board) -> None:
    board._begun[0:6] = bytes([BEGUN]) * 6
    board.take(4, 10, 1)
    assert board.first_not_begun(4, 10) == 6
    board._begun[6:10] = bytes([BEGUN]) * 4
    assert board.first_not_begun(4, 10) == 10
