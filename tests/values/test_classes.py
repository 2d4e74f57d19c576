"""Classes of a script in another process: as they were when they were last seen here, and with all that they have."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from nbflow.values import pickling
from nbflow.values.functions import Captor

LOADS = """
import sys
from nbflow.values import pickling
values = [pickling.loads(bytes.fromhex(line)) for line in sys.stdin]
print(({expression}))
"""


def main(source: str) -> dict[str, Any]:
    """A namespace as a notebook's after running `source`."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def elsewhere(expression: str, *pickles: bytes) -> str:
    """What an expression is in another process, which has loaded these as `values`, one after the other."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADS.format(expression=expression)],
        input="\n".join(data.hex() for data in pickles),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def dumped(value: Any) -> bytes:
    return pickling.dumps(value, in_band=True).data


def test_the_newest_state_of_a_class_counts_whatever_comes_last() -> None:
    space = main("class C:\n    n = 1\ndef f(): return C.n")
    captor = Captor(space["f"])
    old = dumped(space["C"]())
    space["C"].n = 2
    new, function = dumped(space["C"]()), captor.capture().code
    assert elsewhere("[value.n for value in values]", old, new) == "[2, 2]"
    assert elsewhere("[value.n for value in values]", new, old) == "[2, 2]"
    assert elsewhere("values[0](), values[1].n", function, old) == "(2, 2)"


def test_a_value_that_is_passed_on_brings_no_newer_state_than_it_has() -> None:
    space = main("class C:\n    n = 1")
    old = dumped(space["C"]())
    passed_on = bytes.fromhex(elsewhere("pickling.dumps(values[0], in_band=True).data.hex()", old))
    space["C"].n = 2
    assert elsewhere("[value.n for value in values]", dumped(space["C"]()), passed_on) == "[2, 2]"


def test_what_a_task_has_changed_in_a_class_is_put_back_by_the_next_call() -> None:
    space = main("class C:\n    n = 1\ndef f():\n    C.n += 1\n    return C.n")
    code = Captor(space["f"]).capture().code
    assert elsewhere(f"values[0](), pickling.loads(bytes.fromhex('{code.hex()}'))()", code) == "(2, 2)"


ENUMS = """
import enum
class Planet(enum.Enum):
    EARTH = (5.97e24, 6.37e6)
    MARS = (6.4e23, 3.39e6)
    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius
class Unit(int, enum.Enum):
    def __new__(cls, value, label):
        made = int.__new__(cls, value)
        made._value_, made.label = value, label
        return made
    KM = (1, "kilometre")
class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1
class Right(enum.Flag):
    R = 1
    W = 2
    RW = 3
class Word(str, enum.Enum):
    A = "a"
"""


@pytest.mark.parametrize(
    ("name", "expression", "expected"),
    [
        ("Planet", "C.EARTH.mass, C.MARS.radius, [one.name for one in C]", "(5.97e+24, 3390000.0, ['EARTH', 'MARS'])"),
        ("Unit", "C.KM.label, C.KM + 1, C(1) is C.KM", "('kilometre', 2, True)"),
        ("Colour", "C.CRIMSON is C.RED, C['CRIMSON'].name, len(C)", "(True, 'RED', 1)"),
        ("Right", "(C.R | C.W) is C.RW, C['RW'].value, C.RW.name", "(True, 3, 'RW')"),
        ("Word", "C.A + 'b', C('a') is C.A", "('ab', True)"),
    ],
)  # fmt: skip
def test_an_enum_has_all_its_members_with_all_that_they_have(
    name: str, expression: str, expected: str
) -> None:
    space = main(ENUMS)
    assert elsewhere(f"(lambda C: ({expression}))(values[0])", dumped(space[name])) == expected
    member = next(iter(space[name]))
    assert elsewhere("values[1] is next(iter(values[0]))", dumped(space[name]), dumped(member)) == "True"
