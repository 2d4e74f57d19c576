/**
 * The live graph on the page. One module, no imports: it travels as text with the widget.
 *
 * Pure functions first, exported by name: `node --test` holds those that Python has too to the same cases. Then the
 * parts of the view (head, graph, strip, panel), each made by a function that returns its element and what redraws
 * it; `render` ties them to the model. Whatever a user wrote enters the page by textContent alone.
 *
 * @typedef {{x: number, y: number, w: number, h: number, app: string, title: string, detail: string,
 *   tasks: number[], inside: number[], cell: number, pitch: number, columns: number, top: number}} Node
 * @typedef {{source: number, target: number, kind: number, points: number[]}} Edge
 * @typedef {{name: string, ids: number[], details: string[], nodes: Node[], edges: Edge[],
 *   width: number, height: number}} Scene
 */

const RING = "M8 3.5A4.5 4.5 0 1 1 8 12.5A4.5 4.5 0 1 1 8 3.5";
const BACK = "M4.2 5.6A4.6 4.6 0 1 1 3.4 8.6M4 2.8V5.9H7.1";

/** How each state is told: the byte of a task's state is an index into this table. */
export const MARKS = [
  { word: "waiting", path: RING, solid: false },
  { word: "recalling", path: BACK, solid: false },
  { word: "running", path: "M6 4.2L12 8L6 11.8Z", solid: true },
  { word: "done", path: "M4 8.4L7 11.4L12.2 5", solid: false },
  { word: "failed", path: "M4.8 4.8L11.2 11.2M11.2 4.8L4.8 11.2", solid: false },
  { word: "skipped", path: "M3 9.2Q4.6 6.4 6.2 8T9.6 8H13M10.6 5.4L13.2 8L10.6 10.6", solid: false },
  { word: "cancelled", path: RING + "M4.9 4.9L11.1 11.1", solid: false },
  { word: "recalled", path: BACK, solid: false },
  { word: "retrying", path: "M11.8 5.6A4.6 4.6 0 1 0 12.6 8.6M12 2.8V5.9H8.9", solid: false },
  { word: "not responding", path: "M6 4.4V11.6M10 4.4V11.6", solid: false },
];
const NEED = 0;
const SPAWN = 1;
const DONE = 3;
const FAILED = 4;
const RECALLED = 7;

/** The order in which counts are told, and the order in which they matter where there is little room. */
export const ORDER = [DONE, RECALLED, 2, 8, 9, 1, 0, FAILED, 5, 6];
const MATTERS = [FAILED, 9, 2, 8, DONE, 5, RECALLED, 0, 6, 1];

/** The class of what is drawn in a state's colour. */
export const classOf = (mark) => `nbf-${MARKS[mark].word.replace(" ", "-")}`;

/** True for the marks that are never left. */
export const ended = (mark) => mark >= DONE && mark <= RECALLED;

/** The edge through `points` as an SVG path: level where it starts and ends. */
export function edgePath(points) {
  let [x, y] = points;
  let path = `M${x} ${y}`;
  for (let i = 2; i < points.length; i += 2) {
    const toX = points[i];
    const toY = points[i + 1];
    const middle = Math.floor((x + toX) / 2);
    path += toY === y ? `H${toX}` : `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`;
    [x, y] = [toX, toY];
  }
  return path;
}

/** A trait of bytes, however the front end hands it over; one mark for each of `count` tasks, 0 where none came. */
export function statusOf(bytes, count) {
  const status = new Uint8Array(count);
  if (!bytes) return status;
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  status.set(view.subarray(0, count));
  return status.map((mark) => (mark < MARKS.length ? mark : 0));
}

/** The tasks that stand otherwise than before. */
export function changedTasks(before, after) {
  const changed = [];
  for (let task = 0; task < after.length; task++) if (before[task] !== after[task]) changed.push(task);
  return changed;
}

/** How many of `tasks` have each mark; in the place of one that runs several items, what `items` says of these. */
export function tallyOf(status, tasks, items = {}) {
  const tally = MARKS.map(() => 0);
  for (const task of tasks) for (const [mark, count] of items[task] ?? [[status[task], 1]]) tally[mark] += count;
  return tally;
}

/** The [mark, count] pairs that fit side by side in `pixels`; what matters least goes first. */
export function fitting(tally, pixels) {
  const chosen = new Set();
  let left = pixels;
  for (const mark of MATTERS) {
    const need = 25 + 7 * String(tally[mark]).length;
    if (tally[mark] && need <= left) {
      chosen.add(mark);
      left -= need;
    }
  }
  return ORDER.filter((mark) => chosen.has(mark)).map((mark) => [mark, tally[mark]]);
}

/** A length of time for people: "0.31 s", "12 s", "1 min 12 s", "2 h 5 min". */
export function seconds(span) {
  if (span < 0.995) return `${(Math.max(0, Math.floor(span * 100 + 0.5)) / 100).toFixed(2)} s`;
  if (span < 9.95) return `${(Math.floor(span * 10 + 0.5) / 10).toFixed(1)} s`;
  const whole = Math.floor(span + 0.5);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** How far the tasks called inside a node have come: [ended, all], or null for a node that called none. */
export function progressOf(node, status) {
  if (!node.inside.length) return null;
  return [node.inside.filter((task) => ended(status[task])).length, node.inside.length];
}

/** A pill's line of detail, as its task stands. */
export function note(node, status) {
  const progress = progressOf(node, status);
  const mark = status[node.tasks[0]];
  if (progress) return ended(mark) ? `called ${progress[1]}` : `${progress[0]} of ${progress[1]} ended`;
  return mark === RECALLED ? "recalled" : node.detail;
}

/**
 * What people call a task: "7", or "2.5" for the fifth call made inside tasks of worker 2. As in nbflow/numbers.py.
 * @param {number} id
 * @returns {string}
 */
export const numberName = (id) => (id >= 2 ** 32 ? `${Math.floor(id / 2 ** 32)}.${id % 2 ** 32}` : `${id}`);

/** How a task is named to those who do not see it. */
export const label = (id, app, mark) => `task ${numberName(id)} ${app}, ${MARKS[mark].word}`;

/** The task at (x, y) of the scene within a block's cells, or -1. */
export function taskAt(node, x, y) {
  const column = Math.floor((x - cellLeft(node)) / node.pitch);
  const row = Math.floor((y - node.y - node.top) / node.pitch);
  if (column < 0 || column >= node.columns || row < 0) return -1;
  return node.tasks[row * node.columns + column] ?? -1;
}

/** Where a node's first cell begins. */
export const cellLeft = (node) => node.x + 12;

/** Left upper corner and size of a task's own mark on the picture: its cell, or the whole pill. */
export function boxOf(node, slot) {
  if (!node.cell) return { x: node.x, y: node.y, w: node.w, h: node.h };
  return {
    x: cellLeft(node) + (slot % node.columns) * node.pitch,
    y: node.y + node.top + Math.floor(slot / node.columns) * node.pitch,
    w: node.cell,
    h: node.cell,
  };
}

/** The box that an arrow key leads to from box `from`: the nearest in that direction, or `from` itself. */
export function neighbour(boxes, from, key) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const here = { x: boxes[from].x + boxes[from].w / 2, y: boxes[from].y + boxes[from].h / 2 };
  let best = from;
  let least = Infinity;
  boxes.forEach((box, i) => {
    const x = box.x + box.w / 2 - here.x;
    const y = box.y + box.h / 2 - here.y;
    const along = x * dx + y * dy;
    const across = Math.abs(x * dy) + Math.abs(y * dx);
    if (i !== from && along > 0.5 && along + 2.5 * across < least) {
      least = along + 2.5 * across;
      best = i;
    }
  });
  return best;
}

/** Scale and shift that show the whole scene in a window, but never smaller than `least`: then from its left side. */
export function fitted(scene, width, height, least, margin = 16) {
  const roomX = width - 2 * margin;
  const roomY = height - 2 * margin;
  const whole = Math.min(1, roomX / Math.max(scene.width, 1), roomY / Math.max(scene.height, 1));
  const k = Math.max(whole, least);
  const centred = (room, size) => (size * k <= room + 0.5 ? margin + (room - size * k) / 2 : margin);
  return { k, x: centred(roomX, scene.width), y: centred(roomY, scene.height) };
}

/** Head and rest of an error's line: ["ValueError", ": no such kernel"]. */
export function splitError(text) {
  const match = /^([\w.]+)(:[\s\S]*)?$/.exec(text);
  return match ? [match[1], match[2] ?? ""] : ["", text];
}

/** Lines [from, to) of `count` that show line `at` (from 1) with what stands around it; all where at is 0. */
export function excerpt(count, at, around = 4) {
  return at ? [Math.max(0, at - 1 - around), Math.min(count, at + around)] : [0, count];
}

// ------------------------------------------------------------------------------------------------ the document

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** Set an attribute only where that changes something: the page's work is proportional to what changed. */
function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** A state's sign as a small picture, in the state's colour. */
function icon(mark, size = 14) {
  const path = svg("path", { d: MARKS[mark].path, class: "nbf-sign" });
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: size, height: size, class: `nbf-icon ${classOf(mark)}`, "aria-hidden": true },
    path,
  );
}

/** The head: name, counts, elapsed, the graph's buttons; under it the bar of all tasks by state. */
function makeHead(zoom) {
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

/** Pan and zoom of `layer` within `frame`; `touched` tells that the user has chosen what to see. */
function makeZoom(frame, layer) {
  let at = { k: 1, x: 0, y: 0 };
  let scene = { width: 1, height: 1 };
  let touched = false;
  const LEAST = 0.62;
  const TALLEST = 560;
  function apply() {
    set(layer, "transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) scale(${at.k.toFixed(4)})`);
    // A side beyond which the graph goes on fades out.
    const beyond = {
      left: at.x < -4,
      right: at.x + scene.width * at.k > frame.clientWidth + 4,
      top: at.y < -4,
      bottom: at.y + scene.height * at.k > frame.clientHeight + 4,
    };
    for (const [side, more] of Object.entries(beyond)) frame.style.setProperty(`--${side}`, more ? "36px" : "0px");
  }

  function place(least) {
    const width = frame.clientWidth || 1060;
    const whole = Math.min(1, (width - 32) / Math.max(scene.width, 1), (TALLEST - 32) / Math.max(scene.height, 1));
    const high = scene.height * Math.max(least, whole) + 40;
    frame.style.height = `${Math.round(Math.min(TALLEST, Math.max(96, high)))}px`;
    at = fitted(scene, width, frame.clientHeight, least);
    apply();
  }
  function around(factor, x, y) {
    const k = Math.min(3, Math.max(0.05, at.k * factor));
    at = { k, x: x - ((x - at.x) * k) / at.k, y: y - ((y - at.y) * k) / at.k };
    touched = true;
    apply();
  }
  return {
    show(next) {
      scene = next;
      if (!touched) place(LEAST);
    },
    resize: () => !touched && place(LEAST),
    fit() {
      touched = false;
      place(0.05);
    },
    by: (factor) => around(factor, frame.clientWidth / 2, frame.clientHeight / 2),
    around,
    move(dx, dy) {
      at = { ...at, x: at.x + dx, y: at.y + dy };
      touched = true;
      apply();
    },
    /** Bring a box of the scene into the window. */
    reveal(box) {
      const shift = (from, size, room) => (from < 8 ? 8 - from : from + size > room - 8 ? room - 8 - from - size : 0);
      const dx = shift(at.x + box.x * at.k, box.w * at.k, frame.clientWidth);
      const dy = shift(at.y + box.y * at.k, box.h * at.k, frame.clientHeight);
      if (dx || dy) this.move(dx, dy);
    },
    toScene: (x, y) => ({ x: (x - at.x) / at.k, y: (y - at.y) / at.k }),
  };
}

/** The graph itself. `open(task)` is called with the index of a task that was chosen. */
function makeGraph(open) {
  const edges = svg("path", { class: "nbf-edges" });
  const spawns = svg("path", { class: "nbf-edges nbf-spawn" });
  const chosen = svg("path", { class: "nbf-edges nbf-chosen" });
  const chosenSpawns = svg("path", { class: "nbf-edges nbf-spawn nbf-chosen" });
  const nodesLayer = svg("g");
  const layer = svg("g", {}, edges, spawns, chosen, chosenSpawns, nodesLayer);
  const picture = svg("svg", { role: "graphics-document", "aria-label": "task graph" }, layer);
  const frame = html("div", { class: "nbf-graph" }, picture);
  const zoom = makeZoom(frame, layer);
  let scene = { nodes: [], edges: [], ids: [], details: [] };
  let status = new Uint8Array(0);
  let items = {}; // of tasks that run several: the [mark, count] pairs that they count as
  let parts = []; // of each node: what is redrawn
  let spot = []; // of each task: its node and its place among the node's tasks
  let boxes = [];
  let focused = 0;
  let selected = -1;

  const idle = (task) => (task === focused ? 0 : -1);

  function hook(element, task) {
    fill(element, { role: "graphics-symbol", "data-task": scene.ids[task], tabindex: idle(task) }, []);
    return element;
  }
  /** What a task's own element says about its state. */
  function tell(element, task, app) {
    const mark = status[task];
    set(element, "data-state", MARKS[mark].word);
    set(element, "aria-label", label(scene.ids[task], app, mark));
    const tip = element.querySelector("title");
    const detail = scene.details[task] ? `\n${scene.details[task]}` : "";
    tip.textContent = `${app} · task ${numberName(scene.ids[task])} · ${MARKS[mark].word}${detail}`;
    set(element.querySelector(".nbf-sign"), "d", MARKS[mark].path);
  }

  function makePill(node) {
    const task = node.tasks[0];
    const middle = node.h / 2;
    const name = svg("text", { x: 34, class: "nbf-title" }, node.title);
    const detail = svg("text", { x: 34, y: middle + 11, class: "nbf-detail" });
    const track = svg("rect", { class: "nbf-track", x: 10, y: node.h - 4, width: node.w - 20, height: 2, rx: 1 });
    const run = svg("rect", { class: "nbf-run", x: 10, y: node.h - 4, width: 0, height: 2, rx: 1 });
    const element = hook(
      svg(
        "g",
        { class: "nbf-node nbf-pill", transform: `translate(${node.x} ${node.y})` },
        svg("title"),
        svg("rect", { class: "nbf-card", width: node.w, height: node.h, rx: 9 }),
        svg("circle", { class: "nbf-disc", cx: 18, cy: middle, r: 9 }),
        svg("path", { class: "nbf-sign", transform: `translate(10 ${middle - 8})` }),
        name,
        detail,
        ...(node.inside.length ? [track, run] : []),
      ),
      task,
    );
    function draw() {
      tell(element, task, node.app);
      const line = note(node, status);
      detail.textContent = line;
      set(name, "y", line ? middle - 2.5 : middle + 4.2);
      const progress = progressOf(node, status);
      if (!progress) return;
      const over = ended(status[task]);
      for (const foot of [track, run]) set(foot, "visibility", over ? "hidden" : "visible");
      set(run, "width", ((node.w - 20) * progress[0]) / progress[1]);
    }
    return { element, draw, of: () => element };
  }

  function makeBlock(node) {
    const counts = svg("g", { transform: `translate(12 ${node.h - 8})`, class: "nbf-detail" });
    const cells = node.cell >= 9 ? makeCells(node) : makeField(node);
    const element = svg(
      "g",
      { class: "nbf-node nbf-block", transform: `translate(${node.x} ${node.y})` },
      svg("rect", { class: "nbf-card", width: node.w, height: node.h, rx: 11 }),
      svg("text", { x: 12, y: 19, class: "nbf-title" }, node.title),
      svg("text", { x: 12, y: 34, class: "nbf-detail" }, node.detail),
      cells.element,
      counts,
    );
    function draw(changed) {
      cells.draw(changed);
      if (node.tasks.length <= node.columns && !node.items) return; // one row tells itself
      let x = 0;
      const shown = fitting(tallyOf(status, node.tasks, items), node.w - 24);
      counts.replaceChildren(
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
    return { element, draw, of: cells.of };
  }

  /** Cells as elements, each a task that can be reached and named. */
  function makeCells(node) {
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
      own.set(task, hook(cell, task));
    });
    return {
      element: svg("g", {}, ...own.values()),
      draw: (changed) => changed.forEach((task) => tell(own.get(task), task, node.app)),
      of: (task) => own.get(task),
    };
  }

  /** Very many cells: one path for each state. The block stands for its tasks; a click finds the one that was meant. */
  function makeField(node) {
    const paths = MARKS.map((_, mark) => svg("path", { class: classOf(mark) }));
    const ring = svg("rect", { class: "nbf-ring", width: node.cell + 3, height: node.cell + 3, rx: 2 });
    const element = svg("g", { class: "nbf-field", role: "graphics-symbol", tabindex: -1 }, ...paths, ring);
    function draw() {
      const drawn = MARKS.map(() => "");
      node.tasks.forEach((task, slot) => {
        const box = boxOf(node, slot);
        drawn[status[task]] += `M${box.x - node.x} ${box.y - node.y}h${node.cell}v${node.cell}h-${node.cell}z`;
      });
      paths.forEach((path, mark) => set(path, "d", drawn[mark]));
      const shown = node.tasks.includes(selected) ? selected : node.tasks.includes(focused) ? focused : -1;
      set(ring, "visibility", shown < 0 ? "hidden" : "visible");
      const tally = tallyOf(status, node.tasks, items);
      const told = ORDER.filter((mark) => tally[mark]).map((mark) => `${tally[mark]} ${MARKS[mark].word}`);
      set(element, "aria-label", `${node.title}: ${told.join(", ")}`);
      if (shown < 0) return;
      const box = boxOf(node, spot[shown].slot);
      set(ring, "transform", `translate(${box.x - node.x - 1.5} ${box.y - node.y - 1.5})`);
      if (shown === focused) set(element, "aria-label", label(scene.ids[shown], node.app, status[shown]));
      set(element, "tabindex", shown === focused ? 0 : -1);
    }
    element.addEventListener("click", (event) => {
      const corner = frame.getBoundingClientRect();
      const point = zoom.toScene(event.clientX - corner.x, event.clientY - corner.y);
      const task = taskAt(node, point.x, point.y);
      if (task >= 0) choose(task);
    });
    return { element, draw, of: () => element };
  }

  const paths = (kept) => scene.edges.filter(kept).map((edge) => edgePath(edge.points)).join("");

  function build(next) {
    scene = next;
    focused = Math.min(focused, Math.max(0, scene.ids.length - 1));
    spot = [];
    scene.nodes.forEach((node, n) => node.tasks.forEach((task, slot) => (spot[task] = { node: n, slot })));
    boxes = spot.map(({ node, slot }) => boxOf(scene.nodes[node], slot));
    set(edges, "d", paths((edge) => edge.kind === NEED));
    set(spawns, "d", paths((edge) => edge.kind === SPAWN));
    parts = scene.nodes.map((node) => (node.cell ? makeBlock(node) : makePill(node)));
    nodesLayer.replaceChildren(...parts.map((part) => part.element));
    zoom.show(scene);
  }

  /** Redraw the nodes that hold these tasks, and those that called them. */
  function drawTasks(changed) {
    const byNode = new Map();
    for (const task of changed) {
      const n = spot[task]?.node;
      if (n === undefined) continue;
      if (!byNode.has(n)) byNode.set(n, []);
      byNode.get(n).push(task);
    }
    scene.nodes.forEach((node, n) => {
      if (node.inside.length && !byNode.has(n)) byNode.set(n, []);
    });
    byNode.forEach((tasks, n) => parts[n].draw(tasks));
  }

  function mark() {
    const n = spot[selected]?.node;
    const near = (edge) => edge.source === n || edge.target === n;
    set(chosen, "d", paths((edge) => near(edge) && edge.kind !== SPAWN));
    set(chosenSpawns, "d", paths((edge) => near(edge) && edge.kind === SPAWN));
    nodesLayer.querySelectorAll(".nbf-selected").forEach((element) => element.classList.remove("nbf-selected"));
    if (n === undefined) return;
    parts[n].of(selected).classList.add("nbf-selected");
    parts[n].element.classList.add("nbf-selected");
    if (scene.nodes[n].cell && scene.nodes[n].cell < 9) parts[n].draw([]);
  }

  function focus(task) {
    const before = spot[focused] && parts[spot[focused].node].of(focused);
    if (before) set(before, "tabindex", -1);
    focused = task;
    const { node } = spot[task];
    const element = parts[node].of(task);
    set(element, "tabindex", 0);
    if (scene.nodes[node].cell && scene.nodes[node].cell < 9) parts[node].draw([]);
    zoom.reveal(boxes[task]);
    element.focus({ preventScroll: true });
  }

  function choose(task) {
    focus(task);
    open(task);
  }

  frame.addEventListener("keydown", (event) => {
    if (event.target === frame || !spot.length) return;
    if (event.key.startsWith("Arrow")) focus(neighbour(boxes, focused, event.key));
    else if (event.key === "Enter" || event.key === " ") open(focused);
    else return;
    event.preventDefault();
  });
  frame.addEventListener(
    "wheel",
    (event) => {
      // Without Ctrl or the focus, the wheel is the notebook's own.
      if (!event.ctrlKey && !frame.contains(document.activeElement)) return;
      event.preventDefault();
      const corner = frame.getBoundingClientRect();
      zoom.around(Math.exp(-event.deltaY / 400), event.clientX - corner.x, event.clientY - corner.y);
    },
    { passive: false },
  );
  dragging(frame, zoom, (event) => {
    const id = event.target.closest?.("[data-task]")?.getAttribute("data-task");
    const task = id ? scene.ids.indexOf(Number(id)) : -1;
    if (task >= 0) choose(task);
  });

  return {
    frame,
    zoom,
    update(nextScene, nextStatus, nextItems = {}) {
      const rebuilt = nextScene !== scene;
      const before = rebuilt ? [] : status;
      status = nextStatus;
      items = nextItems;
      if (rebuilt) {
        const held = frame.contains(document.activeElement);
        build(nextScene);
        parts.forEach((part, n) => part.draw(scene.nodes[n].tasks));
        mark();
        if (held && spot.length) focus(focused);
      } else drawTasks(changedTasks(before, status));
    },
    select(task) {
      const before = spot[selected]?.node;
      selected = task;
      if (before !== undefined && scene.nodes[before].cell) parts[before].draw([]);
      mark();
    },
    focusOn: () => spot.length && focus(focused),
    taskOf: (id) => scene.ids.indexOf(id),
  };
}

/** Drag to pan; a press that did not move is a click. */
function dragging(frame, zoom, click) {
  let from = null;
  let moved = false;
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = { x: event.clientX, y: event.clientY };
    moved = false;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!moved && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
    if (!moved) frame.setPointerCapture(event.pointerId);
    moved = true;
    zoom.move(event.clientX - from.x, event.clientY - from.y);
    from = { x: event.clientX, y: event.clientY };
  });
  const stop = () => (from = null);
  frame.addEventListener("pointerup", stop);
  frame.addEventListener("pointercancel", stop);
  frame.addEventListener("click", (event) => !moved && click(event));
}

/** The workers' strip: what each did when. */
function makeStrip(open) {
  const element = html("div", { class: "nbf-strip", "aria-hidden": true });
  let shown = { span: 0, lanes: [] };
  let arrived = 0;
  const LABEL = 66;
  const LANE = 18;

  function draw(live) {
    element.hidden = !shown.lanes.length;
    if (element.hidden) return;
    const width = Math.max(120, element.clientWidth - 24);
    const span = Math.max(shown.span + (live ? (performance.now() - arrived) / 1000 : 0), 0.001);
    const scale = (width - LABEL) / span;
    const lanes = shown.lanes.flatMap((lane, i) => [
      svg("text", { x: LABEL - 8, y: i * LANE + 12, "text-anchor": "end" }, `worker ${lane.worker}`),
      ...lane.bars.map(([start, end, mark, task]) => {
        const long = ((end < 0 ? span : end) - start) * scale;
        return svg("rect", {
          class: classOf(mark),
          "data-bar": task,
          x: (LABEL + start * scale).toFixed(1),
          y: i * LANE + 2,
          width: Math.max(mark === FAILED ? 3 : 0.8, long > 4 ? long - 1.2 : long).toFixed(1),
          height: 13,
          rx: long > 6 ? 2.5 : 0,
        });
      }),
    ]);
    element.replaceChildren(svg("svg", { width, height: shown.lanes.length * LANE }, ...lanes));
  }
  element.addEventListener("click", (event) => {
    const task = event.target.getAttribute("data-bar");
    if (task !== null) open(Number(task));
  });
  return {
    element,
    draw,
    show(timeline, live) {
      shown = timeline;
      arrived = performance.now();
      draw(live);
    },
  };
}

/** Source or other text by lines, numbered from `first`, one of them marked. */
function codeLines(lines, first, marked) {
  return html(
    "div",
    { class: "nbf-code" },
    ...lines.map((line, i) =>
      html(
        "div",
        { class: first + i === marked ? "nbf-line nbf-marked" : "nbf-line" },
        html("span", { class: "nbf-number" }, String(first + i)),
        html("span", {}, line || " "),
      ),
    ),
  );
}

/** The panel of one task: facts and acts at the left, what went wrong (or the result) at the right. */
function makePanel({ openId, cancel, close }) {
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
    const acts = panel.can_cancel
      ? [html("button", { type: "button", class: "nbf-act", onclick: () => cancel(panel.task) }, "Cancel")]
      : [];
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
      html("div", { class: "nbf-acts" }, ...acts),
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
    const result = () => (panel.result ? [html("pre", {}, panel.result)] : nothing(ended(panel.mark) ? "It gave no result." : "No result yet."));
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

/** Messages to Python. What is not acknowledged within a second shows the hint. */
function makePost(model, hint) {
  const waiting = new Map();
  const mine = Math.random().toString(36).slice(2, 10);
  let count = 0;

  function acknowledged(key) {
    clearTimeout(waiting.get(key));
    waiting.delete(key);
    if (!waiting.size) hint.hidden = true;
  }
  return {
    /** `expected`: somebody clicked and waits for an answer. */
    send(verb, task, expected) {
      const key = `${mine}-${++count}`;
      if (expected) waiting.set(key, setTimeout(() => (hint.hidden = false), 1000));
      model.send({ verb, key, ...(task === undefined ? {} : { task }) });
    },
    hear: (message) => typeof message?.ack === "string" && acknowledged(message.ack),
    stop: () => waiting.forEach((timer) => clearTimeout(timer)),
  };
}

/** Keep `data-theme` in step with Jupyter's theme, VS Code's, or the system's. Returns what ends that. */
function followTheme(root) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const { jpThemeLight } = document.body.dataset;
    const code = document.body.classList;
    const dark =
      jpThemeLight !== undefined
        ? jpThemeLight === "false"
        : code.contains("vscode-dark") || code.contains("vscode-high-contrast")
          ? true
          : !code.contains("vscode-light") && system.matches;
    root.dataset.theme = dark ? "dark" : "light";
  }
  const watcher = new MutationObserver(apply);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  system.addEventListener("change", apply);
  apply();
  return () => {
    watcher.disconnect();
    system.removeEventListener("change", apply);
  };
}

/** Tell Python while the view is in use, so that it is not replaced by its still picture under the pointer. */
function tellUse(root, post, panelOpen) {
  let told = false;
  const tell = () => {
    const used = root.matches(":hover") || root.contains(document.activeElement) || panelOpen();
    if (used) post.send("busy");
    else if (told) post.send("idle");
    told = used;
  };
  for (const kind of ["pointerenter", "pointerleave", "focusin", "focusout"]) {
    root.addEventListener(kind, () => setTimeout(() => root.isConnected && tell(), 0));
  }
  // Said again and again, because a page that is gone cannot say that it is not in use any more.
  const timer = setInterval(() => told && document.visibilityState === "visible" && tell(), 20000);
  return { tell, stop: () => clearInterval(timer) };
}

function render({ model, el }) {
  const notice = html("div", { class: "nbf-notice", role: "status", hidden: true });
  const hint = html("div", { class: "nbf-hint", role: "status", hidden: true }, "Buttons act when the cell ends; use Interrupt.");
  const spoken = html("div", { class: "nbf-spoken", role: "status", "aria-live": "polite" });
  const post = makePost(model, hint);
  let selected = -1; // index of the task
  const open = (task) => {
    const id = model.get("scene").ids[task];
    selected = task;
    graph.select(task);
    post.send("inspect", id, true);
  };
  const close = () => {
    selected = -1;
    graph.select(-1);
    panel.show({});
    graph.focusOn();
    post.send("close");
  };
  const graph = makeGraph(open);
  const head = makeHead(graph.zoom);
  const strip = makeStrip(open);
  const panel = makePanel({
    openId: (id) => open(graph.taskOf(id)),
    cancel: (id) => post.send("cancel", id, true),
    close,
  });
  // Lab listens for its shortcuts before the event gets here; the attribute makes it pass over this element.
  const root = html(
    "div",
    { class: "nbf", "data-lm-suppress-shortcuts": "true" },
    head.element, head.bar, notice, graph.frame, strip.element, panel.element, hint, spoken,
  );
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.element.hidden) close();
    event.stopPropagation();
  });
  el.append(root);

  const use = tellUse(root, post, () => !panel.element.hidden);
  const endTheme = followTheme(root);
  let clockAt = performance.now();
  const live = () => Boolean(model.get("clock").running);

  function drawClock() {
    const clock = model.get("clock");
    const more = clock.running ? (performance.now() - clockAt) / 1000 : 0;
    head.tell(clock.elapsed === undefined ? "" : seconds(clock.elapsed + more));
  }
  function drawState() {
    const scene = model.get("scene");
    if (!scene.ids) return;
    graph.update(scene, statusOf(model.get("status"), scene.ids.length), model.get("parts"));
    head.draw(scene.name, model.get("counts"));
  }
  function drawNotice() {
    notice.textContent = model.get("notice") ?? "";
    notice.hidden = !notice.textContent;
  }
  function drawPanel() {
    const content = model.get("panel");
    selected = content.task === undefined ? -1 : graph.taskOf(content.task);
    panel.show(content);
    graph.select(selected);
  }
  // Several traits come in one message: they are drawn once, before the next frame.
  const due = new Set();
  let frame = 0;
  const later = (draw) => () => {
    due.add(draw);
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      const draws = [...due];
      due.clear();
      draws.forEach((each) => each());
    });
  };
  const stateLater = later(drawState);
  const stripLater = later(() => strip.show(model.get("timeline"), live()));
  const panelLater = later(drawPanel);
  const clockLater = later(drawClock);
  const clockChanged = () => {
    clockAt = performance.now();
    clockLater();
  };
  const heard = {
    "change:scene": stateLater,
    "change:status": stateLater,
    "change:counts": stateLater,
    "change:timeline": stripLater,
    "change:panel": panelLater,
    "change:clock": clockChanged,
    "change:notice": later(drawNotice),
    "msg:custom": post.hear,
  };
  for (const [event, act] of Object.entries(heard)) model.on(event, act);

  const second = setInterval(() => {
    drawClock();
    if (live()) strip.draw(true);
    const counts = Object.entries(model.get("counts")).map(([word, count]) => `${count} ${word}`);
    const text = `${model.get("scene").name ?? ""}: ${counts.join(", ")}`;
    if (spoken.textContent !== text) spoken.textContent = text;
  }, 1000);
  const sizes = new ResizeObserver(() => {
    graph.zoom.resize();
    strip.draw(live());
  });
  sizes.observe(root);

  drawState();
  drawNotice();
  strip.show(model.get("timeline"), live());
  drawPanel();
  drawClock();
  post.send("ready");

  return () => {
    for (const [event, act] of Object.entries(heard)) model.off(event, act);
    clearInterval(second);
    cancelAnimationFrame(frame);
    sizes.disconnect();
    endTheme();
    use.stop();
    post.stop();
    root.remove();
  };
}

export default { render };
