import { MARKS, ORDER, classOf } from "./marks.mjs";
import { html, icon } from "./dom.mjs";

/** The head: name, counts, elapsed, the graph's buttons; under it the bar of all tasks by state. */
export function makeHead(zoom) {
  const name = html("span", { class: "nbf-name" });
  const counts = html("span", { class: "nbf-counts" });
  const elapsed = html("span", { class: "nbf-elapsed" });
  const button = (text, title, act) =>
    html("button", { type: "button", title, "aria-label": title, onclick: act }, text);
  const buttons = html(
    "span",
    { class: "nbf-zoom", role: "group", "aria-label": "zoom" },
    button("−", "Zoom out", () => zoom.by(1 / 1.25)),
    button("+", "Zoom in", () => zoom.by(1.25)),
    button("Fit", "Show the whole graph", () => zoom.fit()),
  );
  const bar = html("div", { class: "nbf-bar", "aria-hidden": true });
  const element = html("div", { class: "nbf-head" }, name, counts, elapsed, buttons);

  function draw(title, byWord) {
    name.textContent = title;
    const told = ORDER.filter((mark) => byWord[MARKS[mark].word]);
    counts.replaceChildren(
      ...told.map((mark) =>
        html("span", { class: "nbf-count" }, icon(mark), `${byWord[MARKS[mark].word]} ${MARKS[mark].word}`),
      ),
    );
    bar.replaceChildren(
      ...told
        .filter((mark) => mark > 0)
        .map((mark) =>
          html("i", { class: classOf(mark), style: `flex-grow:${byWord[MARKS[mark].word]}` }),
        ),
      html("i", { class: "nbf-rest", style: `flex-grow:${byWord.waiting ?? 0}` }),
    );
  }
  return { element, bar, draw, tell: (text) => (elapsed.textContent = text) };
}
