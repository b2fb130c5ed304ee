// Event streams of pages: held while the page is seen, let go of while it is hidden, done without where there is none.

// How often a page asks by itself while it has no stream, and when it tries again to get one that was refused.
const ASKING = 4000, AGAIN = 60000;

// Tells `heard(event)` what happens and `ask()` that something may have been missed, until `over()` holds.
export function listen(address, heard, ask, over = () => false) {
  let stream = null, open = false, refused = 0;
  // Style sheets and tests may see whether the page listens.
  const say = now => { open = now; document.documentElement.dataset.listens = now ? "yes" : "no"; };
  const close = () => { stream?.close(); stream = null; say(false); };
  const connect = () => {
    if (!address || stream || document.hidden || over() || Date.now() < refused) return;
    stream = new EventSource(address());
    // Before it was open things may have happened.
    stream.onopen = () => { say(true); ask(); };
    stream.onmessage = heard;
    for (const kind of ["phase", "say", "stage", "output", "retry", "attempt", "request", "mail"]) stream.addEventListener(kind, heard);
    stream.onerror = () => {
      say(false);
      // One that broke off is taken up by the browser; one that was refused, or is at its end, is not.
      if (stream?.readyState === EventSource.CLOSED) { close(); refused = Date.now() + AGAIN; }
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close(); else { refused = 0; connect(); ask(); }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", event => event.persisted && (connect(), ask()));
  setInterval(() => {
    if (document.hidden) return;
    if (over()) return close();
    if (!open) ask();
    connect();
  }, ASKING);
  connect();
}
