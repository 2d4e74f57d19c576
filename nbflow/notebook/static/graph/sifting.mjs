/** Which tasks stand out: those that a text is found in, and those in some of the states. Pure. */
import { MARKS, numberName } from "./marks.mjs";

/** The words of a text that is looked for; a task is found where it has all of them. */
export const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/**
 * Of each task whether it has all of `words`: each in the name of its app or its arguments, or as its number or the
 * beginning of its state's word.
 *
 * @param {(word: string) => Uint8Array | undefined} argued of each task whether a word is among its arguments, where
 *   the scene does not have these
 */
export function found(scene, status, words, argued = () => undefined) {
  const stands = new Uint8Array(scene.ids.length).fill(1);
  for (const word of words) {
    const byState = MARKS.map((mark) => word.length > 2 && mark.word.startsWith(word));
    const number = scene.ids.findIndex((id) => numberName(id) === word.replace(/^#/, ""));
    const elsewhere = argued(word);
    for (const node of scene.nodes) {
      const named = node.app.toLowerCase().includes(word);
      for (const task of node.tasks) {
        stands[task] &&=
          named ||
          byState[status[task]] ||
          task === number ||
          Boolean(elsewhere?.[task]) ||
          Boolean(scene.details[task]?.toLowerCase().includes(word));
      }
    }
  }
  return stands;
}

/** Of each task whether it, or one of the items that it runs, is in one of these states. */
export function inStates(status, marks, items = {}) {
  const stands = Uint8Array.from(status, (mark) => (marks.has(mark) ? 1 : 0));
  for (const [task, told] of Object.entries(items)) stands[task] = told.some(([mark]) => marks.has(mark)) ? 1 : 0;
  return stands;
}

/** The tasks that both let stand out; null is no opinion. */
export function both(one, other) {
  if (one === null || other === null) return one ?? other;
  return one.map((stands, task) => stands & other[task]);
}

/** The tasks that stand out, in the order of their numbers. */
export function listOf(stands) {
  const tasks = [];
  stands.forEach((yes, task) => yes && tasks.push(task));
  return tasks;
}
