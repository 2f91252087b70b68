// Which recording is sent: a sample, a file, or what the microphone recorded.

import * as api from "./api.js";
import { Microphone } from "./microphone.js";
import { asWav } from "./wav.js";

const $ = (id) => document.getElementById(id);
const LONGEST_S = 120; // of the microphone

let limits, samples;
let chosen = null; // of file or microphone: as the server tells of it
const microphone = new Microphone((level, seconds) => {
  $("level").value = level;
  $("seconds").value = `${seconds.toFixed(1)} s`;
  if (seconds > LONGEST_S) toggle();
});

export function setUp(options) {
  limits = options.limits;
  samples = new Map(options.samples.map((each) => [each.id, each]));
  for (const { id, text, seconds } of samples.values())
    $("sample").add(new Option(`${text[0].toUpperCase()}${text.slice(1)} (${seconds.toFixed(1)} s)`, id));
  for (const radio of document.getElementsByName("from")) radio.addEventListener("change", () => show());
  $("sample").addEventListener("change", () => show());
  $("file").addEventListener("change", () => $("file").files[0] && take($("file").files[0], $("file").files[0].name));
  $("record").addEventListener("click", toggle);
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    $("drop").addEventListener(name, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", over);
      const file = name === "drop" && event.dataTransfer.files[0];
      if (file) take(file, file.name);
    });
  show();
}

// The id of the recording; raises an Error that says what is missing.
export function current() {
  const from = kind();
  if (from === "sample") return $("sample").value;
  if (!chosen) throw new Error(from === "file" ? "Choose a recording first." : "Record something first.");
  return chosen.id;
}

// Chooses the recording of a link; an upload may be gone, which the server then tells.
export function choose(id) {
  if (samples.has(id)) {
    $("sample").value = id;
    pick("sample");
  } else {
    chosen = { id, name: "the recording of this link" };
    pick("file");
  }
}

export const isSample = (id) => samples.has(id);
// As a terminal has it: samples wherever they were installed.
export const fileOf = (id) => samples.get(id)?.path ?? chosen?.name ?? id;

// It is gone from the server.
export function forget() {
  if (kind() !== "sample") chosen = null;
  show();
}

function kind() {
  return document.querySelector("[name=from]:checked").value;
}

function pick(from) {
  document.querySelector(`[name=from][value=${from}]`).checked = true;
  show();
}

function show(problem = "") {
  const from = kind();
  for (const each of document.querySelectorAll("[data-from]")) each.hidden = each.dataset.from !== from;
  $("said").hidden = from === "sample";
  const source = from === "sample" ? samples.get($("sample").value) : chosen;
  $("source").classList.toggle("bad", Boolean(problem));
  $("source").textContent = problem || (from === "sample" || !source ? "" : told(source));
  $("preview").hidden = !source;
  const address = source ? api.recording(source.id) : "";
  if ($("preview").getAttribute("src") !== address) $("preview").setAttribute("src", address);
}

function told({ name, seconds, utterances }) {
  if (!seconds) return name;
  return `${name}: ${seconds.toFixed(1)} s${utterances > 1 ? `, cut at pauses into ${utterances} utterances` : ""}`;
}

async function take(blob, name) {
  if (blob.size > limits.bytes) return show(`${name} has ${(blob.size / 2 ** 20).toFixed(0)} MB: at most ${limits.bytes >> 20} MB are taken.`);
  $("source").classList.remove("bad");
  $("source").textContent = `Sending ${name} to the server ...`;
  try {
    chosen = await api.upload(blob, name);
    show();
  } catch (refusal) {
    if (refusal.type !== "corrupt") return show(refusal.message);
    await decoded(blob, name, refusal);
  }
}

// libsndfile cannot read it: what browsers record, for instance.
async function decoded(blob, name, refusal) {
  try {
    chosen = await api.upload(await asWav(blob), name);
    show();
  } catch (error) {
    show(error instanceof api.Refusal ? error.message : refusal.message);
  }
}

async function toggle() {
  const button = $("record");
  if (microphone.recording) {
    button.disabled = true;
    const blob = await microphone.stop();
    button.disabled = false;
    button.classList.remove("on");
    button.textContent = "Record again";
    $("level").value = -60;
    return decoded(blob, "microphone", { message: "The browser cannot decode what it recorded: record a file instead." });
  }
  try {
    await microphone.start();
    chosen = null;
    show();
    button.classList.add("on");
    button.textContent = "Stop";
  } catch (error) {
    show(error.message);
  }
}
