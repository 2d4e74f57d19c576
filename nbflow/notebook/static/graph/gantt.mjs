import { FAILED, MARKS } from "./marks.mjs";
import { barAtTime, barsInSight, barsOf, earlierInWords, endOf, lanesOf, movedWindow, queueOf, spanInWords, tickText, ticksOf, transfersOf, zoomedWindow } from "./spans.mjs";
import { html, set } from "./dom.mjs";
import { meaning } from "./selection.mjs";
import { makeZoomButtons } from "./zoom.mjs";

const LANE_HIGH = 24; // pixels
const QUEUE_HIGH = 44;
const AXIS_HIGH = 22;
const LABEL_WIDE = 74;
const MOST_LANES = 250; // more are not drawn: a canvas has its limits

/** The roles' colours as the style sheet has them now. */
function coloursOf(element) {
  const style = getComputedStyle(element);
  const role = (name) => style.getPropertyValue(`--nbf-${name}`).trim();
  const same = { recalling: "recalled", retrying: "running", cancelled: "muted", "not responding": "skipped" };
  return {
    marks: MARKS.map(({ word }) => role(same[word] ?? word)),
    ...Object.fromEntries(["text", "muted", "line", "on", "ground"].map((name) => [name, role(name)])),
    font: style.fontFamily,
  };
}

/**
 * What each worker did when, drawn on a canvas; above it how many tasks waited. Wheel, buttons and keys zoom, dragging
 * moves; the task under the pointer or the keys is told in words, with its waiting and queueing before its bar.
 * `open(task, how)` is called with the place of a task that was chosen, and what was meant by that (`meaning`).
 */
export function makeGantt(open, tools) {
  let bars = barsOf({ count: 0, ids: [], status: new Uint8Array(0), transfers: {}, runs: {} });
  let clock = () => 0;
  let lanes = [];
  let queue = [];
  let hatched = false; // the bar of some task is
  let sight = null; // { from, to }; null = all
  let pointed = -1; // a bar, while what is selected and picked are tasks
  let selected = -1;
  let picked = new Set();
  let path = null; // of each task whether it lies on the critical path
  const canvas = html("canvas", {
    tabindex: 0, role: "img", class: "nbf-canvas",
    "aria-label": "what each worker did when; arrow keys go from task to task, Enter opens one, + and - zoom, 0 shows all",
  });
  const frame = html("div", { class: "nbf-gantt-frame" }, canvas);
  const told = html("span", { class: "nbf-told-span", role: "status" });
  const zoomButtons = makeZoomButtons({ by: (factor) => zoom(factor), fit: () => look(null) });
  const foot = html("div", { class: "nbf-foot" }, told, ...tools, zoomButtons);
  const element = html("div", { class: "nbf-gantt" }, frame, foot);

  const wide = () => Math.max(160, frame.clientWidth);
  const whole = () => Math.max(10, clock(), ...lanes.map(({ places }) => endOf(bars, places.at(-1), clock())));
  const seen = () => sight ?? { from: 0, to: whole() };
  const scale = () => (wide() - LABEL_WIDE - 12) / (seen().to - seen().from);
  const toX = (at) => LABEL_WIDE + (at - seen().from) * scale();
  const toTime = (x) => seen().from + (x - LABEL_WIDE) / scale();
  const laneTop = (n) => QUEUE_HIGH + n * LANE_HIGH;
  const drawnLanes = () => lanes.slice(0, MOST_LANES);

  function look(next) {
    sight = next && next.to - next.from < whole() * 0.999 ? next : null;
    draw();
  }
  function zoom(factor, at = (seen().from + seen().to) / 2) {
    look(zoomedWindow(seen(), factor, at, whole()));
  }
  function point(place) {
    if (place === pointed) return;
    pointed = place;
    draw();
  }

  // ---------------------------------------------------------------- drawing

  function draw() {
    const width = wide();
    if (!frame.clientWidth) return;
    const shown = drawnLanes();
    const high = QUEUE_HIGH + Math.max(1, shown.length) * LANE_HIGH + AXIS_HIGH;
    const dense = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(high * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(high * dense);
      canvas.style.height = `${high}px`;
    }
    const pen = canvas.getContext("2d");
    const colours = coloursOf(element);
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, high);
    pen.font = `11px ${colours.font}`;
    drawAxis(pen, colours, width, high);
    drawQueue(pen, colours, width);
    shown.forEach((lane, n) => drawLane(pen, colours, lane, laneTop(n)));
    // Over the labels nothing else is to be seen.
    pen.clearRect(0, 0, LABEL_WIDE - 4, high);
    pen.fillStyle = colours.muted;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText("waiting", LABEL_WIDE - 12, QUEUE_HIGH - 14);
    shown.forEach(({ worker }, n) => pen.fillText(`worker ${worker}`, LABEL_WIDE - 12, laneTop(n) + LANE_HIGH / 2));
    tell();
  }
  function drawAxis(pen, colours, width, high) {
    const { ticks, step } = ticksOf(seen().from, seen().to, 90 / scale());
    pen.textBaseline = "middle";
    for (const at of ticks) {
      const x = Math.round(toX(at)) + 0.5;
      pen.strokeStyle = colours.line;
      pen.beginPath();
      pen.moveTo(x, 6);
      pen.lineTo(x, high - AXIS_HIGH + 2);
      pen.stroke();
      pen.fillStyle = colours.muted;
      const text = tickText(at, step);
      const half = pen.measureText(text).width / 2;
      pen.textAlign = "center";
      pen.fillText(text, Math.min(Math.max(x, LABEL_WIDE + half), width - half - 2), high - AXIS_HIGH / 2);
    }
  }
  /** How many wait for a worker (full) and, above them, for their needs (pale). */
  function drawQueue(pen, colours, width) {
    const most = Math.max(1, ...queue.map(([, needs, queued]) => needs + queued));
    const ground = QUEUE_HIGH - 5;
    const up = (count) => ((QUEUE_HIGH - 14) * count) / most;
    const area = (height, colour, alpha) => {
      pen.beginPath();
      let level = 0;
      pen.moveTo(LABEL_WIDE, ground);
      for (const step of queue) {
        const x = Math.max(LABEL_WIDE, Math.min(width, toX(step[0])));
        pen.lineTo(x, ground - up(level));
        level = height(step);
        pen.lineTo(x, ground - up(level));
      }
      pen.lineTo(Math.max(LABEL_WIDE, Math.min(width, toX(whole()))), ground - up(level));
      pen.lineTo(Math.max(LABEL_WIDE, Math.min(width, toX(whole()))), ground);
      pen.globalAlpha = alpha;
      pen.fillStyle = colour;
      pen.fill();
      pen.globalAlpha = 1;
    };
    area(([, needs, queued]) => needs + queued, colours.marks[0], 0.45);
    area(([, , queued]) => queued, colours.marks[0], 1);
    if (!queue.length) return;
    pen.fillStyle = colours.muted;
    pen.textAlign = "right";
    pen.textBaseline = "top";
    pen.fillText(`at most ${most.toLocaleString("en")}`, width - 14, 2);
  }
  function drawLane(pen, colours, { places }, top) {
    const { from, to } = seen();
    const now = clock();
    for (const [i, begin, end, many] of barsInSight(bars, places, from, to, scale(), now)) {
      const x = Math.max(LABEL_WIDE - 8, toX(begin));
      const long = Math.min(toX(end), wide() + 8) - x;
      const mark = bars.status[i];
      pen.globalAlpha = path === null || path[bars.task(i)] ? 1 : 0.25;
      pen.fillStyle = colours.marks[mark];
      const room = Math.max(mark === FAILED ? 3 : 1, long > 4 ? long - 1.2 : long);
      pen.beginPath();
      pen.roundRect(x, top + 4, room, LANE_HIGH - 8, room > 7 ? 3 : 0);
      pen.fill();
      const parts = many === 1 ? transfersOf(bars, i) : [];
      parts.forEach((part) => drawTransfer(pen, colours, part, top));
      if (picked.has(bars.task(i))) {
        pen.strokeStyle = colours.text;
        pen.lineWidth = 2;
        pen.stroke();
      }
      const calledAt = parts.length && parts[0][0] === begin ? Math.max(x, toX(parts[0][1])) : x;
      if (many === 1 && x + room - calledAt > 20) drawInside(pen, colours, i, calledAt, x + room - calledAt, top);
      pen.globalAlpha = 1;
    }
    for (const i of places) {
      if (i === pointed || bars.task(i) === selected) drawPointed(pen, colours, i, top);
    }
  }
  /** The part of a bar in which values were on their way: hatched. */
  function drawTransfer(pen, colours, [from, to], top) {
    const left = Math.max(LABEL_WIDE - 8, toX(from));
    const right = Math.min(wide() + 8, toX(to));
    if (right - left < 1) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, top + 4, right - left, LANE_HIGH - 8);
    pen.clip();
    pen.fillStyle = colours.ground;
    pen.globalAlpha *= 0.45;
    pen.fill();
    pen.strokeStyle = colours.text;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let x = left - LANE_HIGH; x < right; x += 5) {
      pen.moveTo(x, top + LANE_HIGH - 4);
      pen.lineTo(x + LANE_HIGH, top + 4 - 8);
    }
    pen.stroke();
    pen.restore();
  }
  /** Sign and name of a task within its bar. */
  function drawInside(pen, colours, i, x, room, top) {
    const mark = bars.status[i];
    const middle = top + LANE_HIGH / 2;
    pen.save();
    pen.beginPath();
    pen.rect(x, top, room - 3, LANE_HIGH);
    pen.clip();
    pen.save();
    pen.translate(x + 3, middle - 7);
    pen.scale(0.85, 0.85);
    pen.strokeStyle = pen.fillStyle = colours.on;
    pen.lineWidth = 1.9;
    pen.lineCap = pen.lineJoin = "round";
    const sign = new Path2D(MARKS[mark].path);
    pen.stroke(sign);
    if (MARKS[mark].solid) pen.fill(sign);
    pen.restore();
    if (room > 56) {
      pen.fillStyle = colours.on;
      pen.textAlign = "left";
      pen.textBaseline = "middle";
      pen.fillText(bars.apps[bars.app[i]], x + 20, middle + 0.5);
    }
    pen.restore();
  }
  /** Before its first bar a task waited for its needs (dotted), then for a worker (a line). */
  function drawPointed(pen, colours, i, top) {
    const begin = bars.started[i];
    const task = bars.task(i);
    const ready = Math.min(begin, Math.max(bars.submitted[task], bars.ready[task] >= 0 ? bars.ready[task] : begin));
    const foot = top + LANE_HIGH - 2; // below what others' bars say
    const line = (from, to, dashes, thick) => {
      pen.setLineDash(dashes);
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(Math.max(LABEL_WIDE - 8, toX(from)), foot);
      pen.lineTo(toX(to), foot);
      pen.stroke();
      pen.setLineDash([]);
    };
    pen.strokeStyle = colours.text;
    if (i === bars.from(task)) {
      line(bars.submitted[task], ready, [2, 3], 1.5);
      line(ready, begin, [], 3);
    }
    pen.lineWidth = 2;
    pen.beginPath();
    const x = Math.max(LABEL_WIDE - 8, toX(begin));
    pen.roundRect(x - 1, top + 3, Math.max(4, Math.min(toX(endOf(bars, i, clock())), wide() + 8) - x + 1), LANE_HIGH - 6, 3);
    pen.stroke();
    pen.lineWidth = 1;
  }
  function tell() {
    const task = pointed >= 0 ? bars.task(pointed) : selected;
    const more = lanes.length - MOST_LANES;
    const rest = more > 0 ? ` · and ${more} more workers` : "";
    const text =
      task >= 0 && task < bars.count
        ? (pointed >= 0 && earlierInWords(bars, pointed)) || spanInWords(bars, task, clock())
        : lanes.length
          ? `Above: waiting for needs (pale), for a worker (full)${hatched ? " · hatched: values on their way" : ""}${rest}`
          : "No task has begun yet.";
    if (told.textContent !== text) told.textContent = text;
  }

  // ---------------------------------------------------------------- pointer and keys

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const lane = drawnLanes()[Math.floor((event.clientY - box.top - QUEUE_HIGH) / LANE_HIGH)];
    const x = event.clientX - box.left;
    return lane && x >= LABEL_WIDE ? barAtTime(bars, lane.places, toTime(x), 3 / scale(), clock()) : -1;
  }
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.button) pressed = { x: event.clientX, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pressed) point(under(event));
    else if (pressed.moved || Math.abs(event.clientX - pressed.x) >= 4) {
      if (!pressed.moved) canvas.setPointerCapture(event.pointerId);
      look(movedWindow(seen(), (pressed.x - event.clientX) / scale(), whole()));
      pressed = { x: event.clientX, moved: true };
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const place = pressed && !pressed.moved ? under(event) : -1;
    pressed = null;
    if (place >= 0) open(bars.task(place), meaning(event));
  });
  canvas.addEventListener("pointercancel", () => (pressed = null));
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener(
    "wheel",
    (event) => {
      // As in the graph: the page scrolls, unless it is clear that this is meant.
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      const at = toTime(event.clientX - canvas.getBoundingClientRect().left);
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        look(movedWindow(seen(), (event.deltaX || event.deltaY) / scale(), whole()));
      } else zoom(Math.exp(-event.deltaY / 300), at);
    },
    { passive: false },
  );
  /** The bar that an arrow key leads to: the one before or after in the lane, or beside it in the next lane. */
  function neighbour(key) {
    const from = Math.max(0, lanes.findIndex(({ places }) => places.includes(pointed)));
    const { places } = lanes[from];
    const at = places.indexOf(pointed);
    if (at < 0) return places[0];
    if (key === "ArrowRight") return places[at + 1] ?? pointed;
    if (key === "ArrowLeft") return places[at - 1] ?? pointed;
    const beside = drawnLanes()[from + (key === "ArrowDown" ? 1 : -1)];
    return beside ? barAtTime(bars, beside.places, bars.started[pointed], Infinity, clock()) : pointed;
  }
  function reveal(place) {
    const { from, to } = seen();
    const [begin, end] = [bars.started[place], endOf(bars, place, clock())];
    if (sight && (end < from || begin > to)) look(movedWindow(sight, begin - (from + to) / 2, whole()));
    const lane = drawnLanes().findIndex(({ places }) => places.includes(place));
    const top = laneTop(lane);
    if (top < frame.scrollTop + LANE_HIGH) frame.scrollTop = top - LANE_HIGH;
    else if (top + 2 * LANE_HIGH > frame.scrollTop + frame.clientHeight) frame.scrollTop = top + 2 * LANE_HIGH - frame.clientHeight;
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || ((event.ctrlKey || event.metaKey) && event.key !== "Enter")) return;
    if (event.key.startsWith("Arrow") && lanes.length) {
      if (pointed < 0 && selected >= 0) pointed = bars.from(selected);
      const place = neighbour(event.key);
      reveal(place);
      point(place);
    } else if (event.key === "Enter" && pointed >= 0) open(bars.task(pointed), meaning(event));
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") look(null);
    else return;
    event.preventDefault();
  });

  return {
    element,
    /** Show these tasks; `now` gives the milliseconds since the flow's start, `onPath` of each whether it is critical. */
    update(next, now, onPath) {
      const at = pointed < 0 ? -1 : bars.task(pointed);
      const nth = at < 0 ? 0 : pointed - bars.from(at);
      bars = barsOf(next);
      pointed = at < 0 || at >= bars.count ? -1 : bars.from(at) + Math.min(nth, (bars.runs[at]?.length ?? 1) - 1);
      clock = now;
      path = onPath;
      hatched = Object.keys(bars.transfers).length > 0;
      lanes = lanesOf(bars);
      queue = queueOf(bars, clock());
      set(canvas, "data-lanes", lanes.length);
      draw();
    },
    draw,
    select(task) {
      selected = task;
      draw();
    },
    pick(tasksPicked) {
      picked = tasksPicked;
      draw();
    },
    focus: () => canvas.focus(),
  };
}
