import { bytesInWords } from "./columns.mjs";
import { html } from "./dom.mjs";

/** A figure with a bar of so much of its whole. */
function gauge(text, share, title) {
  const fill = `width:${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%`;
  return html("span", { class: "nbf-gauge", title }, html("i", { "aria-hidden": true }, html("b", { style: fill })), text);
}

/** What the workers and the big values use now: bars for each worker, and all of it in words. */
export function makeGauges() {
  const words = html("p", { class: "nbf-muted" });
  const all = html("div", { class: "nbf-gauges", role: "list" });
  const element = html("div", { class: "nbf-meters", role: "region", "aria-label": "meters", hidden: true }, words, all);

  function workerGauge(meter, most) {
    const cpu = meter.cpu < 0 ? [] : [gauge(`${Math.round(100 * meter.cpu)} %`, meter.cpu, "processors kept busy: 100 % is one")];
    const memory = meter.memory ? [gauge(bytesInWords(meter.memory), meter.memory / most, "memory of all its processes")] : [];
    const name = html("span", { class: "nbf-who", title: meter.executor }, `worker ${meter.worker}`);
    return html("div", { role: "listitem", class: meter.busy ? "nbf-meter" : "nbf-meter nbf-idle" }, name, ...cpu, ...memory);
  }
  function storeGauge({ store, peak, limit }) {
    const share = store / Math.max(limit || peak, 1);
    const title = limit ? `of ${bytesInWords(limit)} that may be in memory` : "";
    const name = html("span", { class: "nbf-who" }, "big values");
    const most = html("span", { class: "nbf-muted" }, `at most ${bytesInWords(peak)}`);
    return html("div", { role: "listitem", class: "nbf-meter" }, name, gauge(bytesInWords(store), share, title), most);
  }
  return {
    element,
    show(meters) {
      element.hidden = !meters.workers?.length;
      if (element.hidden) return;
      words.textContent = meters.words;
      const most = Math.max(1, ...meters.workers.map(({ memory }) => memory));
      const rest = meters.more ? [html("span", { class: "nbf-muted" }, `and ${meters.more} more workers`)] : [];
      const store = meters.peak ? [storeGauge(meters)] : [];
      all.replaceChildren(...meters.workers.map((meter) => workerGauge(meter, most)), ...rest, ...store);
    },
  };
}
