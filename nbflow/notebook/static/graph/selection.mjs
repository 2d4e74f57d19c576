/** Several tasks at a time: which are selected, and the bar that acts on all of them. */
import { MARKS, ORDER, FAILED, ended } from "./marks.mjs";
import { tallyOf } from "./scene.mjs";
import { html, set } from "./dom.mjs";

const MOST_TASKS = 100000; // in one message; as in nbflow/notebook/verbs.py
const AGAIN = new Set([FAILED, 5, 6]); // skipped and cancelled ones as well can be tried again

const ACTS = [
  { verb: "cancel", name: "Cancel", takes: (mark) => !ended(mark) },
  { verb: "retry", name: "Retry", takes: (mark, runsItems) => AGAIN.has(mark) && !runsItems },
  { verb: "retry_all", name: "Retry with dependants", takes: (mark, runsItems) => AGAIN.has(mark) && !runsItems },
];
const figure = (count) => count.toLocaleString("en");

/** What a click or a key means with the modifiers that are held: "open", "toggle", or "range" from the last one on. */
export const meaning = (event) => (event.shiftKey ? "range" : event.ctrlKey || event.metaKey ? "toggle" : "open");

/** "12 tasks selected: 3 running, 9 waiting" */
export function selectedInWords(status, tasks) {
  const tally = tallyOf(status, tasks);
  const states = ORDER.filter((mark) => tally[mark]).map((mark) => `${figure(tally[mark])} ${MARKS[mark].word}`);
  return `${figure(tasks.length)} ${tasks.length === 1 ? "task" : "tasks"} selected: ${states.join(", ")}`;
}

/** Those of `tasks` that something can be done about, as they stand. `items`: of those that run items of a sweep. */
export const takers = (verb, status, tasks, items = {}) =>
  tasks.filter((task) => ACTS.find((act) => act.verb === verb).takes(status[task], task in items));

/** What `tasks` make of those that were `chosen`: all of them join, or leave if they all were in. */
export function toggled(chosen, tasks) {
  const next = new Set(chosen);
  const leave = tasks.every((task) => chosen.has(task));
  for (const task of tasks) leave ? next.delete(task) : next.add(task);
  return next;
}

/** The tasks from one to another in the `order` in which they are seen; the other alone where the one is not there. */
export function between(order, from, to) {
  const ends = [order.indexOf(from), order.indexOf(to)].sort((a, b) => a - b);
  return ends[0] < 0 ? [to] : order.slice(ends[0], ends[1] + 1);
}

/**
 * The selection of one view, as places of tasks. `act(verb, ids)` has something done, `changed()` is called when other
 * tasks are selected, `giveFocus()` when the bar that had the focus goes.
 */
export function makeSelection({ act, changed, giveFocus }) {
  let chosen = new Set();
  let from = -1; // the task that a range begins at
  let several = false; // a plain click takes and leaves as well: there are no keys to hold on a touch screen
  let shown = { ids: [], status: new Uint8Array(0), items: {} };
  const told = html("span", { class: "nbf-selected-count", role: "status" });
  const answer = html("p", { class: "nbf-answer", role: "status", hidden: true });
  const buttons = ACTS.map(({ verb, name }) => ({
    verb,
    name,
    // not `disabled`: a button that has the focus keeps it, and the keys stay here
    button: html("button", { type: "button", class: "nbf-act", "aria-disabled": "false", onclick: () => ask(verb) }, name),
  }));
  const lesson = html("span", { class: "nbf-muted" }, "each click takes or leaves one");
  const none = html("button", { type: "button", class: "nbf-act", title: "Clear the selection (Esc)", onclick: () => clear() }, "Clear");
  const element = html(
    "div",
    { class: "nbf-selection", role: "region", "aria-label": "selected tasks", hidden: true },
    told, lesson, ...buttons.map(({ button }) => button), none, answer,
  );

  const tell = (text) => {
    answer.textContent = text;
    answer.hidden = !text;
  };
  function ask(verb) {
    const tasks = takers(verb, shown.status, [...chosen], shown.items);
    if (!tasks.length) return;
    const most = tasks.slice(0, MOST_TASKS);
    tell(most.length < tasks.length ? `These are the first ${figure(most.length)}: click again for more.` : "");
    act(verb, most.map((task) => shown.ids[task]));
  }
  function turnTo(next) {
    const held = element.contains(document.activeElement);
    chosen = next;
    several &&= next.size > 0;
    tell("");
    draw();
    changed();
    if (held && element.hidden) giveFocus();
  }
  function clear() {
    from = -1;
    if (chosen.size) turnTo(new Set());
  }
  function draw() {
    const tasks = [...chosen];
    element.hidden = !tasks.length;
    if (element.hidden) return;
    lesson.hidden = !several;
    const text = selectedInWords(shown.status, tasks);
    if (told.textContent !== text) told.textContent = text;
    for (const { verb, name, button } of buttons) {
      const count = takers(verb, shown.status, tasks, shown.items).length;
      const label = count && count < tasks.length ? `${name} ${figure(count)}` : name;
      if (button.textContent !== label) button.textContent = label;
      set(button, "aria-disabled", !count);
    }
  }
  return {
    element,
    tasks: () => chosen,
    /**
     * Take or leave `tasks`, as `how` says, see `meaning`. `order`: all tasks as they are seen, where they stand in rows;
     * `opened`: the task of the panel, which is selected as well, or -1.
     */
    choose(tasks, how, order, opened = -1) {
      const before = chosen.size || opened < 0 ? chosen : new Set([opened]);
      const begin = from < 0 ? opened : from;
      if (how === "range" && order && begin >= 0) turnTo(new Set(between(order, begin, tasks[0])));
      else {
        turnTo(toggled(before, tasks));
        from = tasks[0];
      }
    },
    /** Select this one; from then on, until nothing is selected any more, each click takes or leaves one. */
    begin(task) {
      several = true;
      from = task;
      turnTo(new Set([task]));
    },
    several: () => several,
    /** Select exactly these. */
    take: (tasks) => turnTo(new Set(tasks)),
    clear,
    /** The tasks as they stand now. */
    update(ids, status, items) {
      shown = { ids, status, items };
      draw();
    },
    hear: (message) => typeof message?.answer === "string" && !element.hidden && tell(message.answer),
  };
}
