// Before anything is drawn: the look that was chosen, else that of the system.
(() => {
  try {
    const preferred = document.documentElement.dataset.preferred;
    const chosen = localStorage.getItem("hven-theme") || preferred;
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch { /* Without storage the system decides. */ }
})();
