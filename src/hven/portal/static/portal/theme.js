// Before anything is drawn: the look that was chosen, else that of the system.
(() => {
  try {
    const chosen = localStorage.getItem("hven-theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch { /* Without storage the system decides. */ }
})();
