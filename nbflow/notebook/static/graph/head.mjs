import { MARKS, ORDER, classOf } from "./marks.mjs";
import { html, icon } from "./dom.mjs";

/** The head: name, counts, elapsed; `tools` at the right; under it the bar of all tasks by state. */
export function makeHead(tools) {
  const name = html("span", { class: "nbf-name" });
  const counts = html("span", { class: "nbf-counts" });
  const elapsed = html("span", { class: "nbf-elapsed" });
  const bar = html("div", { class: "nbf-bar", "aria-hidden": true });
  const element = html("div", { class: "nbf-head" }, name, counts, elapsed, html("span", { class: "nbf-tools" }, ...tools));

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
