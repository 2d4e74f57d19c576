import { html, set, stroked } from "./dom.mjs";

/**
 * The button that gives the whole screen to `root`, or the whole page where the browser does not allow that.
 * `changed()` is called when its size is another.
 */
export function makeFullScreen(root, changed) {
  const full = () => root.classList.contains("nbf-full");
  const button = html(
    "button",
    { type: "button", class: "nbf-tool nbf-square", "aria-label": "Full screen", title: "Full screen (Esc leaves)", "aria-pressed": false, onclick: () => (full() ? leave() : enter()) },
    stroked("M6 2.5H2.5V6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10"),
  );
  function apply(on) {
    root.classList.toggle("nbf-full", on);
    set(button, "aria-pressed", on);
    changed();
  }
  async function enter() {
    try {
      await root.requestFullscreen();
    } catch {
      apply(true); // refused, or not known here: the page is what there is
    }
  }
  async function leave() {
    if (document.fullscreenElement === root) await document.exitFullscreen();
    else apply(false);
  }
  const heard = () => {
    const on = document.fullscreenElement === root;
    if (on !== full()) apply(on);
  };
  document.addEventListener("fullscreenchange", heard);
  return {
    button,
    /** Leave; true if there was something to leave. */
    escape() {
      const was = full();
      if (was) leave();
      return was;
    },
    stop: () => document.removeEventListener("fullscreenchange", heard),
  };
}
