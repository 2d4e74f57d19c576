/**
 * How each state is told: word, sign, class of its colour, and the order of importance. As in nbflow/notebook/marks.py.
 */
const RING = "M8 3.5A4.5 4.5 0 1 1 8 12.5A4.5 4.5 0 1 1 8 3.5";
const BACK = "M4.2 5.6A4.6 4.6 0 1 1 3.4 8.6M4 2.8V5.9H7.1";

/** How each state is told: the byte of a task's state is an index into this table. */
export const MARKS = [
  { word: "waiting", path: RING, solid: false },
  { word: "recalling", path: BACK, solid: false },
  { word: "running", path: "M6 4.2L12 8L6 11.8Z", solid: true },
  { word: "done", path: "M4 8.4L7 11.4L12.2 5", solid: false },
  { word: "failed", path: "M4.8 4.8L11.2 11.2M11.2 4.8L4.8 11.2", solid: false },
  { word: "skipped", path: "M3 9.2Q4.6 6.4 6.2 8T9.6 8H13M10.6 5.4L13.2 8L10.6 10.6", solid: false },
  { word: "cancelled", path: RING + "M4.9 4.9L11.1 11.1", solid: false },
  { word: "recalled", path: BACK, solid: false },
  { word: "retrying", path: "M11.8 5.6A4.6 4.6 0 1 0 12.6 8.6M12 2.8V5.9H8.9", solid: false },
  { word: "not responding", path: "M6 4.4V11.6M10 4.4V11.6", solid: false },
];
export const NEED = 0;
export const SPAWN = 1;
const DONE = 3;
export const FAILED = 4;
export const RECALLED = 7;

/** The order in which counts are told, and the order in which they matter where there is little room. */
export const ORDER = [DONE, RECALLED, 2, 8, 9, 1, 0, FAILED, 5, 6];
export const MATTERS = [FAILED, 9, 2, 8, DONE, 5, RECALLED, 0, 6, 1];

/** The class of what is drawn in a state's colour. */
export const classOf = (mark) => `nbf-${MARKS[mark].word.replace(" ", "-")}`;

/** True for the marks that are never left. */
export const ended = (mark) => mark >= DONE && mark <= RECALLED;

/**
 * What people call a task: "7", or "2.5" for the fifth call made inside tasks of worker 2. As in nbflow/numbers.py.
 * @param {number} id
 * @returns {string}
 */
export const numberName = (id) => (id >= 2 ** 32 ? `${Math.floor(id / 2 ** 32)}.${id % 2 ** 32}` : `${id}`);

/** How a task is named to those who do not see it. */
export const label = (id, app, mark) => `task ${numberName(id)} ${app}, ${MARKS[mark].word}`;
