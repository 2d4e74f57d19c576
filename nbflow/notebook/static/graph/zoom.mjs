import { fitted } from "./scene.mjs";
import { html, set } from "./dom.mjs";

/** Pan and zoom of `layer` within `frame`; `touched` tells that the user has chosen what to see. */
export function makeZoom(frame, layer) {
  let at = { k: 1, x: 0, y: 0 };
  let scene = { width: 1, height: 1 };
  let touched = false;
  const LEAST = 0.62;
  const TALLEST = 560;
  /** On the full screen the graph has what the other parts leave. */
  function tallest() {
    const root = frame.closest(".nbf-full");
    if (!root) return TALLEST;
    const all = [...root.children].reduce((sum, part) => sum + part.offsetHeight, 0);
    return Math.max(320, window.innerHeight - 4 - (all - frame.offsetHeight));
  }
  function apply() {
    set(layer, "transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)}) scale(${at.k.toFixed(4)})`);
    // A side beyond which the graph goes on fades out.
    const beyond = {
      left: at.x < -4,
      right: at.x + scene.width * at.k > frame.clientWidth + 4,
      top: at.y < -4,
      bottom: at.y + scene.height * at.k > frame.clientHeight + 4,
    };
    for (const [side, more] of Object.entries(beyond)) frame.style.setProperty(`--${side}`, more ? "36px" : "0px");
  }

  function place(least) {
    const width = frame.clientWidth || 1060;
    const room = tallest();
    const whole = Math.min(1, (width - 32) / Math.max(scene.width, 1), (room - 32) / Math.max(scene.height, 1));
    const high = room === TALLEST ? scene.height * Math.max(least, whole) + 40 : room;
    frame.style.height = `${Math.round(Math.min(room, Math.max(96, high)))}px`;
    at = fitted(scene, width, frame.clientHeight, least);
    apply();
  }
  function around(factor, x, y) {
    const k = Math.min(3, Math.max(0.05, at.k * factor));
    at = { k, x: x - ((x - at.x) * k) / at.k, y: y - ((y - at.y) * k) / at.k };
    touched = true;
    apply();
  }
  return {
    show(next) {
      scene = next;
      if (!touched) place(LEAST);
    },
    resize: () => !touched && place(LEAST),
    fit() {
      touched = false;
      place(0.05);
    },
    by: (factor) => around(factor, frame.clientWidth / 2, frame.clientHeight / 2),
    around,
    move(dx, dy) {
      at = { ...at, x: at.x + dx, y: at.y + dy };
      touched = true;
      apply();
    },
    /** Bring a box of the scene into the window. */
    reveal(box) {
      const shift = (from, size, room) => (from < 8 ? 8 - from : from + size > room - 8 ? room - 8 - from - size : 0);
      const dx = shift(at.x + box.x * at.k, box.w * at.k, frame.clientWidth);
      const dy = shift(at.y + box.y * at.k, box.h * at.k, frame.clientHeight);
      if (dx || dy) this.move(dx, dy);
    },
    /** True if a box of the scene finds room in the window as it is scaled now. */
    holds: (box) => box.w * at.k <= frame.clientWidth - 16 && box.h * at.k <= frame.clientHeight - 16,
    toScene: (x, y) => ({ x: (x - at.x) / at.k, y: (y - at.y) / at.k }),
  };
}

/** Drag to pan by `move(dx, dy)`; a press that did not move is a click. */
export function dragging(frame, move, click) {
  let from = null;
  let moved = false;
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = { x: event.clientX, y: event.clientY };
    moved = false;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!moved && Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
    if (!moved) frame.setPointerCapture(event.pointerId);
    moved = true;
    move(event.clientX - from.x, event.clientY - from.y);
    from = { x: event.clientX, y: event.clientY };
  });
  const stop = () => (from = null);
  frame.addEventListener("pointerup", stop);
  frame.addEventListener("pointercancel", stop);
  frame.addEventListener("click", (event) => !moved && click(event));
}

/** Buttons for those who have no wheel. */
export function makeZoomButtons(zoom) {
  const button = (text, title, act) =>
    html("button", { type: "button", title, "aria-label": title, onclick: act }, text);
  return html(
    "span",
    { class: "nbf-group", role: "group", "aria-label": "zoom" },
    button("−", "Zoom out", () => zoom.by(1 / 1.25)),
    button("+", "Zoom in", () => zoom.by(1.25)),
    button("Fit", "Show the whole graph", () => zoom.fit()),
  );
}
