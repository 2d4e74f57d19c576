/** Texts for people: lengths of time, the parts of an error, the lines to show. Pure. */

/** A length of time for people: "0.31 s", "12 s", "1 min 12 s", "2 h 5 min". */
export function seconds(span) {
  if (span < 0.995) return `${(Math.max(0, Math.floor(span * 100 + 0.5)) / 100).toFixed(2)} s`;
  if (span < 9.95) return `${(Math.floor(span * 10 + 0.5) / 10).toFixed(1)} s`;
  const whole = Math.floor(span + 0.5);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** "64 tasks, 63 done, 1 failed", as in nbflow/notebook/marks.py; `counts` are by the states' words. */
export function sentence(counts) {
  const told = Object.entries(counts);
  const total = told.reduce((sum, [, count]) => sum + count, 0);
  const tasks = `${total.toLocaleString("en")} task${total === 1 ? "" : "s"}`;
  return [tasks, ...told.map(([word, count]) => `${count.toLocaleString("en")} ${word}`)].join(", ");
}

/** Head and rest of an error's line: ["ValueError", ": no such kernel"]. */
export function splitError(text) {
  const match = /^([\w.]+)(:[\s\S]*)?$/.exec(text);
  return match ? [match[1], match[2] ?? ""] : ["", text];
}

/** Lines [from, to) of `count` that show line `at` (from 1) with what stands around it; all where at is 0. */
export function excerpt(count, at, around = 4) {
  return at ? [Math.max(0, at - 1 - around), Math.min(count, at + around)] : [0, count];
}

/** The beginning of a text that finds room in so many pixels, in a line of detail. */
export function cut(text, pixels) {
  const most = Math.floor(pixels / 6.2);
  return text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text;
}
