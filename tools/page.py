"""The live graph on an empty page: its code and a model as a front end has one, without a notebook, kernel or server.

Tests look at what is drawn, and benchmarks measure it, in moments. What only a notebook has (its shortcuts, its theme,
its way of carrying messages) is tried in JupyterLab itself (`tests/browser`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Page

from nbflow.notebook.script import STATIC, joined, styles

_PAGE = STATIC / "graph"
# A model as anywidget gives one to `render`: traits by name, those who listen, what was said to Python.
_MODEL = """
class Model {
  constructor() { this.traits = {}; this.ears = {}; this.said = []; }
  get(name) { return this.traits[name]; }
  on(event, ear) { (this.ears[event] ||= new Set()).add(ear); }
  off(event, ear) { this.ears[event]?.delete(ear); }
  send(content) {
    this.said.push(content);
    queueMicrotask(() => this.hear({ ack: content.key }));
  }
  hear(message, buffers = []) { for (const ear of this.ears["msg:custom"] ?? []) ear(message, buffers); }
  set(changes) {
    Object.assign(this.traits, changes);
    for (const name of Object.keys(changes)) for (const ear of this.ears[`change:${name}`] ?? []) ear();
  }
}
"""

_BYTES = """
const bytes = hex => new DataView(Uint8Array.from(hex.match(/../g) ?? [], h => parseInt(h, 16)).buffer);
window.revived = value =>
  value === null || typeof value !== "object" || Array.isArray(value) ? value
  : "hex" in value ? bytes(value.hex)
  : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, window.revived(inner)]));
"""


def show(page: Page, traits: Mapping[str, Any], *, dark: bool = False) -> None:
    """Draw the graph with these traits on `page`, which keeps the model as `window.model`."""
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.set_content(f"<!doctype html><style>{styles(_PAGE)}</style><body></body>")
    source = "data:text/javascript;base64," + base64.b64encode(joined(_PAGE / "main.mjs").encode()).decode()
    page.evaluate(
        f"""async ([source, traits]) => {{
            {_MODEL}
            {_BYTES}
            window.model = new Model();
            window.model.set(window.revived(traits));
            const view = (await import(source)).default;
            window.end = view.render({{ model: window.model, el: document.body }});
        }}""",
        [source, _carried(dict(traits))],
    )


def change(page: Page, traits: Mapping[str, Any]) -> None:
    """Let the model's traits change, as one message from Python does."""
    page.evaluate("traits => window.model.set(window.revived(traits))", _carried(dict(traits)))


def tell(page: Page, message: Mapping[str, Any], buffer: bytes = b"") -> None:
    """Let a message of the widget's arrive."""
    page.evaluate(
        "([message, told]) => window.model.hear(message, [window.revived(told).buffer])",
        [dict(message), {"buffer": _carried(buffer)}],
    )


def _carried(value: Any) -> Any:
    """A trait's value with its bytes as text: only a kernel's channel carries them as they are."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return {name: _carried(inner) for name, inner in value.items()} if isinstance(value, dict) else value
