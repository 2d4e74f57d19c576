/** What becomes of a live view when its kernel has gone: a file that shows a widget is opened without its model. */
import { isInNotebook, replaceInNotebook } from "./notebook.mjs";
import { followKernel } from "./surroundings.mjs";

/**
 * Once the kernel has gone, the notebook is saved with `still(since)`, a bundle by MIME type, where the model is shown.
 *
 * Python, whose work this is otherwise, is not there any more, or not heard. Up to then the view stays, to be looked
 * at. `since`: seconds from the last word about the clock to the end of the kernel. It is the model's business: a view
 * may not have been drawn yet, or be one of several.
 */
export function leaveStill(model, still) {
  let toldAt = performance.now();
  let since = -1; // the kernel is there
  model.on("change:clock", () => (toldAt = performance.now()));
  const manager = model.widget_manager;
  followKernel(manager, () => {
    const { saveState, model: notebook } = manager.context ?? {};
    const me = model.get("me");
    if (since >= 0 || typeof saveState?.connect !== "function" || !isInNotebook(manager, me)) return;
    since = (performance.now() - toldAt) / 1000;
    saveState.connect((_, state) => {
      // before the front end writes its text
      if (state === "started" && isInNotebook(manager, me)) replaceInNotebook(manager, me, still(since));
    });
    notebook.dirty = true; // what is in the file shows the widget
  });
}
