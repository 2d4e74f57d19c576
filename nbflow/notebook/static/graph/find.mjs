import { html } from "./dom.mjs";
import { wordsOf, found, inStates, both, listOf } from "./sifting.mjs";
import { unrolled } from "./scene.mjs";

/**
 * The field to find tasks by, and the states that are asked for: `stands` says which tasks stand out.
 *
 * `ask(word)` asks Python for the tasks that have a word among their arguments, where the page does not know these;
 * `hear` takes the answer. `changed()` is called when others are to stand out, `go(task)` to go to one of them.
 */
export function makeFind({ ask, changed, go }) {
  const field = html("input", {
    type: "search", class: "nbf-find", placeholder: "Find", "aria-label": "Find tasks by app, argument, number or state",
    title: "Find tasks by app, argument, number or state (press /); Enter goes to the next", spellcheck: "false", autocomplete: "off", maxlength: 100,
  });
  const count = html("span", { class: "nbf-found", role: "status" });
  const element = html("span", { class: "nbf-search" }, field, count);
  let words = [];
  let hits = [];
  let at = -1; // place among the hits
  let told = { scene: null, answers: new Map() }; // of each word that was asked for: what Python said, or null
  let timer = 0;
  const marks = new Set();

  /** Where the scene has no arguments, Python is asked once for each word and scene, when the typing pauses. */
  function askFor(scene) {
    if (told.scene !== scene) told = { scene, answers: new Map() };
    if (scene.details.length) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const word of words.filter((each) => each.length > 1 && !told.answers.has(each))) {
        told.answers.set(word, null);
        ask(word);
      }
    }, 150);
  }

  function tell() {
    count.textContent = !words.length ? "" : at < 0 ? String(hits.length) : `${at + 1} of ${hits.length}`;
    field.classList.toggle("nbf-none", words.length > 0 && !hits.length);
  }
  function step(by) {
    if (!hits.length) return;
    at = at < 0 ? (by > 0 ? 0 : hits.length - 1) : (at + by + hits.length) % hits.length;
    tell();
    go(hits[at]);
  }
  field.addEventListener("input", () => {
    words = wordsOf(field.value);
    at = -1;
    changed();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape" && field.value) {
      field.value = "";
      words = [];
      changed();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  });

  return {
    element,
    focus: () => field.select(),
    /** The states that are asked for; none: all are. */
    marks,
    words: () => words,
    toggle(mark) {
      if (!marks.delete(mark)) marks.add(mark);
      changed();
    },
    /** Of each task whether it stands out; null: nothing is looked for. */
    stands(scene, status, items) {
      if (words.length) askFor(scene);
      const byText = words.length ? found(scene, status, words, (word) => told.answers.get(word)) : null;
      const stands = both(byText, marks.size ? inStates(status, marks, items) : null);
      const current = hits[at];
      hits = words.length ? listOf(stands) : [];
      at = hits.indexOf(current);
      tell();
      return stands;
    },
    hear(message) {
      if (typeof message?.found !== "string" || !told.scene) return;
      const mask = new Uint8Array(told.scene.ids.length);
      for (const task of unrolled(message.tasks)) mask[task] = 1;
      told.answers.set(message.found, mask);
      changed();
    },
    stop: () => clearTimeout(timer),
  };
}
