import { html } from "./dom.mjs";

/**
 * The buttons of a task's panel, and under them what came of a click where the picture does not show it. `act(verb, ids)`
 * has something done, `more(id)` begins a selection with the task.
 */
export function makeActs(act, more) {
  const answer = html("p", { class: "nbf-answer", role: "status", hidden: true });
  let about; // the task that the answer is about

  const tell = (...parts) => {
    answer.replaceChildren(...parts);
    answer.hidden = !parts.length;
  };
  /** Hand people a line to run in a cell: by the clipboard, where the page may, and to be read in any case. */
  async function hand(line) {
    const copied = await navigator.clipboard?.writeText(line).then(() => true, () => false);
    const then = copied ? "Copied; run it in a cell." : "Run it in a cell.";
    tell(html("code", {}, line), " ", html("span", { class: "nbf-muted" }, then));
  }
  return {
    /** The buttons of a panel's task. */
    draw(panel) {
      if (panel.task !== about) tell();
      about = panel.task;
      const buttons = (panel.acts ?? []).map(({ label, verb, tasks, main, line }) => {
        const click = () => {
          tell();
          if (line) hand(line);
          else act(verb, tasks);
        };
        return html("button", { type: "button", class: main ? "nbf-act nbf-main" : "nbf-act", onclick: click }, label);
      });
      const title = "Select several tasks: each click takes or leaves one (Ctrl+click at any time)";
      const several = html("button", { type: "button", class: "nbf-act", title, onclick: () => more(panel.task) }, "Select more");
      return html("div", { class: "nbf-acts" }, ...buttons, several, answer);
    },
    hear: (message) => typeof message?.answer === "string" && tell(message.answer),
  };
}
