/** What the line says, and when a browser's notification is due. Pure. */
import { seconds } from "../graph/text.mjs";

/** "12 s, about 40 s left": `clock` as it was sent, and how many seconds ago that was. */
export function clockText(clock, since) {
  if (clock.elapsed === undefined) return "";
  if (!clock.running) return seconds(clock.elapsed);
  const spent = seconds(clock.elapsed + since);
  if (clock.left === null || clock.left === undefined) return spent;
  const left = clock.left - since;
  return left < 0.5 ? `${spent}, about to end` : `${spent}, about ${roughly(left)} left`;
}

/** A length of time that nobody takes for exact: "8 s", "40 s", "3 min", "2 h". */
export function roughly(span) {
  if (span < 10) return `${Math.max(1, Math.round(span))} s`;
  if (span < 90) return `${Math.round(span / 5) * 5} s`;
  if (span < 5400) return `${Math.round(span / 60)} min`;
  return `${Math.round(span / 3600)} h`;
}

/**
 * Whether a notification is to be shown: of a batch that was seen under way here, once, and only to somebody who has
 * asked for it and does not look at the page.
 */
export function isDue({ notice, seenRunning, told, wanted, permission, hidden }) {
  return Boolean(notice.text) && seenRunning && !told && wanted && permission === "granted" && hidden;
}

/** What the button about notifications offers: "none" (they cannot be had), "off" or "on". */
export function offer(permission, wanted) {
  if (permission === undefined || permission === "denied") return "none";
  return permission === "granted" && wanted ? "on" : "off";
}
