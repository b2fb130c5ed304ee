// The page of one's files: sends more of them.
import { takeFiles } from "./upload.js";

const form = document.getElementById("upload");
const list = document.getElementById("upload-sending");

takeFiles(form.querySelector("[data-drop]"), list, form.dataset, form.dataset.uploads, async () => {
  // The list anew, when nothing more is on its way.
  if (list.children.length) return;
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("uploads").replaceWith(page.getElementById("uploads"));
});
