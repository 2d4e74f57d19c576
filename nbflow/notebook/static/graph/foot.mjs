import { html, set } from "./dom.mjs";
import { makeZoomButtons } from "./zoom.mjs";

const LAYOUT_NAMES = { auto: "Auto", nodes: "Nodes", blocks: "Blocks", apps: "Apps", dot: "Graphviz" };

/** The graph's own tools, under it: what a node stands for, follow, zoom. `ask(layout)`, `follow(on)` act. */
export function makeFoot(zoom, ask, follow) {
  const note = html("span", { class: "nbf-note", role: "status" });
  const options = Object.entries(LAYOUT_NAMES).map(([value, text]) => html("option", { value }, text));
  const select = html(
    "select",
    { class: "nbf-select", "aria-label": "What a node stands for", title: "What a node stands for", onchange: () => ask(select.value) },
    ...options,
  );
  const button = html(
    "button",
    { type: "button", class: "nbf-tool", "aria-pressed": false, title: "Keep what runs in sight", onclick: () => turn(!on()) },
    "Follow",
  );
  const on = () => button.getAttribute("aria-pressed") === "true";
  function turn(next) {
    if (next === on()) return;
    set(button, "aria-pressed", next);
    follow(next);
  }
  const element = html("div", { class: "nbf-foot" }, note, select, button, makeZoomButtons(zoom));
  return {
    element,
    /** Another tool, beside these. */
    add: (tool) => button.after(tool),
    /** `layout`: what was asked for, and what is to be said of the drawing; `drawn`: what was drawn. */
    draw(layout, drawn) {
      if (layout.asked && document.activeElement !== select) select.value = layout.asked;
      options[0].textContent = layout.asked === "auto" && drawn ? `Auto: ${LAYOUT_NAMES[drawn].toLowerCase()}` : "Auto";
      if (note.textContent !== (layout.note ?? "")) note.textContent = layout.note ?? "";
    },
    stopFollowing: () => turn(false),
  };
}
