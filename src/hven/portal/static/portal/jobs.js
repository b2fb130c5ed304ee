// Jobs keep themselves up to date: the table listens to what happens to all of them, a page to its job.
import { listen } from "./live.js";

// Questions before what cannot be undone, and the box that ticks all.
document.addEventListener("click", event => {
  const asking = event.target.closest("[data-ask]");
  if (asking && !window.confirm(asking.dataset.ask)) event.preventDefault();
});
document.addEventListener("change", event => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.closest("table").querySelectorAll("[name=job]")) box.checked = event.target.checked;
});

async function fetched(address) {
  const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (!answer || answer.redirected) return null;
  return answer.status === 200 ? answer.text() : null;
}

// The rows of jobs to which something happened are asked for, once a second at most, and put where they belong.
const rows = document.querySelector("[data-rows]");
if (rows) {
  const BETWEEN = 1000, GATHERING = 150, CLOCK = 10000;
  // Only these can bring a job into the page or out of it.
  const MOVING = ["phase", "request"];
  const found = id => rows.querySelector(`tr[data-job="${id}"]`);
  let changed = new Set(), all = false, timer = 0, last = 0;
  const due = () => { timer ||= setTimeout(update, Math.max(GATHERING, last + BETWEEN - Date.now())); };
  const update = async () => {
    const ids = [...changed], query = new URLSearchParams(location.search);
    query.delete("state_of");
    if (all || ids.length > 100) query.set("state_of", rows.querySelector("[data-state-of]").dataset.stateOf);
    else query.set("changed", ids.join());
    [changed, all, last] = [new Set(), false, Date.now()];
    const html = document.hidden ? null : await fetched(`${rows.dataset.rows}?${query}`);
    timer = 0;
    if (html) put(new DOMParser().parseFromString(html, "text/html"));
    if (changed.size || all) due();
  };
  const put = fresh => {
    const held = document.activeElement, name = held?.value, ticked = new Set([...rows.querySelectorAll("[name=job]:checked")].map(box => box.value));
    const body = fresh.querySelector("tbody");
    for (const row of body.querySelectorAll("tr[data-same]")) {
      const here = found(row.dataset.job);
      // One that came up from the next page is not here yet: it is asked for.
      if (here) row.replaceWith(here); else changed.add(row.dataset.job);
    }
    for (const box of body.querySelectorAll("[name=job]")) box.checked = ticked.has(box.value);
    rows.querySelector("tbody").replaceChildren(...body.children);
    rows.querySelector("[data-state-of]").dataset.stateOf = fresh.querySelector("[data-state-of]").dataset.stateOf;
    rows.querySelector(".pages")?.remove();
    const pages = fresh.querySelector(".pages");
    if (pages) rows.append(pages);
    if (held?.isConnected) held.focus();
    else if (name) rows.querySelector(`[name=job][value="${CSS.escape(name)}"]`)?.focus();
  };
  const heard = event => {
    const { job, kind } = JSON.parse(event.data);
    if (!found(job) && !MOVING.includes(kind)) return;
    changed.add(job);
    due();
  };
  const everything = () => { all = true; due(); };
  listen(() => rows.dataset.stream, heard, everything);
  // Time goes by and others get their turn without an event of one's own jobs.
  setInterval(() => {
    const moving = [...rows.querySelectorAll("tr[data-moves]")];
    if (document.hidden || !moving.length || Date.now() < last + CLOCK) return;
    for (const row of moving) changed.add(row.dataset.job);
    due();
  }, CLOCK / 4);
}

// A page without jobs is laid out anew with the first one.
const none = document.querySelector("[data-until-first]");
if (none) {
  const look = async () => (await fetched(none.dataset.untilFirst))?.includes("data-job=") && location.reload();
  listen(() => none.dataset.stream, look, look);
}

const live = document.querySelector("[data-live]");
if (live) {
  let busy = false, again = false;
  const moving = () => live.querySelector("[data-newest]").dataset.moving === "yes";
  const refresh = async () => {
    if (busy) return void (again = true);
    busy = true;
    const html = await fetched(`${live.dataset.live}?events=${live.querySelector("[data-newest]").dataset.newest}`);
    if (html) swap(html);
    // Not more often than one can read.
    setTimeout(() => { busy = false; if (again) { again = false; refresh(); } }, 400);
  };
  const swap = html => {
    const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    // An image that is being looked at stays, and messages stay where they were scrolled to.
    const kept = live.querySelector("[data-keep] [data-image]"), place = fresh.querySelector("[data-keep]");
    const told = live.querySelector("[data-keep-scroll]"), atEnd = told && told.scrollHeight - told.scrollTop - told.clientHeight < 30, top = told?.scrollTop;
    if (kept && place && kept.dataset.image === place.firstElementChild.dataset.image) place.replaceChildren(kept);
    live.replaceChildren(fresh);
    if (place && !(kept && place.contains(kept))) live.dispatchEvent(new CustomEvent("hven:viewer", { bubbles: true, detail: place.firstElementChild }));
    const now = live.querySelector("[data-keep-scroll]");
    if (now) now.scrollTop = atEnd ? now.scrollHeight : top;
  };
  const told = live.querySelector("[data-keep-scroll]");
  if (told) told.scrollTop = told.scrollHeight;
  const address = live.dataset.stream && (() => `${live.dataset.stream}?after=${live.querySelector("[data-newest]").dataset.newest}`);
  if (moving()) listen(address, refresh, refresh, () => !moving());
}
