// The pure functions of the page's module; those that Python has too are held to the same cases.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const page = new URL("../../nbflow/notebook/static/graph/", import.meta.url);
const graph = Object.assign({}, ...(await Promise.all(["marks", "scene", "text", "sifting", "files", "selection"].map((name) => import(`${page}${name}.mjs`)))));
const cases = (name) => JSON.parse(readFileSync(new URL(`cases/${name}.json`, import.meta.url), "utf8"));
const bytes = (hex) => new DataView(Uint8Array.from(Buffer.from(hex, "hex")).buffer);

test("paths of edges", () => {
  for (const { points, curved, path } of cases("paths")) assert.equal(graph.edgePath(points, curved), path);
});

test("runs of numbers", () => {
  for (const { numbers, runs } of cases("runs")) assert.deepEqual(graph.unrolled(runs), numbers);
});

test("very many cells are few strokes", () => {
  for (const { node, status, paths, gaps } of cases("fields")) {
    const drawn = graph.fieldPaths(node, (task) => status[task]);
    assert.deepEqual(Object.fromEntries(drawn), paths);
    assert.equal(graph.fieldGaps(node), gaps);
  }
});

test("lengths of time", () => {
  for (const { span, text } of cases("seconds")) assert.equal(graph.seconds(span), text);
});

test("counts that fit", () => {
  for (const { tally, pixels, pairs } of cases("fitting")) assert.deepEqual(graph.fitting(tally, pixels), pairs);
});

test("lines of detail", () => {
  for (const { node, status, note } of cases("notes")) assert.equal(graph.note(node, status), note);
});

test("marks", () => {
  const table = graph.MARKS.map((mark, i) => ({ ...mark, told: graph.ORDER.indexOf(i) }));
  assert.deepEqual(table, cases("marks"));
});

test("items count in the place of the task that runs them", () => {
  const tally = graph.tallyOf(Uint8Array.from([3, 4, 3]), [0, 1, 2], { 1: [[3, 17], [4, 2], [6, 1]] });
  assert.deepEqual(tally, [0, 0, 0, 19, 2, 0, 1, 0, 0, 0]);
});

test("bytes become states, and only what changed is redrawn", () => {
  for (const { before, after, count, changed, tally } of cases("status")) {
    const old = graph.statusOf(bytes(before), before.length / 2);
    const status = graph.statusOf(bytes(after), count);
    assert.deepEqual(graph.changedTasks(old, status), changed);
    assert.deepEqual(graph.tallyOf(status, [...status.keys()]), tally);
  }
});

test("bytes are taken as any front end hands them over", () => {
  const whole = Uint8Array.of(9, 1, 2, 9);
  for (const given of [Uint8Array.of(1, 2).buffer, Uint8Array.of(1, 2), new DataView(whole.buffer, 1, 2)]) {
    assert.deepEqual([...graph.statusOf(given, 3)], [1, 2, 0]);
  }
  assert.deepEqual([...graph.statusOf(undefined, 2)], [0, 0]);
});

const block = { x: 100, y: 50, w: 200, h: 90, cell: 14, pitch: 17, columns: 3, top: 28, tasks: [5, 6, 7, 8], inside: [] };

test("a point within a block finds the task that is drawn there", () => {
  block.tasks.forEach((task, slot) => {
    const box = graph.boxOf(block, slot);
    assert.equal(graph.taskAt(block, box.x + 1, box.y + 1), task);
    assert.equal(graph.taskAt(block, box.x + box.w - 1, box.y + box.h - 1), task);
  });
  assert.equal(graph.taskAt(block, 101, 79), -1);
  assert.equal(graph.taskAt(block, 170, 79), -1);
  assert.equal(graph.taskAt(block, 140, 98), -1);
});

test("arrow keys lead to the nearest neighbour in their direction and stop at the border", () => {
  const boxes = [0, 1, 2].flatMap((x) => [0, 1].map((y) => ({ x: x * 100, y: y * 50, w: 80, h: 36 })));
  assert.equal(graph.neighbour(boxes, 0, "ArrowRight"), 2);
  assert.equal(graph.neighbour(boxes, 0, "ArrowDown"), 1);
  assert.equal(graph.neighbour(boxes, 5, "ArrowLeft"), 3);
  assert.equal(graph.neighbour(boxes, 4, "ArrowUp"), 4);
  assert.equal(graph.neighbour(boxes, 0, "ArrowLeft"), 0);
});

test("a graph that fits is centred, a wide one begins at its left side", () => {
  assert.deepEqual(graph.fitted({ width: 400, height: 100 }, 1000, 300, 0.6), { k: 1, x: 300, y: 100 });
  const wide = graph.fitted({ width: 4000, height: 100 }, 1000, 300, 0.6);
  assert.equal(wide.k, 0.6);
  assert.equal(wide.x, 16);
});

test("names and errors are told apart", () => {
  assert.deepEqual(graph.splitError("ValueError: no: really"), ["ValueError", ": no: really"]);
  assert.deepEqual(graph.splitError("KeyError"), ["KeyError", ""]);
  assert.deepEqual(graph.splitError("it just broke"), ["", "it just broke"]);
  assert.equal(graph.label(7, "score", 3), "task 7 score, done");
  assert.equal(graph.label(2 * 2 ** 32 + 5, "score", 3), "task 2.5 score, done");
});

test("a text that is too long for its place is cut", () => {
  assert.equal(graph.cut("epoch 3", 100), "epoch 3");
  assert.equal(graph.cut("epoch 3 of 10000", 62), "epoch 3 o…");
  assert.equal(graph.cut("", 62), "");
});

test("an excerpt shows the line that failed with what stands around it", () => {
  assert.deepEqual(graph.excerpt(100, 50), [45, 54]);
  assert.deepEqual(graph.excerpt(3, 1), [0, 3]);
  assert.deepEqual(graph.excerpt(20, 0), [0, 20]);
});

const flow = {
  ids: [1, 2, 3, 57, 2 * 2 ** 32 + 5],
  details: ["", "C=1.0 kind='svc'", "C=10 kind='knn'", "", ""],
  nodes: [
    { app: "load", tasks: [0] },
    { app: "Score", tasks: [1, 2] },
    { app: "best_of", tasks: [3, 4] },
  ],
};
const standing = [3, 4, 2, 0, 0]; // done, failed, running, waiting, waiting
const finds = (text, argued) => graph.listOf(graph.found(flow, standing, graph.wordsOf(text), argued));

test("a task is found by its app, an argument, its number or its state, and by several of them", () => {
  assert.deepEqual(finds("score"), [1, 2]);
  assert.deepEqual(finds("SVC"), [1]);
  assert.deepEqual(finds("57"), [3]);
  assert.deepEqual(finds("#2.5"), [4]);
  assert.deepEqual(finds("fail"), [1]);
  assert.deepEqual(finds("score  running"), [2]);
  assert.deepEqual(finds("score waiting"), []);
  assert.deepEqual(finds(""), [0, 1, 2, 3, 4]);
});

test("what Python found among arguments that the page does not know counts as well", () => {
  assert.deepEqual(finds("gamma", (word) => (word === "gamma" ? Uint8Array.of(0, 0, 0, 1, 1) : undefined)), [3, 4]);
  assert.deepEqual(finds("gamma"), []);
});

test("states that are asked for stand out, with those whose items are in them", () => {
  assert.deepEqual(graph.listOf(graph.inStates(standing, new Set([0, 4]))), [1, 3, 4]);
  assert.deepEqual(graph.listOf(graph.inStates(standing, new Set([4]), { 0: [[3, 5], [4, 1]], 1: [[3, 2]] })), [0]);
  assert.deepEqual(graph.listOf(graph.both(Uint8Array.of(1, 1, 0), Uint8Array.of(0, 1, 1))), [1]);
  assert.equal(graph.both(null, null), null);
  assert.deepEqual(graph.listOf(graph.both(null, Uint8Array.of(0, 1))), [1]);
});

test("of a node of many the task that went wrong is told first", () => {
  const node = { tasks: [0, 1, 2] };
  assert.equal(graph.telling(node, [3, 2, 4]), 2);
  assert.equal(graph.telling(node, [3, 2, 0]), 1);
  assert.equal(graph.telling(node, [0, 0, 0]), 0);
});

test("a file has a name that any system takes, whatever the flow is called", () => {
  assert.equal(graph.fileName("digits sweep", "svg"), "digits sweep.svg");
  assert.equal(graph.fileName("../../etc/<passwd>", "png"), ".. .. etc passwd.png");
  assert.equal(graph.fileName("\u202e", "json"), "flow.json");
  assert.equal(graph.fileName("größe 3", "html"), "größe 3.html");
});

test("the joined page is a module that draws: what is missing from it would be a reference to nothing", async () => {
  const joined = await import(pathToFileURL(process.env.NBFLOW_PAGE));
  assert.deepEqual(Object.keys(joined), ["default"]);
  assert.equal(typeof joined.default.render, "function");
});

test("a selection in words, and what can be done about it", () => {
  const status = Uint8Array.from([2, 0, 0, 3, 4, 5, 6, 7, 8]);
  const all = [...status.keys()];
  assert.equal(graph.selectedInWords(status, [0]), "1 task selected: 1 running");
  assert.equal(graph.selectedInWords(status, [0, 1, 2, 4]), "4 tasks selected: 1 running, 2 waiting, 1 failed");
  const many = new Uint8Array(1234).fill(3);
  assert.equal(graph.selectedInWords(many, [...many.keys()]), "1,234 tasks selected: 1,234 done");
  assert.deepEqual(graph.takers("cancel", status, all), [0, 1, 2, 8]);
  assert.deepEqual(graph.takers("retry", status, all), [4, 5, 6]);
  assert.deepEqual(graph.takers("retry_all", status, all), [4, 5, 6]);
  assert.deepEqual(graph.takers("retry", status, all, { 4: [[4, 2]] }), [5, 6], "not what runs items of a sweep");
});

test("tasks join a selection, and leave it when all of them are in", () => {
  assert.deepEqual([...graph.toggled(new Set([1]), [2, 3])], [1, 2, 3]);
  assert.deepEqual([...graph.toggled(new Set([1, 2, 3]), [2, 3])], [1]);
  assert.deepEqual([...graph.toggled(new Set([1, 2]), [2, 3])], [1, 2, 3]);
});

test("a range goes from row to row, either way", () => {
  const order = [5, 3, 9, 1];
  assert.deepEqual(graph.between(order, 3, 1), [3, 9, 1]);
  assert.deepEqual(graph.between(order, 1, 3), [3, 9, 1]);
  assert.deepEqual(graph.between(order, 3, 3), [3]);
  assert.deepEqual(graph.between(order, 4, 9), [9], "one that is not there begins no range");
});

test("what a click means", () => {
  const held = (...keys) => graph.meaning(Object.fromEntries(keys.map((key) => [`${key}Key`, true])));
  assert.deepEqual([held(), held("ctrl"), held("meta"), held("shift")], ["open", "toggle", "toggle", "range"]);
});
