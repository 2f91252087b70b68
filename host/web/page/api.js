// What the server is asked, and its errors as sentences.

export class Refusal extends Error {
  constructor(told, status) {
    super(told.error);
    this.type = told.error_type;
    this.status = status;
  }
}

async function ask(address, request) {
  let answer;
  try {
    answer = await fetch(address, request);
  } catch {
    throw new Refusal({ error: "The server does not answer: is `deepsc web` still running?", error_type: "network" }, 0);
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  if (!answer.ok) throw new Refusal(told, answer.status);
  return told;
}

export const options = () => ask("api/options");
export const start = (wish) => ask("api/runs", { method: "POST", body: JSON.stringify(wish) });
export const stop = (id) => ask(`api/runs/${id}`, { method: "DELETE" });
export const upload = (blob, name) =>
  ask("api/recordings", { method: "POST", body: blob, headers: { "X-Name": encodeURIComponent(name) } });
export const recording = (id) => `api/recordings/${id}`;
export const file = (run, name) => `api/runs/${run}/files/${name}`;

export const links = () => ask("api/live");
export const speak = (source, user) =>
  ask("api/live/utterances", { method: "POST", body: JSON.stringify({ source, "user-id": user }) });
export const speech = (name) => `api/live/speech/${name}`;

// Calls each(name, data) for what a running flowgraph tells, for as long as the page is there; gone() while the server is.
export function listen(each, gone) {
  for (const [address, names] of [["api/live/events", ["peer", "result"]], ["api/live/spectrum", ["spectrum"]]]) {
    const events = new EventSource(address);
    for (const name of names) events.addEventListener(name, (event) => each(name, JSON.parse(event.data)));
    events.onerror = gone;
  }
}

const NAMES = ["queued", "loading", "utterance", "encoded", "received", "text", "voice", "burst", "done", "failed", "stopped"];

// Calls each(name, data) for every event of a run; ends with its last one.
export function follow(id, each) {
  return new Promise((resolve, reject) => {
    const events = new EventSource(`api/runs/${id}/events`);
    for (const name of NAMES) {
      events.addEventListener(name, (event) => {
        const data = JSON.parse(event.data);
        if (name === "done" || name === "failed" || name === "stopped") events.close();
        each(name, data);
        if (name === "done") resolve(data);
        else if (name === "failed") reject(new Refusal(data, 200));
        else if (name === "stopped") reject(new Refusal({ error: "Stopped.", error_type: "stopped" }, 200));
      });
    }
    events.onerror = () => {
      if (events.readyState === EventSource.CLOSED) // else the browser tries again by itself
        reject(new Refusal({ error: "The server does not answer: is `deepsc web` still running?", error_type: "network" }, 0));
    };
  });
}
