// The received text: each word with its confidence, and errors marked where the truth is known.

export const DOUBTFUL = 0.5;

// Nodes of a text of `words`, as `words.py` tells them; with details a bar and a number below each.
export function words(told, detailed = true) {
  return told.flatMap((each) => [each.missing === undefined ? word(each, detailed) : missing(each.missing, detailed), " "]);
}

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function word({ word, confidence, right, said }, detailed) {
  const node = element("span", { class: "word" }, element("span", {}, word));
  if (confidence !== null && confidence < DOUBTFUL) node.classList.add("doubtful");
  if (right === false) node.classList.add("wrong");
  if (!detailed) return node;
  const about = [];
  if (confidence !== null) {
    const bar = element("b");
    bar.style.width = `${100 * confidence}%`;
    node.append(element("i", { "aria-hidden": "true" }, bar));
    about.push(`${Math.round(100 * confidence)}\u2009%`);
  }
  const notes = element("small", {}, about.join(""));
  if (right === false) notes.append(" ", element("em", {}, said ? `said: ${said}` : "not said"));
  node.append(notes);
  return node;
}

function missing(words, detailed) {
  const node = element("span", { class: "word missing", title: "said, and not received" }, element("span", {}, words));
  if (detailed) node.append(element("small", {}, element("em", {}, "missing")));
  return node;
}
