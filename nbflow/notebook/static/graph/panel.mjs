import { MARKS, classOf, ended, numberName, label } from "./marks.mjs";
import { splitError, excerpt } from "./text.mjs";
import { html, set, icon, codeLines } from "./dom.mjs";

/** The panel of one task: facts and acts at the left, what went wrong (or the result) at the right. */
export function makePanel({ openId, acts, results, close }) {
  const element = html("div", { class: "nbf-panel", role: "region", "aria-label": "task", hidden: true });
  let tab = "";

  function link(to) {
    const title = label(to.task, to.app, to.mark);
    const act = () => openId(to.task);
    return html("button", { type: "button", class: "nbf-link", title, onclick: act }, icon(to.mark, 11), to.app);
  }
  function fact({ label: name, text, code, links, more }) {
    const rest = more ? [html("span", { class: "nbf-muted" }, `and ${more} more`)] : [];
    const value = links.length ? [...links.map(link), ...rest] : [text];
    return [html("dt", {}, name), html("dd", { class: code ? "nbf-mono" : "" }, ...value)];
  }
  function left(panel) {
    const word = MARKS[panel.mark].word;
    const where = [`task ${numberName(panel.task)}`, panel.place].filter(Boolean).join(" · ");
    return html(
      "div",
      { class: "nbf-facts" },
      html(
        "div",
        { class: "nbf-which" },
        html("span", { class: `nbf-word ${classOf(panel.mark)}` }, icon(panel.mark, 15), word),
        html("strong", {}, panel.app),
        html("span", { class: "nbf-muted" }, where),
      ),
      html("dl", {}, ...panel.facts.flatMap(fact)),
      acts.draw(panel),
    );
  }
  function errorPage(panel) {
    const [kind, rest] = splitError(panel.error);
    const lines = panel.source ? panel.source.replace(/\n$/, "").split("\n") : [];
    const [from, to] = excerpt(lines.length, panel.fail);
    const shown = panel.fail
      ? [codeLines(lines.slice(from, to), panel.first + from, panel.first + panel.fail - 1)]
      : [];
    const whole = panel.traceback
      ? [html("details", { open: !panel.fail }, html("summary", {}, "Traceback"), html("pre", {}, panel.traceback))]
      : [];
    return [html("p", { class: "nbf-error" }, html("b", {}, kind), rest), ...shown, ...whole];
  }
  /** Name and content of each tab. Content is made only for the tab that is shown. */
  function pages(panel) {
    const lines = panel.source.replace(/\n$/, "").split("\n");
    const source = () => [codeLines(lines, panel.first, panel.fail ? panel.first + panel.fail - 1 : 0)];
    const nothing = (text) => [html("p", { class: "nbf-muted" }, text)];
    const story = () => [
      html("ol", { class: "nbf-story" }, ...panel.story.map(([when, what]) => html("li", {}, html("span", {}, when), what))),
    ];
    const result = () => (panel.has_value ? results.draw(panel, panel.result) : nothing(ended(panel.mark) ? "It gave no result." : "No result yet."));
    return {
      ...(panel.error ? { Error: () => errorPage(panel) } : { Result: result }),
      Output: () => (panel.output ? [html("pre", {}, panel.output)] : nothing("It printed nothing.")),
      ...(panel.source ? { Source: source } : {}),
      ...(panel.story.length ? { Story: story } : {}),
    };
  }
  function right(panel) {
    const all = pages(panel);
    const names = Object.keys(all);
    if (!names.includes(tab)) tab = names[0];
    const body = html("div", { class: "nbf-page", role: "tabpanel", tabindex: 0 });
    const tabs = names.map((name) => html("button", { type: "button", role: "tab", onclick: () => turn(name) }, name));
    function turn(name) {
      tab = name;
      tabs.forEach((button, i) => set(button, "aria-selected", names[i] === name));
      body.replaceChildren(...all[name]());
    }
    turn(tab);
    return html(
      "div",
      { class: "nbf-told" },
      html(
        "div",
        { class: "nbf-tabs" },
        html("div", { role: "tablist" }, ...tabs),
        html("button", { type: "button", class: "nbf-close", "aria-label": "Close", title: "Close (Esc)", onclick: close }, "✕"),
      ),
      body,
    );
  }
  return {
    element,
    show(panel) {
      element.hidden = panel.task === undefined;
      const wasOpen = element.querySelector("details")?.open;
      const scrolled = element.querySelector(".nbf-page")?.scrollTop ?? 0;
      const same = element.dataset.shown === String(panel.task);
      if (!same) tab = "";
      element.dataset.shown = String(panel.task);
      element.replaceChildren(...(element.hidden ? [] : [left(panel), right(panel)]));
      if (!same) return;
      const details = element.querySelector("details");
      if (details && wasOpen !== undefined) details.open = wasOpen;
      const page = element.querySelector(".nbf-page");
      if (page) page.scrollTop = scrolled;
    },
  };
}
