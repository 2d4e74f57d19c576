/** The columns of all tasks as they come from Python, and which of them are shown in which order. Pure. */
import { MARKS, MATTERS, numberName } from "./marks.mjs";

/** Times are in milliseconds after the flow's start, -1 = not yet. */
const NOT_YET = -1;

/** A trait of bytes as a view, however the front end hands it over. */
export function viewOf(bytes) {
  if (!bytes) return new DataView(new ArrayBuffer(0));
  return ArrayBuffer.isView(bytes) ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new DataView(bytes);
}

/** `count` whole numbers of four bytes (two if `short`), little end first; 0 where none came. */
export function numbersOf(bytes, count, short = false) {
  const view = viewOf(bytes);
  const size = short ? 2 : 4;
  const numbers = new Float64Array(count);
  const there = Math.min(count, Math.floor(view.byteLength / size));
  for (let i = 0; i < there; i++) numbers[i] = short ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true);
  return numbers;
}

const timesOf = (bytes, count) => numbersOf(bytes, count).map((number) => number + NOT_YET);

/**
 * The facts of the tasks with these ids. `fixed` and `moving` are as in nbflow/notebook/columns.py, `status` a mark for
 * each task, `said` what running tasks say of their progress, `items` what those count as that run several. A task of which nothing has come yet is left out.
 */
export function tasksOf(ids, fixed, moving, status, said = {}, items = {}) {
  const count = Math.min(ids.length, fixed.details?.length ?? 0);
  return {
    count,
    ids,
    status,
    said,
    items,
    apps: fixed.apps ?? [],
    app: numbersOf(fixed.app, count, true),
    details: fixed.details ?? [],
    submitted: timesOf(fixed.submitted, count),
    ready: timesOf(moving.ready, count),
    started: timesOf(moving.started, count),
    ended: timesOf(moving.ended, count),
    worker: numbersOf(moving.worker, count),
    attempt: numbersOf(moving.attempt, count),
    peak: numbersOf(moving.peak, count),
    notes: moving.notes ?? {},
    transfers: moving.transfers ?? {}, // by place: milliseconds at the beginning and the end of the bar
    runs: moving.runs ?? {}, // by place, of tasks with other runs than from `started` to `ended`: [worker, begin, end, mark]
  };
}

/** When a task was begun for the first time, -1 = not yet. */
export const begunAt = (tasks, i) => tasks.runs[i]?.[0][1] ?? tasks.started[i];

/** Seconds that a task waited for its needs and a worker, up to `now` (milliseconds) if it still does; -1 = it did not. */
export function waitedOf(tasks, i, now) {
  if (tasks.submitted[i] < 0) return -1;
  const begun = begunAt(tasks, i);
  if (begun >= 0) return Math.max(0, begun - tasks.submitted[i]) / 1000;
  return tasks.status[i] === 0 ? Math.max(0, now - tasks.submitted[i]) / 1000 : -1;
}

/** Seconds that a task ran, up to `now` (milliseconds) if it still does; -1 = it has not begun. */
export function tookOf(tasks, i, now) {
  if (tasks.started[i] < 0 || tasks.status[i] === 0) return -1;
  const end = tasks.ended[i] >= 0 ? tasks.ended[i] : now;
  return Math.max(0, end - tasks.started[i]) / 1000;
}

/** What a column is sorted by: a number or a text for each task. What is not known (-1, 0, "") stands last, always. */
const KEYS = {
  task: (tasks, i) => i, // the order of submission
  state: (tasks, i) => MATTERS.indexOf(tasks.status[i]),
  app: (tasks, i) => tasks.apps[tasks.app[i]],
  arguments: (tasks, i) => tasks.details[i],
  waited: (tasks, i, now) => waitedOf(tasks, i, now),
  time: (tasks, i, now) => tookOf(tasks, i, now),
  worker: (tasks, i) => tasks.worker[i] || -1,
  attempt: (tasks, i) => tasks.attempt[i] || -1,
  peak: (tasks, i) => tasks.peak[i] || -1,
  error: (tasks, i) => tasks.notes[i] ?? "",
};

/** The marks of a task: its own, or those of the items that it runs. */
const marksOf = (tasks, i) => tasks.items[i]?.map(([mark]) => mark) ?? [tasks.status[i]];

/** What a task is found by. */
function aboutTask(tasks, i) {
  const texts = [`#${numberName(tasks.ids[i])}`, tasks.apps[tasks.app[i]], tasks.details[i], tasks.notes[i] ?? ""];
  return [...texts, MARKS[tasks.status[i]].word].join(" ").toLowerCase();
}

/**
 * The tasks that words and a set of marks leave (none: all), as places in order of a column. All words must stand in a
 * task's number, app, arguments, error or state; equals keep the order of submission.
 */
export function shownTasks(tasks, { words = [], marks = new Set(), by = "task", down = false }, now = 0) {
  const places = [];
  for (let i = 0; i < tasks.count; i++) {
    if (marks.size && !marksOf(tasks, i).some((mark) => marks.has(mark))) continue;
    if (words.length) {
      const about = aboutTask(tasks, i);
      if (!words.every((word) => about.includes(word))) continue;
    }
    places.push(i);
  }
  if (by === "task" && !down) return places;
  const keys = new Map(places.map((i) => [i, KEYS[by](tasks, i, now)]));
  const unknown = (key) => key === "" || key === -1 || key === undefined;
  const way = down ? -1 : 1;
  const collator = new Intl.Collator("en", { numeric: true });
  return places.sort((a, b) => {
    const [left, right] = [keys.get(a), keys.get(b)];
    if (unknown(left) || unknown(right)) return unknown(left) - unknown(right) || a - b;
    const order = typeof left === "string" ? collator.compare(left, right) : left - right;
    return way * order || a - b;
  });
}

/** The rows [from, to) of `count` that a window of `room` pixels shows from `top` on, and `spare` more on either side. */
export function rowsInSight(top, room, row, count, spare = 8) {
  const from = Math.max(0, Math.floor(top / row) - spare);
  return [Math.min(from, count), Math.min(count, Math.ceil((top + room) / row) + spare)];
}

/** Where a key leads from row `at` of `count`, `page` rows being in sight; undefined for keys that lead nowhere. */
export function rowAfter(key, at, count, page) {
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  }[key];
  return to === undefined ? undefined : Math.max(0, Math.min(count - 1, to));
}

/** Bytes in three digits, as nbflow/sizes.py tells them: "2.31 GB", "512 MB", "0 B". */
export function bytesInWords(bytes) {
  const units = [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];
  const [name, unit] = units.find(([, size]) => bytes >= 0.9995 * size) ?? ["B", 1];
  const amount = bytes / unit;
  const digits = unit === 1 ? 0 : amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
  return `${Number(amount.toFixed(digits))} ${name}`;
}
