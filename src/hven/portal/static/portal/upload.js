// Sends files in parts that go on where they broke off (tus 1.0), one after the other.
const PART = 8 * 2 ** 20;
const PAUSES = [500, 1000, 2000, 4000, 8000, 15000];

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

function encode(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

// One file of one user: the same again goes on where it was.
function keyOf(file) {
  return `hven-upload:${file.name}:${file.size}:${file.lastModified}`;
}

function remember(file, url) {
  try { url ? localStorage.setItem(keyOf(file), url) : localStorage.removeItem(keyOf(file)); } catch { /* No storage. */ }
}

function remembered(file) {
  try { return localStorage.getItem(keyOf(file)); } catch { return null; }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("", "AbortError")); }, { once: true });
  });
}

class Refused extends Error {}

async function answered(response) {
  if (response.ok) return response;
  let told = response.statusText;
  try { told = (await response.json()).detail ?? told; } catch { /* Not a problem document. */ }
  // The service is away, or another request still holds the file: that passes.
  if (response.status >= 500 || response.status === 409 || response.status === 429) throw new TypeError(told);
  throw new Refused(told);
}

// XMLHttpRequest tells how much of a part has gone; fetch does not.
function send(url, headers, body, signal, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => tell(event.loaded);
    request.onload = () => resolve(new Response(request.response || null, {
      status: request.status, statusText: request.statusText,
      headers: { "Upload-Offset": request.getResponseHeader("Upload-Offset") ?? "" },
    }));
    request.onerror = () => reject(new TypeError("the connection broke"));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

async function begin(address, file, signal) {
  const response = await answered(await fetch(address, {
    method: "POST", signal,
    headers: { "X-CSRFToken": token(), "Tus-Resumable": "1.0.0", "Upload-Length": String(file.size), "Upload-Metadata": `filename ${encode(file.name)}` },
  }));
  const url = new URL(response.headers.get("Location"), location.href).pathname;
  remember(file, url);
  return url;
}

async function offsetOf(url, signal) {
  const response = await fetch(url, { method: "HEAD", signal, headers: { "Tus-Resumable": "1.0.0" } });
  if (response.status === 404 || response.status === 403) return null;
  return Number((await answered(response)).headers.get("Upload-Offset"));
}

async function tryOnce(state, signal, tell) {
  const { address, file } = state;
  let offset = state.url ? await offsetOf(state.url, signal) : null;
  if (offset === null) {
    state.url = await begin(address, file, signal);
    offset = 0;
  }
  while (offset < file.size) {
    const part = file.slice(offset, offset + PART);
    const headers = { "X-CSRFToken": token(), "Tus-Resumable": "1.0.0", "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    const response = await answered(await send(state.url, headers, part, signal, (gone) => tell(offset + gone)));
    offset = Number(response.headers.get("Upload-Offset"));
    state.tries = 0;
    tell(offset);
  }
}

// Sends one file; gives its reference. `tell(bytes)` and `wait(text)` hear how it gets on.
export async function upload(address, file, signal, tell, wait) {
  const state = { address, file, url: remembered(file), tries: 0 };
  for (;;) {
    try {
      await tryOnce(state, signal, tell);
      remember(file, null);
      return `upload:${state.url.split("/").pop()}`;
    } catch (error) {
      if (!(error instanceof TypeError) || state.tries >= PAUSES.length) throw error;
      wait(error.message);
      await pause(PAUSES[state.tries++], signal);
    }
  }
}

export async function forget(address, file) {
  const url = remembered(file);
  remember(file, null);
  if (url) await fetch(url, { method: "DELETE", headers: { "X-CSRFToken": token(), "Tus-Resumable": "1.0.0" } }).catch(() => {});
}

let line = Promise.resolve();

function element(name, text, classes = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = classes;
  return made;
}

function inWords(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes, unit = 0;
  while (value >= 1000 && unit < 4) { value /= 1000; unit += 1; }
  return `${unit ? value.toPrecision(3) : value} ${units[unit]}`;
}

// A row that shows a file on its way; `done(reference)` is called when it is there.
function row(list, words, address, file, done) {
  const item = element("li", "");
  const bar = element("progress", "");
  bar.max = Math.max(file.size, 1);
  bar.value = 0;
  bar.setAttribute("aria-label", `${words.wordsSending} ${file.name}`);
  const state = element("span", inWords(file.size), "muted small");
  const button = element("button", words.wordsStop, "button plain small");
  button.type = "button";
  item.append(element("span", file.name, "chosen-name"), bar, state, button);
  list.append(item);
  let control = null;
  const run = async () => {
    control = new AbortController();
    button.textContent = words.wordsStop;
    item.classList.remove("wrong");
    try {
      const reference = await upload(address, file, control.signal,
        (bytes) => { bar.value = bytes; state.textContent = `${inWords(bytes)} / ${inWords(file.size)}`; },
        (text) => { state.textContent = `${words.wordsWaiting} (${text})`; });
      bar.value = bar.max;
      item.remove();
      done(reference, file);
    } catch (error) {
      item.classList.add("wrong");
      state.textContent = error.name === "AbortError" ? words.wordsStopped : error.message;
      button.textContent = words.wordsAgain;
      control = null;
    }
  };
  const start = () => { line = line.then(run); };
  button.addEventListener("click", () => (control ? control.abort() : start()));
  const drop = element("button", "✕", "button plain small");
  drop.type = "button";
  drop.setAttribute("aria-label", `✕ ${file.name}`);
  drop.addEventListener("click", () => { control?.abort(); forget(address, file); item.remove(); });
  item.append(drop);
  start();
}

// Makes a box take files, by choosing and by dropping.
export function takeFiles(box, list, words, address, done) {
  const input = box.querySelector("input[type=file]");
  const take = (files) => {
    const some = input.multiple ? [...files] : [...files].slice(0, 1);
    for (const file of some) row(list, words, address, file, done);
  };
  input.addEventListener("change", () => {
    take(input.files);
    // The files are on their way: they must not go with the form again.
    input.value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    box.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      box.classList.add("over");
    });
  }
  box.addEventListener("dragleave", (event) => { if (!box.contains(event.relatedTarget)) box.classList.remove("over"); });
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(event.dataTransfer.files);
  });
}

document.documentElement.classList.add("scripted");
