import { html } from "./dom.mjs";

/** The buttons of a task's panel, and under them what came of a click where the picture does not show it. */
export function makeActs(act) {
  const answer = html("p", { class: "nbf-answer", role: "status", hidden: true });
  let about; // the task that the answer is about

  const tell = (...parts) => {
    answer.replaceChildren(...parts);
    answer.hidden = !parts.length;
  };
  return {
    /** The buttons of a panel's task. */
    draw(panel) {
      if (panel.task !== about) tell();
      about = panel.task;
      const buttons = (panel.acts ?? []).map(({ label, verb, tasks, main }) => {
        const click = () => {
          tell();
          act(verb, tasks);
        };
        return html("button", { type: "button", class: main ? "nbf-act nbf-main" : "nbf-act", onclick: click }, label);
      });
      return html("div", { class: "nbf-acts" }, ...buttons, answer);
    },
    hear: (message) => typeof message?.answer === "string" && tell(message.answer),
  };
}
