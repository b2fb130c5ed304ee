// Send a result to a desktop program by SAMP, the standard Web Profile over the hub on this machine.

const HUB = "http://localhost:21012/";
const escaped = text => text.replace(/[&<>]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
const value = given => `<value>${typeof given === "string" ? `<string>${escaped(given)}</string>` : `<struct>${Object.entries(given).map(([name, each]) => `<member><name>${name}</name>${value(each)}</member>`).join("")}</struct>`}</value>`;

async function call(method, ...given) {
  const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.${method}</methodName><params>${given.map(each => `<param>${value(each)}</param>`).join("")}</params></methodCall>`;
  const answer = await fetch(HUB, { method: "POST", headers: { "Content-Type": "text/xml" }, body });
  const found = new DOMParser().parseFromString(await answer.text(), "text/xml");
  const fault = found.querySelector("fault");
  if (fault) throw new Error(fault.textContent.trim());
  return found;
}

const member = (found, name) => [...found.querySelectorAll("member")].find(each => each.querySelector("name").textContent === name)?.querySelector("value").textContent.trim();

async function send(button, said) {
  const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const key = member(await call("register", { "samp.name": "Hven" }), "samp.private-key");
  try {
    const made = await fetch(button.dataset.samp, { method: "POST", headers: { "X-CSRFToken": csrf } });
    if (!made.ok) throw new Error(`${made.status}`);
    const { message, url, name, id } = await made.json();
    const given = { url, name, [message.startsWith("table") ? "table-id" : "image-id"]: id };
    await call("notifyAll", key, { "samp.mtype": message, "samp.params": given });
    said.textContent = button.dataset.sent;
  } finally {
    await call("unregister", key);
  }
}

for (const button of document.querySelectorAll("[data-samp]"))
  button.addEventListener("click", async () => {
    const said = button.parentElement.querySelector("[data-samp-said]");
    button.disabled = true;
    await send(button, said).catch(() => { said.textContent = button.dataset.none; });
    button.disabled = false;
  });
