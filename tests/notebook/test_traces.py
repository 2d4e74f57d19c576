"""Tracebacks of tasks: from text to frames, and the few lines that are shown."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbflow
from nbflow.errors import JoinError, NeedFailed, RemoteTraceback, WorkerLost
from nbflow.notebook.reading import Frame, read
from nbflow.notebook.traces import (
    came_out_of_a_task,
    chain_of,
    excerpt,
    failed_task,
    place_of,
    root_of,
    short,
)

TEXT = """Traceback (most recent call last):
  File "Cell In[1]", line 3, in first
    other()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "Cell In[4]", line 6, in score
    return _helper(x)
           ^^^^^^^^^^
  File "Cell In[4]", line 2, in _helper
    raise ValueError("bad")
ValueError: bad
"""


def failed(text: str = TEXT) -> ValueError:
    error = ValueError("bad")
    error.__cause__ = RemoteTraceback(text)
    return error


def frames_of(error: BaseException) -> list[Frame]:
    return chain_of(error)[-1].frames


def test_the_frames_of_the_last_error_count() -> None:
    assert frames_of(failed()) == [
        Frame("Cell In[4]", 6, "score", "return _helper(x)", "       ^^^^^^^^^^"),
        Frame("Cell In[4]", 2, "_helper", 'raise ValueError("bad")'),
    ]


def test_frames_of_nbflow_itself_are_left_out() -> None:
    own = os.path.join(os.path.dirname(nbflow.__file__), "worker", "task.py")
    text = f'Traceback (most recent call last):\n  File "{own}", line 3, in run\n    function()\nValueError: bad\n'
    assert frames_of(failed(text)) == []


def test_what_python_writes_is_read() -> None:
    def deep(n: int) -> int:
        return deep(n - 1) if n else 1 // 0

    with pytest.raises(ZeroDivisionError) as found:
        deep(2)
    frames = frames_of(failed("".join(traceback.format_exception(found.value))))
    assert [(frame.function, frame.times) for frame in frames][-2:] == [("deep", 2), ("deep", 1)]
    assert frames[-1].source.startswith("return deep(n - 1)")


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for frame in frames_of(failed(text)):
        assert frame.place


def test_the_place_is_the_innermost_line_of_the_users_code() -> None:
    library = os.path.join(sysconfig.get_path("purelib"), "numpy", "linalg.py")
    frames = [Frame("Cell In[2]", 5, "lib", ""), Frame(library, 144, "inv", "")]
    assert place_of(frames) == "Cell In[2], line 5"
    assert frames[1].place == f"{os.path.join('numpy', 'linalg.py')}, line 144"
    assert place_of([]) == ""


def test_of_a_librarys_frames_only_the_one_that_raised_is_kept() -> None:
    library = os.path.join(sysconfig.get_path("purelib"), "library.py")
    frames = [Frame("a.py", 1, "f", ""), Frame(library, 1, "g", ""), Frame(library, 2, "h", "")]
    assert short(frames) == [frames[0], frames[2]]
    assert short([]) == []


def test_of_many_frames_the_first_and_the_last_are_kept() -> None:
    frames = [Frame("a.py", line, "f", "") for line in range(1, 50)]
    assert short(frames) == [frames[0], *frames[-3:]]


def test_an_excerpt_points_at_the_line() -> None:
    linecache.cache["<excerpt>"] = (0, None, [f"line {n}\n" for n in range(1, 12)], "<excerpt>")
    assert excerpt(Frame("x", 9, "f", ""), "<excerpt>") == [
        "       7 line 7",
        "       8 line 8",
        "---->  9 line 9",
        "      10 line 10",
        "      11 line 11",
    ]


def test_where_the_file_cannot_be_read_the_line_that_came_along_is_shown() -> None:
    assert excerpt(Frame("gone.py", 9, "f", "x = 1"), "gone.py") == ["----> 9 x = 1"]
    assert excerpt(Frame("gone.py", 9, "f", ""), "gone.py") == []


def test_an_error_knows_whether_it_came_out_of_a_task() -> None:
    root = failed()
    assert came_out_of_a_task(root)
    assert came_out_of_a_task(NeedFailed(2, "b", 1, "a", root))
    assert came_out_of_a_task(JoinError(2, "b", 1, "a", ValueError("rebuilt without a cause")))
    assert came_out_of_a_task(WorkerLost("gone"))
    assert not came_out_of_a_task(ValueError("bad"))
    assert not came_out_of_a_task(None)


def test_the_root_is_behind_any_number_of_needs() -> None:
    root = failed()
    assert root_of(NeedFailed(3, "c", 2, "b", NeedFailed(2, "b", 1, "a", root))) is root


def test_what_led_to_an_error_is_read_with_how_it_did() -> None:
    first, last = read(TEXT)
    assert (first.words, first.cause, [frame.line for frame in first.frames]) == ("KeyError: 'x'", False, [3])
    assert (last.words, last.origin) == ("ValueError: bad", "")


def test_of_tasks_within_tasks_each_error_knows_whose_it_was() -> None:
    future = os.path.join(os.path.dirname(nbflow.__file__), "client", "future.py")
    again = f'  File "{future}", line 9, in result\n    raise self._exception\nKeyError: 1\n'
    led = "\nThe above exception was the direct cause of the following exception:\n\n"
    heading = "Traceback (most recent call last):\n"
    text = (
        "nbflow.errors.RemoteTraceback: \ntask 2.1 `b`:\n"
        "nbflow.errors.RemoteTraceback: \ntask 3.1 `c`:\n"
        f'{heading}  File "Cell In[1]", line 1, in c\nKeyError: 1\n{led}'
        f'{heading}  File "Cell In[1]", line 2, in b\n{again}{led}'
        f'{heading}  File "Cell In[1]", line 3, in a\n{again}'
    )
    assert [(each.origin, [frame.function for frame in each.frames]) for each in read(text)] == [
        ("task 3.1 `c`", ["c"]),
        ("task 2.1 `b`", ["b"]),
        ("", ["a"]),
    ]


def test_what_an_error_says_itself_is_no_frame_of_it() -> None:
    words = (
        'no\nTraceback (most recent call last):\n  File "forged.py", line 1, in forged\nValueError: forged'
    )
    error = ValueError(words)
    error.__cause__ = RemoteTraceback(
        f'Traceback (most recent call last):\n  File "Cell In[4]", line 6, in score\nValueError: {words}\n'
    )
    assert [frame.function for frame in frames_of(error)] == ["score"]


PIECES = (
    "  | ",
    "  +-+---------------- 1 ----------------\n",
    "    | ",
    "x",
    "\n",
    "Traceback (most recent call last):\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_margin_is_read_without_an_error(text: str) -> None:
    for raised in read(f"  + Exception Group Traceback (most recent call last):\n{text}"):
        assert len(raised.words) <= len(text) + 50


def test_the_task_that_failed_is_known_behind_any_number_of_needs() -> None:
    root = ValueError("bad")
    assert failed_task(root) is None
    assert failed_task(NeedFailed(3, "c", 1, "a", root)) == (1, "a")
    root.__cause__ = RemoteTraceback(TEXT, 1, "a")
    assert failed_task(NeedFailed(3, "c", 1, "a", root)) == (1, "a")
    # what a task raises is its own, though it be about others
    own = NeedFailed(9, "inner", 8, "other", root)
    own.__cause__ = RemoteTraceback(TEXT, 5, "outer")
    assert (failed_task(own), root_of(own)) == ((5, "outer"), own)


def test_a_line_that_is_another_one_by_now_is_not_shown_among_its_neighbours() -> None:
    linecache.cache["<changed>"] = (0, None, ["new = 1\n", "new = 2\n"], "<changed>")
    assert excerpt(Frame("x", 2, "f", "old = 1"), "<changed>") == ["----> 2 old = 1"]
    assert excerpt(Frame("x", 2, "f", "new = 2"), "<changed>", 0) == ["----> 2 new = 2"]


def test_a_part_of_a_line_is_pointed_at() -> None:
    linecache.cache["<marks>"] = (0, None, ["if x:\n", "    return a / b\n"], "<marks>")
    frame = Frame("x", 2, "f", "return a / b", "       ~~^~~")
    assert excerpt(frame, "<marks>") == [
        "      1 if x:",
        "----> 2     return a / b",
        "                   ~~^~~",
    ]


def test_empty_lines_around_are_left_out_and_one_that_is_said_to_have_failed_is_none() -> None:
    linecache.cache["<empty>"] = (0, None, ["\n", "x = 1\n", "\n", "\n"], "<empty>")
    assert excerpt(Frame("x", 2, "f", "x = 1"), "<empty>") == ["----> 2 x = 1"]
    assert excerpt(Frame("x", 3, "f", ""), "<empty>") == []
    assert excerpt(Frame("x", 9, "f", ""), "<empty>") == []
