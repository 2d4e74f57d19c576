/**
 * The graph as a picture that needs no kernel and none of our code: what nbflow/notebook/saved.py makes, for when the
 * kernel is gone.
 */
import { FAILED, MARKS, numberName } from "./marks.mjs";
import { statusOf, unpacked } from "./scene.mjs";
import { seconds, sentence } from "./text.mjs";
import { html, markupOf, set, svg } from "./dom.mjs";
import { makeGraph } from "./picture.mjs";
import { goneInWords, isDark } from "./surroundings.mjs";

const MOST_ROWS = 400; // of the table
const SIDE = 20; // pixels around the graph

/** The rules of a style sheet of ours that are about an element or a part of it. */
function stylesFor(element, css) {
  // by its text: a browser's own list of rules loses a `font` that holds a variable
  const rules = css.replace(/\/\*[^]*?\*\//g, "").matchAll(/([^{}]+)\{[^{}]*\}/g);
  const meant = ([, selector]) => element.matches(selector) || element.querySelector(selector);
  return [...rules].filter(meant).map(([rule]) => rule.trim()).join("");
}

/** The drawing as a document that stands for itself, in the theme of the page. */
function drawing(scene, status, model) {
  const graph = makeGraph(() => {}, () => {});
  graph.update(scene, status, model.get("parts"), model.get("progress"));
  const picture = graph.frame.querySelector("svg");
  set(picture.querySelector("g"), "transform", `translate(${SIDE} ${SIDE})`);
  const size = { width: Math.ceil(scene.width) + 2 * SIDE, height: Math.ceil(scene.height) + 2 * SIDE };
  const root = svg(
    "svg",
    { ...size, viewBox: `0 0 ${size.width} ${size.height}`, class: "nbf", style: "border:0;margin:0", "data-theme": isDark() ? "dark" : "light" },
    svg("rect", { x: 0.5, y: 0.5, width: size.width - 1, height: size.height - 1, rx: 11.5, style: "fill:var(--nbf-ground);stroke:var(--nbf-line)" }),
    svg("g", { class: "nbf-graph" }, ...picture.childNodes),
  );
  root.prepend(svg("style", {}, stylesFor(root, model.get("_css") ?? "")));
  return markupOf(root);
}

const base64 = (text) => btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));

/** The tasks as a table, those that failed first where not all of them find room. */
function table(scene, status) {
  const apps = [];
  for (const { app, tasks } of scene.nodes) for (const task of tasks) apps[task] = app;
  const tasks = [...scene.ids.keys()];
  if (tasks.length > MOST_ROWS) tasks.sort((a, b) => (status[b] === FAILED) - (status[a] === FAILED));
  const row = (tag, texts) => html("tr", {}, ...texts.map((text) => html(tag, {}, text)));
  const rows = tasks
    .slice(0, MOST_ROWS)
    .map((task) => row("td", [numberName(scene.ids[task]), MARKS[status[task]].word, apps[task] ?? "", scene.details[task] ?? ""]));
  const more = tasks.length - rows.length;
  return [
    html("table", {}, html("thead", {}, row("th", ["task", "state", "app", "arguments"])), html("tbody", {}, ...rows)),
    ...(more ? [html("p", {}, `and ${more.toLocaleString("en")} more tasks`)] : []),
  ];
}

/** What stands in the notebook in the place of the live graph, by MIME type; `since`: seconds after the clock was told. */
export function keepsakeOf(model, since) {
  const counts = model.get("counts");
  const { elapsed = 0, running } = model.get("clock");
  const told = sentence(counts);
  const data = { "text/plain": `nbflow graph: ${told}` };
  if (!model.get("scene").ids) return data;
  const scene = unpacked(model.get("scene"));
  const status = statusOf(model.get("status"), scene.ids.length);
  const gone = goneInWords(counts);
  const source = `data:image/svg+xml;base64,${base64(drawing(scene, status, model))}`;
  const all = html(
    "div",
    {},
    ...(gone ? [html("p", {}, html("b", {}, gone))] : []),
    html("img", { alt: `${scene.name}: ${told}`, src: source }),
    html("details", {}, html("summary", {}, `${told} · ${seconds(elapsed + (running ? since : 0))}`), ...table(scene, status)),
  );
  return { ...data, "text/html": markupOf(all) };
}
