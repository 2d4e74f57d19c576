/** The line under a cell that has submitted tasks: how they stand, one row high. Beside it `notebook/line.py`. */
import { MARKS, ORDER, classOf } from "../graph/marks.mjs";
import { html, icon } from "../graph/dom.mjs";
import { makePost } from "../graph/post.mjs";
import { showInNotebook } from "../graph/notebook.mjs";
import { followKernel, followTheme, goneInWords, tellUse } from "../graph/surroundings.mjs";
import { leaveStill } from "../graph/leaving.mjs";
import { clockText } from "./words.mjs";
import { stillOf } from "./still.mjs";
import { makeNotifier } from "./notify.mjs";

/** The counts by sign and word, and the bar under them. */
function makeCounts() {
  const element = html("span", { class: "nbl-counts" });
  const bar = html("div", { class: "nbl-bar", role: "progressbar", "aria-label": "how much is over", "aria-valuemin": 0, "aria-valuemax": 100 });
  const part = (mark, share) => html("i", { class: mark < 0 ? "" : classOf(mark), style: `flex-grow:${share}` });
  return {
    element,
    bar,
    draw(counts, fraction) {
      const told = ORDER.filter((mark) => counts[MARKS[mark].word]);
      const count = (mark) => counts[MARKS[mark].word];
      element.replaceChildren(
        ...told.map((mark) => html("span", { class: "nbl-count" }, icon(mark), `${count(mark).toLocaleString("en")} ${MARKS[mark].word}`)),
      );
      bar.setAttribute("aria-valuenow", Math.round(100 * fraction));
      bar.replaceChildren(...told.filter((mark) => mark > 0).map((mark) => part(mark, count(mark))), part(-1, counts.waiting ?? 0));
    },
  };
}

function render({ model, el }) {
  const hint = html("span", { class: "nbl-hint", role: "status", hidden: true }, "Buttons act when the cell ends; use Interrupt.");
  const post = makePost(model, hint);
  const counts = makeCounts();
  const clock = html("span", { class: "nbl-clock" });
  const says = html("span", { class: "nbl-says" });
  const notifier = makeNotifier();
  const graph = html(
    "button",
    { type: "button", class: "nbl-button", title: "Show the live graph under this cell", onclick: () => post.send("graph", undefined, true) },
    "Graph",
  );
  const notice = html("div", { class: "nbl-notice", role: "status", "aria-live": "polite" });
  const root = html(
    "div",
    { class: "nbl", role: "group", "aria-label": "tasks of this cell", "data-lm-suppress-shortcuts": "true" },
    html("div", { class: "nbl-row" }, counts.element, clock, says, hint, html("span", { class: "nbl-buttons" }, notifier.button, graph)),
    counts.bar,
    notice,
  );
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  const endTheme = followTheme(root);
  const use = tellUse(root, post, () => false);
  let clockAt = performance.now();
  let gone = false; // the kernel is
  const endKernel = followKernel(model.widget_manager, () => {
    gone = true;
    // as it stood then, and nothing is left to be waited for
    clock.textContent = clockText({ ...model.get("clock"), left: null }, (performance.now() - clockAt) / 1000);
    post.end();
    graph.remove();
    const text = goneInWords(model.get("counts"));
    if (!text) return; // what was said of the batch's end stands
    notice.textContent = text;
    notice.classList.add("nbl-bad");
  });

  function drawClock() {
    if (!gone) clock.textContent = clockText(model.get("clock"), (performance.now() - clockAt) / 1000);
  }
  function draw() {
    const { running } = model.get("clock");
    const { good, text = "" } = model.get("notice");
    counts.draw(model.get("counts"), model.get("fraction"));
    says.textContent = says.title = model.get("says");
    // set once: it is read out
    if (notice.textContent !== text) notice.textContent = text;
    notice.classList.toggle("nbl-bad", Boolean(text) && !good);
    notifier.hear(Boolean(running), { text, title: model.get("notice").title, key: model.get("notice").key });
    drawClock();
  }
  // Several traits come in one message: they are drawn once. Not with the next frame, of which a hidden page has none.
  let due = false;
  const later = () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      if (root.isConnected) draw();
    });
  };
  const clockChanged = () => {
    clockAt = performance.now();
    later();
  };
  const hear = (message) => {
    post.hear(message);
    if (message?.graph) showInNotebook(model.widget_manager, model.get("me"), message.graph);
  };
  const heard = {
    "change:counts": later,
    "change:fraction": later,
    "change:says": later,
    "change:notice": later,
    "change:clock": clockChanged,
    "msg:custom": hear,
  };
  for (const [event, act] of Object.entries(heard)) model.on(event, act);
  const second = setInterval(drawClock, 1000);
  draw();
  post.send("ready");

  return () => {
    for (const [event, act] of Object.entries(heard)) model.off(event, act);
    clearInterval(second);
    endTheme();
    endKernel();
    use.stop();
    post.stop();
    root.remove();
  };
}

const initialize = ({ model }) => leaveStill(model, (since) => stillOf(model, since));

export default { initialize, render };
