"""`%%app` and `%nbflow`: options, definitions, commands; in a shell in this process and in a real kernel."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow.client.app import App
from nbflow.core.states import State
from nbflow.errors import NoDataFlowKernelError
from nbflow.notebook.cells import CellError
from nbflow.notebook.flows import counts_of
from nbflow.notebook.widget import views
from tests.notebook.shells import ANSI, Kernel, real_kernel, refusal, shell_in_process


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    nbflow.clear()
    with shell_in_process() as shell:
        yield shell
    nbflow.clear()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_kernel() as kernel:
        yield kernel


def define(shell: InteractiveShell, line: str, body: str = "def score(x): return x") -> App:
    result = shell.run_cell(f"%%app {line}\n{body}\n", store_history=True)
    result.raise_error()
    app = shell.user_ns.get("score")
    assert isinstance(app, App)
    return app


def shown(error: BaseException) -> str:
    return ANSI.sub("", "\n".join(error._render_traceback_()))  # type: ignore[attr-defined]


# ---------------------------------------------------------------- %%app: options


@pytest.mark.parametrize(
    ("line", "kind", "options"),
    [
        ("", "python", {"cache": False, "retries": None, "walltime": None, "executors": ()}),
        ("--bash", "bash", {}),
        ("--join", "join", {}),
        ("--cache --retries 2", "python", {"cache": True, "retries": 2}),
        ("--retries 0 --walltime 1.5", "python", {"retries": 0, "walltime": 1.5}),
        ("--executor big --executor 'small ones'", "python", {"executors": ("big", "small ones")}),
    ],
)
def test_options_become_those_of_the_app(
    shell: InteractiveShell, line: str, kind: str, options: dict[str, Any]
) -> None:
    app = define(shell, line)
    assert app.kind == kind
    assert {name: getattr(app.options, name) for name in options} == options


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--retries two", "--retries: a whole number from 0 is allowed, not 'two'"),
        ("--retries -1", "--retries"),
        ("--walltime 0", "--walltime: a number of seconds above 0 is allowed, not '0'"),
        ("--walltime nan", "above 0"),
        ("--walltime soon", "above 0"),
        ("--executor", "--executor: expected one argument"),
        ("--retry 2", "--retry"),
        ("--bash --join", "--bash or --join, not both"),
        ("score", "takes options"),
        ("score(x)", "needs --bash"),
        ("--executor 'big", "No closing quotation"),
    ],
)
def test_a_wrong_option_is_refused_and_says_what_is_allowed(
    shell: InteractiveShell, line: str, message: str
) -> None:
    error = refusal(shell, f"%%app {line}\ndef score(x): return x\n")
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert "score" not in shell.user_ns


# ---------------------------------------------------------------- %%app: definitions


def test_all_that_the_cell_binds_is_in_the_namespace_and_nothing_else(shell: InteractiveShell) -> None:
    before = set(shell.user_ns)
    define(
        shell,
        "",
        "import math\nLIMIT = 3\ndef _help(x): return x\nclass Model: ...\ndef score(x): return _help(x)",
    )
    assert {name for name in set(shell.user_ns) - before if name[:2] != "_i"} == {
        "math",
        "LIMIT",
        "_help",
        "Model",
        "score",
    }
    assert not isinstance(shell.user_ns["_help"], App)


def test_dollars_and_braces_reach_the_cell_as_they_are(shell: InteractiveShell) -> None:
    shell.user_ns["x"] = "expanded"
    define(shell, "--bash score(path, n=1)", "echo ${HOME} $x {x} {path}")
    assert shell.user_ns["score"].__wrapped__("a") == "\necho ${HOME} $x {x} a\n"


def test_the_source_is_the_cells(shell: InteractiveShell) -> None:
    app = define(shell, "--cache", "# about\n\ndef score(x):\n    # why\n    return x")
    assert inspect.getsource(app) == "def score(x):\n    # why\n    return x\n"
    assert inspect.unwrap(app).__code__.co_firstlineno == 4
    file = inspect.getfile(inspect.unwrap(app))
    assert linecache.getline(file, 1) == "# %%app --cache\n"


def test_an_error_while_the_cell_runs_has_its_line(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refusal(shell, "%%app\nimport math\nLIMIT = 1 / 0\ndef score(x): return x\n")
    assert isinstance(error, ZeroDivisionError)
    printed = ANSI.sub("", capsys.readouterr().out)
    assert "Cell In[1], line 3" in printed
    assert "----> 3 LIMIT = 1 / 0" in printed
    assert "score" not in shell.user_ns


@pytest.mark.parametrize(
    ("cell", "line", "source", "caret", "message"),
    [
        (
            "%%app --join\nimport os\n\nfor x in y:\n    pass",
            4,
            "for x in y:",
            0,
            "a `for` loop has no place",
        ),
        ("%%app --bash\nx = 1; print(x)", 2, "x = 1; print(x)", 7, "a call has no place"),
        ("%%app\ndef f(:\n    pass", 2, "def f(:", 6, "invalid syntax"),
        ("%%app\nclass A:\n  return 1\ndef f(): ...", 3, "return 1", 0, "'return' outside function"),
        ("%%app  --bash f(a,, b)\necho", 1, "%%app  --bash f(a,, b)", 18, "invalid syntax"),
        ("%%app --bash f(a, a)\necho", 1, "%%app --bash f(a, a)", None, "duplicate argument 'a'"),
        ("%%app --bash f(a)\n  \n", 1, "%%app --bash f(a)", 0, "empty"),
        ("%%app --join\nX = 1", 1, "%%app --join", 0, "no function"),
    ],
)
def test_a_cell_that_cannot_be_used_is_pointed_at(
    shell: InteractiveShell, cell: str, line: int, source: str, caret: int | None, message: str
) -> None:
    error = refusal(shell, cell)
    assert isinstance(error, CellError)
    place, text, mark, said = shown(error).split("\n")
    assert place.strip() == f"Cell In[1], line {line}"
    assert text == f"    {source}"
    assert caret is None or mark.index("^") == 4 + caret
    assert said.startswith("CellError: ")
    assert message in said


@pytest.mark.parametrize("line", ["!ls", "%time", "files = !ls", "    files = !ls"])
def test_ipythons_own_syntax_is_refused_with_a_hint(shell: InteractiveShell, line: str) -> None:
    error = refusal(shell, f"%%app\ndef f():\n    return 1\n\ndef g():\n    pass\n{line}\n")
    assert isinstance(error, CellError)
    assert error.line == 7
    assert "are IPython's" in error.message


def test_after_a_refused_cell_the_names_are_what_they_were(shell: InteractiveShell) -> None:
    app = define(shell, "")
    refusal(shell, "%%app --join\ndef score(x): return 2\nprint(1)\n")
    assert shell.user_ns["score"] is app


# ---------------------------------------------------------------- %nbflow without a kernel


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sttus", "did you mean `%nbflow status`?"),
        ("xyz", "it knows start, status, graph, freeze, wait, cancel, clear"),
        ("status now", "stands alone; 'now' is too much"),
        ("start many", "takes a number of workers, from 1; not 'many'"),
        ("start 0", "not '0'"),
        ("start 2 3", "not '2 3'"),
        ("graph circle", "takes one of auto, nodes, blocks, apps, dot; not 'circle'"),
        ("'status", "No closing quotation"),
    ],
)
def test_a_wrong_command_is_refused_with_a_hint(shell: InteractiveShell, line: str, message: str) -> None:
    error = refusal(shell, f"%nbflow {line}")
    assert isinstance(error, UsageError)
    assert message in str(error)


@pytest.mark.parametrize("command", ["", "status", "wait", "cancel", "cancel 1", "clear", "freeze"])
def test_without_a_flow_a_command_says_how_to_get_one(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shell.run_cell(f"%nbflow {command}").raise_error()
    assert "No flow is loaded" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["%nbflow graph", "%nbflow graph nodes", "nbflow.graph()"])
def test_a_graph_may_stand_above_the_first_call(shell: InteractiveShell, cell: str) -> None:
    shell.run_cell(f"import nbflow\n{cell}").raise_error()
    assert [view.flow for view in views(nbflow.dfk())] == [nbflow.dfk()]


def test_a_number_may_be_the_value_of_a_name_as_in_any_line_magic(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("many = 1\n%nbflow start {many}").raise_error()
    assert "with 1 worker" in capsys.readouterr().out
    shell.run_cell("@nbflow.python_app\ndef fails(x):\n    raise ValueError(x)").raise_error()
    shell.run_cell("future = fails('no')\nnumber = future.tid\n_ = future.exception()").raise_error()
    shell.run_cell("%nbflow traceback {number}").raise_error()
    assert isinstance(refusal(shell, "%nbflow debug {future.tid} --no-debugger"), ValueError)
    shell.run_cell("%nbflow retry $number").raise_error()
    shell.run_cell("_ = future.exception()\n%nbflow cancel {number}").raise_error()
    assert "'{unknown}'" in str(refusal(shell, "%nbflow debug {unknown}"))


def test_start_takes_a_number_of_workers(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("%nbflow start 1 worker").raise_error()
    assert nbflow.dfk().config.executors[0].workers == 1
    shell.run_cell("%nbflow start").raise_error()
    shell.run_cell("%nbflow start 1").raise_error()
    assert capsys.readouterr().out.count("runs already, with 1 worker.") == 2
    assert "`%nbflow clear` ends it" in str(refusal(shell, "%nbflow start 2"))
    shell.run_cell("%nbflow clear").raise_error()
    with pytest.raises(NoDataFlowKernelError):
        nbflow.dfk()


def test_wait_tells_how_tasks_ended(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    define(shell, "", "def score(x): return 1 / x")
    shell.run_cell("futures = [score(x) for x in (1, 0, 2)] + [score(score(0))]").raise_error()
    shell.run_cell("%nbflow wait").raise_error()
    assert capsys.readouterr().out.splitlines() == [
        "5 tasks: 2 done, 2 failed, 1 skipped",
        "  ✕ task 2 `score`: ZeroDivisionError: division by zero",
        "  ✕ task 4 `score`: ZeroDivisionError: division by zero",
    ]


def test_a_shell_script_without_a_name_is_told_how_to_give_it_one(shell: InteractiveShell) -> None:
    for script in ("ls", "echo hi"):
        assert "`%%app --bash NAME()`" in str(refusal(shell, f"%%app --bash\n{script}"))


def test_the_layout_of_a_graph_is_no_flow(shell: InteractiveShell) -> None:
    with pytest.raises(TypeError, match=r"graph\(layout='nodes'\) chooses a layout"):
        nbflow.graph("nodes")  # type: ignore[arg-type]


def test_items_of_sweeps_that_failed_are_told_by_wait_status_and_retry(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("import nbflow\nsweep = nbflow.map(lambda x: 1 / x, [1, 2, 0, 3, 0, 0])").raise_error()
    shell.run_cell("%nbflow wait").raise_error()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "6 tasks: 3 done, 3 failed"
    assert all("`<lambda>`: " in line and line.endswith("errors() has all errors") for line in told[1:])
    status = counts_of(nbflow.dfk().rows().values())
    assert (status[State.DONE], status[State.FAILED]) == (3, 3)
    shell.run_cell("%nbflow retry").raise_error()
    assert "3 items of sweeps did" in capsys.readouterr().out


def test_tasks_are_cancelled_by_number_and_by_name(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%nbflow start 1").raise_error()
    define(shell, "", "import time\ndef score(x): time.sleep(x)\ndef other(x): time.sleep(x)")
    shell.run_cell(
        "done = score(0); done.result(); a = score(60); b = score(60); c = score(60); d = other(60)"
    )
    capsys.readouterr()
    for line, said in [
        ("cancel 3", "Cancelled: task 3 `score`."),
        ("cancel 1", "Had ended before: task 1 `score`."),
        ("cancel score, 1", "Cancelled: tasks 2 `score`, 4 `score`."),
        ("cancel score", "None of them is waiting or running."),
        ("cancel", "1 task cancelled."),
        ("cancel", "0 tasks cancelled."),
    ]:
        shell.run_cell(f"%nbflow {line}").raise_error()
        assert said in capsys.readouterr().out
    assert "did you mean 'score'?" in str(refusal(shell, "%nbflow cancel scor"))
    assert "the last task is 5, apps are other, score" in str(refusal(shell, "%nbflow cancel 9"))
    shell.run_cell("import nbflow; sweep = nbflow.map(score, [60] * 5)").raise_error()
    shell.run_cell("%nbflow cancel").raise_error()
    assert " and 5 items of sweeps cancelled." in capsys.readouterr().out


def test_tasks_are_tried_again_by_number_by_name_and_all_that_failed(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def said(line: str) -> str:
        capsys.readouterr()
        shell.run_cell(f"%nbflow {line}").raise_error()
        return capsys.readouterr().out

    define(shell, "", "def score(path): return open(path).read()\ndef other(x): return x * 2")
    shell.user_ns["path"] = path = tmp_path / "file"
    shell.run_cell("a = score(str(path)); b = other(a); c = score(str(path)); d = other('x')").raise_error()
    said("wait")
    assert said("retry 2") == (
        "Not tried again: task 2 `other` needs task 1 `score`, which gave no value: "
        "retry that one with its dependants.\n"
    )
    assert "task 4 `other` is done: call the app anew" in said("retry 4")
    assert said("retry other 1 --dependants") == "Tried again: tasks 2 `other`, 1 `score`.\n"
    said("wait")
    path.write_text("words")
    assert said("retry score") == "Tried again: tasks 1 `score`, 3 `score`.\n"
    said("wait")
    assert said("retry") == "Tried again: task 2 `other`.\n"
    assert shell.user_ns["b"].result(20) == "wordswords"
    said("wait")
    assert said("retry") == "No task has failed.\n"
    assert said("retry score") == "None of them has failed, was skipped or cancelled.\n"
    assert "takes tasks and --dependants; not '--all'" in str(refusal(shell, "%nbflow retry --all"))
    assert "did you mean 'score'?" in str(refusal(shell, "%nbflow retry scor"))


# ---------------------------------------------------------------- the extension


def test_loading_twice_adds_nothing_and_unloading_takes_all_away() -> None:
    with shell_in_process() as shell:
        assert shell.user_ns["python_app"] is nbflow.python_app
        magics = shell.magics_manager.magics
        matchers = list(shell.Completer.custom_matchers)
        nbflow.load_ipython_extension(shell)
        assert shell.Completer.custom_matchers == matchers
        nbflow.unload_ipython_extension(shell)
        nbflow.unload_ipython_extension(shell)
        assert not {"nbflow", "flow", "app"} & {*magics["line"], *magics["cell"]}
        assert shell.Completer.custom_matchers == []
        assert "python_app" not in shell.user_ns
        assert nbflow.AppFuture not in shell.display_formatter.ipython_display_formatter.type_printers
        assert "showtraceback" not in vars(shell)
        nbflow.load_ipython_extension(shell)
        assert "nbflow" in magics["line"]


def test_names_and_magics_of_the_user_are_left_alone() -> None:
    with shell_in_process() as shell:
        nbflow.unload_ipython_extension(shell)
        shell.user_ns["File"] = "mine"
        shell.register_magic_function(lambda line: line, "line", "flow")
        mine = shell.magics_manager.magics["line"]["flow"]
        nbflow.load_ipython_extension(shell)
        assert shell.magics_manager.magics["line"]["flow"] is mine
        nbflow.unload_ipython_extension(shell)
        assert shell.user_ns["File"] == "mine"
        assert shell.magics_manager.magics["line"]["flow"] is mine


def test_a_name_that_the_user_has_bound_anew_stays() -> None:
    with shell_in_process() as shell:
        shell.user_ns["File"] = "mine"
        nbflow.unload_ipython_extension(shell)
        assert shell.user_ns["File"] == "mine"


# ---------------------------------------------------------------- a real kernel


CELL = """%%app --cache
import time

def wait_for(seconds):
    '''Waits.'''
    time.sleep(seconds)
    return seconds

def broken(x):
    limit = 0
    return x / limit
"""


def test_the_first_call_starts_the_flow(kernel: Kernel) -> None:
    kernel.run(CELL)
    assert "No flow is loaded" in kernel.run("%nbflow").text
    assert kernel.value("wait_for(0).result()") == "0"
    assert kernel.value("nbflow.dfk().closed") == "False"


def test_help_shows_signature_docstring_and_source(kernel: Kernel) -> None:
    kernel.run(CELL)
    assert "wait_for(seconds)" in kernel.inspect("wait_for", 0)
    assert "Waits." in kernel.inspect("wait_for", 0)
    assert "def wait_for(seconds):\n    '''Waits.'''\n    time.sleep(seconds)" in kernel.inspect(
        "wait_for", 1
    )
    kernel.run("%%app --bash count(path, n=10)\nsort {path!q} |\n  head -n {n}\n")
    assert "count(path, n=10)" in kernel.inspect("count", 0)
    assert "sort {path!q} |\n  head -n {n}" in kernel.inspect("count", 1)


def test_an_error_of_a_task_begins_with_the_users_own_line(kernel: Kernel) -> None:
    kernel.run(CELL)
    number = int(kernel.value("len(In) - 1")) - 1
    error = kernel.run("broken(1).result()", ok=False).error
    lines = error.split("\n")
    assert lines[0] == "ZeroDivisionError: division by zero"
    assert lines[1].endswith(f"`broken` failed at Cell In[{number}], line 11")
    assert "---> 11     return x / limit" in error
    assert f"The value was asked for in Cell In[{number + 2}], line 1." in error
    assert "nbflow/" not in error


def test_an_error_of_a_need_names_both_tasks(kernel: Kernel) -> None:
    kernel.run(CELL)
    error = kernel.run("wait_for(broken(1)).result()", ok=False).error
    assert error.startswith("ZeroDivisionError: division by zero\n")
    assert "`broken` failed at Cell In[" in error
    assert "`wait_for`, which needs it, was skipped (NeedFailed)" in error


def test_the_exception_itself_is_the_users(kernel: Kernel) -> None:
    kernel.run(CELL)
    kernel.run(
        "future = broken(1)\ntry:\n    future.result()\nexcept ZeroDivisionError as error:\n    found = error"
    )
    assert kernel.value("type(found.__cause__).__name__, 'line 11' in str(found.__cause__)") == (
        "('RemoteTraceback', True)"
    )


def test_errors_of_the_cell_point_at_cell_and_line(kernel: Kernel) -> None:
    error = kernel.run("%%app --join\ndef f(): ...\n\nprint(f)\n", ok=False).error
    assert error.split("\n")[0].startswith("  Cell In[")
    assert error.split("\n")[0].endswith("], line 4")
    assert error.split("\n")[1] == "    print(f)"


def test_a_shell_template_runs_and_its_complaints_have_the_cells_lines(kernel: Kernel, tmp_path: Any) -> None:
    (tmp_path / "a b.txt").write_text("2\n1\n3\n")
    kernel.run(
        "%%app --bash smallest(path, out)\nset -e\nsort {path!q} | head -n 1 > {out!q}\nno_such_command\n"
    )
    error = kernel.run(
        f"smallest({str(tmp_path / 'a b.txt')!r}, {str(tmp_path / 'out')!r}).result()", ok=False
    ).error
    assert "line 4: no_such_command: command not found" in error
    assert (tmp_path / "out").read_text() == "1\n"


def test_a_redefined_function_is_what_the_next_call_uses(kernel: Kernel) -> None:
    kernel.run("%%app\ndef number(): return _inner()\ndef _inner(): return 1\n")
    assert kernel.value("number().result()") == "1"
    kernel.run("%%app\ndef number(): return _inner()\ndef _inner(): return 2\n")
    assert kernel.value("number().result()") == "2"
    kernel.run("def _inner(): return 3")
    assert kernel.value("number().result()") == "3"


# what the Interrupt button does: the signal goes to the whole process group of the kernel
INTERRUPT = """
import os, signal, sys, threading

def interrupt_what_waits():
    main, before, times = threading.main_thread().ident, None, 0
    while times < 20:  # looks at which the cell stood still within a wait
        frame, names = sys._current_frames()[main], set()
        now = (id(frame), frame.f_lasti)
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        waits = names & {"wait_for_current_tasks", "result"}
        times, before = (times + 1 if waits and now == before else 0), now
        threading.Event().wait(0.01)
    os.killpg(os.getpgrp(), signal.SIGINT)
"""


@pytest.mark.parametrize("waiting", ["future.result()", "%nbflow wait"])
def test_an_interrupted_cell_leaves_its_tasks_running(kernel: Kernel, waiting: str) -> None:
    kernel.run(CELL)
    # the first call waits until the workers have started
    kernel.run(f"wait_for(0).result(); future = wait_for(30)\n{INTERRUPT}")
    ran = kernel.run(f"threading.Thread(target=interrupt_what_waits).start()\n{waiting}", ok=False)
    assert ran.status == "error"
    assert "Interrupted: only the waiting" in ran.error
    assert "in the background" in ran.error
    assert kernel.value("future.done()") == "False"
    assert "1 task cancelled." in kernel.run("%nbflow cancel").text


def test_status_is_a_table_of_text_and_html(kernel: Kernel) -> None:
    kernel.run(CELL)
    kernel.run("%nbflow clear")
    kernel.run("future = [wait_for(0).result(), wait_for(broken(1))]\n%nbflow wait")
    (table,) = [output["data"] for output in kernel.run("%nbflow status").outputs if "data" in output]
    lines = table["text/plain"].splitlines()
    assert lines[0].startswith("flow: 3 tasks · ")
    assert lines[1:] == ["  ✓ done      1", "  ✕ failed    1", "  ⤳ skipped   1"]
    assert "<table" in table["text/html"]
    assert "<script" not in table["text/html"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import threading\nlock = threading.Lock()\n\nrefused(lock)", "CannotPickle"),
        ("refused(1, walltime=-1)", "UsageError"),
        ("%%app --executor nosuch\nx = 1", "UsageError"),
    ],
)
def test_what_is_refused_is_told_in_few_lines_with_that_of_the_cell(
    kernel: Kernel, code: str, kind: str
) -> None:
    kernel.run("%%app\ndef refused(x): return x")
    told = ANSI.sub("", kernel.run(code, ok=False).error).rstrip().split("\n")
    lines = code.split("\n")
    number = 1 if lines[0].startswith("%%app") else len(lines)
    assert told[0].startswith(f"{kind}: ")
    assert told[1] == ""
    assert told[2].strip().startswith("Cell In[")
    assert told[2].endswith(f"line {number}")
    assert told[3:] == [f"    {lines[number - 1]}"]


@pytest.mark.parametrize(("wrong", "meant"), [("--retry 3", "--retries"), ("--cashe", "--cache")])
def test_a_misspelt_option_is_told_which_was_meant(shell: Any, wrong: str, meant: str) -> None:
    assert f"did you mean `{meant}`?" in str(refusal(shell, f"%%app {wrong}\nx = 1"))
