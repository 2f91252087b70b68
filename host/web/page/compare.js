// The same utterance several times, side by side: a table and a plot.

import { curve } from "./plot.js";
import { decimal } from "./results.js";
import { element, words } from "./text.js";

const $ = (id) => document.getElementById(id);

// Rows: {value, told, link} each; told is the run's last event, or null while it is on its way.
export function show(vary, rows) {
  $("compared").hidden = false;
  table(vary, rows);
  plot(vary, rows.filter((row) => row.told && !row.told.error));
}

function table(vary, rows) {
  const name = vary === "snr" ? "Es/N0, dB" : "Rate";
  const head = [name, "CER", "Confidence", "Estimated", "EVM", "Symbols", "Air time", "Text"];
  const body = rows.map(({ value, told, link }) => {
    const row = element("tr", {}, element("td", {}, element("a", { href: link }, value.replace("-", "\u2212"))));
    if (!told) return row.append(element("td", { colspan: 7, class: "text" }, "...")), row;
    if (told.error) return row.append(element("td", { colspan: 7, class: "text" }, told.error)), row;
    const r = told.result;
    const cells = [
      r.cer === null || r.cer === undefined ? "" : r.cer.toFixed(3),
      r.confidence?.toFixed(2) ?? "",
      r.es_n0_db === null ? "" : `${decimal(r.es_n0_db, 1)} dB`,
      r.evm === null ? "" : `${(100 * r.evm).toFixed(0)} %`,
      r.air_symbols ?? r.n_symbols,
      r.air_s === null ? "" : `${(1000 * r.air_s).toFixed(0)} ms`,
    ];
    row.append(...cells.map((cell) => element("td", {}, String(cell))));
    row.append(element("td", { class: "text" }, ...(r.lost ? [r.error] : words(told.words, false))));
    return row;
  });
  const titles = element("tr", {}, ...head.map((title) => element("th", { scope: "col" }, title)));
  $("table").replaceChildren(element("thead", {}, titles), element("tbody", {}, ...body));
}

function plot(vary, rows) {
  const known = rows.some((row) => row.told.result.cer !== null && row.told.result.cer !== undefined);
  const of = (row) => (known ? (row.told.result.cer ?? 1) : (row.told.result.confidence ?? 0));
  const points = rows.map((row) => [Number(row.value), Math.min(1, of(row))]).filter(([x]) => Number.isFinite(x));
  points.sort((a, b) => a[0] - b[0]);
  if (points.length < 2) return $("plot").replaceChildren();
  const pad = 0.06 * (points.at(-1)[0] - points[0][0]) || 1;
  const what = known ? "character error rate" : "confidence", along = vary === "snr" ? "Es/N0, dB" : "rate, symbols a second of speech";
  curve($("plot"), points, { x: [points[0][0] - pad, points.at(-1)[0] + pad, along], y: [0, 1, what] });
}
