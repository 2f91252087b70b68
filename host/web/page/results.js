// What came out of a run, as it comes.

import * as api from "./api.js";
import * as draw from "./draw.js";
import { element, words } from "./text.js";

const $ = (id) => document.getElementById(id);
const STEPS = ["loading", "utterance", "encoded", "received", "text"];
const SECTIONS = ["empty", "text", "compared", "parts", "listen", "air", "figures", "keep"];

let run, utterances; // of each utterance: words, voice, bursts

export function clear() {
  run = null;
  utterances = new Map();
  for (const id of SECTIONS) $(id).hidden = true;
  for (const each of ["original", "received"]) $(each).removeAttribute("src");
  $("error").hidden = true;
  step(null);
}

export function begin(id) {
  clear();
  run = id;
  if (matchMedia("(max-width: 56rem)").matches) $("results").scrollIntoView(); // they are below the form
}

export function say(text) {
  $("status").textContent = text;
}

export function complain(text) {
  $("error").textContent = text;
  $("error").hidden = false;
  say("");
  step(null);
}

// Marks the steps of the way up to this one; null for none, "done" for all.
export function step(name) {
  const now = name === "done" ? STEPS.length : STEPS.indexOf(name);
  document.querySelectorAll("#steps li").forEach((item, k) => {
    item.classList.toggle("done", k < now);
    item.classList.toggle("now", k === now);
  });
}

// An event of the run; `onDone` follows by itself.
export function event(name, data) {
  if (name === "queued") say(data.ahead ? `Waiting: ${data.ahead} before this one ...` : "Starting ...");
  else if (name === "loading") say("Loading the models ...");
  else if (name === "utterance") say(data.of > 1 ? `Utterance ${data.k + 1} of ${data.of} ...` : "Reading what is said, encoding, sending ...");
  else if (name === "encoded") say("Looking for the burst ...");
  else if (name === "received") say("Decoding ...");
  if (STEPS.includes(name)) step(name);
  if (name === "text") {
    part(data.k).words = data.words;
    text([...utterances.values()].flatMap((each) => each.words ?? []), data.result);
  } else if (name === "voice") {
    part(data.k).voice = data;
    addPart(data.k);
  } else if (name === "burst") {
    (part(data.k).bursts ??= []).push(data);
    if (String(data.k) === $("part").value) showBursts();
  } else if (name === "done") done(data);
}

function part(k) {
  if (!utterances.has(k)) utterances.set(k, {});
  return utterances.get(k);
}

function text(told, result) {
  $("text").hidden = false;
  $("words").replaceChildren(...(told.length ? words(told) : [element("span", { class: "quiet" }, result.error ? `Nothing: ${result.error}.` : "Nothing.")]));
  const notes = told.some((each) => each.word) ? ["Below each word: how likely it is right, as the receiver sees it."] : [];
  if (told.some((each) => each.right === false || each.missing)) notes.push("In red: what was said and did not come, or did not come so.");
  else if (told.some((each) => each.right)) notes.push("All words are as they were said.");
  if (result.error_type === "unreliable") notes.unshift(`${capital(result.error)}.`);
  if (result.warning) notes.push(`${capital(result.warning)}.`);
  $("legend").textContent = notes.join(" ");
  stats(result);
}

function stats(result) {
  const shown = [];
  const add = (name, value, unit = "") => value !== null && value !== undefined && shown.push([name, value, unit]);
  if (result.cer !== null && result.cer !== undefined) add("Character errors", (100 * result.cer).toFixed(1), "%");
  if (result.confidence !== null) add("Confidence", (100 * result.confidence).toFixed(0), "%");
  if (result.es_n0_db !== null) add("Es/N0, estimated", decimal(result.es_n0_db, 1), "dB");
  if (result.air_s) add("On the air", result.air_s < 1 ? (1000 * result.air_s).toFixed(0) : result.air_s.toFixed(1), result.air_s < 1 ? "ms" : "s");
  if (result.air_symbols) add("Symbols", grouped(result.air_symbols));
  if (result.rtf !== null) add("Real-time factor", result.rtf.toFixed(2));
  $("stats").replaceChildren(...shown.map(([name, value, unit]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, `${value} `, element("small", {}, unit)))));
}

function addPart(k) {
  const select = $("part");
  if (k === 0) select.replaceChildren();
  select.add(new Option(`${k + 1}`, k));
  $("parts").hidden = select.options.length < 2;
  if (k === 0) showPart();
}

function showPart() {
  const { voice } = part(Number($("part").value));
  $("listen").hidden = false;
  for (const name of ["original", "received"]) {
    const file = voice.files[name];
    $(name).hidden = !file;
    if (file) $(name).src = api.file(run, file);
    else $(name).removeAttribute("src");
  }
  $("received-caption").textContent = voice.files.received ? "Received, spoken" : "Nothing to rely on was received: not spoken";
  $("heard-note").hidden = !voice.pictures;
  for (const name of ["original", "received"]) $(`${name}-picture`).hidden = !voice.pictures;
  if (voice.pictures) {
    const seconds = Math.max(...Object.values(voice.pictures).map((each) => each.extent[1]));
    for (const [name, picture] of Object.entries(voice.pictures))
      draw.levels($(`${name}-picture`), picture, {
        x: [0, seconds, "time, s"], y: [0, 8, "kHz"],
        label: `Spectrogram, ${name}: ${picture.extent[1].toFixed(1)} s, 0 to 8 kHz`,
      });
  }
  showBursts();
}

function showBursts() {
  const { bursts = [] } = part(Number($("part").value));
  $("air").hidden = !bursts.length;
  $("bursts").hidden = bursts.length < 2;
  if (!bursts.length) return;
  const select = $("burst"), before = Math.min(Number(select.value) || 0, bursts.length - 1);
  select.replaceChildren(...bursts.map((_, k) => new Option(`${k + 1}`, k)));
  select.value = before;
  showBurst();
}

function showBurst() {
  const { waterfall, constellation } = part(Number($("part").value)).bursts[Number($("burst").value)];
  const [x0, x1, y0, y1] = waterfall.extent, slow = x1 - x0 > 2000;
  const parts = Object.entries(waterfall.parts).map(([name, [from, to]]) => `${name} ${from.toFixed(1)} to ${to.toFixed(1)} ms`);
  if (!parts.length) parts.push("none was found");
  const picture = slow ? inSeconds(waterfall) : waterfall, scale = slow ? 1e-3 : 1;
  draw.levels($("waterfall"), picture, {
    x: [x0 * scale, x1 * scale, slow ? "time, s" : "time, ms"], y: [y0, y1, "kHz"],
    label: `Spectrum of the burst over time: ${parts.join(", ")}`,
  });
  $("heard").textContent = `What the receiver heard: power by time and frequency, ${waterfall.range_db.toFixed(0)} dB of it`;
  legend(waterfall.parts);
  $("constellations").hidden = $("wheel").hidden = !constellation;
  if (!constellation) return;
  for (const name of ["before", "after"])
    draw.points($(name), constellation[name], constellation.angle, `Constellation ${name} equalising, ${constellation[name].length} symbols`);
}

function legend(places) {
  if (!places.payload) return $("named").replaceChildren(element("li", {}, "No burst was found in it."));
  const length = (name) => `${(places[name][1] - places[name][0]).toFixed(1)} ms`;
  const notes = { preamble: `a chirp up and a chirp down, ${length("preamble up")} each`, header: length("header"), payload: length("payload") };
  $("named").replaceChildren(...Object.entries(notes).map(([name, note]) => {
    const sample = element("b", { "aria-hidden": "true" });
    sample.style.background = draw.PARTS[name];
    return element("li", {}, sample, ` ${name}: ${note}`);
  }));
}

function inSeconds(waterfall) {
  const [x0, x1, y0, y1] = waterfall.extent;
  const parts = Object.fromEntries(Object.entries(waterfall.parts).map(([name, places]) => [name, places.map((t) => t / 1e3)]));
  return { ...waterfall, extent: [x0 / 1e3, x1 / 1e3, y0, y1], parts };
}

function done({ words: told, result, files }) {
  text(told, result);
  if (result.error && result.error_type !== "unreliable") complain(`${capital(result.error)}.`);
  step("done");
  const percent = result.cer === null || result.cer === undefined ? "" : `, ${(100 * result.cer).toFixed(1)} % character errors`;
  say(result.lost ? "Done: nothing was received." : `Done: ${told.filter((each) => each.word).length} words received${percent}.`);
  figures(result);
  downloads(files);
}

function figures(r) {
  const shown = [];
  const add = (name, value) => value !== null && value !== undefined && value !== "" && shown.push([name, value]);
  const unit = (value, text, digits = 1) => (value === null || value === undefined ? null : `${decimal(value, digits)} ${text}`);
  add("Es/N0, set", unit(r.es_n0_db_set, "dB"));
  add("Es/N0, estimated", unit(r.es_n0_db, "dB"));
  add("SNR in 3 kHz", unit(r.snr_3khz_db, "dB"));
  add("C/N0", unit(r.cn0_dbhz, "dB Hz"));
  add("Carrier, estimated", unit(r.cfo_hz, "Hz"));
  add("Drift, estimated", unit(r.drift_hz_s, "Hz/s"));
  add("Clock, estimated", unit(r.clock_ppm, "ppm"));
  add("EVM of the pilots", r.evm === null ? null : `${(100 * r.evm).toFixed(0)} %`);
  add("Fading, as it looked", r.fading);
  add("Rate", r.rate && `${r.rate} symbols/s of speech`);
  add("Symbols of payload", r.n_symbols ? grouped(r.n_symbols) : null);
  add("Symbols in all", r.air_symbols && grouped(r.air_symbols));
  add("Symbols a second of speech", r.air_symbols_per_second && `${r.symbols_per_second.toFixed(0)}; ${r.air_symbols_per_second.toFixed(0)} in all`);
  add("Overhead", r.overhead === null ? null : `${(100 * r.overhead).toFixed(0)} %`);
  add("Bursts", r.n_bursts && `${r.n_bursts}, preamble ${r.preamble ?? "mixed"}`);
  add("Time on the air", r.air_s && `${r.air_s < 1 ? `${(1000 * r.air_s).toFixed(1)} ms` : `${r.air_s.toFixed(2)} s`}`);
  add("Speech", unit(r.seconds, "s"));
  add("Energy of a second of speech / N0", unit(r.speech_cn0_dbhz, "dB Hz"));
  add("Energy of a word / N0", unit(r.word_n0_db, "dB"));
  add("Confidence", r.confidence === null ? null : r.confidence.toFixed(2));
  add("Character error rate", r.cer?.toFixed(3));
  add("Word error rate", r.wer?.toFixed(3));
  add("Voice", r.voice === null ? null : `user ${r.voice}, ${r.speech_s.toFixed(1)} s in ${r.synthesis_s.toFixed(2)} s`);
  add("Real-time factor", r.rtf?.toFixed(3));
  $("figures").hidden = false;
  $("list").replaceChildren(...shown.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

const WHAT = {
  "received.wav": "Received voice, wav", "original.wav": "Original, wav", "signal.sigmf": "What the receiver heard, SigMF",
  "signal.wav": "What the receiver heard, wav", "result.json": "All figures, JSON",
};

function downloads(files) {
  const names = Object.keys(WHAT).filter((name) => files.includes(name));
  $("downloads").replaceChildren(...names.map((name) =>
    element("li", {}, element("a", { href: `${api.file(run, name)}?download`, download: name }, WHAT[name]))));
  $("keep").hidden = false;
}

function capital(sentence) {
  return sentence[0].toUpperCase() + sentence.slice(1);
}

export function decimal(value, digits) {
  return value.toFixed(digits).replace("-", "\u2212");
}

function grouped(value) {
  return value.toLocaleString("en");
}

$("part").addEventListener("change", showPart);
$("burst").addEventListener("change", showBurst);
