import { MARKS, NEED, SPAWN, ORDER, classOf, ended, numberName, label } from "./marks.mjs";
import { edgePath, changedTasks, tallyOf, fitting, progressOf, note, taskAt, boxOf, neighbour } from "./scene.mjs";
import { fill, html, svg, set } from "./dom.mjs";
import { makeZoom, dragging } from "./zoom.mjs";

/** The graph itself. `open(task)` is called with the index of a task that was chosen. */
export function makeGraph(open) {
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
