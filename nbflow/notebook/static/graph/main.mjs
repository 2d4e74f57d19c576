/**
 * The live graph on the page: `render` ties the parts of the view to the model.
 *
 * The modules beside this one are joined into one text, which travels with the widget (nbflow/notebook/script.py).
 * Pure functions stand in `marks`, `scene` and `text`: `node --test` holds those that Python has too to the same
 * cases. Each part of the view is made by a function that returns its element and what redraws it.
 */
import { statusOf } from "./scene.mjs";
import { seconds } from "./text.mjs";
import { html } from "./dom.mjs";
import { makeHead } from "./head.mjs";
import { makeGraph } from "./picture.mjs";
import { makeStrip } from "./strip.mjs";
import { makePanel } from "./panel.mjs";
import { makeViews } from "./views.mjs";
import { makeZoomButtons } from "./zoom.mjs";
import { makePost } from "./post.mjs";
import { followTheme, tellUse } from "./surroundings.mjs";

function render({ model, el }) {
  const notice = html("div", { class: "nbf-notice", role: "status", hidden: true });
  const hint = html("div", { class: "nbf-hint", role: "status", hidden: true }, "Buttons act when the cell ends; use Interrupt.");
  const spoken = html("div", { class: "nbf-spoken", role: "status", "aria-live": "polite" });
  const post = makePost(model, hint);
  let selected = -1; // index of the task
  const open = (task) => {
    const id = model.get("scene").ids[task];
    selected = task;
    graph.select(task);
    post.send("inspect", id, true);
  };
  const close = () => {
    selected = -1;
    graph.select(-1);
    panel.show({});
    graph.focusOn();
    post.send("close");
  };
  const graph = makeGraph(open);
  const strip = makeStrip(open);
  const foot = html("div", { class: "nbf-foot" }, makeZoomButtons(graph.zoom));
  // A view of the same tasks is an entry here; what stands first is shown first.
  const views = makeViews([
    {
      name: "graph",
      label: "Graph",
      element: html("div", {}, graph.frame, foot, strip.element),
      show() {
        graph.zoom.resize();
        strip.draw(live());
      },
      hide() {},
    },
  ]);
  const head = makeHead([views.element]);
  const panel = makePanel({
    openId: (id) => open(graph.taskOf(id)),
    cancel: (id) => post.send("cancel", id, true),
    close,
  });
  // Lab listens for its shortcuts before the event gets here; the attribute makes it pass over this element.
  const root = html(
    "div",
    { class: "nbf", "data-lm-suppress-shortcuts": "true" },
    head.element, head.bar, notice, ...views.pages, panel.element, hint, spoken,
  );
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.element.hidden) close();
    event.stopPropagation();
  });
  el.append(root);

  const use = tellUse(root, post, () => !panel.element.hidden);
  const endTheme = followTheme(root);
  let clockAt = performance.now();
  const live = () => Boolean(model.get("clock").running);

  function drawClock() {
    const clock = model.get("clock");
    const more = clock.running ? (performance.now() - clockAt) / 1000 : 0;
    head.tell(clock.elapsed === undefined ? "" : seconds(clock.elapsed + more));
  }
  function drawState() {
    const scene = model.get("scene");
    if (!scene.ids) return;
    graph.update(scene, statusOf(model.get("status"), scene.ids.length), model.get("parts"));
    head.draw(scene.name, model.get("counts"));
  }
  function drawNotice() {
    notice.textContent = model.get("notice") ?? "";
    notice.hidden = !notice.textContent;
  }
  function drawPanel() {
    const content = model.get("panel");
    selected = content.task === undefined ? -1 : graph.taskOf(content.task);
    panel.show(content);
    graph.select(selected);
  }
  // Several traits come in one message: they are drawn once, before the next frame.
  const due = new Set();
  let frame = 0;
  const later = (draw) => () => {
    due.add(draw);
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      const draws = [...due];
      due.clear();
      draws.forEach((each) => each());
    });
  };
  const stateLater = later(drawState);
  const stripLater = later(() => strip.show(model.get("timeline"), live()));
  const panelLater = later(drawPanel);
  const clockLater = later(drawClock);
  const clockChanged = () => {
    clockAt = performance.now();
    clockLater();
  };
  const heard = {
    "change:scene": stateLater,
    "change:status": stateLater,
    "change:counts": stateLater,
    "change:timeline": stripLater,
    "change:panel": panelLater,
    "change:clock": clockChanged,
    "change:notice": later(drawNotice),
    "msg:custom": post.hear,
  };
  for (const [event, act] of Object.entries(heard)) model.on(event, act);

  const second = setInterval(() => {
    drawClock();
    if (live()) strip.draw(true);
    const counts = Object.entries(model.get("counts")).map(([word, count]) => `${count} ${word}`);
    const text = `${model.get("scene").name ?? ""}: ${counts.join(", ")}`;
    if (spoken.textContent !== text) spoken.textContent = text;
  }, 1000);
  const sizes = new ResizeObserver(() => {
    graph.zoom.resize();
    strip.draw(live());
  });
  sizes.observe(root);

  drawState();
  drawNotice();
  strip.show(model.get("timeline"), live());
  drawPanel();
  drawClock();
  post.send("ready");

  return () => {
    for (const [event, act] of Object.entries(heard)) model.off(event, act);
    clearInterval(second);
    cancelAnimationFrame(frame);
    sizes.disconnect();
    endTheme();
    use.stop();
    post.stop();
    root.remove();
  };
}

export default { render };
