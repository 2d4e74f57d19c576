/** The line as it stays when the kernel is gone: what nbflow/notebook/line_still.py makes otherwise. */
import { html, markupOf } from "../graph/dom.mjs";
import { sentence } from "../graph/text.mjs";
import { goneInWords } from "../graph/surroundings.mjs";
import { clockText } from "./words.mjs";

// The styles stand with it: nothing of ours is there where it is read.
const BOX =
  "display:flex;flex-wrap:wrap;gap:2px 14px;align-items:center;padding:3px 10px;margin:4px 0;" +
  "border:1px solid var(--jp-border-color2,#d8dee4);border-radius:9px;font-size:13px;line-height:22px;" +
  "font-variant-numeric:tabular-nums;font-family:var(--jp-ui-font-family,system-ui,sans-serif)";

/** What stands in the place of the live line, by MIME type; `since`: seconds after the clock was told. */
export function stillOf(model, since) {
  const counts = model.get("counts");
  const { good = true, text = "" } = model.get("notice");
  const said = goneInWords(counts) || (good ? "" : text);
  const line = html(
    "div",
    { class: "nbflow-line", style: BOX },
    ...Object.entries(counts).map(([word, count]) => html("span", { style: "white-space:nowrap" }, `${count.toLocaleString("en")} ${word}`)),
    html("span", { style: "color:var(--jp-ui-font-color2,#656d76)" }, clockText({ ...model.get("clock"), left: null }, since)),
    ...(said ? [html("span", { style: "flex-basis:100%;overflow-wrap:anywhere" }, said)] : []),
  );
  return { "text/plain": `nbflow: ${sentence(counts)}`, "text/html": markupOf(line) };
}
