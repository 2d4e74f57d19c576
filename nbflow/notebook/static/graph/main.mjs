/**
 * The live graph on the page: `render` ties the parts of the view to the model.
 *
 * The modules beside this one are joined into one text, which travels with the widget (nbflow/notebook/script.py).
 * Pure functions stand in `marks`, `scene` and `text`: `node --test` holds those that Python has too to the same
 * cases. Each part of the view is made by a function that returns its element and what redraws it.
 */
import { statusOf, unpacked } from "./scene.mjs";
import { seconds } from "./text.mjs";
import { html } from "./dom.mjs";
import { makeHead } from "./head.mjs";
import { makeGraph } from "./picture.mjs";
import { makeStrip } from "./strip.mjs";
import { makeActs } from "./acts.mjs";
import { makePanel } from "./panel.mjs";
import { makeResults } from "./results.mjs";
import { makeSelection } from "./selection.mjs";
import { makeViews } from "./views.mjs";
import { makeFoot } from "./foot.mjs";
import { makeFind } from "./find.mjs";
import { makeFiles } from "./files.mjs";
import { makeFullScreen } from "./fullscreen.mjs";
import { makePost } from "./post.mjs";
import { makeTwins } from "./twins.mjs";
import { leftInWords } from "./spans.mjs";
import { both, listOf } from "./sifting.mjs";
import { leaveStill } from "./leaving.mjs";
import { keepsakeOf } from "./keepsake.mjs";
import { followKernel, followTheme, goneInWords, tellUse } from "./surroundings.mjs";

function render({ model, el }) {
  const notice = html("div", { class: "nbf-notice", role: "status", hidden: true });
  const hint = html("div", { class: "nbf-hint", role: "status", hidden: true }, "Buttons act when the cell ends; use Interrupt.");
  const spoken = html("div", { class: "nbf-spoken", role: "status", "aria-live": "polite" });
  const post = makePost(model, hint);
  const acts = makeActs(post.act, (id) => {
    close();
    selection.begin(graph.taskOf(id));
  });
  const results = makeResults((task) => post.send("result", task, true));
  let selected = -1; // index of the task
  let awaited = -1; // the one that somebody has just opened: its panel is to be seen once it is there
  /** Show the panel of a task; or, as a click means, select it, or all `tasks` that were meant, in the `order` they stand in. */
  const open = (task, how = "show", tasks = [task], order = null) => {
    if (how === "open" && selection.several()) return selection.choose(tasks, "toggle", order);
    if (how === "toggle" || how === "range") return selection.choose(tasks, how, order, selected);
    selection.clear();
    selected = awaited = task;
    select(task);
    post.send("inspect", graph.idOf(task), true);
  };
  const select = (task) => {
    graph.select(task);
    twins.select(task);
  };
  const focusOnView = () => (views.shown() === "graph" ? graph.focusOn() : twins.focusOn(views.shown()));
  const close = () => {
    selected = -1;
    select(-1);
    panel.show({});
    focusOnView();
    post.send("close");
  };
  const selection = makeSelection({
    act: post.act,
    changed() {
      graph.pick(selection.tasks());
      twins.pick(selection.tasks());
    },
    giveFocus: focusOnView,
  });
  const graph = makeGraph(open, () => foot.stopFollowing());
  const strip = makeStrip(open);
  const foot = makeFoot(graph.zoom, (layout) => post.send("layout", undefined, true, layout), graph.follow);
  const find = makeFind({
    ask: (word) => post.send("find", undefined, false, word),
    changed: () => allLater(),
    go(task) {
      if (views.shown() === "graph") graph.reveal(task);
      open(task);
    },
  });
  const files = makeFiles((kind) => post.send("export", undefined, true, kind), () => root.dataset.theme);
  const twins = makeTwins({
    open,
    say: (verb) => post.send(verb),
    sought: () => ({ words: find.words(), marks: find.marks }),
    changed: () => allLater(),
  });
  foot.add(twins.pathButton());
  // A view of the same tasks is an entry here; what stands first is shown first.
  const views = makeViews([
    {
      name: "graph",
      label: "Graph",
      element: html("div", {}, graph.frame, foot.element, strip.element),
      show() {
        graph.zoom.resize();
        strip.draw(live());
      },
      hide() {},
    },
    ...twins.views,
  ]);
  const fullScreenPlace = html("span", { class: "nbf-files" });
  const head = makeHead([views.element, find.element, files.element, fullScreenPlace], find.toggle);
  const panel = makePanel({
    openId: (id) => open(graph.taskOf(id)),
    acts,
    results,
    close,
  });
  // Lab listens for its shortcuts before the event gets here; the attribute makes it pass over this element.
  const root = html(
    "div",
    { class: "nbf", "data-lm-suppress-shortcuts": "true" },
    head.element, head.bar, notice, ...views.pages, selection.element, panel.element, hint, spoken,
  );
  const screen = makeFullScreen(root, () => graph.zoom.resize());
  fullScreenPlace.append(screen.button);
  root.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
    if (event.key === "Escape") {
      if (selection.tasks().size) selection.clear();
      else if (!panel.element.hidden) close();
      else screen.escape();
    } else if (event.key === "/" && !typing) {
      find.focus();
      event.preventDefault();
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey) && !typing) {
      drawState(); // what is looked for may have been typed since the last frame
      selection.take(sought ? listOf(sought) : scene.ids.keys());
      event.preventDefault();
    }
    event.stopPropagation();
  });
  el.append(root);

  const use = tellUse(root, post, () => !panel.element.hidden);
  const endTheme = followTheme(root, () => {
    twins.tick();
    strip.draw(live());
  });
  let clockAt = performance.now();
  let gone = 0; // when the kernel went; 0: it is there
  const live = () => Boolean(model.get("clock").running) && !gone;

  // seconds since the clock was told, up to the end of the kernel
  const passed = () => (model.get("clock").running ? ((gone || performance.now()) - clockAt) / 1000 : 0);
  const now = () => ((model.get("clock").elapsed ?? 0) + passed()) * 1000;
  function drawClock() {
    const { elapsed, left } = model.get("clock");
    const parts = elapsed === undefined ? [] : [seconds(elapsed + passed()), gone ? "" : leftInWords(left, passed())];
    head.tell(parts.filter(Boolean).join(" · "));
  }
  let sent; // the scene as it came
  let scene = { name: "", ids: [], nodes: [], edges: [], details: [] };
  let sought = null; // of each task whether it is among those that are looked for; null: nothing is
  function drawState() {
    if (model.get("scene") !== sent && model.get("scene").ids) {
      sent = model.get("scene");
      scene = unpacked(sent);
    }
    if (!sent) return;
    const status = statusOf(model.get("status"), scene.ids.length);
    const items = model.get("parts"); // of tasks that run several items of a sweep
    graph.update(scene, status, items, model.get("progress"));
    twins.takePath(model.get("path") ?? []);
    sought = find.stands(scene, status, items);
    graph.emphasise(both(sought, twins.onPath(scene.ids.length)));
    selection.update(scene.ids, status, items);
    head.draw(scene.name, model.get("counts"), find.marks);
    foot.draw(model.get("drawing") ?? {}, scene.layout);
  }
  function drawTwins() {
    if (sent && twins.seen()) twins.update(scene.ids, statusOf(model.get("status"), scene.ids.length), model, now);
  }
  function drawNotice() {
    notice.textContent = (gone && goneInWords(model.get("counts"))) || (model.get("notice") ?? "");
    notice.hidden = !notice.textContent;
  }
  function drawPanel() {
    const content = model.get("panel");
    selected = content.task === undefined ? -1 : graph.taskOf(content.task);
    panel.show(content);
    select(selected);
    if (selected >= 0 && selected === awaited) {
      awaited = -1;
      panel.element.scrollIntoView({ block: "nearest" });
    }
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
  const twinsLater = later(drawTwins);
  const allLater = () => {
    stateLater();
    twinsLater();
  };
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
    "change:drawing": stateLater,
    "change:progress": stateLater,
    "change:columns": twinsLater,
    "change:moving": twinsLater,
    "change:meters": twinsLater,
    "change:path": allLater,
    "change:timeline": stripLater,
    "change:panel": panelLater,
    "change:clock": clockChanged,
    "change:notice": later(drawNotice),
    "msg:custom": (message, buffers) => [post, acts, selection, results, find, files].forEach((part) => part.hear(message, buffers)),
  };
  for (const [event, act] of Object.entries(heard)) model.on(event, act);

  const endKernel = followKernel(model.widget_manager, () => {
    gone = performance.now();
    post.end();
    drawNotice();
    drawClock();
  });
  const second = setInterval(() => {
    drawClock();
    if (live()) {
      strip.draw(true);
      twins.tick();
    }
    const counts = Object.entries(model.get("counts")).map(([word, count]) => `${count} ${word}`);
    const text = `${scene.name}: ${counts.join(", ")}`;
    if (spoken.textContent !== text) spoken.textContent = text;
  }, 1000);
  const sizes = new ResizeObserver(() => {
    graph.zoom.resize();
    strip.draw(live());
    twins.resize();
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
    endKernel();
    use.stop();
    find.stop();
    screen.stop();
    twins.stop();
    post.stop();
    root.remove();
  };
}

const initialize = ({ model }) => leaveStill(model, (since) => keepsakeOf(model, since));

export default { initialize, render };
