/** Tasks along time: lanes of workers, the part in sight, what stands at a point, how many wait. Pure; milliseconds. */
import { FAILED, MARKS, numberName } from "./marks.mjs";
import { begunAt, bytesInWords, tookOf } from "./columns.mjs";
import { seconds } from "./text.mjs";

const RECALLED_MARK = MARKS.findIndex(({ word }) => word === "recalled");

/**
 * The bars of tasks: their columns, and behind the `count` tasks a place for each of `runs`, which are drawn in place of
 * their tasks' own. `task` gives the task of a place, `from` a task's first place.
 */
export function barsOf(tasks) {
  const told = Object.entries(tasks.runs).filter(([i]) => i < tasks.count);
  const runs = told.flatMap(([i, several]) => several.map((run) => [Number(i), ...run]));
  const from = {};
  runs.forEach(([i], n) => (from[i] ??= tasks.count + n));
  const and = (column, ofRun) => {
    if (!runs.length) return column;
    const longer = new Float64Array(tasks.count + runs.length);
    longer.set(column.subarray(0, tasks.count));
    longer.set(runs.map(ofRun), tasks.count);
    return longer;
  };
  const transfers = { ...tasks.transfers };
  runs.forEach(([i, , , , mark], n) => mark < 0 && tasks.transfers[i] && (transfers[tasks.count + n] = tasks.transfers[i]));
  return {
    ...tasks,
    transfers,
    size: tasks.count + runs.length,
    task: (place) => (place < tasks.count ? place : runs[place - tasks.count][0]),
    from: (i) => from[i] ?? i,
    app: and(tasks.app, ([i]) => tasks.app[i]),
    worker: and(tasks.worker, ([, worker]) => worker),
    started: and(tasks.started, ([, , begin]) => begin),
    ended: and(tasks.ended, ([, , , end]) => end),
    status: and(tasks.status, ([i, , , , mark]) => (mark < 0 ? tasks.status[i] : mark)),
  };
}

/** The workers' lanes: of each its number and the places of its bars, in the order of their beginnings. */
export function lanesOf(bars) {
  const lanes = new Map();
  for (let i = 0; i < bars.size; i++) {
    const [worker, status] = [bars.worker[i], bars.status[i]];
    const drawn = i >= bars.count || (!(i in bars.runs) && status !== RECALLED_MARK && status !== 0);
    if (!drawn || !worker || bars.started[i] < 0) continue;
    if (!lanes.has(worker)) lanes.set(worker, []);
    lanes.get(worker).push(i);
  }
  for (const lane of lanes.values()) lane.sort((a, b) => bars.started[a] - bars.started[b] || a - b);
  return [...lanes].sort(([a], [b]) => a - b).map(([worker, places]) => ({ worker, places }));
}

/** When a bar ends: `now` while its task runs. */
export const endOf = (bars, i, now) => (bars.ended[i] >= 0 ? bars.ended[i] : Math.max(now, bars.started[i]));

/**
 * The bars of a lane within [from, to], `scale` pixels a millisecond: [place, beginning, end, how many it stands for].
 * What is too short to be seen beside its neighbours is one bar with them; a failure never is.
 */
export function barsInSight(tasks, places, from, to, scale, now) {
  const bars = [];
  for (const i of places) {
    const begin = tasks.started[i];
    const end = endOf(tasks, i, now);
    if (end < from) continue;
    if (begin > to) break;
    const last = bars.at(-1);
    const small = (end - begin) * scale < 2;
    if (last && small && tasks.status[i] !== FAILED && tasks.status[last[0]] !== FAILED) {
      const near = (begin - last[2]) * scale < 1 && (last[3] > 1 || (last[2] - last[1]) * scale < 2);
      if (near && tasks.status[i] === tasks.status[last[0]]) {
        last[2] = Math.max(last[2], end);
        last[3] += 1;
        continue;
      }
    }
    bars.push([i, begin, end, 1]);
  }
  return bars;
}

/** The parts of a task's bar in which values were on their way, [from, to] each; none while it runs. */
export function transfersOf(tasks, i) {
  const [fetch, store] = tasks.transfers[i] ?? [0, 0];
  const [begin, end] = [tasks.started[i], tasks.ended[i]];
  if (end < 0) return [];
  return [[begin, Math.min(begin + fetch, end)], [Math.max(begin, end - store), end]].filter(([from, to]) => to > from);
}

/** The bar of a lane at a time, or the nearest within `slack`; -1 = none. */
export function barAtTime(tasks, places, at, slack, now) {
  let best = -1;
  let least = slack;
  for (const i of places) {
    const away = Math.max(tasks.started[i] - at, at - endOf(tasks, i, now), 0);
    if (away < least || (away === 0 && least === 0) || (away === least && best < 0)) {
      best = i;
      least = away;
    }
    if (tasks.started[i] > at + slack) break;
  }
  return best;
}

/**
 * How many tasks waited when: [time, waiting for needs, waiting for a worker] at each change, in order.
 * With more changes than `most` only every so manyth is told.
 */
export function queueOf(tasks, now, most = 2000) {
  const changes = [];
  for (let i = 0; i < tasks.count; i++) {
    const submitted = tasks.submitted[i];
    if (submitted < 0) continue;
    const begun = begunAt(tasks, i);
    // Recalled, skipped and cancelled tasks leave the queue without having begun.
    const left = begun >= 0 ? begun : tasks.ended[i] >= 0 ? tasks.ended[i] : now;
    const ready = Math.min(left, tasks.ready[i] >= 0 ? Math.max(submitted, tasks.ready[i]) : left);
    if (ready > submitted) changes.push([submitted, 1, 0], [ready, -1, 0]);
    if (left > ready) changes.push([ready, 0, 1], [left, 0, -1]);
    (tasks.runs[i] ?? []).forEach(([, , end, mark], n, runs) => {
      if (mark >= 0) changes.push([end, 0, 1], [runs[n + 1]?.[1] ?? (tasks.ended[i] >= 0 ? tasks.ended[i] : now), 0, -1]);
    });
  }
  changes.sort((a, b) => a[0] - b[0]);
  const steps = [];
  let needs = 0;
  let queued = 0;
  changes.forEach(([at, forNeeds, forWorker], n) => {
    needs += forNeeds;
    queued += forWorker;
    if (n + 1 < changes.length && changes[n + 1][0] === at) return;
    steps.push([at, needs, queued]);
  });
  const every = Math.ceil(steps.length / most);
  return every > 1 ? steps.filter((_, n) => n % every === 0 || n === steps.length - 1) : steps;
}

/** A window [from, to] after zooming by `factor` around `at`, within [0, whole] and no narrower than 2 ms. */
export function zoomedWindow({ from, to }, factor, at, whole) {
  const size = Math.min(whole, Math.max(2, (to - from) / factor));
  const share = (at - from) / Math.max(to - from, 1e-9);
  return movedWindow({ from: at - share * size, to: at - share * size + size }, 0, whole);
}

/** A window moved by so much, but not out of [0, whole]. */
export function movedWindow({ from, to }, by, whole) {
  const size = Math.min(to - from, whole);
  const begin = Math.max(0, Math.min(whole - size, from + by));
  return { from: begin, to: begin + size };
}

/** Round times within [from, to], at least `least` apart. */
export function ticksOf(from, to, least) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5];
  const step = steps.find((each) => each >= least) ?? Math.ceil(least / 864e5) * 864e5;
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return { ticks, step };
}

/** A time on the axis, as finely as the ticks lie apart: "1:05", "2.5 s", "40 ms". */
export function tickText(at, step) {
  if (step < 1000) return at >= 1000 || at === 0 ? `${Number((at / 1000).toFixed(3))} s` : `${at} ms`;
  const whole = Math.round(at / 1000);
  if (whole < 60) return `${whole} s`;
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Of a bar that is not the last of its task, in words; "" of any other. */
export function earlierInWords(bars, place) {
  const i = bars.task(place);
  if (place < bars.count || bars.runs[i][place - bars.from(i)][3] < 0) return "";
  const took = seconds(Math.max(0, bars.ended[place] - bars.started[place]) / 1000);
  const about = `task ${numberName(bars.ids[i])} ${bars.apps[bars.app[i]]}, an earlier attempt`;
  return `${about} · ${MARKS[bars.status[place]].word} after ${took} on worker ${bars.worker[place]} · now ${MARKS[bars.status[i]].word}`;
}

/** All that is known of a task along time, in words. */
export function spanInWords(tasks, i, now) {
  const mark = MARKS[tasks.status[i]].word;
  const parts = [`task ${numberName(tasks.ids[i])} ${tasks.apps[tasks.app[i]]}, ${mark}`];
  const begun = begunAt(tasks, i);
  const left = begun >= 0 ? begun : tasks.ended[i] >= 0 ? tasks.ended[i] : now;
  const ready = tasks.ready[i] >= 0 ? Math.min(left, Math.max(tasks.ready[i], tasks.submitted[i])) : left;
  const needs = (ready - tasks.submitted[i]) / 1000;
  const queued = (left - ready) / 1000;
  if (needs >= 0.005) parts.push(`${seconds(needs)} waiting for its needs`);
  if (queued >= 0.005) parts.push(`${seconds(queued)} waiting for a worker`);
  const took = tookOf(tasks, i, now);
  if (took >= 0) parts.push(`${seconds(took)} ${tasks.ended[i] >= 0 ? "running" : "running so far"} on worker ${tasks.worker[i]}`);
  const [fetch, store] = tasks.transfers[i] ?? [0, 0];
  if (fetch) parts.push(`${seconds(fetch / 1000)} of it to load its function and arguments`);
  if (store) parts.push(`${seconds(store / 1000)} to put its result away`);
  if (tasks.attempt[i] > 1) parts.push(`attempt ${tasks.attempt[i]}`);
  if (tasks.peak[i]) parts.push(`peak ${bytesInWords(tasks.peak[i] * 1024)}`);
  return parts.join(" · ");
}

/** "about 18 s left", "at least 2 min left": how long a flow still takes, as coarsely as that is known; "" if it is not. */
export function leftInWords(left, passed) {
  if (!left) return "";
  const [from, least] = left;
  const rest = from - passed;
  if (rest < 0.75) return "";
  const grain = rest < 30 ? 1 : rest < 120 ? 5 : rest < 600 ? 15 : rest < 3600 ? 60 : 300;
  return `${least ? "at least" : "about"} ${seconds(Math.max(1, Math.round(rest / grain) * grain))} left`;
}
