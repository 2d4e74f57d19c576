import { MARKS, ORDER, FAILED, classOf, ended, numberName, label } from "./marks.mjs";
import { tallyOf, fitting, progressOf, note, taskAt, boxOf, fieldPaths, fieldGaps } from "./scene.mjs";
import { cut } from "./text.mjs";
import { fill, svg, set } from "./dom.mjs";

/**
 * The nodes of the graph as elements: pills, blocks of cells, summaries.
 *
 * `seen` is what they are drawn from, and is read at each drawing: `scene`, `status`, `items` (of tasks that run
 * several: the [mark, count] pairs that they count as), `progress` (of tasks that tell it: [fraction, text]), `stands`
 * (null, or of each task whether it stands out), `focused`, `selected`, `picked` (those that are selected with others).
 * `choose(event, task, node, all)` is called where a click means a task that has no element of its own, all of a node's
 * (task -1), or `all` of some; `toScene(event)` tells where it was.
 *
 * Each maker returns the node's element, `draw(changed)` and `of(task)`: the element that stands for the task.
 */
export function makeNode(node, seen, choose, toScene) {
  const make = node.cell ? makeBlock : node.top ? makeSummary : makePill;
  return make(node, seen, choose, toScene);
}

/** Cells that are smaller have no elements of their own. */
export const isField = (node) => node.cell > 0 && node.cell < 9;

const faded = (seen, task) => seen.stands !== null && !seen.stands[task];

function hook(element, task, seen) {
  return fill(
    element,
    { role: "graphics-symbol", "data-task": seen.scene.ids[task], tabindex: task === seen.focused ? 0 : -1 },
    [],
  );
}

/** What a task's own element says about its state. */
function tell(element, task, app, seen) {
  const mark = seen.status[task];
  const id = seen.scene.ids[task];
  set(element, "data-state", MARKS[mark].word);
  set(element, "aria-label", label(id, app, mark));
  element.classList.toggle("nbf-faded", faded(seen, task));
  element.classList.toggle("nbf-picked", seen.picked.has(task));
  const detail = seen.scene.details[task] ? `\n${seen.scene.details[task]}` : "";
  const tip = `${app} · task ${numberName(id)} · ${MARKS[mark].word}${detail}`;
  const title = element.querySelector("title");
  if (title.textContent !== tip) title.textContent = tip;
  set(element.querySelector(".nbf-sign"), "d", MARKS[mark].path);
}

const SLIM = 24; // as in nbflow/notebook/boxes.py

function makePill(node, seen) {
  const task = node.tasks[0];
  const middle = node.h / 2;
  const beside = node.h <= SLIM; // the line of detail stands beside the name
  const detail = beside ? svg("tspan", { dx: 7, class: "nbf-detail" }) : svg("text", { x: 34, y: middle + 11, class: "nbf-detail" });
  const name = svg("text", { x: 34, class: "nbf-title" }, node.title, ...(beside ? [detail] : []));
  const foot = { x: 10, y: node.h - 4, height: 2, rx: 1, visibility: "hidden" };
  const track = svg("rect", { class: "nbf-track", width: node.w - 20, ...foot });
  const run = svg("rect", { class: "nbf-run", width: 0, ...foot });
  const element = hook(
    svg(
      "g",
      { class: "nbf-node nbf-pill", transform: `translate(${node.x} ${node.y})` },
      svg("title"),
      svg("rect", { class: "nbf-card", width: node.w, height: node.h, rx: 9 }),
      svg("circle", { class: "nbf-disc", cx: 18, cy: middle, r: 9 }),
      svg("path", { class: "nbf-sign", transform: `translate(10 ${middle - 8})` }),
      name,
      ...(beside ? [] : [detail]),
      track,
      run,
    ),
    task,
    seen,
  );
  function draw() {
    tell(element, task, node.app, seen);
    const over = ended(seen.status[task]);
    const [fraction, text] = (!over && seen.progress[task]) || [null, ""];
    const called = progressOf(node, seen.status);
    const share = over ? null : (fraction ?? (called && called[0] / called[1]));
    const line = cut(text, node.room) || note(node, seen.status);
    if (detail.textContent !== line) detail.textContent = line;
    set(name, "y", line && !beside ? middle - 2.5 : middle + 4.2);
    for (const part of [track, run]) set(part, "visibility", share === null ? "hidden" : "visible");
    if (share !== null) set(run, "width", ((node.w - 20) * share).toFixed(1));
  }
  return { element, draw, of: () => element };
}

/** A line of counts at a node's foot. */
function makeCounts(node) {
  const element = svg("g", { transform: `translate(12 ${node.h - 8})`, class: "nbf-detail" });
  let told = "";
  function draw(tally) {
    const shown = fitting(tally, node.w - 24);
    if (told === shown.join()) return;
    told = shown.join();
    let x = 0;
    element.replaceChildren(
      ...shown.flatMap(([mark, count]) => {
        const sign = svg("path", {
          class: `nbf-sign ${classOf(mark)}`,
          d: MARKS[mark].path,
          transform: `translate(${x} -11) scale(.8)`,
        });
        const text = svg("text", { x: x + 15 }, String(count));
        x += 25 + 7 * String(count).length;
        return [sign, text];
      }),
    );
  }
  return { element, draw };
}

function makeBlock(node, seen, choose, toScene) {
  const counts = makeCounts(node);
  const cells = isField(node) ? makeField(node, seen, choose, toScene) : makeCells(node, seen);
  const element = svg(
    "g",
    { class: "nbf-node nbf-block", transform: `translate(${node.x} ${node.y})` },
    svg("rect", { class: "nbf-card", width: node.w, height: node.h, rx: 11 }),
    svg("text", { x: 12, y: 19, class: "nbf-title" }, node.title),
    svg("text", { x: 12, y: 34, class: "nbf-detail" }, node.detail),
    cells.element,
    counts.element,
  );
  function draw(changed) {
    cells.draw(changed);
    element.classList.toggle("nbf-aside", node.tasks.every((task) => faded(seen, task)));
    // One row tells itself.
    if (node.tasks.length > node.columns || node.items) counts.draw(tallyOf(seen.status, node.tasks, seen.items));
  }
  return { element, draw, of: cells.of };
}

/** Cells as elements, each a task that can be reached and named. */
function makeCells(node, seen) {
  const signed = node.cell >= 14;
  const own = new Map();
  node.tasks.forEach((task, slot) => {
    const box = boxOf(node, slot);
    const cell = svg(
      "g",
      { class: "nbf-cell", transform: `translate(${box.x - node.x} ${box.y - node.y})` },
      svg("title"),
      svg("rect", { width: node.cell, height: node.cell, rx: node.cell > 10 ? 3.5 : 2 }),
      svg("path", { class: "nbf-sign", transform: signed ? "translate(1.4 1.4) scale(.7)" : "scale(0)" }),
    );
    own.set(task, hook(cell, task, seen));
  });
  return {
    element: svg("g", {}, ...own.values()),
    draw: (changed) => changed.forEach((task) => tell(own.get(task), task, node.app, seen)),
    of: (task) => own.get(task),
  };
}

const described = (node, tally) => {
  const told = ORDER.filter((mark) => tally[mark]).map((mark) => `${tally[mark].toLocaleString("en")} ${MARKS[mark].word}`);
  return `${node.title}: ${told.join(", ")}`;
};

/** Very many cells: a path for each state. The block stands for its tasks; a click finds the one that was meant. */
function makeField(node, seen, choose, toScene) {
  // One path more for each state: those that do not stand out.
  const FADED = MARKS.length;
  const paths = [...MARKS, ...MARKS].map((_, i) =>
    svg("path", { class: classOf(i % FADED) + (i < FADED ? "" : " nbf-faded") }),
  );
  const gaps = svg("path", { class: "nbf-gaps", d: fieldGaps(node), "stroke-width": node.pitch - node.cell });
  const picked = svg("path", { class: "nbf-picked-cells" });
  const ring = svg("rect", { class: "nbf-ring", width: node.cell + 3, height: node.cell + 3, rx: 2 });
  const slots = new Map(node.tasks.map((task, slot) => [task, slot]));
  const element = svg("g", { class: "nbf-field", role: "graphics-symbol", tabindex: -1 }, ...paths, gaps, picked, ring);
  function draw() {
    const drawn = fieldPaths(node, (task) => seen.status[task] + (faded(seen, task) ? FADED : 0));
    paths.forEach((path, key) => set(path, "d", drawn.get(key) ?? ""));
    const some = seen.picked.size > 0;
    set(picked, "d", (some && fieldPaths(node, (task) => Number(seen.picked.has(task))).get(1)) || "");
    const shown = slots.has(seen.selected) ? seen.selected : slots.has(seen.focused) ? seen.focused : -1;
    set(ring, "visibility", shown < 0 ? "hidden" : "visible");
    set(element, "aria-label", described(node, tallyOf(seen.status, node.tasks, seen.items)));
    set(element, "tabindex", slots.has(seen.focused) ? 0 : -1);
    if (shown < 0) return;
    const box = boxOf(node, slots.get(shown));
    set(ring, "transform", `translate(${box.x - node.x - 1.5} ${box.y - node.y - 1.5})`);
    if (shown === seen.focused) set(element, "aria-label", label(seen.scene.ids[shown], node.app, seen.status[shown]));
  }
  element.addEventListener("click", (event) => {
    const point = toScene(event);
    const task = taskAt(node, point.x, point.y);
    if (task >= 0) choose(event, task, node);
  });
  return { element, draw, of: () => element };
}

/** All tasks of an app as a bar by state and their counts. A click on a state's part means its first task. */
function makeSummary(node, seen, choose) {
  const inner = node.w - 24;
  const counts = makeCounts(node);
  const title = svg("title");
  const parts = MARKS.map((_, mark) =>
    svg("rect", { class: `nbf-part ${classOf(mark)}`, "data-mark": mark, y: node.top, height: 6 }),
  );
  const element = svg(
    "g",
    {
      class: "nbf-node nbf-summary",
      role: "graphics-symbol",
      "data-app": node.app,
      tabindex: node.tasks[0] === seen.focused ? 0 : -1,
      transform: `translate(${node.x} ${node.y})`,
    },
    title,
    svg("rect", { class: "nbf-card", width: node.w, height: node.h, rx: 11 }),
    svg("text", { x: 12, y: 19, class: "nbf-title" }, node.title),
    svg("rect", { class: "nbf-track", x: 12, y: node.top, width: inner, height: 6 }),
    ...parts,
    counts.element,
  );
  function draw() {
    const tally = tallyOf(seen.status, node.tasks, seen.items);
    const total = tally.reduce((sum, count) => sum + count, 0) || 1;
    let x = 12;
    for (const mark of ORDER) {
      const long = mark ? (inner * tally[mark]) / total : 0; // what waits is the track
      set(parts[mark], "x", x.toFixed(1));
      set(parts[mark], "width", long.toFixed(1));
      x += long;
    }
    counts.draw(tally);
    element.classList.toggle("nbf-faded", node.tasks.every((task) => faded(seen, task)));
    element.classList.toggle("nbf-troubled", tally[FAILED] > 0);
    element.classList.toggle("nbf-picked", seen.picked.size > 0 && node.tasks.some((task) => seen.picked.has(task)));
    const text = described(node, tally);
    set(element, "aria-label", text);
    if (title.textContent !== text) title.textContent = text;
  }
  element.addEventListener("click", (event) => {
    const part = event.target.getAttribute("data-mark");
    const meant = part === null ? node.tasks : node.tasks.filter((task) => seen.status[task] === Number(part));
    if (part !== null && meant.length) choose(event, meant[0], node, meant);
    else choose(event, -1, node);
  });
  return { element, draw, of: () => element };
}
