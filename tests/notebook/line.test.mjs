// The pure functions of the line under a cell.
import assert from "node:assert/strict";
import { test } from "node:test";

const { clockText, roughly, isDue, offer } = await import("../../nbflow/notebook/static/line/words.mjs");

test("the clock goes on while the batch does, and tells about how long it will", () => {
  assert.equal(clockText({}, 3), "");
  assert.equal(clockText({ elapsed: 10, left: null, running: true }, 2.2), "12 s");
  assert.equal(clockText({ elapsed: 10, left: 42, running: true }, 2), "12 s, about 40 s left");
  assert.equal(clockText({ elapsed: 10, left: 2, running: true }, 1.6), "12 s, about to end");
  assert.equal(clockText({ elapsed: 10, left: null, running: false }, 100), "10 s");
});

test("an estimate is told in round figures", () => {
  const told = [0.6, 1.4, 9.4, 12, 43, 88, 91, 600, 5400, 9000].map(roughly);
  assert.deepEqual(told, ["1 s", "1 s", "9 s", "10 s", "45 s", "90 s", "2 min", "10 min", "2 h", "3 h"]);
});

test("a notification is due once, to who asked for it and does not look, of what was seen under way", () => {
  const all = { notice: { text: "x" }, seenRunning: true, told: false, wanted: true, permission: "granted", hidden: true };
  assert.equal(isDue(all), true);
  const not = { notice: {}, seenRunning: false, told: true, wanted: false, permission: "default", hidden: false };
  for (const [name, value] of Object.entries(not)) assert.equal(isDue({ ...all, [name]: value }), false, name);
  assert.equal(isDue({ ...all, permission: "denied" }), false);
});

test("the button offers what can be had", () => {
  assert.equal(offer(undefined, true), "none");
  assert.equal(offer("denied", true), "none");
  assert.equal(offer("default", true), "off");
  assert.equal(offer("granted", false), "off");
  assert.equal(offer("granted", true), "on");
});
