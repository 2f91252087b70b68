// A running flowgraph: what it receives, as it comes, and speech into it.

import * as api from "./api.js";
import * as draw from "./draw.js";
import { curve } from "./plot.js";
import { decimal } from "./results.js";
import { element, words } from "./text.js";

const $ = (id) => document.getElementById(id);
const SHOWN = 100; // results in the list
const POINTS = 60; // of the history of Es/N0
const ROWS = 160; // of the waterfall: 20 s
const LAMP_MS = 1500; // that the lamp stays on behind a burst
const BELOW_DB = 6; // what is so far below most of the waterfall, where there is noise, is black
const COUNTERS = { overflows: "overflows", samples_lost: "samples lost", underflows: "underflows", sequence_errors: "packets lost", late: "late bursts" };

let links, listening = false, there = null, lamp;
let good = 0, bad = 0, losses = "", rows = []; // rows of the waterfall, the newest first
const history = []; // [number, Es/N0]

// Listens from the first time on that the view is shown.
export async function show() {
  if (listening) return;
  listening = true;
  links = await api.links();
  $("live-addresses").textContent = `Results ${links.results}, audio ${links.audio}, spectrum ${links.spectrum}`;
  api.listen(event, () => state(false, "The server does not answer: is `deepsc web` still running?"));
}

// Sends a recording; raises what the server refuses it with.
export async function speak(source, user) {
  say("Sending ...");
  const { seconds } = await api.speak(source, user);
  say(`Sent: ${seconds.toFixed(1)} s of speech. Its text comes when the flowgraph has received it.`);
}

export function say(text, problem = false) {
  $("live-status").textContent = text;
  $("live-status").classList.toggle("bad", problem);
}

function event(name, data) {
  if (name === "peer") state(data.there);
  else if (name === "spectrum") spectrum(data);
  else result(data);
}

function state(now, why) {
  there = now;
  $("lamp-there").classList.toggle("on", there);
  $("there").textContent = there
    ? "A flowgraph is there."
    : (why ?? `No flowgraph at ${links.results}. Start one in a terminal: deepsc flowgraph run sim_gui`);
}

function result({ number, words: told, result, speech }) {
  const heard = !result.error && !result.lost;
  if (heard) good += 1;
  else bad += 1;
  flash(result.detected !== false);
  losses = Object.entries(COUNTERS).filter(([key]) => result[key]).map(([key, name]) => `${result[key]} ${name}`).join(", ");
  counters();
  if (result.es_n0_db !== null && Number.isFinite(result.es_n0_db)) {
    history.push([number, result.es_n0_db]);
    history.splice(0, history.length - POINTS);
    if (history.length > 1) past();
  }
  row(number, told, result, speech);
}

function counters() {
  const shown = { Received: good, "Not read": bad };
  $("live-stats").replaceChildren(...Object.entries(shown).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
  $("losses").textContent = losses ? `The radio lost: ${losses}.` : "";
}

function flash(on) {
  clearTimeout(lamp);
  $("lamp-sync").classList.toggle("on", on);
  lamp = setTimeout(() => $("lamp-sync").classList.remove("on"), LAMP_MS);
}

function row(number, told, result, speech) {
  const id = `heard-${result.session}-${result.seq}-${result.user_id}`;
  const text = told.length ? words(told, false) : [element("span", { class: "quiet" }, result.error ?? "Nothing.")];
  const about = [new Date().toLocaleTimeString("en-GB")];
  if (result.user_id !== null) about.push(`user ${result.user_id}`);
  if (result.es_n0_db !== null) about.push(`Es/N0 ${decimal(result.es_n0_db, 1)} dB`);
  if (result.confidence && told.length) about.push(`confidence ${Math.round(100 * result.confidence)} %`);
  if (result.error && told.length) about.push(result.error);
  const node = element("li", { "data-id": id }, element("p", { class: "said" }, ...text), element("p", { class: "about" }, about.join(" · ")));
  if (speech) node.append(element("audio", { controls: "", preload: "none", src: api.speech(speech), "aria-label": `Speech of text ${number}` }));
  if (speech && $("aloud").checked) new Audio(api.speech(speech)).play().catch(() => say("The browser plays nothing before a click on the page.", true));
  const newest = $("heard-live").firstElementChild;
  if (newest?.classList.contains("partial") && newest.dataset.id === id) newest.remove();
  node.classList.toggle("partial", Boolean(result.partial));
  $("heard-live").prepend(node);
  while ($("heard-live").children.length > SHOWN) $("heard-live").lastElementChild.remove();
  $("heard-nothing").hidden = true;
}

function past() {
  $("past-section").hidden = false;
  const values = history.map(([, db]) => db), low = Math.floor(Math.min(...values) / 5) * 5 - 1, high = Math.ceil(Math.max(...values) / 5) * 5 + 1;
  curve($("past"), history, { x: [history[0][0], history.at(-1)[0], "utterance"], y: [low, high, "Es/N0, dB"] });
}

function spectrum({ extent, level_db, levels }) {
  $("spectra").hidden = false;
  const x = [...extent, "kHz"];
  draw.outline($("spectrum"), levels, { x, y: [-120, 0, "dB"], label: `Spectrum: ${level_db} dB of full scale in all` });
  $("level-live").textContent = `level ${decimal(level_db, 1)} dB of full scale`;
  if (rows.length && rows[0].length !== levels.length) rows = [];
  rows = [levels, ...rows].slice(0, ROWS);
  const top = Math.max(...rows.map((row) => Math.max(...row)), -100), columns = levels.length;
  const low = rows.flat().sort((a, b) => a - b)[(rows.length * columns) >> 1] - BELOW_DB, scale = 255 / Math.max(20, top - low);
  const bytes = new Uint8ClampedArray(ROWS * columns);
  rows.forEach((row, k) => bytes.set(row.map((db) => scale * (db - low)), (ROWS - 1 - k) * columns));
  draw.image($("waterfall-live"), { rows: ROWS, columns, bytes, extent: [...extent, -ROWS / 8, 0] }, {
    x, y: [-ROWS / 8, 0, "time, s"], label: "Spectrum of the last 20 seconds",
  });
}
