"""The graph in Graphviz' language, for papers and other tools. One node a task; no binary is needed to write it."""

from __future__ import annotations

from collections.abc import Iterable

import graphviz

from nbflow.legible import shorten
from nbflow.notebook.marks import MARKS, mark_of
from nbflow.notebook.view import links_of
from nbflow.numbers import name_of
from nbflow.wire.rows import TaskRow


def to_dot(rows: Iterable[TaskRow], name: str = "nbflow") -> graphviz.Digraph:
    """The tasks and their needs; from a task to those that it called leads a dashed edge.

    `.source` is the text; `.render()` and a display in a notebook call Graphviz' `dot`, which must be installed then.
    """
    tasks = list(rows)
    graph = graphviz.Digraph(
        name=graphviz.escape(shorten(name)),
        graph_attr={"rankdir": "LR"},
        node_attr={"shape": "box", "style": "rounded", "fontname": "Helvetica", "fontsize": "11"},
        edge_attr={"color": "#8c959f"},
    )
    for row in tasks:
        mark = MARKS[mark_of(row)]
        lines = [f"{mark.sign} {shorten(row.app, 60)}"] + ([shorten(row.detail, 60)] if row.detail else [])
        label = "\\n".join(graphviz.escape(line) for line in lines)
        graph.node(
            str(row.id),
            label=graphviz.nohtml(label),
            color=mark.light,
            tooltip=graphviz.escape(f"task {name_of(row.id)}, {mark.word}"),
        )
    links = links_of(tasks)
    for a, b in links.needs:
        graph.edge(str(tasks[a].id), str(tasks[b].id))
    for a, b in links.spawns:
        graph.edge(str(tasks[a].id), str(tasks[b].id), style="dashed")
    return graph
