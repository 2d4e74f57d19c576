import { MARKS, ORDER, classOf } from "./marks.mjs";
import { html, icon, set } from "./dom.mjs";

/**
 * The head: name, counts, elapsed; `tools` at the right; under it the bar of all tasks by state.
 *
 * The counts are buttons: `toggle(mark)` is called to let that state stand out, or no longer.
 */
export function makeHead(tools, toggle) {
  const name = html("span", { class: "nbf-name" });
  const counts = html("span", { class: "nbf-counts", role: "group", "aria-label": "states" });
  const elapsed = html("span", { class: "nbf-elapsed" });
  const bar = html("div", { class: "nbf-bar", "aria-hidden": true });
  const parts = new Map(ORDER.filter(Boolean).map((mark) => [mark, html("i", { class: classOf(mark) })]));
  const rest = html("i", { class: "nbf-rest" });
  bar.append(...parts.values(), rest);
  const element = html("div", { class: "nbf-head" }, name, counts, elapsed, html("span", { class: "nbf-tools" }, ...tools));
  // A button stays the same element while its number changes: it may have the focus.
  const buttons = new Map(ORDER.map((mark) => [mark, makeCount(mark)]));
  counts.append(...[...buttons.values()].map(({ button }) => button));

  function makeCount(mark) {
    const text = html("span");
    const { word } = MARKS[mark];
    const title = `Let tasks that are ${word} stand out`;
    const button = html("button", { type: "button", class: "nbf-count", title, onclick: () => toggle(mark) }, icon(mark), text);
    return { button, text };
  }

  /** `pressed`: the marks of the states that are to stand out. */
  function draw(title, byWord, pressed) {
    name.textContent = title;
    for (const [mark, { button, text }] of buttons) {
      const count = byWord[MARKS[mark].word] ?? 0;
      const told = `${count.toLocaleString("en")} ${MARKS[mark].word}`;
      if (text.textContent !== told) text.textContent = told;
      button.hidden = !count && !pressed.has(mark);
      set(button, "aria-pressed", pressed.has(mark));
    }
    for (const [mark, part] of parts) part.style.flexGrow = byWord[MARKS[mark].word] ?? 0;
    rest.style.flexGrow = byWord.waiting ?? 0;
  }
  return { element, bar, draw, tell: (text) => (elapsed.textContent = text) };
}
