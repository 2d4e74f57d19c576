import { html } from "./dom.mjs";
import { numberName } from "./marks.mjs";
import { tablesOf } from "./richtables.mjs";

const PICTURES = ["image/png", "image/svg+xml"];

/** The value of the panel's task: in a line, and whole when somebody asks for it, as an image, as tables or as text. */
export function makeResults(ask) {
  const place = html("div", { class: "nbf-value" });
  let task; // whose value it is
  let got = null;

  function fill() {
    if (!got) {
      place.replaceChildren(html("button", { type: "button", class: "nbf-act", onclick: () => ask(task) }, "Show it"));
    } else if (PICTURES.includes(got.kind)) {
      const alt = `result of task ${numberName(task)}`;
      place.replaceChildren(html("img", { src: `data:${got.kind};base64,${got.data}`, alt }));
    } else {
      place.replaceChildren(...(got.kind === "text/html" ? tablesOf(got.data) : [html("pre", {}, got.data)]));
    }
  }
  return {
    /** What stands on the page of the result; `short` is its text in a line. */
    draw(panel, short) {
      if (panel.task !== task) got = null;
      task = panel.task;
      fill();
      return got ? [place] : [html("pre", {}, short), place];
    },
    /** Whether it was a value that came. */
    hear(message) {
      if (message?.result === undefined || message.result !== task) return;
      got = { kind: message.kind, data: message.data };
      place.previousElementSibling?.remove();
      fill();
    },
  };
}
