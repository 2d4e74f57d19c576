import { fill, html, set } from "./dom.mjs";

let serial = 0;

/**
 * The views of one flow, of which one is shown, and the tabs that turn from one to another.
 *
 * @param {{name: string, label: string, element: HTMLElement, show: () => void, hide: () => void}[]} views
 *   `show` and `hide` are called when a view comes and goes: one that is not shown need not draw itself.
 *   The first is shown from the beginning.
 */
export function makeViews(views) {
  const mine = `nbf-view-${++serial}`;
  let shown = 0;
  const tabs = views.map(({ name, label: text }, i) =>
    html("button", { type: "button", role: "tab", id: `${mine}-${name}-tab`, "aria-controls": `${mine}-${name}`, onclick: () => turn(i) }, text),
  );
  // One view alone leaves nothing to choose.
  const element = html("div", { class: "nbf-views", role: "tablist", "aria-label": "view", hidden: views.length < 2 }, ...tabs);
  views.forEach(({ name, element: page }) =>
    fill(page, { id: `${mine}-${name}`, role: "tabpanel", "aria-labelledby": `${mine}-${name}-tab` }, []),
  );

  function draw() {
    tabs.forEach((tab, i) => {
      set(tab, "aria-selected", i === shown);
      set(tab, "tabindex", i === shown ? 0 : -1);
      views[i].element.hidden = i !== shown;
    });
  }
  function turn(next) {
    if (next === shown) return;
    views[shown].hide();
    shown = next;
    draw();
    views[shown].show();
  }
  element.addEventListener("keydown", (event) => {
    const last = tabs.length - 1;
    const next = {
      ArrowRight: shown === last ? 0 : shown + 1,
      ArrowLeft: shown === 0 ? last : shown - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    turn(next);
    tabs[next].focus();
  });
  draw();
  return {
    element,
    pages: views.map((view) => view.element),
    /** The name of the view that is shown. */
    shown: () => views[shown].name,
    turnTo: (name) => turn(views.findIndex((view) => view.name === name)),
  };
}
