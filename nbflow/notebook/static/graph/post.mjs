import { replaceInNotebook } from "./notebook.mjs";

/**
 * Messages to Python; what is not acknowledged within a second shows the hint. And those from Python that belong to no
 * part of the view.
 */
export function makePost(model, hint) {
  const waiting = new Map();
  const mine = Math.random().toString(36).slice(2, 10);
  let count = 0;
  let over = false;

  function acknowledged(key) {
    clearTimeout(waiting.get(key));
    waiting.delete(key);
    if (!waiting.size) hint.hidden = true;
  }
  function say(verb, about, expected) {
    if (over) return;
    const key = `${mine}-${++count}`;
    if (expected) waiting.set(key, setTimeout(() => (hint.hidden = false), 1000));
    model.send({ verb, key, ...about });
  }
  const stop = () => waiting.forEach((timer) => clearTimeout(timer));
  return {
    /** `expected`: somebody clicked and waits for an answer. `word`: what some verbs are about. */
    send: (verb, task, expected, word) =>
      say(verb, { ...(task === undefined ? {} : { task }), ...(word === undefined ? {} : { word }) }, expected),
    /** Somebody wants something done about these tasks. */
    act: (verb, tasks) => say(verb, { tasks }, true),
    hear(message) {
      if (typeof message?.ack === "string") acknowledged(message.ack);
      if (message?.still) replaceInNotebook(model.widget_manager, model.get("me"), message.still);
    },
    stop,
    /** Nobody is there any more who could answer: nothing more is sent, and no hint says when it would be heard. */
    end() {
      over = true;
      stop();
      hint.hidden = true;
    },
  };
}
