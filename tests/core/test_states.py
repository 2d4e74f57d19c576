"""The states of a task, for people."""

from __future__ import annotations

from nbflow import State


def test_a_state_is_told_by_its_word_and_counts_as_its_number() -> None:
    assert f"{State.DONE} {State.FAILED:>8} {State.RUNNING!s}" == "done   failed running"
    assert [*([0] * State.DONE), 7] == [0] * 3 + [7]
