"""What the tests of the patterns share: the variant of the parallel pattern that a test can look into."""

from __future__ import annotations

SLEEP = """\
import time

    time.sleep(2)
"""
STAND = """\
from tests.gates import Gate, stand_at

    with open('story.txt', 'a') as story:
        story.write('begin ')
    stand_at(Gate('arrivals', 'permits'), None)
    with open('story.txt', 'a') as story:
        story.write('end ')
"""
LOAD = "parsl.load()"
TWO = "parsl.load(parsl.Config(executors=[parsl.HighThroughputExecutor(max_workers_per_node=2)]))"


def at_a_gate(code: str) -> str:
    """The parallel pattern with two workers whose tasks note their beginning and end, and stop at a gate between."""
    for old, new in ((SLEEP, STAND), (LOAD, TWO)):
        assert code.count(old) == 1
        code = code.replace(old, new)
    return code
