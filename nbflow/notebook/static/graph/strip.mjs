import { FAILED, classOf } from "./marks.mjs";
import { html, svg } from "./dom.mjs";

/** The workers' strip: what each did when. */
export function makeStrip(open) {
  const element = html("div", { class: "nbf-strip", "aria-hidden": true });
  let shown = { span: 0, lanes: [] };
  let arrived = 0;
  const LABEL = 66;
  const LANE = 18;

  function draw(live) {
    element.hidden = !shown.lanes.length;
    if (element.hidden || !element.clientWidth) return; // the page is hidden, as Lab's is while its theme changes
    const width = Math.max(120, element.clientWidth - 24);
    const span = Math.max(shown.span + (live ? (performance.now() - arrived) / 1000 : 0), 0.001);
    const scale = (width - LABEL) / span;
    const lanes = shown.lanes.flatMap((lane, i) => [
      svg("text", { x: LABEL - 8, y: i * LANE + 12, "text-anchor": "end" }, `worker ${lane.worker}`),
      ...lane.bars.map(([start, end, mark, task]) => {
        const long = ((end < 0 ? span : end) - start) * scale;
        return svg("rect", {
          class: classOf(mark),
          "data-bar": task,
          x: (LABEL + start * scale).toFixed(1),
          y: i * LANE + 2,
          width: Math.max(mark === FAILED ? 3 : 0.8, long > 4 ? long - 1.2 : long).toFixed(1),
          height: 13,
          rx: long > 6 ? 2.5 : 0,
        });
      }),
    ]);
    element.replaceChildren(svg("svg", { width, height: shown.lanes.length * LANE }, ...lanes));
  }
  element.addEventListener("click", (event) => {
    const task = event.target.getAttribute("data-bar");
    if (task !== null) open(Number(task));
  });
  return {
    element,
    draw,
    show(timeline, live) {
      shown = timeline;
      arrived = performance.now();
      draw(live);
    },
  };
}
