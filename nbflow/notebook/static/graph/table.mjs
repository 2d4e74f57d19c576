import { MARKS, numberName, label } from "./marks.mjs";
import { bytesInWords, rowAfter, rowsInSight, shownTasks, tookOf, waitedOf } from "./columns.mjs";
import { seconds } from "./text.mjs";
import { html, set, icon } from "./dom.mjs";
import { meaning } from "./selection.mjs";

const ROW = 28; // pixels; as in table.css
const span = (length) => (length < 0 ? "" : seconds(length));

/** Name, heading and content of each column; `right` for figures. The content of `state` is drawn with its sign. */
const FIELDS = [
  { name: "task", head: "task", right: true, text: (tasks, i) => numberName(tasks.ids[i]) },
  { name: "state", head: "state", text: (tasks, i) => MARKS[tasks.status[i]].word },
  { name: "app", head: "app", text: (tasks, i) => tasks.apps[tasks.app[i]] },
  { name: "arguments", head: "arguments", text: (tasks, i) => tasks.details[i] },
  { name: "waited", head: "waited", right: true, text: (tasks, i, now) => span(waitedOf(tasks, i, now)) },
  { name: "time", head: "time", right: true, text: (tasks, i, now) => span(tookOf(tasks, i, now)) },
  { name: "worker", head: "worker", right: true, text: (tasks, i) => String(tasks.worker[i] || "") },
  { name: "attempt", head: "attempt", right: true, text: (tasks, i) => (tasks.attempt[i] > 1 ? String(tasks.attempt[i]) : "") },
  { name: "peak", head: "peak", right: true, text: (tasks, i) => (tasks.peak[i] ? bytesInWords(tasks.peak[i] * 1024) : "") },
  { name: "error", head: "error", text: (tasks, i) => tasks.notes[i] ?? saidBy(tasks, i) },
];

/** How far a running task says it has come; "" if it says nothing. */
function saidBy(tasks, i) {
  const [fraction, text] = tasks.said[i] ?? [null, ""];
  return [fraction === null ? "" : `${Math.floor(fraction * 100)} %`, text].filter(Boolean).join(", ");
}

/**
 * The tasks as a table: sorted by a click on a heading, filtered by what is looked for, only the rows in sight are there.
 * `open(task, how, tasks, order)` is called with the place of a task that was chosen, what was meant by that
 * (`meaning`), and the order in which all rows stand.
 */
export function makeTable(open) {
  let tasks = { count: 0, ids: [], status: new Uint8Array(0) };
  let clock = () => 0; // milliseconds after the flow's start
  let order = { by: "task", down: false };
  let wanted = { words: [], marks: new Set() };
  let places = [];
  let focused = -1; // place of the task whose row has the focus, or would get it
  let selected = -1;
  let picked = new Set();
  const rows = new Map(); // place -> element

  const told = html("span", { role: "status" });
  const heads = FIELDS.map((field, i) => {
    const button = html("button", { type: "button", onclick: () => sortBy(field.name) }, field.head);
    return html("div", { role: "columnheader", class: cellClass(field), "aria-colindex": i + 1 }, button);
  });
  const body = html("div", { role: "rowgroup", class: "nbf-rows" });
  const grid = html(
    "div",
    { role: "grid", class: "nbf-grid", "aria-label": "tasks", "aria-multiselectable": "true", "aria-colcount": FIELDS.length },
    html("div", { role: "rowgroup", class: "nbf-heads" }, html("div", { role: "row", class: "nbf-row", "aria-rowindex": 1 }, ...heads)),
    body,
  );
  const nothing = html("p", { class: "nbf-muted nbf-nothing" }, "No task is like that.");
  const element = html("div", { class: "nbf-table" }, grid, nothing, html("div", { class: "nbf-muted nbf-many" }, told));

  function cellClass(field) {
    return `nbf-td nbf-td-${field.name}${field.right ? " nbf-right" : ""}`;
  }
  /** The first click on figures shows the largest first: they are what one looks for. */
  function sortBy(name) {
    const first = ["waited", "time", "attempt", "peak", "error"].includes(name);
    order = { by: name, down: order.by === name ? !order.down : first };
    grid.scrollTop = 0;
    arrange();
  }
  /** Which rows there are, and in which order. */
  function arrange() {
    places = shownTasks(tasks, { ...wanted, ...order }, clock());
    if (!places.includes(focused)) focused = places[0] ?? -1;
    heads.forEach((head, i) => {
      const sorted = FIELDS[i].name === order.by;
      set(head, "aria-sort", sorted ? (order.down ? "descending" : "ascending") : "none");
    });
    set(grid, "aria-rowcount", places.length + 1);
    body.style.height = `${places.length * ROW}px`;
    nothing.hidden = places.length > 0 || !tasks.count;
    const figure = (count) => count.toLocaleString("en");
    const shown = places.length === tasks.count ? "" : `${figure(places.length)} of `;
    const many = tasks.count ? `${shown}${figure(tasks.count)} ${tasks.count === 1 ? "task" : "tasks"}` : "";
    if (told.textContent !== many) told.textContent = many;
    drawRows();
  }
  function makeRow(i) {
    const row = html("div", { role: "row", class: "nbf-row nbf-body-row", "data-row": tasks.ids[i] });
    row.append(...FIELDS.map((field, n) => html("div", { role: "gridcell", class: cellClass(field), "aria-colindex": n + 1 })));
    return row;
  }
  function fillRow(row, i, at) {
    const mark = tasks.status[i];
    row.style.transform = `translateY(${at * ROW}px)`;
    set(row, "aria-rowindex", at + 2);
    set(row, "tabindex", i === focused ? 0 : -1);
    set(row, "aria-selected", i === selected || picked.has(i));
    set(row, "aria-label", label(tasks.ids[i], tasks.apps[tasks.app[i]], mark));
    FIELDS.forEach((field, n) => {
      const cell = row.children[n];
      const text = field.text(tasks, i, clock());
      if (cell.textContent === text) return;
      if (field.name === "state") cell.replaceChildren(icon(mark, 13), text);
      else {
        cell.textContent = text;
        cell.title = text;
      }
      if (field.name === "error") cell.className = `${cellClass(field)}${tasks.notes[i] ? " nbf-wrong" : ""}`;
    });
  }
  /** Only what is in sight, and the row that has the focus: it must not vanish from under the reader. */
  function drawRows() {
    const [from, to] = rowsInSight(grid.scrollTop, grid.clientHeight, ROW, places.length);
    const needed = new Map();
    for (let at = from; at < to; at++) needed.set(places[at], at);
    if (focused >= 0 && !needed.has(focused)) needed.set(focused, places.indexOf(focused));
    for (const [i, row] of rows) {
      if (needed.has(i)) continue;
      row.remove();
      rows.delete(i);
    }
    for (const [i, at] of needed) {
      let row = rows.get(i);
      if (!row) {
        row = makeRow(i);
        rows.set(i, row);
        body.append(row);
      }
      fillRow(row, i, at);
    }
  }
  function focusOn(at) {
    focused = places[at];
    const top = at * ROW;
    const room = grid.clientHeight - ROW; // the headings stay in sight
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + room) grid.scrollTop = top + ROW - room;
    drawRows();
    rows.get(focused).focus({ preventScroll: true });
  }
  const choose = (event) => open(focused, meaning(event), [focused], places);
  const rowOf = (target) => target.closest?.(".nbf-body-row");
  const placeOf = (row) => [...rows].find(([, element]) => element === row)?.[0];

  grid.addEventListener("scroll", drawRows);
  // The focus may come by other ways than ours: the keys go on from where it is.
  grid.addEventListener("focusin", (event) => {
    const place = placeOf(rowOf(event.target));
    if (place === undefined || place === focused) return;
    focused = place;
    drawRows();
  });
  grid.addEventListener("click", (event) => {
    const row = rowOf(event.target);
    if (!row) return;
    focusOn(places.indexOf(placeOf(row)));
    choose(event);
  });
  // else it would be text that is selected
  grid.addEventListener("mousedown", (event) => meaning(event) === "range" && event.preventDefault());
  grid.addEventListener("keydown", (event) => {
    if (!rowOf(event.target) || event.altKey) return;
    const chosen = event.key === "Enter" || event.key === " ";
    if ((event.ctrlKey || event.metaKey) && !chosen) return;
    const page = Math.max(1, Math.floor((grid.clientHeight - ROW) / ROW) - 1);
    const next = rowAfter(event.key, places.indexOf(focused), places.length, page);
    if (next !== undefined) {
      if (event.shiftKey && !picked.size) open(focused, "toggle", [focused]); // where the range begins
      focusOn(next);
      if (event.shiftKey) choose(event);
    } else if (chosen) choose(event);
    else return;
    event.preventDefault();
  });

  return {
    element,
    /**
     * Show these tasks, those that `filter` leaves ({ words, marks }); `now` gives the milliseconds since the flow's start.
     */
    update(next, filter, now) {
      tasks = next;
      wanted = filter;
      clock = now;
      arrange();
    },
    resize: drawRows,
    select(task) {
      selected = task;
      drawRows();
    },
    pick(tasksPicked) {
      picked = tasksPicked;
      drawRows();
    },
    focus: () => focused >= 0 && focusOn(places.indexOf(focused)),
  };
}
