/** The notebook that a view stands in, as far as its front end lets a view see it. Pure but for the notebook itself. */

const VIEW = "application/vnd.jupyter.widget-view+json";

/** The cells of the notebook that have outputs, where the widget's manager knows its document. */
function* outputsIn(manager) {
  for (const cell of manager?.context?.model?.cells ?? []) {
    const outputs = cell?.outputs;
    if (typeof outputs?.get === "function" && typeof outputs.set === "function") yield outputs;
  }
}

/** The places among the outputs of a cell that show the widget with this id. */
function placesOf(outputs, id) {
  const places = [...Array(outputs.length).keys()];
  return places.filter((place) => outputs.get(place)?.data?.[VIEW]?.model_id === id);
}

/** Whether an output of the notebook shows the widget with this id. */
export const isInNotebook = (manager, id) => [...outputsIn(manager)].some((outputs) => placesOf(outputs, id).length > 0);

/**
 * Put `data`, a bundle by MIME type, in the place of each output that shows the widget with this id.
 *
 * A page that was loaded anew cannot replace a display by its id any more (ipython#12215), but JupyterLab and Notebook 7
 * let a widget's manager know its document. What is not there, in other front ends, is passed over. Returns how many
 * outputs were replaced.
 */
export function replaceInNotebook(manager, id, data) {
  let count = 0;
  for (const outputs of outputsIn(manager)) {
    for (const place of placesOf(outputs, id)) {
      outputs.set(place, { output_type: "display_data", data, metadata: {} });
      count += 1;
    }
  }
  return count;
}

/**
 * Show `data`, the bundle of another widget, under the cell that shows the widget with this id, unless it is shown.
 *
 * A page that was loaded anew drops what the kernel displays under a cell that ran before. Returns whether it was added.
 */
export function showInNotebook(manager, id, data) {
  const cells = [...outputsIn(manager)];
  if (cells.some((outputs) => placesOf(outputs, data[VIEW]?.model_id).length)) return false;
  const cell = cells.find((outputs) => placesOf(outputs, id).length);
  cell?.add({ output_type: "display_data", data, metadata: {} });
  return cell !== undefined;
}
