/** What a view shares with the page it stands on: the theme, the kernel, and whether the view is in use. */
import { MARKS, ended } from "./marks.mjs";

/** Whether the page is dark now, as Jupyter says, or VS Code, or the system. */
export function isDark() {
  const { jpThemeLight } = document.body.dataset;
  const code = document.body.classList;
  if (jpThemeLight !== undefined) return jpThemeLight === "false";
  if (code.contains("vscode-dark") || code.contains("vscode-high-contrast")) return true;
  return !code.contains("vscode-light") && window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * Keep `data-theme` in step with Jupyter's theme, VS Code's, or the system's; `changed()` is called when it is another
 * one, for what is drawn by hand. Returns what ends that.
 */
export function followTheme(root, changed = () => {}) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const before = root.dataset.theme;
    root.dataset.theme = isDark() ? "dark" : "light";
    if (before && before !== root.dataset.theme) changed();
  }
  const watcher = new MutationObserver(apply);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  system.addEventListener("change", apply);
  apply();
  return () => {
    watcher.disconnect();
    system.removeEventListener("change", apply);
  };
}

/**
 * Call `gone()` when the kernel has died or is started anew, where the front end lets a view know: then nothing that is
 * shown changes any more. Returns what ends that.
 */
export function followKernel(manager, gone) {
  const changes = manager?.kernel?.statusChanged;
  if (typeof changes?.connect !== "function") return () => {};
  const hear = (_, status) => ["autorestarting", "restarting", "dead"].includes(status) && gone();
  changes.connect(hear);
  return () => changes.disconnect(hear);
}

/** What is said when the kernel has gone while tasks had not ended; "" if all had. `counts` are by the states' words. */
export function goneInWords(counts) {
  const left = MARKS.filter((_, mark) => !ended(mark)).reduce((sum, { word }) => sum + (counts[word] ?? 0), 0);
  const tasks = left === 1 ? "1 task" : `${left.toLocaleString("en")} tasks`;
  return left ? `The kernel is gone, and the flow with it: ${tasks} had not ended. This is how they stood.` : "";
}

/** Tell Python while the view is in use, so that it is not replaced by its still picture under the pointer. */
export function tellUse(root, post, panelOpen) {
  let told = false;
  const tell = () => {
    const used = root.matches(":hover") || root.contains(document.activeElement) || panelOpen();
    if (used) post.send("busy");
    else if (told) post.send("idle");
    told = used;
  };
  for (const kind of ["pointerenter", "pointerleave", "focusin", "focusout"]) {
    root.addEventListener(kind, () => setTimeout(() => root.isConnected && tell(), 0));
  }
  // Said again and again, because a page that is gone cannot say that it is not in use any more.
  const timer = setInterval(() => told && document.visibilityState === "visible" && tell(), 20000);
  return { tell, stop: () => clearInterval(timer) };
}
