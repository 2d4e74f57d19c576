/** How elements are made and changed. Whatever a user wrote enters the page by textContent alone. */
import { MARKS, classOf } from "./marks.mjs";

const SVG = "http://www.w3.org/2000/svg";

export function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}
export const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** An element as it is written in a file. */
export const markupOf = (element) => new XMLSerializer().serializeToString(element);

/** Set an attribute only where that changes something: the page's work is proportional to what changed. */
export function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/** A state's sign as a small picture, in the state's colour. */
export function icon(mark, size = 14) {
  const path = svg("path", { d: MARKS[mark].path, class: "nbf-sign" });
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: size, height: size, class: `nbf-icon ${classOf(mark)}`, "aria-hidden": true },
    path,
  );
}

/** The picture on a button: lines in the colour of its text. */
export const stroked = (d) =>
  svg(
    "svg",
    { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": true },
    svg("path", { class: "nbf-stroke", d }),
  );

/** Source or other text by lines, numbered from `first`, one of them marked. */
export function codeLines(lines, first, marked) {
  return html(
    "div",
    { class: "nbf-code" },
    ...lines.map((line, i) =>
      html(
        "div",
        { class: first + i === marked ? "nbf-line nbf-marked" : "nbf-line" },
        html("span", { class: "nbf-number" }, String(first + i)),
        html("span", {}, line || " "),
      ),
    ),
  );
}
