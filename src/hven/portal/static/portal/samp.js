// Send a result to a desktop program by SAMP, the standard Web Profile over the hub on this machine.

const HUB = "http://localhost:21012/";
const escaped = text => text.replace(/[&<>]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
const value = given => `<value>${typeof given === "string" ? `<string>${escaped(given)}</string>` : `<struct>${Object.entries(given).map(([name, each]) => `<member><name>${name}</name>${value(each)}</member>`).join("")}</struct>`}</value>`;

// Fails as `none` where no hub answers, as `refused` where it or its user says no.
async function call(method, ...given) {
  const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.${method}</methodName><params>${given.map(each => `<param>${value(each)}</param>`).join("")}</params></methodCall>`;
  const answer = await fetch(HUB, { method: "POST", headers: { "Content-Type": "text/xml" }, body, keepalive: true }).catch(() => null);
  if (!answer?.ok) throw Object.assign(new Error("no hub"), { kind: "none" });
  const found = new DOMParser().parseFromString(await answer.text(), "text/xml");
  const fault = found.querySelector("fault");
  if (fault) throw Object.assign(new Error(fault.textContent.trim()), { kind: "refused" });
  return found;
}

const member = (found, name) => [...found.querySelectorAll("member")].find(each => each.querySelector("name").textContent === name)?.querySelector("value").textContent.trim();

// The hub asks its user once, not at each result: the page stays registered until it is left.
let key = null;

async function register() {
  const found = member(await call("register", { "samp.name": "Hven" }), "samp.private-key");
  await call("declareMetadata", found, { "samp.name": "Hven", "samp.description.text": document.title });
  return found;
}

// How many programs the hub passes it on to.
async function notify(message) {
  const kept = key;
  key ??= await register();
  try {
    return (await call("notifyAll", key, message)).querySelectorAll("data > value").length;
  } catch (fault) {
    key = null;
    if (!kept || fault.kind !== "refused") throw fault;
    return notify(message); // Another hub, to which the page is a stranger.
  }
}

async function send(button) {
  key ??= await register(); // Nothing is shared before there is a hub.
  const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const made = await fetch(button.dataset.samp, { method: "POST", headers: { "X-CSRFToken": csrf } });
  if (!made.ok) throw new Error(`${made.status}`);
  const { message, url, name, id, ...more } = await made.json();
  const given = { url, name, [message.startsWith("table") ? "table-id" : "image-id"]: id, ...more };
  return await notify({ "samp.mtype": message, "samp.params": given }) ? "sent" : "nobody";
}

for (const button of document.querySelectorAll("[data-samp]"))
  button.addEventListener("click", async () => {
    const said = button.parentElement.querySelector("[data-samp-said]");
    button.disabled = true;
    said.textContent = button.dataset[await send(button).catch(fault => fault.kind ?? "failed")];
    button.disabled = false;
  });

addEventListener("pagehide", () => { if (key) call("unregister", key).catch(() => null); key = null; });
