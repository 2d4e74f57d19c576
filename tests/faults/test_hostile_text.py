"""Text never becomes markup, and no terminal, log or file system obeys it: every hostile text to every surface.

Surfaces are called with texts in all their places, as they would be by a flow that is full of them; what comes of it is
read by real parsers and compared with what comes of harmless texts. A flow on real processes, full of them, ends it.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import graphviz
import msgspec
import pytest

import nbflow
from nbflow import Config, DataFlowKernel, File, ProcessExecutor, logs, python_app
from nbflow.client.app import App
from nbflow.client.fetching import Fetcher
from nbflow.client.flow import warned
from nbflow.client.future import AppFuture
from nbflow.client.options import Options, options_of
from nbflow.client.special import automatic_name
from nbflow.client.sweeps.points import Points
from nbflow.core.states import State
from nbflow.demo.status import counts_in, worded
from nbflow.errors import ConfigurationError, JoinError, NeedFailed, RemoteTraceback, UsageError, describe
from nbflow.notebook import errors, saved, still
from nbflow.notebook.board import Board
from nbflow.notebook.card import Card
from nbflow.notebook.cells import CellError
from nbflow.notebook.commands import choosing
from nbflow.notebook.dot import to_dot
from nbflow.notebook.panel import panel
from nbflow.notebook.places import Places
from nbflow.notebook.script import joined, styles
from nbflow.notebook.status import Status
from nbflow.notebook.sweepcard import SweepCard
from nbflow.notebook.timeline import timeline
from nbflow.notebook.traces import ARROW
from nbflow.notebook.view import build
from nbflow.values.outcome import one_line
from nbflow.values.short import detail, short
from nbflow.wire.outcomes import Failure
from nbflow.wire.rows import TaskDetails, TaskRow, WorkerRow
from tests.faults.hostile import (
    HOSTILE,
    Markup,
    assert_fit,
    assert_html,
    assert_inert,
    assert_line,
    assert_svg,
    harmless,
)
from tests.notebook.graphs import EPOCH, done, row
from tests.notebook.shells import ANSI, shell_in_process
from tools.notebooks import METADATA

each_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def full_of(text: str) -> list[TaskRow]:
    """Rows of every kind, with the text wherever a row has one: pills, a block of many tasks, a join, failures."""
    block = [done(i, text, [1], detail=f"kind={text} fold={i}", note=text) for i in range(10, 24)]
    return [
        done(1, text, detail=text, note=text),
        row(
            2,
            text,
            [1],
            detail=text,
            state=State.FAILED,
            attempt=2,
            note=text,
            started=EPOCH,
            ended=EPOCH + 1,
        ),
        row(3, text, [2], detail=text, state=State.SKIPPED, note=text, root=2),
        row(4, f"join {text}", detail=text, state=State.RUNNING, attempt=1, worker=1, started=EPOCH),
        row(5, text, parent=4, detail=text, state=State.CANCELLED, note=text),
        *block,
    ]


def details_of(text: str) -> TaskDetails:
    story = [(EPOCH, "submitted"), (EPOCH + 1, text)]
    return TaskDetails(2, text, text, story, text, text, 3, text, 1, [text])


# ---------------------------------------------------------------- markup


def still_page(text: str) -> str:
    return saved.html(still.still(text, full_of(text), EPOCH + 60))


def cards(text: str) -> list[Card]:
    return [Card(7, text, state, text, text, [text, f"{ARROW} {text}"], [(text, text)]) for state in State]


def status(text: str) -> Status:
    return Status(text, {State.DONE: 3}, [WorkerRow(1, text, 7, None, 9, False)], 1.0)


def sweep_cards(text: str) -> list[SweepCard]:
    counts = {State.DONE: 1, State.FAILED: 3, State.WAITING: 2, State.CANCELLED: 1, State.RUNNING: 1}
    return [SweepCard(text, counts, [text]), SweepCard(text, {State.FAILED: 3}, [text, text])]


PAGES: dict[str, Callable[[str], str]] = {
    "the still picture's page": still_page,
    "cards": lambda text: "".join(card.bundle()["text/html"] for card in cards(text)),
    "cards of sweeps": lambda text: "".join(card.bundle()["text/html"] for card in sweep_cards(text)),
    "the status": lambda text: status(text)._repr_html_(),
}


@each_text
@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_text_becomes_an_element_of_a_page(page: Callable[[str], str], text: str) -> None:
    assert_html(page(text), page(harmless(text)))


@each_text
def test_no_text_becomes_an_element_of_the_picture(text: str) -> None:
    def picture(text: str) -> str:
        return still.svg(still.still(text, full_of(text), EPOCH + 60))

    assert_svg(picture(text), picture(harmless(text)))


@each_text
def test_no_text_leaves_its_quotes_in_graphviz_language(text: str) -> None:
    def outside_quotes(text: str) -> str:
        source = to_dot(full_of(text), text).source
        assert_fit(source)
        return re.sub(r'"(?:[^"\\]|\\.)*"', '""', source)

    assert outside_quotes(f"{text} .") == outside_quotes("two words")


def test_the_demos_page_runs_nothing_of_what_stands_in_its_outputs() -> None:
    from nbformat.v4 import new_code_cell, new_notebook, new_output, writes

    from nbflow.demo.page import page

    def converted(texts: Iterable[str]) -> str:
        outputs = [
            new_output("display_data", bundle)
            for text in texts
            for bundle in (*(card.bundle() for card in cards(text)), {"text/html": still_page(text)})
        ]
        return page(
            writes(new_notebook(cells=[new_code_cell("1", outputs=outputs)], metadata=METADATA)), "title"
        )

    # nbconvert takes its time
    chosen = [HOSTILE[name] for name in ("script", "handler", "end of style", "all controls")]
    shown, known = (Markup(converted(texts)) for texts in (chosen, map(harmless, chosen)))
    assert not shown.elements - known.elements
    assert not [tag for tag, _ in shown.elements if tag == "script"]


# ---------------------------------------------------------------- the live page


def texts_in(value: Any) -> list[str]:
    """Every text in a structure of plain values."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for part in parts for text in texts_in(part)]


@each_text
def test_what_is_sent_to_the_page_is_legible_text_of_bounded_length(text: str) -> None:
    board = Board()
    board.update(full_of(text))
    scene = msgspec.to_builtins(build(text, board.rows))
    strip = msgspec.to_builtins(timeline(board.rows, EPOCH, EPOCH + 60))
    panels = [msgspec.to_builtins(panel(each, board.rows, details_of(text), EPOCH)) for each in board.rows]
    json.dumps([scene, strip, panels], ensure_ascii=False).encode()
    assert_fit(*texts_in([scene, strip, panels]))
    assert_line(*texts_in(scene))
    long = {"traceback", "output", "source"}
    assert_line(
        *texts_in([{name: part for name, part in each.items() if name not in long} for each in panels])
    )


# ---------------------------------------------------------------- lines of text


class Deaf:
    """What stands behind a future here."""

    flow: Any = None

    def release(self, task: int) -> None:
        pass


def a_future(text: str) -> AppFuture:
    return AppFuture(Deaf(), 7, Options(text))  # type: ignore[arg-type] # no one waits for it


def an_app(text: str) -> App:
    def function() -> None:
        pass

    function.__name__ = text
    return python_app(function)


def an_error(text: str) -> BaseException:
    """An error whose text, and whose traceback, is the text."""
    error = ValueError(text)
    error.__cause__ = RemoteTraceback(
        f'Traceback:\n  File "{text}", line 1, in {text}\n    {text}\nValueError: {text}'
    )
    return error


def a_type(text: str) -> type:
    try:
        return type(text, (), {})
    except (ValueError, UnicodeError):  # Python has its own limits
        return type(text.encode("ascii", "replace").decode().replace("\0", "?"), (), {})


LINES: dict[str, Callable[[str], Sequence[str]]] = {
    "an app's name": lambda text: [Options(text).name],
    "the repr of an app": lambda text: [repr(an_app(text))],
    "the repr of a future": lambda text: [repr(a_future(text)), str(a_future(text))],
    "the details of a call": lambda text: [
        detail((text, 1), {}, (text, "b")), detail((), {text: text}, ()), detail((a_type(text)(),), {}, ()),
        detail((File(text or "a"), [text], {text: 1}), {}, ()),
    ],
    "a short text of a result": lambda text: [short(text), short(text.encode(errors="replace"))],
    "an error in one line": lambda text: [
        one_line(Failure(b"", text, text, text)), one_line(Failure(b"", "E", text, "")),
    ],
    "the counts of the demo": lambda text: [worded(counts_in({text: 3, "done": 1, "failed": text}))],
    "the status's first line": lambda text: [repr(status(text)).splitlines()[0]],
    "the first line of a card": lambda text: [card.bundle()["text/plain"].splitlines()[0] for card in cards(text)],
    "a card of a sweep": lambda text: [
        line for card in sweep_cards(text) for line in card.bundle()["text/plain"].split("\n")
    ],
    "what a grid goes through": lambda text: [repr(Points({text: [1]})), refused_axis(text)],
    "a refused label": lambda text: [refused(text)],
    "what a skipped task tells": lambda text: [
        errors.because(kind(8, text, 7, Options(text).name, an_error(text))) for kind in (NeedFailed, JoinError)
    ],
    "the list of cancelled tasks": lambda text: [choosing.listed([1, 2, 3], dict.fromkeys((1, 2, 3), text))],
    "a word that no task has": lambda text: [choosing.unknown("wrod", {1: text, 2: text + "2"})],
}  # fmt: skip


def refused_axis(text: str) -> str:
    try:
        return repr(Points({text: text}))
    except TypeError as error:
        return str(error)


def refused(text: str) -> str:
    try:
        return repr(Config(name=text, executors=[ProcessExecutor(1, text)]))
    except ConfigurationError as error:
        return str(error)


@each_text
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_every_line_is_one_line_that_no_terminal_obeys(
    lines: Callable[[str], Sequence[str]], text: str
) -> None:
    assert_line(*lines(text))


@each_text
def test_what_a_cell_shows_of_an_error_has_no_codes_but_its_own(text: str) -> None:
    root = an_error(text)
    found = [root, NeedFailed(8, text, 7, text, root), JoinError(8, text, 7, text, root)]
    with shell_in_process() as shell:
        shown = errors.TaskErrors(shell, Places(shell))
        for error in found:
            lines = shown.render(type(error), error)
            assert lines is not None
            assert_fit(*(ANSI.sub("", line) for line in lines))
            assert not any("root:" in line for line in lines), "a file that is no source"
            assert sum(map(len, lines)) < 60_000
            assert_fit(describe(error), str(describe(error)))
    pointed = errors.point_at(CellError(text or "why", 1, 0, 3), "Cell In[1]", text)
    assert_fit(*(ANSI.sub("", line) for line in pointed._render_traceback_()))  # type: ignore[attr-defined]


@each_text
def test_no_text_forges_a_line_of_the_log(text: str, tmp_path: Path) -> None:
    end = logs.set_file_logger(str(tmp_path / "log"), "nbflow.hostile", format_string="RECORD %(message)s")
    try:
        log = logging.getLogger("nbflow.hostile")
        log.warning("task `%s` said %s", text, text)
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("and it failed")
    finally:
        end()
    written = (tmp_path / "log").read_text(encoding="utf-8")
    assert_fit(written)
    begun = [line for line in written.split("\n") if line and not line.startswith("    ")]
    assert [line.split()[0] for line in begun] == ["RECORD", "RECORD"]


@each_text
@pytest.mark.parametrize("way", [warned.warn, warned.warn_from_afar])
def test_no_terminal_obeys_a_warning(way: Callable[[str], None], text: str) -> None:
    with pytest.warns(UserWarning, match="^nbflow: not recalled from: ") as caught:
        way(f"not recalled from: {text}")
    (said,) = caught
    assert_fit(str(said.message))


def test_completion_offers_words_alone() -> None:
    from nbflow.notebook.completion import _is_word

    offered = [text for text in HOSTILE.values() if _is_word(text)]
    assert_line(*offered, longest=20_000)
    assert not [text for text in offered if text.split() != [text]]


# ---------------------------------------------------------------- file names


@each_text
def test_no_text_leads_a_file_out_of_its_directory(text: str, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    fetcher = Fetcher(None, None, str(run_dir))  # type: ignore[arg-type] # nothing is fetched
    paths = [
        automatic_name(str(run_dir), "7", Options(text).name, "stdout", label) for label in (None, text, "a")
    ]
    paths += [automatic_name(str(run_dir), "7", text, "stderr", text)]
    for url in (f"http://example.com/{text}", f"http://{text}/..", f"http://example.com/{text}/"):
        with suppress(UsageError):  # this is no URL
            paths.append(fetcher.place_for(File(url)))
    for path in paths:
        assert_line(path, longest=len(str(tmp_path)) + 300)
        assert Path(os.path.normpath(path)).is_relative_to(run_dir)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text("x")
        assert Path(path).resolve().is_relative_to(run_dir.resolve())


# ---------------------------------------------------------------- and all of it together


def hostile_app(text: str) -> App:
    def function(argument: object, fail: bool = False, **more: object) -> str:
        import sys

        print(argument)
        print(argument, file=sys.stderr)
        if fail:
            raise ValueError(argument)
        return str(argument)

    function.__name__ = text
    return python_app(function)


def test_a_flow_full_of_hostile_texts_ends_right_and_shows_them_everywhere(
    shared_flow: DataFlowKernel,
) -> None:
    shared_flow.watch()
    texts = list(HOSTILE.values())
    good = [hostile_app(text)(text, **{text: text}) for text in texts if text not in ("argument", "fail")]
    bad = [hostile_app(text)(text, fail=True) for text in texts]
    assert [future.result(30) for future in good] == texts
    assert [str(future.exception(30)) for future in bad] == texts
    rows = [shared_flow.feed.rows[future.tid] for future in (*good, *bad) if known(shared_flow, future)]
    assert len(rows) == 2 * len(texts)
    for each in rows:
        assert_line(each.app, each.detail, each.note, longest=500)
        told = shared_flow.details(each.id)
        assert_line(*(what for _, what in told.story), *told.failures)
        assert_fit(*texts_in(msgspec.to_builtins(panel(each, rows, told, EPOCH))))
    assert_inert(Markup(saved.html(still.still("flow", rows, EPOCH))))


def known(flow: DataFlowKernel, future: AppFuture) -> bool:
    flow.status()  # messages come in order
    return flow.feed.rows[future.tid].state.ended


# ---------------------------------------------------------------- nobody has a way of their own


PACKAGE = Path(nbflow.__file__).parent


def test_markup_is_escaped_in_one_place() -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "html" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "") in ("html", "markupsafe"))
    }
    assert users == {"notebook/text.py"}


def test_terminal_codes_are_known_in_one_place() -> None:
    """Beside it, only those who colour a line of their own, or write over it, have an escape character."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\x1b" in node.value
    }
    assert users == {"legible.py", "notebook/errors.py", "demo/status.py"}


def test_graphviz_is_given_text_alone() -> None:
    """What it takes for HTML, or for an escape, it was not meant to be."""
    assert graphviz.quoting.quote(graphviz.escape("<<b>x</b>>\\")) == '"<<b>x</b>>\\\\"'


def test_the_page_has_no_way_to_make_markup_or_code_of_a_text() -> None:
    page = joined(PACKAGE / "notebook" / "static" / "graph" / "main.mjs")
    ways = (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment",
        "setHTML", "srcdoc", "eval(", "new Function", "import(", "import ", "fetch(", "XMLHttpRequest", "WebSocket",
        "http://", "https://", "javascript:", "localStorage", "document.cookie", "window.open", "location",
    )  # fmt: skip
    namespace = "http://www.w3.org/2000/svg"  # a name, never fetched
    assert not [way for way in ways if way in page.replace(namespace, "")]
    style = styles(PACKAGE / "notebook" / "static" / "graph")
    assert not [way for way in ("@import", "url(", "http:", "https:", "expression(") if way in style]


def test_options_of_an_app_are_named_legibly_once() -> None:
    assert options_of("python").name == ""
    assert Options("plain name").name == "plain name"
