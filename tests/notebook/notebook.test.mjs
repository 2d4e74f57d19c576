// The notebook around a view: outputs that show its widget are replaced, whatever else is there is left alone.
import assert from "node:assert/strict";
import { test } from "node:test";

const page = new URL("../../nbflow/notebook/static/graph/", import.meta.url);
const { replaceInNotebook, showInNotebook } = await import(`${page}notebook.mjs`);
const VIEW = "application/vnd.jupyter.widget-view+json";
const STILL = { "text/plain": "a picture" };

/** A list of outputs as JupyterLab's models have them. */
function outputsOf(...bundles) {
  const list = bundles.map((data) => ({ data }));
  return {
    get length() {
      return list.length;
    },
    get: (place) => list[place],
    set: (place, output) => (list[place] = output),
    add: (output) => list.push(output),
    list,
  };
}
const managerOf = (...cells) => ({ context: { model: { cells } } });

test("the outputs of one widget are replaced, in all cells, and only those", () => {
  const first = outputsOf({ "text/plain": "1" }, { [VIEW]: { model_id: "mine" } });
  const second = outputsOf({ [VIEW]: { model_id: "other" } }, { [VIEW]: { model_id: "mine" } });
  const manager = managerOf({ outputs: first }, { source: "a text cell" }, { outputs: second });
  assert.equal(replaceInNotebook(manager, "mine", STILL), 2);
  assert.deepEqual(first.list[1], { output_type: "display_data", data: STILL, metadata: {} });
  assert.deepEqual(first.list[0], { data: { "text/plain": "1" } });
  assert.equal(second.list[0].data[VIEW].model_id, "other");
  assert.deepEqual(second.list[1].data, STILL);
  assert.equal(replaceInNotebook(manager, "mine", STILL), 0);
});

test("a widget is shown under the cell of another one, unless it is shown anywhere", () => {
  const [first, second] = [outputsOf({ [VIEW]: { model_id: "other" } }), outputsOf({ [VIEW]: { model_id: "line" } })];
  const manager = managerOf({ outputs: first }, { outputs: second });
  const graph = { [VIEW]: { model_id: "graph" } };
  assert.equal(showInNotebook(manager, "line", graph), true);
  assert.deepEqual(second.list[1], { output_type: "display_data", data: graph, metadata: {} });
  assert.equal(showInNotebook(manager, "line", graph), false);
  assert.equal(second.list.length, 2);
  assert.equal(showInNotebook(manager, "nobody", { [VIEW]: { model_id: "else" } }), false);
  assert.equal(showInNotebook(undefined, "line", graph), false);
});

test("where a front end lets a widget see nothing, nothing happens", () => {
  const odd = [undefined, null, {}, { context: null }, { context: { model: {} } }];
  for (const manager of [...odd, managerOf(null, { outputs: [] }, { outputs: outputsOf(undefined, null) })]) {
    assert.equal(replaceInNotebook(manager, "mine", STILL), 0);
  }
});
