// The options, as a wish for the server, as a link, and as a command line.

const form = document.getElementById("form");
const slider = document.getElementById("slider");
const SPECIAL = new Set(["from", "vary", "values", "reference"]);

const LABELS = {
  rate: {
    520: "520 symbols a second: hears most", 260: "260 symbols a second", 130: "130 symbols a second: the leanest",
    auto: "auto: what 0 dB takes", paper: "the paper's own codec, 500",
  },
  profile: { usrp: "radio, 50,000 symbols a second", audio: "audio band (SSB), 1,200 symbols a second" },
  preamble: { "": "the one that suits", auto: "auto", long: "long: for fading", short: "short: saves air time" },
  reader: {
    auto: "the model's own", whisper: "Whisper's decoder, a beam", "whisper-greedy": "Whisper's decoder, greedy",
    ctc: "CTC and a language model",
  },
  decoder: { auto: "auto", greedy: "the likeliest characters", beam: "a search with a language model" },
  csi: { estimated: "estimated: the whole modem", ideal: "ideal: h and N0 told, no burst" },
};

let defaults;

export function setUp(options) {
  defaults = options.defaults;
  for (const [name, values] of Object.entries(options.choices)) {
    const field = form.elements[name];
    if (!(field instanceof HTMLSelectElement)) continue;
    const all = name === "preamble" ? ["", ...values] : values;
    for (const value of all) field.add(new Option(LABELS[name]?.[value] ?? value, value));
  }
  for (const user of options.users) form.elements["user-id"].add(new Option(`user ${user}`, user));
  slider.addEventListener("input", () => (form.elements.snr.value = slider.value));
  form.elements.snr.addEventListener("input", () => (slider.value = form.elements.snr.value));
  form.addEventListener("change", showWhatMatters);
  form.elements.vary.addEventListener("change", () => {
    form.elements.values.value = form.elements.vary.value === "snr" ? "-10, -8, -6, -4, 0, 8" : "520, 260, 130";
  });
  showWhatMatters();
}

// All options by name, those that say nothing left out; raises an Error where a field is invalid.
export function wish(source, isSample) {
  const wanted = { source };
  for (const [name, value] of fields()) {
    const field = form.elements[name];
    if (field.validity && !field.validity.valid) {
      field.closest("details")?.setAttribute("open", "");
      field.focus();
      throw new Error(`${field.closest("label")?.firstChild.textContent.trim() ?? "Es/N0, dB"}: ${field.validationMessage}`);
    }
    if (value !== "") wanted[name] = value;
  }
  const reference = form.elements.reference.value.trim();
  if (reference && !isSample) wanted.reference = reference;
  return wanted;
}

// Values to compare.
export function compared() {
  const values = form.elements.values.value.split(/[,;\s]+/).filter(Boolean);
  if (values.length < 2 || values.length > 12) throw new Error("Compare: give 2 to 12 values, a comma between.");
  return [form.elements.vary.value, values];
}

export function link(wanted, comparison) {
  const query = new URLSearchParams(changed(wanted));
  if (comparison) query.set("vary", comparison[0]), query.set("values", comparison[1].join(","));
  return `?${query}`;
}

export function command(wanted, file) {
  const given = changed(wanted).filter(([name]) => name !== "source" && name !== "reference");
  return ["deepsc simulate", ...given.map(([name, value]) => `--${name}=${value}`), quoted(file)].join(" ");
}

// Fills the form from a link; false where it is none.
export function restore(query) {
  if (!query.has("source")) return false;
  const values = Object.entries(defaults).map(([name, value]) => [name, query.get(name) ?? value ?? ""]);
  for (const [name, value] of values) if (form.elements[name]) form.elements[name].value = value;
  form.elements.reference.value = query.get("reference") ?? "";
  if (query.has("vary")) {
    form.elements.vary.value = query.get("vary");
    form.elements.values.value = (query.get("values") ?? "").replaceAll(",", ", ");
    document.getElementById("comparing").open = true;
  }
  slider.value = form.elements.snr.value;
  showWhatMatters();
  return true;
}

function fields() {
  return [...new FormData(form)].filter(([name, value]) => !SPECIAL.has(name) && !(value instanceof File));
}

// What differs from the command line's defaults.
function changed(wanted) {
  return Object.entries(wanted).filter(([name, value]) => String(defaults[name] ?? "") !== value);
}

function quoted(word) {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function showWhatMatters() {
  const channel = form.elements.channel.value;
  for (const each of form.querySelectorAll("[data-channel]")) each.hidden = !each.dataset.channel.split(" ").includes(channel);
}
