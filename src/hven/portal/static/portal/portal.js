// What all pages do: menus that close, dialogs, tabs, the switch of the look, copying.
const root = document.documentElement;

function dark() {
  return root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  root.dataset.theme = dark() ? "light" : "dark";
  try { localStorage.setItem("hven-theme", root.dataset.theme); } catch { /* Only for this page. */ }
  document.dispatchEvent(new CustomEvent("hven:theme", { detail: root.dataset.theme }));
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const before = button.textContent;
  button.textContent = button.dataset.done || "✓";
  setTimeout(() => { button.textContent = before; }, 1500);
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

function choose(tab) {
  for (const other of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", chosen);
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const button = event.target.closest("[data-theme-switch], [data-open], [data-close], [data-copy], [role=tab]");
  if (!button) return;
  if ("themeSwitch" in button.dataset) switchTheme();
  else if (button.dataset.open) document.querySelector(button.dataset.open).showModal();
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if (button.dataset.copy) copy(button);
  else if (button.matches("[role=tab]")) choose(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  }
  if (event.target.matches?.("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const tabs = [...event.target.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    const step = event.key === "ArrowRight" ? 1 : tabs.length - 1;
    const next = tabs[(tabs.indexOf(event.target) + step) % tabs.length];
    choose(next);
    next.focus();
  }
});

// A select that says so sends its form as soon as something else is chosen.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// Who says what look is wanted always means it here as well.
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forgets-theme]")) {
    try { localStorage.removeItem("hven-theme"); } catch { /* It was not kept. */ }
  }
});
