// A kernel that is gone: when a view hears of it, what it says, and that it asks for nothing any more.
import assert from "node:assert/strict";
import { test } from "node:test";

const page = new URL("../../nbflow/notebook/static/graph/", import.meta.url);
const { followKernel, goneInWords } = await import(`${page}surroundings.mjs`);
const { leaveStill } = await import(`${page}leaving.mjs`);
const { makePost } = await import(`${page}post.mjs`);

/** A kernel as JupyterLab has them, as far as a view looks. */
function kernelWith(slots) {
  return { statusChanged: { connect: (slot) => slots.add(slot), disconnect: (slot) => slots.delete(slot) } };
}

test("a kernel is gone when it ends by itself or is started anew, not while it works or its connection is lost", () => {
  const slots = new Set();
  let count = 0;
  const end = followKernel({ kernel: kernelWith(slots) }, () => (count += 1));
  const say = (status) => slots.forEach((slot) => slot({}, status));
  ["starting", "idle", "busy", "unknown", "connecting"].forEach(say);
  assert.equal(count, 0);
  ["autorestarting", "restarting", "dead"].forEach(say);
  assert.equal(count, 3);
  end();
  assert.equal(slots.size, 0);
});

test("where a front end lets a widget see no kernel, nothing is ever told", () => {
  for (const manager of [undefined, null, {}, { kernel: null }, { kernel: { statusChanged: {} } }]) {
    followKernel(manager, () => assert.fail("told"))();
  }
});

test("what had not ended is counted, and where all had nothing is said", () => {
  assert.equal(goneInWords({ done: 3, failed: 1, skipped: 1, cancelled: 1, recalled: 1 }), "");
  assert.match(goneInWords({ done: 3, running: 1 }), /: 1 task had not ended/);
  const standing = { waiting: 1000, running: 2, recalling: 1, retrying: 1, "not responding": 1 };
  assert.match(goneInWords(standing), /: 1,005 tasks had not ended/);
});

test("once its kernel is gone, a view stands until the notebook is saved, and is saved as a picture", () => {
  const [kernels, saves] = [new Set(), new Set()];
  const view = { data: { "application/vnd.jupyter.widget-view+json": { model_id: "mine" } } };
  const outputs = { length: 1, shown: view, get: () => outputs.shown, set: (_, output) => (outputs.shown = output) };
  const context = { saveState: { connect: (slot) => saves.add(slot) }, model: { cells: [{ outputs }], dirty: false } };
  const manager = { kernel: kernelWith(kernels), context };
  leaveStill({ widget_manager: manager, on() {}, get: () => "mine" }, () => ({ "text/plain": "a picture" }));
  assert.equal(saves.size, 0);
  kernels.forEach((slot) => ["restarting", "dead"].forEach((status) => slot({}, status)));
  assert.equal(outputs.shown, view);
  assert.equal(context.model.dirty, true);
  assert.equal(saves.size, 1);
  const say = (state) => saves.forEach((slot) => slot({}, state));
  say("completed");
  assert.equal(outputs.shown, view);
  say("started");
  assert.deepEqual(outputs.shown.data, { "text/plain": "a picture" });
});

test("where a front end lets a view see no notebook, nothing is left in it", () => {
  for (const context of [undefined, {}, { saveState: {} }]) {
    const slots = new Set();
    const model = { widget_manager: { kernel: kernelWith(slots), context }, on() {}, get: () => "mine" };
    leaveStill(model, () => assert.fail("made"));
    slots.forEach((slot) => slot({}, "dead"));
  }
  leaveStill({ on() {} }, () => assert.fail("made"));
});

test("after the end of a kernel nothing is sent, and no hint promises an answer", (t) => {
  const timers = new Map();
  let count = 0;
  t.mock.method(globalThis, "setTimeout", (act) => (timers.set((count += 1), act), count));
  t.mock.method(globalThis, "clearTimeout", (timer) => timers.delete(timer));
  const sent = [];
  const hint = { hidden: true };
  const post = makePost({ send: (message) => sent.push(message.verb) }, hint);
  post.send("graph", undefined, true);
  post.end();
  post.send("graph", undefined, true);
  post.act("cancel", [1]);
  timers.forEach((act) => act());
  assert.deepEqual(sent, ["graph"]);
  assert.equal(hint.hidden, true);
});
