import { html } from "./dom.mjs";

const MOST = 5000; // cells: what draws itself as a table in a notebook keeps it far shorter
const SPAN = 100;
const HEADS = new Set(["COL", "ROW", "COLGROUP", "ROWGROUP"]);

/**
 * The tables that a value draws of itself in HTML, such as a data frame's, and what stands in a line beside them.
 *
 * They are made anew, in our own look: of what was written nothing enters the page but the order of the cells and their
 * text, and to parse it runs nothing and fetches nothing.
 */
export function tablesOf(text) {
  const parsed = new DOMParser().parseFromString(text, "text/html");
  for (const unseen of parsed.querySelectorAll("script, style, template")) unseen.remove();
  const outermost = [...parsed.querySelectorAll("table")].filter((table) => !table.parentElement.closest("table"));
  let left = MOST;
  const made = [];
  for (const table of outermost) {
    const { caption } = table;
    const rows = [...table.rows].map((row) => {
      const cells = [...row.cells].slice(0, left);
      left -= cells.length;
      return html("tr", {}, ...cells.map(cellOf));
    });
    const titled = caption ? [html("caption", {}, words(caption))] : [];
    made.push(html("table", {}, ...titled, ...rows.filter((row) => row.childElementCount)));
    made.push(...besides(table).map((said) => html("p", { class: "nbf-muted" }, said)));
  }
  if (left <= 0) made.push(html("p", { class: "nbf-muted" }, `More than ${MOST.toLocaleString("en")} cells: cut off.`));
  return outermost.some((table) => words(table)) ? made : [];
}

function cellOf(cell) {
  const span = (given) => (given > 1 ? Math.min(given, SPAN) : null);
  const scope = cell.tagName === "TH" && HEADS.has(cell.scope.toUpperCase()) ? cell.scope : null;
  const tag = cell.tagName === "TH" ? "th" : "td";
  return html(tag, { colspan: span(cell.colSpan), rowspan: span(cell.rowSpan), scope }, words(cell));
}

/** What stands beside a table in a line: "5 rows × 3 columns". */
const besides = (table) =>
  [...table.parentElement.children].filter((each) => ["P", "SMALL"].includes(each.tagName)).map(words).filter(Boolean);

const words = (element) => element.textContent.trim().replace(/\s+/g, " ");
