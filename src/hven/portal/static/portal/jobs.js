// Jobs keep themselves up to date: the table asks while something moves, a job listens to its events.

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

const rows = document.querySelector("[data-rows]");
if (rows) {
  const inside = () => rows.querySelector("[data-state-of]");
  const refresh = async () => {
    if (!document.hidden) {
      const query = new URLSearchParams(location.search);
      query.set("state_of", inside().dataset.stateOf);
      const html = await fetched(`${rows.dataset.rows}?${query}`);
      if (html) {
        const ticked = new Set([...rows.querySelectorAll("[name=job]:checked")].map(box => box.value)), held = document.activeElement?.value;
        rows.innerHTML = html;
        for (const box of rows.querySelectorAll("[name=job]")) {
          box.checked = ticked.has(box.value);
          if (held === box.value) box.focus();
        }
      }
    }
    setTimeout(refresh, inside().dataset.moving === "yes" ? 1000 : 5000);
  };
  setTimeout(refresh, 1000);
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
  if (moving()) {
    const poll = () => moving() && (document.hidden || refresh(), setTimeout(poll, 4000));
    setTimeout(poll, 4000);
    if (live.dataset.stream) {
      const stream = new EventSource(`${live.dataset.stream}?after=${live.dataset.events}`);
      for (const kind of ["message", "phase", "say", "stage", "output", "retry", "attempt", "request", "mail"]) stream.addEventListener(kind, refresh);
      addEventListener("pagehide", () => stream.close());
    }
  }
}
