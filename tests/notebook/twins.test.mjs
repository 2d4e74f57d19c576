// The pure functions of the table and the timeline.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const page = new URL("../../nbflow/notebook/static/graph/", import.meta.url);
const twins = Object.assign({}, ...(await Promise.all(["columns", "spans"].map((name) => import(`${page}${name}.mjs`)))));
const cases = (name) => JSON.parse(readFileSync(new URL(`cases/${name}.json`, import.meta.url), "utf8"));

const bytes32 = (...numbers) => new DataView(Uint32Array.from(numbers).buffer);
const times = (...at) => bytes32(...at.map((time) => time + 1)); // -1 = not yet
const [WAITING, RUNNING, DONE, FAILED, RECALLED] = [0, 2, 3, 4, 7];

/** Five tasks: 1 load; 2, 3 score, of which one failed; 4 score that waits for a worker; 5 best that waits for needs. */
const some = (more = {}) =>
  twins.tasksOf(
    [1, 2, 3, 2 ** 32 + 5, 10],
    {
      apps: ["load", "score", "best"],
      app: new DataView(Uint16Array.from([0, 1, 1, 1, 2]).buffer),
      submitted: times(0, 0, 100, 100, 200),
      details: ["path='x'", "C=1.0", "C=10.0", "C=100.0", ""],
    },
    {
      ready: times(0, 1000, 1000, 1000, -1),
      started: times(0, 1000, 1500, -1, -1),
      ended: times(1000, 4000, 2000, -1, -1),
      worker: bytes32(1, 1, 2, 0, 0),
      attempt: bytes32(1, 1, 2, 0, 0),
      peak: bytes32(0, 2048, 1024, 0, 0),
      notes: { 2: "ValueError: no such kernel" },
      ...more,
    },
    Uint8Array.from([DONE, DONE, FAILED, WAITING, WAITING]),
  );

test("bytes in words are told as Python tells them", () => {
  for (const { size, text } of cases("bytes")) assert.equal(twins.bytesInWords(size), text);
});

test("columns are read however the front end hands them over", () => {
  const raw = Uint8Array.from([9, 1, 0, 0, 0, 255, 255, 255, 255]);
  for (const given of [new DataView(raw.buffer, 1), raw.subarray(1), raw.slice(1).buffer]) {
    assert.deepEqual([...twins.numbersOf(given, 3)], [1, 2 ** 32 - 1, 0]);
  }
  assert.deepEqual([...twins.numbersOf(undefined, 2)], [0, 0]);
});

test("tasks of which nothing has come yet are left out", () => {
  assert.equal(twins.tasksOf([1, 2, 3], {}, {}, new Uint8Array(3)).count, 0);
  assert.equal(twins.tasksOf([1, 2, 3], { details: ["", ""] }, {}, new Uint8Array(3)).count, 2);
});

test("how long tasks waited and ran", () => {
  const tasks = some();
  const all = (of) => [0, 1, 2, 3, 4].map((i) => of(tasks, i, 5000));
  assert.deepEqual(all(twins.waitedOf), [0, 1, 1.4, 4.9, 4.8]);
  assert.deepEqual(all(twins.tookOf), [1, 3, 0.5, -1, -1]);
});

test("words and states filter, and all words must be found", () => {
  const shown = (words, marks = []) => twins.shownTasks(some(), { words, marks: new Set(marks) });
  assert.deepEqual(shown([]), [0, 1, 2, 3, 4]);
  assert.deepEqual(shown(["score"]), [1, 2, 3]);
  assert.deepEqual(shown(["score", "c=10"]), [2, 3]);
  assert.deepEqual(shown(["kernel"]), [2], "the error");
  assert.deepEqual(shown(["#1.5"]), [3], "the number that people see");
  assert.deepEqual(shown(["score"], [FAILED, WAITING]), [2, 3]);
  assert.deepEqual(shown(["nothing"]), []);
});

test("a task that runs several is found by the states of its items", () => {
  const tasks = { ...some(), items: { 0: [[DONE, 3], [FAILED, 1]] } };
  assert.deepEqual(twins.shownTasks(tasks, { marks: new Set([FAILED]) }), [0, 2]);
});

test("every column sorts both ways, what is not known stands last", () => {
  const sorted = (by, down = false) => twins.shownTasks(some(), { by, down }, 5000);
  assert.deepEqual(sorted("task"), [0, 1, 2, 3, 4], "the order of submission");
  assert.deepEqual(sorted("task", true), [4, 3, 2, 1, 0]);
  assert.deepEqual(sorted("state"), [2, 0, 1, 3, 4], "what matters first; equals in their order");
  assert.deepEqual(sorted("app"), [4, 0, 1, 2, 3]);
  assert.deepEqual(sorted("arguments"), [1, 2, 3, 0, 4], "numbers by their size, none last");
  assert.deepEqual(sorted("time"), [2, 0, 1, 3, 4]);
  assert.deepEqual(sorted("time", true), [1, 0, 2, 3, 4]);
  assert.deepEqual(sorted("waited", true), [3, 4, 2, 1, 0]);
  assert.deepEqual(sorted("peak", true), [1, 2, 0, 3, 4]);
  assert.deepEqual(sorted("worker"), [0, 1, 2, 3, 4]);
  assert.deepEqual(sorted("attempt", true), [2, 0, 1, 3, 4]);
  assert.deepEqual(sorted("error", true), [2, 0, 1, 3, 4]);
});

test("only the rows in sight are there", () => {
  assert.deepEqual(twins.rowsInSight(0, 280, 28, 10000, 2), [0, 12]);
  assert.deepEqual(twins.rowsInSight(28000, 280, 28, 10000, 2), [998, 1012]);
  assert.deepEqual(twins.rowsInSight(28000, 280, 28, 5, 2), [5, 5]);
});

test("keys lead from row to row, and not beyond the ends", () => {
  const to = (key, at) => twins.rowAfter(key, at, 100, 10);
  assert.deepEqual(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map((key) => to(key, 50)), [51, 49, 60, 40, 0, 99]);
  assert.deepEqual([to("ArrowUp", 0), to("PageUp", 3), to("PageDown", 95), to("x", 5)], [0, 0, 99, undefined]);
});

const lanes = (tasks) => twins.lanesOf(twins.barsOf(tasks));

test("lanes hold what ran, by worker, in the order of the beginnings", () => {
  assert.deepEqual(lanes(some()), [{ worker: 1, places: [0, 1] }, { worker: 2, places: [2] }]);
  const recalled = { ...some(), status: Uint8Array.from([RECALLED, DONE, FAILED, WAITING, WAITING]) };
  assert.deepEqual(lanes(recalled)[0], { worker: 1, places: [1] }, "recalled: no worker ran it");
});

/** Task 2 failed on worker 2 and ran again on worker 1; 4 failed on 2 and waits; 5 is a join whose body has ended. */
const tried = (more) =>
  some({
    runs: { 1: [[2, 500, 800, FAILED], [1, 1000, 4000, -1]], 3: [[2, 2500, 3000, FAILED]], 4: [[1, 4500, 4600, -1]] },
    transfers: { 1: [100, 0] },
    ...more,
  });

test("a task that was tried again has a bar for each run, each on its worker", () => {
  const bars = twins.barsOf(tried());
  assert.deepEqual(lanes(tried()), [{ worker: 1, places: [0, 6, 8] }, { worker: 2, places: [5, 2, 7] }]);
  const place = (i) => [bars.task(i), bars.started[i], bars.ended[i], bars.status[i]];
  assert.deepEqual([5, 6, 7, 8].map(place), [[1, 500, 800, FAILED], [1, 1000, 4000, DONE], [3, 2500, 3000, FAILED], [4, 4500, 4600, WAITING]]);
  assert.deepEqual([0, 1, 3].map(bars.from), [0, 5, 7], "where a task's bars begin");
  assert.deepEqual(twins.transfersOf(bars, 6), [[1000, 1100]], "of its last run");
  assert.deepEqual(twins.transfersOf(bars, 5), []);
});

test("an earlier run is told in words of its own", () => {
  const bars = twins.barsOf(tried());
  assert.equal(twins.earlierInWords(bars, 5), "task 2 score, an earlier attempt · failed after 0.30 s on worker 2 · now done");
  for (const place of [0, 6, 8]) assert.equal(twins.earlierInWords(bars, place), "", "not the last one");
});

test("before its first run a task waited, and between a failed one and the next", () => {
  assert.equal(twins.waitedOf(tried(), 1, 5000), 0.5);
  const waits = (tasks) => twins.queueOf(tasks, 5000).map(([at, , forWorker]) => [at, forWorker]);
  const two = (runs) => twins.queueOf({ ...some(), count: 2, runs }, 5000);
  assert.deepEqual(two({ 1: [[2, 500, 800, FAILED], [1, 1000, 4000, -1]] }).slice(-2), [[800, 0, 1], [1000, 0, 0]]);
  assert.deepEqual(waits(tried()).at(-1), [5000, 0]);
});

test("tens of thousands of tasks may have been tried again", () => {
  const runs = Object.fromEntries([...Array(50000).keys()].map((i) => [i, [[2, i, i + 1, FAILED], [1, i + 1, i + 2, -1]]]));
  const bars = twins.barsOf({ ...many(50000), runs });
  assert.deepEqual([bars.size, bars.started[149999], bars.task(149999)], [150000, 50000, 49999]);
});

/** `count` tasks of 1 ms, one after the other on one worker. */
const many = (count, status) => {
  const ids = [...Array(count).keys()];
  return twins.tasksOf(
    ids,
    { apps: ["a"], app: undefined, submitted: times(...ids.map(() => 0)), details: ids.map(() => "") },
    { ready: times(...ids.map(() => 0)), started: times(...ids), ended: times(...ids.map((i) => i + 1)), worker: bytes32(...ids.map(() => 1)) },
    Uint8Array.from(ids, (i) => status?.(i) ?? DONE),
  );
};

test("bars too short to be seen are one; a failure stands alone", () => {
  const places = [...Array(1000).keys()];
  const bars = (tasks, scale) => twins.barsInSight(tasks, places, 0, 1000, scale, 0);
  assert.deepEqual(bars(many(1000), 0.1), [[0, 0, 1000, 1000]]);
  assert.equal(bars(many(1000), 5).length, 1000);
  const failed = bars(many(1000, (i) => (i === 500 ? FAILED : DONE)), 0.1);
  assert.deepEqual(failed, [[0, 0, 500, 500], [500, 500, 501, 1], [501, 501, 1000, 499]]);
  assert.deepEqual(twins.barsInSight(many(1000), places, 100, 102, 50, 0).map(([i]) => i), [99, 100, 101, 102]);
});

test("a task that runs reaches until now", () => {
  const tasks = { ...some({ ended: times(1000, -1, 2000, -1, -1) }), status: Uint8Array.from([DONE, RUNNING, FAILED, 0, 0]) };
  assert.deepEqual(twins.barsInSight(tasks, [0, 1], 0, 9000, 1, 7000), [[0, 0, 1000, 1], [1, 1000, 7000, 1]]);
  assert.equal(twins.tookOf(tasks, 1, 7000), 6);
});

test("the task at a time, or the nearest within reach", () => {
  const tasks = some();
  const at = (time, slack = 0) => twins.barAtTime(tasks, [0, 1], time, slack, 0);
  assert.deepEqual([at(500), at(3000), at(4500), at(4500, 600), at(99999, Infinity)], [0, 1, -1, 1, 1]);
});

test("how many waited, and for what", () => {
  const steps = twins.queueOf(some(), 5000);
  assert.deepEqual(steps[0], [0, 1, 0], "2 waits for its need");
  assert.deepEqual(steps.find(([at]) => at === 200), [200, 4, 0], "and 3, 4, 5");
  assert.deepEqual(steps.find(([at]) => at === 1000), [1000, 1, 2], "3 and 4 wait for a worker");
  assert.deepEqual(steps.at(-1), [5000, 0, 0]);
  for (const [, needs, queued] of steps) assert.ok(needs >= 0 && queued >= 0);
  assert.ok(twins.queueOf(many(10000), 0, 100).length <= 102);
});

test("zooming keeps the place under the pointer, and stays within the whole", () => {
  assert.deepEqual(twins.zoomedWindow({ from: 0, to: 100 }, 2, 25, 100), { from: 12.5, to: 62.5 });
  assert.deepEqual(twins.zoomedWindow({ from: 40, to: 60 }, 0.01, 50, 100), { from: 0, to: 100 });
  assert.deepEqual(twins.movedWindow({ from: 40, to: 60 }, 1000, 100), { from: 80, to: 100 });
  assert.deepEqual(twins.movedWindow({ from: 40, to: 60 }, -1000, 100), { from: 0, to: 20 });
  const { from, to } = twins.zoomedWindow({ from: 0, to: 100 }, 1e9, 50, 100);
  assert.equal(to - from, 2);
});

test("round times on the axis", () => {
  assert.deepEqual(twins.ticksOf(0, 1000, 180), { ticks: [0, 200, 400, 600, 800, 1000], step: 200 });
  assert.deepEqual(twins.ticksOf(90, 95, 3).ticks, [90, 95]);
  const texts = [[0, 200], [400, 200], [1200, 200], [5000, 1000], [65000, 5000], [3725000, 60000]];
  assert.deepEqual(texts.map(([at, step]) => twins.tickText(at, step)), ["0 s", "400 ms", "1.2 s", "5 s", "1:05", "1:02:05"]);
});

test("a task along time in words", () => {
  assert.equal(
    twins.spanInWords(some(), 2, 5000),
    "task 3 score, failed · 0.90 s waiting for its needs · 0.50 s waiting for a worker · 0.50 s running on worker 2 · attempt 2 · peak 1.05 MB",
  );
  assert.equal(twins.spanInWords(some(), 4, 5000), "task 10 best, waiting · 4.8 s waiting for its needs");
});

test("the time left is told as coarsely as it is known, and not at all without ground", () => {
  const said = [[null, 0], [undefined, 0], [[0, false], 0], [[18.2, false], 0], [[18.2, true], 3], [[100, false], 0], [[4000, false], 0], [[3, false], 9]];
  assert.deepEqual(
    said.map(([left, passed]) => twins.leftInWords(left, passed)),
    ["", "", "", "about 18 s left", "at least 15 s left", "about 1 min 40 s left", "about 1 h 5 min left", ""],
  );
});

test("values on their way are the beginning and the end of a bar, once it has ended", () => {
  const tasks = some({ transfers: { 0: [300, 0], 1: [200, 5000], 3: [10, 10] } });
  assert.deepEqual(twins.transfersOf(tasks, 0), [[0, 300]]);
  assert.deepEqual(twins.transfersOf(tasks, 1), [[1000, 1200], [1000, 4000]], "never more than the bar");
  assert.deepEqual(twins.transfersOf(tasks, 2), []);
  assert.deepEqual(twins.transfersOf(tasks, 3), [], "it has not begun");
  assert.match(twins.spanInWords(tasks, 0, 5000), /1\.0 s running on worker 1 · 0\.30 s of it to load its function and arguments/);
  assert.match(twins.spanInWords(tasks, 1, 5000), / · 5\.0 s to put its result away/);
});
