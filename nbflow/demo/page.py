"""Turns an executed notebook into a page that stands by itself: no script, nothing fetched from anywhere."""

from __future__ import annotations

from typing import Any

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

# nbconvert's own template fetches four scripts from a CDN (require.js, MathJax, Mermaid, the widgets' renderer).
# Nothing that the page shows needs them.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
# A live view comes after what can be seen without a kernel; scripts are left out altogether.
SHOWN = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "image/jpeg",
    "text/plain",
]


def page(notebook: str, title: str) -> str:
    """Return the HTML of a notebook (its text, format 4) with the outputs it carries."""
    content: Any = nbformat.reads(notebook, as_version=4)
    content.metadata.title = title
    # The lexer for IPython leaves cells under a magic that it does not know, %%app, without colours.
    content.metadata.setdefault("language_info", {})["pygments_lexer"] = "python3"
    config = Config()
    config.NbConvertBase.display_data_priority = SHOWN
    exporter = HTMLExporter(config=config, raw_template=TEMPLATE)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    html, _ = exporter.from_notebook_node(content)
    return str(html)
