"""How flows are listed."""

from __future__ import annotations

import pytest

from nbflow.client.flow.living import Living
from nbflow.listing import age, table
from nbflow.wire.door import FlowState


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (86399, "23 h 59 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_an_age_in_words(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_flows_are_a_table_that_hostile_names_do_not_disturb() -> None:
    tasks = {"running": 3, "done": 1204}
    flows = [
        Living(
            "0123456789abcdef", "/a", FlowState("0123456789abcdef", "night", 41, 42, 40.0, "/r", tasks, 4, 3)
        ),
        Living(
            "b" * 16,
            "/b",
            FlowState("b" * 16, "two\nlines\x1b[31m\u202e" + "x" * 99, 1, 2, 99.0, "/r", {}, 0, 0, True),
        ),
        Living("c" * 16, "/c", None),
    ]
    assert table(flows, 100.0).splitlines() == [
        "FLOW      NAME                            PROCESS  AGE    WORKERS    TASKS",
        "01234567  night                           41       1 min  4, 3 busy  3 running, 1,204 done",
        "bbbbbbbb  two lines\ufffdxxxxxxxxxxxxxxxxxxxx  1        1 s    0          ending: none yet",
        "cccccccc                                                             does not answer",
    ]
