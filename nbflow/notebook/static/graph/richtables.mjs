import { html } from "./dom.mjs";

/** What nbflow/notebook/richtables.py tells of a value that draws itself as tables, as tables in our own look. */
export function tablesOf({ tables, beside, cut }) {
  const muted = (text) => html("p", { class: "nbf-muted" }, text);
  return [...tables.map(tableOf), ...beside.map(muted), ...(cut ? [muted("There are more cells: cut off.")] : [])];
}

function tableOf({ caption, rows }) {
  const titled = caption ? [html("caption", {}, caption)] : [];
  return html("table", {}, ...titled, ...rows.filter((row) => row.length).map((row) => html("tr", {}, ...row.map(cellOf))));
}

function cellOf([text, head, columns, rows]) {
  return html(head ? "th" : "td", { colspan: columns > 1 && columns, rowspan: rows > 1 && rows }, text);
}
