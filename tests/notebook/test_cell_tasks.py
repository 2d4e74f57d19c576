"""Cells that run as tasks: what they are given, what they give, what stands under them, and running them again."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionInfo

import nbflow
from nbflow.core.states import State
from nbflow.errors import CannotPickle, NeedFailed, NotBound
from nbflow.notebook.cells import CellError
from nbflow.notebook.task.future import NameFuture
from nbflow.notebook.task.value import Displayed
from nbflow.notebook.under import in_order
from tests.notebook.cellruns import SECONDS, eventually, gate, run, under, value
from tests.notebook.shells import Kernel, real_kernel, refusal, shell_in_process


@pytest.fixture
def shell() -> Iterator[Any]:
    """A shell that has a front end, as one in a kernel has."""
    nbflow.clear()
    with shell_in_process(front_end=True) as shell:
        yield shell
    nbflow.clear()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        yield kernel


def texts(shell: Any) -> list[str]:
    return [output["data"].get("text/plain", "") for output in shell.display_pub.outputs]


# ---------------------------------------------------------------- what becomes a task


@pytest.mark.parametrize(
    "body",
    ["x = 1", "def f(): ...\nf()", "import os", "def _f(): ...", "for i in []: pass", "class A: ...", "1",
     "def f(): ...\nx[0] = f", "def f(): ...\nx = f()", "def f(): ...\nx: int = 1 + f()", "def f(): ...\nx = [f]"],
)  # fmt: skip
def test_a_cell_that_is_not_only_definitions_runs(shell: Any, body: str) -> None:
    shell.user_ns["x"] = [0]
    run(shell, f"%%app\n{body}")
    assert nbflow.dfk().task_count == 1


@pytest.mark.parametrize(
    "body", ["def f(): ...", "import os\nX = 1\nclass A: ...\nasync def f(): ...\n'text'"]
)
def test_a_cell_of_definitions_defines_apps(shell: Any, body: str) -> None:
    run(shell, f"%%app\n{body}")
    assert isinstance(shell.user_ns["f"], nbflow.App)


def test_an_await_among_definitions_is_refused_as_ever(shell: Any) -> None:
    assert "an `await` has no place" in str(refusal(shell, "%%app\nx = await y\ndef f(): ..."))


@pytest.mark.parametrize("option", ["-i a", "-o a", "--no-infer", "--name a"])
def test_options_about_names_mean_nothing_for_definitions(shell: Any, option: str) -> None:
    for line, cell in (("", "def f(): ..."), ("--bash f()", "echo")):
        error = refusal(shell, f"%%app {option} {line}\n{cell}")
        assert isinstance(error, UsageError)
        assert f"{option.split(maxsplit=1)[0]} is for a cell that runs as a task" in str(error)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-i 1a", "names with commas between them are allowed, not '1a'"),
        ("-o for", "not 'for'"),
        ("--name ''", "a word that can be read is allowed"),
        ("-i nowhere", "-i nowhere: there is no `nowhere` in the notebook"),
        ("-o x,y", "-o y: the cell does not bind `y`; it binds `x`"),
        ("--executor nowhere", "wants executor 'nowhere'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(shell: Any, line: str, message: str) -> None:
    assert message in str(refusal(shell, f"%%app {line}\nx = 1\nprint(x)"))
    assert "x" not in shell.user_ns


def test_what_a_cell_is_given_or_may_bind_unseen_can_be_asked_for(shell: Any) -> None:
    run(shell, "data = [1]\ndef grow(xs): xs.append(2)")
    run(shell, "%%app -o data\ngrow(data)")
    assert value(shell, "data") == [1, 2]
    run(shell, "%%app -i data -o later\nexec('later = 3')")
    assert value(shell, "later") == 3


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("cell", "name", "expected"),
    [
        ("for i in range(3):\n    last = i\nfound = last", "found", 2),
        ("if True: w = 1\nfound = w", "found", 1),
        ("try: data = int('7')\nexcept ValueError: print('bad')\nfound = data", "found", 7),
        ("n = 0\nwhile n < 3:\n    n += 1\n    k = n\nfound = k", "found", 3),
        ("for x in range(10):\n    if x == 4: break\nfound = x", "found", 4),
    ],
)
def test_what_the_cell_binds_on_one_of_its_ways_need_not_be_in_the_notebook(
    shell: Any, cell: str, name: str, expected: int
) -> None:
    run(shell, f"%%app\n{cell}")
    assert value(shell, name) == expected


def test_what_it_did_not_bind_after_all_is_pythons_own_error(shell: Any) -> None:
    run(shell, "%%app\nif False: w = 1\nfound = w")
    assert isinstance(shell.user_ns["found"].exception(SECONDS), NameError)


def test_values_are_copied_and_names_are_futures_at_once(shell: Any, tmp_path: Path) -> None:
    wait, path = gate(tmp_path)
    run(shell, "data = [1, 2]\nimport math\ndef total(xs): return sum(xs) * factor\nfactor = 10")
    run(shell, f"%%app\n{wait}y = total(data)\nz = math.floor(2.5) + len(data)")
    run(shell, "data.append(3); factor = 0")
    y = shell.user_ns["y"]
    assert not y.done()
    assert repr(y) == "<future of y, of task 1 In[2]: not done>"
    assert shell.user_ns["os"].__name__ == "os"  # loaded here: no future of a module
    path.touch()
    assert (value(shell, "y"), value(shell, "z")) == (30, 4)
    assert shell.user_ns["data"] == [1, 2, 3]


def test_futures_are_needs_of_the_next_cell_and_of_apps(shell: Any, tmp_path: Path) -> None:
    wait, path = gate(tmp_path)
    run(shell, "@python_app\ndef double(x): return 2 * x")
    run(shell, f"%%app\n{wait}x = 20\nxs = [1, 2]")
    run(shell, "%%app\ny = x + xs[1]")
    run(shell, "z = double(x); w = double([xs][0]); first = xs[0]; nested = double({'a': [x]}['a'][0])")
    assert not shell.user_ns["z"].done()
    path.touch()
    assert value(shell, "y") == 22
    names = ("z", "w", "first", "nested")
    assert [shell.user_ns[name].result(SECONDS) for name in names] == [40, [1, 2, 1, 2], 1, 40]
    # one task a cell, whatever it binds
    assert len(nbflow.dfk().feed.rows) == 6 or nbflow.dfk().task_count == 6


def test_a_join_app_may_return_the_future_of_a_name(shell: Any) -> None:
    run(shell, "%%app\nx = 20\nx += 1")
    run(shell, "lock = __import__('threading').Lock()\n@join_app\ndef give():\n    with lock: return x")
    run(shell, "joined = give()")
    assert shell.user_ns["joined"].result(SECONDS) == 21


def test_a_name_may_be_kept_changed_or_deleted(shell: Any) -> None:
    run(shell, "old = 1; gone = 2; table = {'a': 1}")
    run(shell, "%%app\nif not table: old = 5\ntable['b'] = 2\ndel gone\nif not table: never = 1")
    assert "gone" not in shell.user_ns
    assert (value(shell, "old"), value(shell, "table")) == (1, {"a": 1, "b": 2})
    with pytest.raises(NotBound, match="without binding `never`"):
        value(shell, "never")
    assert issubclass(NotBound, NameError)


def test_what_cannot_travel_is_left_behind_and_the_others_live(shell: Any) -> None:
    run(shell, "%%app\nimport threading\nlock = threading.Lock()\nx = 1\nprint(x)")
    assert value(shell, "x") == 1
    with pytest.raises(NotBound, match="`lock` stayed in its task: its lock cannot travel: TypeError"):
        value(shell, "lock")
    run(shell, "%nbflow wait")
    assert any("`lock` stayed in its task: its lock cannot travel" in text for text in texts(shell))


def test_an_input_that_cannot_travel_is_named_and_nothing_changes(shell: Any) -> None:
    run(shell, "x = 0; lock = __import__('threading').Lock()")
    error = refusal(shell, "%%app\nx = repr(lock)\nx")
    assert isinstance(error, CannotPickle)
    assert "argument `lock` (lock) of `In[2]` cannot travel" in str(error)
    assert shell.user_ns["x"] == 0


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("x = 1\nprint(nowhere)", 3, "name `nowhere` is not defined in the notebook"),
        ("exec('x = 1')", 2, "with `exec` it cannot be told what the cell reads or binds: `-i a,b` says"),
        (
            "from math import *\nx = pi",
            2,
            "with a star import it cannot be told what the cell binds: `-o c` says",
        ),
        ("x = 1\nget_ipython()", 3, "a task has no notebook"),
        ("print(vars())", 2, "what the cell reads: `-i a,b` says"),
        ("x = 1\n!ls", 3, "a shell command is a `%%app --bash NAME()` cell"),
        ("x = 1\n%time x", 3, "a magic a cell of its own"),
        ("x = 1\nyield x", 3, "'yield' outside function"),
        ("x = (", 2, "incomplete input"),
    ],
)
def test_what_cannot_be_known_or_run_is_refused_at_its_line(
    shell: Any, body: str, line: int, message: str
) -> None:
    error = refusal(shell, f"%%app\n{body}")
    assert isinstance(error, CellError)
    assert error.line == line
    assert message in error.message
    assert "x" not in shell.user_ns


def test_the_options_say_what_cannot_be_known(shell: Any) -> None:
    run(shell, "a = 20")
    run(shell, "%%app -i a -o b,c\nexec('b = a + 1'); c = eval('b + 1')")
    assert (value(shell, "b"), value(shell, "c")) == (21, 22)
    run(shell, "%%app -o pi\nfrom math import *")
    assert 3 < value(shell, "pi") < 4
    run(shell, "%%app --no-infer -o d\nd = 'a' in globals(), get_ipython()")
    assert value(shell, "d") == (False, None)
    assert not isinstance(shell.user_ns["a"], NameFuture)


def test_top_level_await_runs(shell: Any) -> None:
    body = "import asyncio\nawait asyncio.sleep(0)\nasync def two(): yield 1; yield 2\nxs = [x async for x in two()]"
    run(shell, f"%%app\n{body}")
    assert value(shell, "xs") == [1, 2]


def test_functions_and_classes_of_the_cell_travel_out(shell: Any) -> None:
    run(
        shell,
        "%%app\nK = 3\ndef times(x): return K * x\nclass Point:\n  def __init__(s, x): s.x = x\np = Point(K)\nprint(p)",
    )
    assert value(shell, "times")(2) == 6
    assert value(shell, "p").x == 3


def test_large_arrays_are_shared_and_their_size_is_told(shell: Any) -> None:
    numpy = pytest.importorskip("numpy")
    shell.user_ns["big"] = numpy.ones(2_000_000)
    run(shell, "%%app\nhalf = big / 2\nsmall = 1")
    run(shell, "%%app\nsmall + 1")
    assert value(shell, "half").sum() == 1_000_000
    told = texts(shell)
    assert "reads big · binds half, small · sends 16 MB" in told
    assert "reads small · binds nothing" in told


def test_the_future_of_a_name_is_one_like_others(shell: Any) -> None:
    run(shell, "import nbflow, asyncio, concurrent.futures")
    run(shell, "%%app\nx = 20 + 1\ns = 'text'\nprint(x)")
    run(shell, "done, _ = concurrent.futures.wait([x, s], 30); both = nbflow.gather(x, s).result(30)")
    assert shell.user_ns["both"] == [21, "text"]
    assert {future.name for future in shell.user_ns["done"]} == {"x", "s"}
    run(shell, "first = next(iter(nbflow.as_completed([x]))); got = await x; upper = s.upper")
    assert (shell.user_ns["first"].name, shell.user_ns["got"]) == ("x", 21)
    assert shell.user_ns["upper"].result(SECONDS)() == "TEXT"
    with pytest.raises(AttributeError, match="Did you mean 'result'"):
        shell.user_ns["x"].reslt  # noqa: B018
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(shell.user_ns["x"])


def test_a_list_of_futures_is_given_without_further_tasks(shell: Any) -> None:
    run(shell, "@python_app\ndef double(x): return 2 * x")
    run(shell, "futures = [double(1), double(2)]")
    run(shell, "%%app\ntotal = sum(futures)\nprint(total)")
    assert value(shell, "total") == 6
    assert nbflow.dfk().task_count == 3
    run(shell, "%nbflow cells")
    assert "fresh" in texts(shell)[-1]


class Prickly:
    """A value that lets itself be pickled, and nothing else."""

    @property
    def nbytes(self) -> int:
        raise OSError("closed")


def test_a_value_that_cannot_be_looked_at_can_be_given(shell: Any) -> None:
    shell.user_ns["prickly"] = Prickly()
    run(shell, "%%app\nkind = type(prickly).__name__\nprint(kind)")
    assert value(shell, "kind") == "Prickly"
    run(shell, "%nbflow cells")
    assert "`prickly`: a Prickly cannot be compared: OSError: closed" in texts(shell)[-1]


# ---------------------------------------------------------------- options


def test_options_are_those_of_a_task(shell: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    body = f"with open({str(count)!r}, 'a') as file: n = file.write('x')\nassert len(open({str(count)!r}).read()) > 1"
    run(shell, f"%%app --name twice --retries 1 --walltime 60\n{body}\n'twice'")
    assert value(shell, "n") == 1
    assert count.read_text() == "xx"
    assert shell.user_ns["n"].parent.app_name == "twice"
    run(shell, "%%app --walltime 0.2\nimport time\ntime.sleep(60)\nslow = 1")
    assert isinstance(shell.user_ns["slow"].exception(SECONDS), nbflow.TaskError)


def test_a_cached_cell_is_recalled(shell: Any, tmp_path: Path) -> None:
    count = tmp_path / "count"
    cell = f"%%app --cache\nwith open({str(count)!r}, 'a') as file: n = file.write('x' * a)\ndisplay(n)"
    for a in (2, 2, 3):
        shell.user_ns["a"] = a
        run(shell, cell, cell_id=f"cell {len(texts(shell))}")
        assert value(shell, "n") == a
    assert count.read_text() == "xxxxx"


# ---------------------------------------------------------------- what stands under the cell


def settled(shell: Any) -> list[dict[str, Any]]:
    run(shell, "%nbflow wait")
    return under(shell)


def test_the_line_the_output_and_the_value_stand_under_the_cell(shell: Any) -> None:
    run(shell, "a = 1")
    run(shell, "%%app\nimport sys\nprint('<b>out</b>')\nprint('err', file=sys.stderr)\ny = a\n{'y': y}")
    head, tail = settled(shell)
    assert head["text/plain"] == "reads a · binds sys, y\n<b>out</b>\nerr"
    assert "&lt;b&gt;out&lt;/b&gt;" in head["text/html"]
    assert tail == {"text/plain": "{'y': 1}"}


@pytest.mark.parametrize("body", ["x = 1\nx;", "x = 1\nx  ; # why\n", "x = 1", "x = 1\nNone"])
def test_without_a_value_a_card_says_that_it_is_done(shell: Any, body: str) -> None:
    run(shell, f"%%app\n{body}")
    assert settled(shell)[1]["text/plain"] == "task 1 `In[1]` done"


def test_what_a_running_cell_prints_comes_at_once(shell: Any, tmp_path: Path) -> None:
    wait, path = gate(tmp_path)
    run(shell, f"%%app\nprint('begun')\n{wait}print('over')")
    eventually(lambda: any(text.endswith("\nbegun") for text in texts(shell)))
    assert not path.exists()
    path.touch()
    assert settled(shell)[0]["text/plain"].endswith("begun\nover")


def test_figures_and_displays_stand_in_their_order(shell: Any) -> None:
    pytest.importorskip("matplotlib")
    run(
        shell,
        "%%app\nfrom IPython.display import HTML, display\nimport matplotlib.pyplot as plt\n"
        "display(HTML('<b>bold</b>'))\nplt.plot([1, 2])\nplt.show()\nfig, ax = plt.subplots()\nax.plot([3])",
    )
    head, tail = settled(shell)
    assert head["text/html"].index("<b>bold</b>") < head["text/html"].index("data:image/png;base64,")
    assert head["text/html"].count("<img") == 2
    assert "Line2D" in tail["text/plain"]  # the value of the last expression, as in any cell
    run(shell, "%%app\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert settled(shell)[3]["image/png"].startswith("iVBORw0KGgo")
    run(shell, "%%app\nimport matplotlib.pyplot as plt\nfig = plt.figure()\nfig.add_subplot()\nfig")
    head, tail = settled(shell)[4:]
    assert "<img" not in head["text/html"]
    assert "<Figure" in tail["text/plain"]


def test_what_is_printed_and_displayed_stands_in_its_order(shell: Any) -> None:
    run(
        shell,
        "%%app\nimport os, sys\nprint('één')\ndisplay(1)\nsys.stderr.write('two\\n')\nos.system('echo three')\n"
        "display(2)\ndisplay(3)\nprint('four')",
    )
    head, tail = settled(shell)
    assert head["text/plain"].splitlines()[1:] == ["één", "1", "two", "three", "2", "3", "four"]
    places = [head["text/html"].index(f">{text}") for text in ("één", "1", "two", "2", "3", "four")]
    assert places == sorted(places)
    assert "done" in tail["text/plain"], "what is printed last stands above it"


def test_a_display_that_comes_last_stands_where_a_value_would(shell: Any) -> None:
    run(shell, "%%app\nprint('first')\ndisplay(1)\nprint('second')\ndisplay(2)")
    head, tail = settled(shell)
    assert head["text/plain"].splitlines()[1:] == ["first", "1", "second"]
    assert tail["text/plain"] == "2"


def test_what_an_error_was_raised_behind_stands_in_its_order(shell: Any) -> None:
    run(shell, "%%app\nprint('first')\ndisplay(1)\nprint('second')\nraise ValueError")
    head, _ = settled(shell)
    assert head["text/plain"].splitlines()[1:] == ["first", "1", "second"]


def test_of_very_many_displays_it_is_told_how_many_are_left_out(shell: Any) -> None:
    run(shell, "%%app\nfor i in range(1002):\n    display(i)")
    head, tail = settled(shell)
    assert head["text/plain"].splitlines()[-1] == "999"
    assert tail["text/plain"] == "... 2 more displays are left out: 1000 of a cell are shown ..."


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(0, 9))), st.text(max_size=5))
def test_pieces_are_what_was_printed_with_the_displays_at_their_places(
    parts: list[tuple[str, int]], rest: str
) -> None:
    output, displays = "", []
    for text, number in parts:
        output += text
        displays.append(Displayed(({"text/plain": str(number)}, {}), len(output.encode("utf-8", "replace"))))
    pieces = in_order(output + rest, displays)
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == _travelled(output + rest)
    assert [piece for piece in pieces if not isinstance(piece, str)] == [bundle for bundle, _ in displays]
    before = "".join(itertools.takewhile(lambda piece: isinstance(piece, str), pieces))
    assert before == _travelled(parts[0][0] if parts else rest)


def _travelled(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def test_what_is_displayed_and_cannot_be_drawn_among_the_output_is_told_by_its_source(shell: Any) -> None:
    run(shell, "%%app\nfrom IPython.display import Latex, Markdown, display\n"
               "display(Markdown('**bold** <b>'), Latex('$x^2$'))\n'value'")  # fmt: skip
    head, _ = settled(shell)
    assert "**bold** &lt;b&gt;" in head["text/html"]
    assert "$x^2$" in head["text/html"]


def test_an_error_has_the_cells_own_line_and_what_was_displayed_before(shell: Any) -> None:
    run(shell, "%%app\nprint('so far')\ndisplay('shown')\ndef inner(x):\n    return 1 / x\ny = inner(0)")
    error = shell.user_ns["y"].exception(SECONDS)
    assert isinstance(error, ZeroDivisionError)
    assert 'File "Cell In[1]", line 6, in <module>\n    y = inner(0)' in str(error.__cause__)
    head, tail = settled(shell)
    assert head["text/plain"] == "reads nothing · binds inner, y\nso far\n'shown'"
    assert tail["text/plain"].startswith("task 1 `In[1]` failed: ZeroDivisionError: division by zero")
    assert "----> 5     return 1 / x" in tail["text/plain"]
    assert "so far" not in tail["text/plain"]  # it stands above
    run(shell, "%%app\nz = y")
    assert isinstance(shell.user_ns["z"].exception(SECONDS), NeedFailed)


def test_the_panel_of_the_task_has_the_source_of_the_cell(shell: Any) -> None:
    run(shell, "%%app\nx = 1\ny = 1 / 0")
    shell.user_ns["x"].exception(SECONDS)
    details = nbflow.dfk().details(1)
    assert details.source == "# %%app \nx = 1\ny = 1 / 0\n"
    assert details.error_line == 3


def test_hostile_text_stays_text(shell: Any) -> None:
    hostile = "<script>alert(1)</script>"
    run(shell, f"%%app\nprint({hostile!r})\ndisplay({hostile!r})\nraise ValueError({hostile!r})\nx = 1")
    for data in settled(shell):
        assert "<script" not in data["text/html"]


def test_names_with_two_underscores_are_given_but_for_those_that_any_module_has(shell: Any) -> None:
    run(shell, "__version__ = '1.2'")
    run(shell, "%%app\nfound = __version__, __name__")
    assert value(shell, "found") == ("1.2", "__main__")


def test_a_label_that_is_empty_is_refused_in_its_line(shell: Any) -> None:
    with pytest.raises(UsageError, match="the label of an executor is wanted"):
        run(shell, "%%app --executor=\nx = 1")


def test_a_loop_of_a_task_may_have_made_no_turn(shell: Any) -> None:
    run(shell, "i = 7")
    run(shell, "%%app --name A\nfor i in []: pass")
    assert value(shell, "i") == 7
    run(shell, "%%app --name B\nfor i in []: pass")
    with pytest.raises(NotBound):
        value(shell, "i")


# ---------------------------------------------------------------- worker, threads, kernel, head-less


def test_a_worker_imports_no_ipython_for_a_cell(shell: Any) -> None:
    run(shell, "%%app\nimport sys\nloaded = sorted({name.partition('.')[0] for name in sys.modules})\n1")
    assert not {"IPython", "matplotlib", "ipykernel", "anywidget", "ipywidgets", "numpy"} & set(
        value(shell, "loaded")
    )


def test_what_a_worker_imports_for_cells_is_light() -> None:
    code = (
        "import sys, nbflow.notebook.task.cell, nbflow.notebook.task.future; print('IPython' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_a_cell_on_a_thread_gives_values_as_they_are(shell: Any) -> None:
    nbflow.load(nbflow.Config(executors=[nbflow.ThreadExecutor(max_workers=1)]))
    shell.user_ns["lock"] = threading.Lock()
    run(shell, "%%app\nmine = lock\nprint('on a thread')\nmine")
    assert value(shell, "mine") is shell.user_ns["lock"]
    assert settled(shell)[0]["text/plain"] == "reads lock · binds mine\non a thread"


def test_the_next_cell_runs_while_the_cell_does(kernel: Kernel, tmp_path: Path) -> None:
    wait, path = gate(tmp_path)
    kernel.run("a = 4")
    first = kernel.run(f"%%app\n{wait}print('working')\ny = a ** 2\ny")
    assert first.plain[0] == "reads a · binds os, time, y"
    assert first.plain[1].endswith("has not ended yet")
    assert kernel.value("y.done(), a") == "(False, 4)"
    busy = kernel.run(f"open({str(path)!r}, 'w').close()\ny.result()\ntime.sleep(1.5)")
    updates = [
        output["data"]["text/plain"] for output in busy.outputs if output["type"] == "update_display_data"
    ]
    assert "16" in updates
    assert "reads a · binds os, time, y\nworking" in updates


def test_a_notebook_run_head_less_has_outputs_in_place(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sources = [
        "%load_ext nbflow", "a = 3", "%%app\nprint('hello')\nb = a + 1\nb",
        "%%app\nimport matplotlib.pyplot as plt\nplt.plot([a, b]);", "%%app\nc = 1 / (b - 4)", "%nbflow wait",
    ]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbclient.NotebookClient(notebook, timeout=50, kernel_name="python3").execute()
    shown = [[output.data for output in cell.outputs] for cell in notebook.cells[2:5]]
    assert [data["text/plain"] for data in shown[0]] == ["reads a · binds b\nhello", "4"]
    assert "image/png" in shown[1][1]
    assert "`In[5]` failed: ZeroDivisionError: division by zero" in shown[2][1]["text/plain"]


def test_the_id_of_the_cell_comes_with_its_execution() -> None:
    info = ExecutionInfo("x", True, False, True, "the id")
    assert info.cell_id == "the id"
    assert State.DONE.sign == "✓"
