import { html, set, stroked } from "./dom.mjs";

const TYPES = { svg: "image/svg+xml", html: "text/html", dot: "text/vnd.graphviz", json: "application/json" };
const KINDS = ["SVG", "PNG", "HTML", "DOT", "JSON"];

/** What a file may be called, whatever the flow is: "digits sweep.svg". */
export const fileName = (name, kind) => `${name.replace(/[^\p{L}\p{N} ._-]+/gu, " ").trim().slice(0, 80) || "flow"}.${kind}`;

/** Let the browser save a blob. */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = html("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

/** The text that was packed with gzip. */
const unzipped = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

/** The picture as the browser draws it, at twice its size, in the `theme` of the page: an image has the system's. */
async function drawn(text, theme) {
  const themed = text.replace("(prefers-color-scheme:dark)", theme === "dark" ? " all" : " not all");
  const address = URL.createObjectURL(new Blob([themed], { type: TYPES.svg }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = html("canvas", { width: 2 * image.naturalWidth, height: 2 * image.naturalHeight });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The menu of what the graph can be saved as. `ask(kind)` asks Python for a file, `hear` takes it. */
export function makeFiles(ask, theme) {
  let wanted = ""; // what the SVG that comes is wanted for
  const items = KINDS.map((kind) =>
    html("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => take(kind.toLowerCase()) }, kind),
  );
  const menu = html("div", { class: "nbf-menu", role: "menu", "aria-label": "Export as", hidden: true }, ...items);
  const button = html(
    "button",
    { type: "button", class: "nbf-tool nbf-square", "aria-haspopup": "menu", "aria-label": "Export", title: "Export: save the graph as a file", onclick: () => (menu.hidden ? show() : close()) },
    stroked("M8 2.5V10M4.8 7L8 10.2L11.2 7M3 13.5H13"),
  );
  const element = html("span", { class: "nbf-files" }, button, menu);

  function show() {
    menu.hidden = false;
    set(button, "aria-expanded", true);
    items[0].focus();
  }
  function close() {
    menu.hidden = true;
    set(button, "aria-expanded", false);
  }
  function take(kind) {
    close();
    button.focus();
    wanted = kind;
    ask(kind === "png" ? "svg" : kind);
  }
  element.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") {
      close();
      button.focus();
    } else if (next !== undefined) items.at(next % items.length).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  element.addEventListener("focusout", (event) => {
    if (!element.contains(event.relatedTarget)) close();
  });

  return {
    element,
    async hear(message, buffers) {
      if (typeof message?.file !== "string" || !wanted) return;
      const png = wanted === "png";
      wanted = "";
      const text = await unzipped(buffers[0]);
      const blob = png ? await drawn(text, theme()) : new Blob([text], { type: TYPES[message.file] });
      if (blob) download(blob, fileName(message.name, png ? "png" : message.file));
    },
  };
}
