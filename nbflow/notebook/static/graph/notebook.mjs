/** The notebook that a view stands in, as far as its front end lets a view see it. Pure but for the notebook itself. */

const VIEW = "application/vnd.jupyter.widget-view+json";

/**
 * Put `data`, a bundle by MIME type, in the place of each output that shows the widget with this id.
 *
 * A page that was loaded anew cannot replace a display by its id any more (ipython#12215), but JupyterLab and Notebook 7
 * let a widget's manager know its document. What is not there, in other front ends, is passed over. Returns how many
 * outputs were replaced.
 */
export function replaceInNotebook(manager, id, data) {
  let count = 0;
  for (const cell of manager?.context?.model?.cells ?? []) {
    const outputs = cell?.outputs;
    if (typeof outputs?.get !== "function" || typeof outputs.set !== "function") continue;
    for (let place = 0; place < outputs.length; place += 1) {
      if (outputs.get(place)?.data?.[VIEW]?.model_id !== id) continue;
      outputs.set(place, { output_type: "display_data", data, metadata: {} });
      count += 1;
    }
  }
  return count;
}
