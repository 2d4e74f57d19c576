/**
 * The scene as numbers: where tasks stand, which changed, what fits, which box an arrow key leads to. Pure.
 *
 * @typedef {{x: number, y: number, w: number, h: number, app: string, title: string, detail: string,
 *   tasks: number[], inside: number[], cell: number, pitch: number, columns: number, top: number}} Node
 * @typedef {{source: number, target: number, kind: number, points: number[]}} Edge
 * @typedef {{name: string, ids: number[], details: string[], nodes: Node[], edges: Edge[],
 *   width: number, height: number, layout: string}} Scene
 */
import { MARKS, RECALLED, ORDER, MATTERS, ended } from "./marks.mjs";

/** The numbers of which `runs` are the runs: (first, how many, step), one after the other. */
export function unrolled(runs) {
  const numbers = [];
  for (let i = 0; i < runs.length; i += 3) {
    for (let k = 0; k < runs[i + 1]; k++) numbers.push(runs[i] + k * runs[i + 2]);
  }
  return numbers;
}

/** The scene as Python sends it, with its lists of tasks written out. */
export function unpacked(sent) {
  const nodes = sent.nodes.map((node) => ({ ...node, tasks: unrolled(node.tasks), inside: unrolled(node.inside) }));
  return { ...sent, ids: unrolled(sent.ids), nodes };
}

/** The edge through `points` as an SVG path: level where it starts and ends, or as `points` say where it is `curved`. */
export function edgePath(points, curved = false) {
  let [x, y] = points;
  if (curved) return `M${x} ${y}C${points.slice(2).join(" ")}`;
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
 * Very many cells as one path for each key: neighbours with the same one are one stroke.
 * @param {(task: number) => number} keyOf
 * @returns {Map<number, string>}
 */
export function fieldPaths(node, keyOf) {
  const paths = new Map();
  const { columns, pitch, cell, top } = node;
  const keys = node.tasks.map(keyOf);
  for (let slot = 0; slot < keys.length; ) {
    const row = Math.floor(slot / columns);
    const end = Math.min(keys.length, (row + 1) * columns);
    let after = slot + 1;
    while (after < end && keys[after] === keys[slot]) after++;
    const x = MARGIN + (slot % columns) * pitch;
    const stroke = `M${x} ${top + row * pitch}h${(after - slot - 1) * pitch + cell}v${cell}H${x}z`;
    paths.set(keys[slot], (paths.get(keys[slot]) ?? "") + stroke);
    slot = after;
  }
  return paths;
}

/** The lines between the columns of very many cells, to be stroked in the colour of the ground. */
export function fieldGaps(node) {
  const long = Math.ceil(node.tasks.length / node.columns) * node.pitch;
  const gap = (node.pitch - node.cell) / 2;
  let path = "";
  for (let k = 1; k < node.columns; k++) path += `M${MARGIN + k * node.pitch - gap} ${node.top}v${long}`;
  return path;
}

/** Of a node's tasks, the one that somebody wants to see first. */
export function telling(node, status) {
  const rank = (task) => MATTERS.indexOf(status[task]);
  return node.tasks.reduce((best, task) => (rank(task) < rank(best) ? task : best));
}

/** The box around all boxes. */
export function around(boxes) {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.w));
  const bottom = Math.max(...boxes.map((box) => box.y + box.h));
  return { x, y, w: right - x, h: bottom - y };
}

/** The task at (x, y) of the scene within a block's cells, or -1. */
export function taskAt(node, x, y) {
  const column = Math.floor((x - cellLeft(node)) / node.pitch);
  const row = Math.floor((y - node.y - node.top) / node.pitch);
  if (column < 0 || column >= node.columns || row < 0) return -1;
  return node.tasks[row * node.columns + column] ?? -1;
}

/** Between a block's sides and its cells. */
const MARGIN = 12;
/** Where a node's first cell begins. */
const cellLeft = (node) => node.x + MARGIN;

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
