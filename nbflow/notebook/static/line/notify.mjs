/** Notifications of the browser: asked for by a button, shown once for a batch while nobody looks at the page. */
import { html, set } from "../graph/dom.mjs";
import { isDue, offer } from "./words.mjs";

const WANTED = "nbflow-notify"; // what the user has chosen, for all notebooks of this server

/** What the user has chosen, here or in another line; null where that is not known. */
function remembered() {
  try {
    const said = localStorage.getItem(WANTED);
    return said === null ? null : said === "yes";
  } catch {
    return null; // a page without storage
  }
}
function remember(wanted) {
  try {
    localStorage.setItem(WANTED, wanted ? "yes" : "no");
  } catch {
    // it holds for this line then
  }
}
const permission = () => globalThis.Notification?.permission;

/** The button, and what is told of a notice. */
export function makeNotifier() {
  let wanted = remembered() ?? false;
  let seenRunning = false;
  let told = false;
  const button = html("button", { type: "button", class: "nbl-button", onclick: turn }, "Notify me");

  function draw(running) {
    const offered = offer(permission(), wanted);
    button.hidden = offered === "none" || !running;
    set(button, "aria-pressed", offered === "on");
    set(button, "title", offered === "on" ? "You will be notified when this ends or fails, if the page is hidden" : "Have the browser notify you when this ends or fails");
  }
  async function turn() {
    if (offer(permission(), wanted) === "on") wanted = false;
    else wanted = permission() === "granted" || (await Notification.requestPermission()) === "granted";
    remember(wanted);
    draw(seenRunning && !told);
  }
  return {
    button,
    /** `running`: the batch is under way; `notice`: what is to be said of it, once there is something. */
    hear(running, notice) {
      if (running && !notice.text) seenRunning = true;
      wanted = remembered() ?? wanted;
      draw(running && !notice.text);
      if (isDue({ notice, seenRunning, told, wanted, permission: permission(), hidden: document.hidden })) {
        try {
          new Notification(notice.title, { body: notice.text, tag: notice.key });
        } catch {
          // some browsers know the name alone
        }
      }
      told ||= Boolean(notice.text);
    },
  };
}
