// The form that runs an application: sends files, lets inputs be chosen, asks what is wrong.
import { takeFiles } from "./upload.js";

const form = document.getElementById("run");
const touched = new Set(new URLSearchParams(location.search).keys());
const picker = document.getElementById("picker");
const look = document.getElementById("look");
const state = { field: null, source: "uploads", page: 1 };
let timer = null;
let asked = 0;

function box(field) { return document.getElementById(`p-${field}`); }

function references(field) { return box(field).value.split("\n").map((text) => text.trim()).filter(Boolean); }

function put(field, texts) {
  const many = "many" in box(field).closest(".inputs").dataset;
  box(field).value = (many ? [...new Set(texts)] : texts.slice(-1)).join("\n");
  touched.add(field);
  check(0);
}

function check(delay = 350) {
  clearTimeout(timer);
  timer = setTimeout(ask, delay);
}

async function ask() {
  const number = ++asked;
  const body = new FormData(form);
  // Files go by themselves; a name alone would be sent of each.
  for (const [name, value] of [...body]) if (value instanceof File) body.delete(name), restore(body, name);
  const answer = await fetch(form.dataset.check, { method: "POST", body }).catch(() => null);
  if (!answer?.ok || number !== asked) return;
  show(await answer.json());
}

function restore(body, name) {
  const text = box(name)?.value;
  if (text) body.append(name, text);
}

function show(found) {
  for (const [name, texts] of Object.entries(found.faults)) {
    const place = document.getElementById(`p-${name}-fault`);
    const shown = touched.has(name) ? texts : [];
    place.replaceChildren(...shown.map((text) => {
      const line = document.createElement("p");
      line.className = "fault";
      line.textContent = text.charAt(0).toUpperCase() + text.slice(1);
      return line;
    }));
    for (const input of form.querySelectorAll(`[name="${CSS.escape(name)}"]:not([type=hidden])`)) {
      shown.length ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    }
  }
  for (const [name, text] of Object.entries(found.readings)) {
    document.getElementById(`p-${name}-reading`).textContent = text ? `= ${text}` : "";
  }
  for (const [name, html] of Object.entries(found.inputs)) {
    document.getElementById(`p-${name}-chosen`).innerHTML = html;
  }
  document.getElementById("estimate").innerHTML = found.estimate;
  for (const [key, text] of Object.entries(found.commands)) {
    document.getElementById(`way-${key}-text`).textContent = text;
  }
}

async function list() {
  const query = new URLSearchParams({ field: state.field, source: state.source, page: state.page, q: document.getElementById("picker-search").value });
  for (const tab of picker.querySelectorAll("[data-source]")) {
    tab.dataset.source === state.source ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current");
  }
  const answer = await fetch(`${form.dataset.inputs}?${query}`);
  if (answer.ok) document.getElementById("picker-list").innerHTML = await answer.text();
}

function choose(field, source) {
  Object.assign(state, { field, source, page: 1 });
  document.getElementById("picker-search").value = "";
  document.getElementById("picker-list").replaceChildren();
  picker.showModal();
  list();
}

async function lookAt(texts) {
  const content = document.getElementById("look-content");
  content.textContent = content.dataset.words;
  if (!look.open) look.showModal();
  const body = new FormData();
  body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  for (const text of texts.slice(0, 400)) body.append("of", text);
  const answer = await fetch(form.dataset.look, { method: "POST", body, headers: { "X-Part": "yes" } });
  content.innerHTML = await answer.text();
}

for (const place of form.querySelectorAll(".inputs")) {
  const field = place.dataset.field;
  const sending = document.getElementById(`p-${field}-sending`);
  takeFiles(place.querySelector("[data-drop]"), sending, form.dataset, form.dataset.uploads,
    (reference) => put(field, [...references(field), reference]));
}

// An address goes to the other inputs; without this it is sent as it stands in its box.
function takeAddress(place) {
  const field = place.closest(".inputs").dataset.field;
  const text = place.value.trim();
  place.value = "";
  if (text) put(field, [...references(field), text]);
}

form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !("address" in event.target.dataset)) return;
  event.preventDefault();
  takeAddress(event.target);
});

form.addEventListener("input", (event) => {
  if (event.target.type === "file" || "address" in event.target.dataset) return;
  check();
});
form.addEventListener("change", (event) => {
  if (event.target.type === "file") return;
  if ("address" in event.target.dataset) { takeAddress(event.target); return; }
  if (event.target.name) touched.add(event.target.name);
  check(0);
});

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-from], [data-source], [data-page], [data-look-at], [data-look-all], [data-drop-input], [data-drop-all], [data-add-address]");
  if (!target) return;
  const field = target.closest(".inputs")?.dataset.field;
  if (target.dataset.from) { event.preventDefault(); choose(field, target.dataset.from); }
  else if (target.dataset.source) { Object.assign(state, { source: target.dataset.source, page: 1 }); list(); }
  else if (target.dataset.page) { state.page = target.dataset.page; list(); }
  else if (target.dataset.lookAt) { event.preventDefault(); lookAt([target.dataset.lookAt]); }
  else if ("lookAll" in target.dataset) lookAt(references(field));
  else if (target.dataset.dropInput) put(field, references(field).filter((text) => text !== target.dataset.dropInput));
  else if ("dropAll" in target.dataset) put(field, []);
  else if ("addAddress" in target.dataset) takeAddress(document.getElementById(`p-${field}-address`));
});

document.getElementById("picker-search").addEventListener("input", () => { state.page = 1; clearTimeout(timer); timer = setTimeout(list, 250); });
document.getElementById("picker-add").addEventListener("click", () => {
  const chosen = [...picker.querySelectorAll("input:checked")].map((input) => input.value);
  picker.close();
  if (chosen.length) put(state.field, [...references(state.field), ...chosen]);
});

// Sent once: whoever is impatient makes no second job.
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => { delete form.dataset.sent; });

document.getElementById("faults")?.focus();
