/** What a view shares with the page it stands on: the theme, and whether the view is in use. */

/** Keep `data-theme` in step with Jupyter's theme, VS Code's, or the system's. Returns what ends that. */
export function followTheme(root) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const { jpThemeLight } = document.body.dataset;
    const code = document.body.classList;
    const dark =
      jpThemeLight !== undefined
        ? jpThemeLight === "false"
        : code.contains("vscode-dark") || code.contains("vscode-high-contrast")
          ? true
          : !code.contains("vscode-light") && system.matches;
    root.dataset.theme = dark ? "dark" : "light";
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
