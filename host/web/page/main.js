// The page: what its buttons do.

import * as api from "./api.js";
import * as compare from "./compare.js";
import * as form from "./form.js";
import * as live from "./live.js";
import * as results from "./results.js";
import * as source from "./source.js";

const $ = (id) => document.getElementById(id);
let current = null; // {id} of the run that is on its way; stopped: none of its comparison is to follow

async function run() {
  const wanted = asked();
  if (!wanted) return;
  const link = form.link(wanted);
  await busy(async (turn) => {
    results.clear();
    const id = await begin(wanted, turn);
    results.begin(id);
    keepLink(link, wanted);
    await api.follow(id, results.event);
  });
}

async function compareSeveral() {
  const wanted = asked({ details: 0 });
  if (!wanted) return;
  let vary, values;
  try {
    [vary, values] = form.compared();
  } catch (error) {
    return results.complain(error.message);
  }
  const { details, ...plain } = wanted;
  const rows = values.map((value) => ({ value, told: null, link: form.link({ ...plain, [vary]: value }) }));
  keepLink(form.link(plain, [vary, values]), plain);
  await busy(async (turn) => {
    results.clear();
    for (const [k, row] of rows.entries()) {
      compare.show(vary, rows);
      results.say(`Run ${k + 1} of ${rows.length} ...`);
      results.step("utterance");
      try {
        const id = await begin({ ...wanted, [vary]: row.value }, turn);
        row.told = await api.follow(id, () => {});
      } catch (refusal) {
        if (turn.stopped || refusal.type === "network") throw refusal;
        row.told = { error: refusal.message };
      }
    }
    compare.show(vary, rows);
    results.step("done");
    results.say(`Done: ${rows.length} runs. A value leads to its run.`);
  });
}

function asked(more = {}) {
  try {
    const id = source.current();
    return { ...form.wish(id, source.isSample(id)), ...more };
  } catch (error) {
    results.complain(error.message);
    return null;
  }
}

async function begin(wanted, turn) {
  const { id } = await api.start(wanted);
  turn.id = id;
  if (turn.stopped) api.stop(id);
  return id;
}

async function busy(work) {
  const turn = (current = { id: null, stopped: false });
  $("run").disabled = $("compare").disabled = true;
  $("stop").hidden = false;
  try {
    await work(turn);
  } catch (error) {
    if (error.status === 404) source.forget();
    results.complain(error.message);
  } finally {
    $("run").disabled = $("compare").disabled = false;
    $("stop").hidden = true;
  }
}

function keepLink(link, wanted) {
  history.replaceState(null, "", link);
  $("link").href = link;
  $("link-note").textContent = source.isSample(wanted.source) ? "" : "It works as long as this `deepsc web` runs: your recording goes with it.";
  $("command").textContent = form.command(wanted, source.fileOf(wanted.source));
}

const isLive = () => location.hash === "#live";

function showView() {
  document.body.classList.toggle("live", isLive());
  for (const each of document.querySelectorAll("[data-view]")) each.hidden = (each.dataset.view === "live") !== isLive();
  for (const each of document.querySelectorAll(".views a")) each.toggleAttribute("aria-current", (each.hash === "#live") === isLive());
  if (isLive()) live.show().catch((error) => live.say(error.message, true));
}

async function send() {
  $("send").disabled = true;
  try {
    await live.speak(source.current(), Number($("form").elements["user-id"].value));
  } catch (error) {
    if (error.status === 404) source.forget();
    live.say(error.message, true);
  } finally {
    $("send").disabled = false;
  }
}

addEventListener("hashchange", showView);
$("send").addEventListener("click", send);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (isLive()) send();
  else run();
});
$("comparing").addEventListener("toggle", () => $("comparing").open && $("compare").scrollIntoView({ block: "nearest" }));
$("compare").addEventListener("click", compareSeveral);
$("stop").addEventListener("click", () => {
  current.stopped = true;
  if (current.id) api.stop(current.id).catch((error) => results.complain(error.message));
});
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("link").href);
    results.say("The link is copied.");
  } catch {
    results.say(`Copy it from here: ${$("link").href}`);
  }
});

try {
  const options = await api.options();
  form.setUp(options);
  source.setUp(options);
  const query = new URLSearchParams(location.search);
  if (form.restore(query)) {
    source.choose(query.get("source"));
    if (query.has("vary")) compareSeveral();
    else run();
  }
  showView();
  document.body.dataset.ready = "";
} catch (error) {
  results.complain(error.message);
}
