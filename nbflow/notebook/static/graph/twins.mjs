/**
 * The twins of the picture: the table and the timeline of the same tasks, and the critical path, which they share with it.
 *
 * Columns and path come from Python only while they are shown: that is said when they are, and again every ten seconds,
 * because a page that is gone can say nothing.
 */
import { tasksOf } from "./columns.mjs";
import { makeTable } from "./table.mjs";
import { makeGantt } from "./gantt.mjs";
import { makeGauges } from "./gauges.mjs";
import { html, set } from "./dom.mjs";

const SAY_EVERY = 10000; // milliseconds

/**
 * `open(task, how, ...)` opens a panel, or selects; `say(verb)` tells Python; `sought()` gives { words, marks } that are looked for;
 * `changed()` is called when something else is to be seen: a view, the critical path.
 */
export function makeTwins({ open, say, sought, changed }) {
  const buttons = [];
  const table = makeTable(open);
  const gantt = makeGantt(open, [pathButton()]);
  const gauges = makeGauges();
  const shown = { table: false, timeline: false, path: false };
  let drawn = { tasks: null, now: () => 0, path: [] };

  function pathButton() {
    const title = "Let the tasks stand out that decide how long the flow takes";
    const act = () => {
      shown.path = !shown.path;
      buttons.forEach((each) => set(each, "aria-pressed", shown.path));
      sayAll();
      changed();
    };
    const button = html("button", { type: "button", class: "nbf-tool", "aria-pressed": false, title, onclick: act }, "Critical path");
    buttons.push(button);
    return button;
  }
  function sayAll() {
    if (shown.table || shown.timeline) say("columns");
    if (shown.path) say("path");
  }
  const timer = setInterval(() => document.visibilityState === "visible" && sayAll(), SAY_EVERY);
  const onPath = (count) => {
    if (!shown.path || !drawn.path.length) return null;
    const mask = new Uint8Array(count);
    for (const task of drawn.path) if (task < count) mask[task] = 1;
    return mask;
  };
  function draw() {
    const { tasks, now } = drawn;
    if (!tasks) return;
    if (shown.table) table.update(tasks, sought(), now);
    if (shown.timeline) gantt.update(tasks, now, onPath(tasks.count));
  }
  const view = (name, label, element) => ({
    name,
    label,
    element,
    show() {
      shown[name] = true;
      sayAll();
      changed();
    },
    hide() {
      shown[name] = false;
    },
  });

  return {
    views: [view("timeline", "Timeline", html("div", {}, gantt.element, gauges.element)), view("table", "Table", table.element)],
    pathButton,
    /** Whether somebody sees columns: only then they need be read. */
    seen: () => shown.table || shown.timeline,
    /** `ids` of all tasks and the model's traits; `now` gives the milliseconds since the flow's start. */
    update(ids, status, model, now) {
      const tasks = tasksOf(ids, model.get("columns") ?? {}, model.get("moving") ?? {}, status, model.get("progress"), model.get("parts"));
      drawn = { ...drawn, tasks, now };
      gauges.show(model.get("meters") ?? {});
      draw();
    },
    takePath(path) {
      drawn = { ...drawn, path };
    },
    /** Of `count` tasks whether each is critical; null where that is not asked for. */
    onPath,
    tick: () => shown.timeline && gantt.draw(),
    resize() {
      if (shown.table) table.resize();
      if (shown.timeline) gantt.draw();
    },
    select(task) {
      table.select(task);
      gantt.select(task);
    },
    /** Mark the tasks that are selected: a set of them. */
    pick(tasks) {
      table.pick(tasks);
      gantt.pick(tasks);
    },
    /** Give the focus back to where it was in a view of this name. */
    focusOn: (name) => (name === "table" ? table : gantt).focus(),
    sayAll,
    stop: () => clearInterval(timer),
  };
}
