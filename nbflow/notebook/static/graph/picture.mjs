import { NEED, SPAWN } from "./marks.mjs";
import { edgePath, changedTasks, telling, around, boxOf, neighbour } from "./scene.mjs";
import { html, svg, set } from "./dom.mjs";
import { makeNode, isField } from "./nodes.mjs";
import { makeZoom, dragging } from "./zoom.mjs";
import { meaning } from "./selection.mjs";

const UNDER_WAY = new Set([2, 8, 9]); // running, retrying, not responding

/**
 * The graph itself. `open(task, how, tasks)` is called with the index of a task that was chosen, what was meant by that
 * (`meaning`), and the tasks that were; `dragged()` when the user moves the picture.
 */
export function makeGraph(open, dragged) {
  const edges = svg("path", { class: "nbf-edges" });
  const spawns = svg("path", { class: "nbf-edges nbf-spawn" });
  const chosen = svg("path", { class: "nbf-edges nbf-chosen" });
  const chosenSpawns = svg("path", { class: "nbf-edges nbf-spawn nbf-chosen" });
  const nodesLayer = svg("g");
  const layer = svg("g", {}, edges, spawns, chosen, chosenSpawns, nodesLayer);
  const picture = svg("svg", { role: "graphics-document", "aria-label": "task graph" }, layer);
  const frame = html("div", { class: "nbf-graph" }, picture);
  const zoom = makeZoom(frame, layer);
  const seen = {
    scene: { nodes: [], edges: [], ids: [], details: [] },
    status: new Uint8Array(0),
    items: {},
    progress: {},
    stands: null,
    focused: 0,
    selected: -1,
    picked: new Set(),
  };
  let parts = []; // of each node: what is redrawn
  let nodeOf = []; // of each task: its node
  let boxes = [];
  let following = false;

  const toScene = (event) => {
    const corner = frame.getBoundingClientRect();
    return zoom.toScene(event.clientX - corner.x, event.clientY - corner.y);
  };
  const paths = (kept) => seen.scene.edges.filter(kept).map((edge) => edgePath(edge.points, edge.curved)).join("");

  function build(scene) {
    seen.scene = scene;
    seen.focused = Math.min(seen.focused, Math.max(0, scene.ids.length - 1));
    nodeOf = [];
    boxes = [];
    scene.nodes.forEach((node, n) =>
      node.tasks.forEach((task, slot) => {
        nodeOf[task] = n;
        boxes[task] = boxOf(node, slot);
      }),
    );
    set(edges, "d", paths((edge) => edge.kind === NEED));
    set(spawns, "d", paths((edge) => edge.kind === SPAWN));
    parts = scene.nodes.map((node) => makeNode(node, seen, choose, toScene));
    nodesLayer.replaceChildren(...parts.map((part) => part.element));
    zoom.show(scene);
  }
  const drawAll = () => parts.forEach((part, n) => part.draw(seen.scene.nodes[n].tasks));

  /** Redraw the nodes that hold these tasks, and those that called them. */
  function drawTasks(changed) {
    const byNode = new Map();
    for (const task of changed) {
      const n = nodeOf[task];
      if (n === undefined) continue;
      if (!byNode.has(n)) byNode.set(n, []);
      byNode.get(n).push(task);
    }
    seen.scene.nodes.forEach((node, n) => {
      if (node.inside.length && !byNode.has(n)) byNode.set(n, []);
    });
    byNode.forEach((tasks, n) => parts[n].draw(tasks));
  }
  const redrawField = (n) => n !== undefined && isField(seen.scene.nodes[n]) && parts[n].draw([]);

  function mark() {
    const n = nodeOf[seen.selected];
    const near = (edge) => edge.source === n || edge.target === n;
    set(chosen, "d", paths((edge) => near(edge) && edge.kind !== SPAWN));
    set(chosenSpawns, "d", paths((edge) => near(edge) && edge.kind === SPAWN));
    nodesLayer.querySelectorAll(".nbf-selected").forEach((element) => element.classList.remove("nbf-selected"));
    if (n === undefined) return;
    parts[n].of(seen.selected).classList.add("nbf-selected");
    parts[n].element.classList.add("nbf-selected");
    redrawField(n);
  }

  /** Make a task the one that Tab leads to, and the arrow keys start from. Returns its element. */
  function turnTo(task) {
    const left = nodeOf[seen.focused];
    if (left !== undefined) set(parts[left].of(seen.focused), "tabindex", -1);
    seen.focused = task;
    const element = parts[nodeOf[task]].of(task);
    redrawField(left);
    redrawField(nodeOf[task]);
    set(element, "tabindex", 0);
    return element;
  }
  function focus(task) {
    const element = turnTo(task);
    zoom.reveal(boxes[task]);
    element.focus({ preventScroll: true });
  }

  /** A click means a task; where it means a node of many, or `all` of some, these, and to look at the one that tells most. */
  function choose(event, task, node, all) {
    const meant = task >= 0 ? task : telling(node, seen.status);
    focus(meant);
    open(meant, meaning(event), all ?? (task >= 0 ? [task] : node.tasks));
  }
  function chooseFocused(event) {
    const node = seen.scene.nodes[nodeOf[seen.focused]];
    choose(event, node.top && !node.cell ? -1 : seen.focused, node);
  }

  /** Bring what runs into the window: all of it if it fits, else what was begun last. */
  function follow() {
    const running = [];
    seen.status.forEach((told, task) => UNDER_WAY.has(told) && boxes[task] && running.push(boxes[task]));
    if (!running.length) return;
    const whole = around(running);
    zoom.reveal(zoom.holds(whole) ? whole : running[running.length - 1]);
  }

  // The focus may come by other ways than ours: the arrow keys go on from where it is.
  frame.addEventListener("focusin", (event) => {
    const n = parts.findIndex((part) => part.element.contains(event.target));
    if (n < 0) return;
    const id = event.target.getAttribute("data-task");
    if (id !== null) turnTo(seen.scene.ids.indexOf(Number(id)));
    else if (nodeOf[seen.focused] !== n) turnTo(seen.scene.nodes[n].tasks[0]);
  });
  frame.addEventListener("keydown", (event) => {
    if (event.target === frame || !boxes.length) return;
    const zooms = { "+": 1.25, "=": 1.25, "-": 1 / 1.25 };
    if (event.key.startsWith("Arrow")) focus(neighbour(boxes, seen.focused, event.key));
    else if (event.key === "Enter" || event.key === " ") chooseFocused(event);
    else if (event.key === "0") zoom.fit();
    else if (zooms[event.key] && !event.ctrlKey && !event.metaKey) zoom.by(zooms[event.key]);
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
  const moved = (dx, dy) => {
    dragged();
    zoom.move(dx, dy);
  };
  dragging(frame, moved, (event) => {
    const id = event.target.closest?.("[data-task]")?.getAttribute("data-task");
    const task = id ? seen.scene.ids.indexOf(Number(id)) : -1;
    if (task >= 0) return choose(event, task);
    // what a block has beside its cells stands for all of them, to whoever selects
    const block = seen.scene.nodes[parts.findIndex((part) => part.element.contains(event.target))];
    if (block?.cell && meaning(event) !== "open" && !event.target.closest(".nbf-field")) choose(event, -1, block);
  });

  return {
    frame,
    zoom,
    /** Draw what is told: `scene`, `status`, and as far as they are told `items` and `progress`. */
    update(scene, status, items = {}, progress = {}) {
      const before = seen.status;
      const told = [...Object.keys(seen.progress), ...Object.keys(progress)].map(Number);
      Object.assign(seen, { status, items, progress });
      if (scene !== seen.scene) {
        const held = frame.contains(document.activeElement);
        build(scene);
        drawAll();
        mark();
        if (held && boxes.length) focus(seen.focused);
      } else drawTasks(new Set([...changedTasks(before, status), ...told]));
      if (following) follow();
    },
    /** Let some tasks stand out and the others fade: of each task whether it does; null: all are alike. */
    emphasise(stands) {
      const before = seen.stands;
      seen.stands = stands;
      layer.classList.toggle("nbf-sifted", stands !== null);
      if (before && stands) drawTasks(changedTasks(before, stands));
      else if (before !== stands) drawAll();
    },
    follow(on) {
      following = on;
      if (on) follow();
    },
    select(task) {
      const before = nodeOf[seen.selected];
      seen.selected = task;
      redrawField(before);
      mark();
    },
    /** Mark the tasks that are selected: a set of them. */
    pick(picked) {
      const others = [...picked].filter((task) => !seen.picked.has(task));
      others.push(...[...seen.picked].filter((task) => !picked.has(task)));
      seen.picked = picked;
      drawTasks(others);
    },
    reveal: (task) => boxes[task] && zoom.reveal(boxes[task]),
    focusOn: () => boxes.length && focus(seen.focused),
    taskOf: (id) => seen.scene.ids.indexOf(id),
    idOf: (task) => seen.scene.ids[task],
  };
}
