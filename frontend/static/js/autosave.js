// Drafts save themselves some seconds after a change. Until the server has them they are kept in this browser, under the
// name of the draft, so that a closed window or a lost network loses nothing. What was left behind is offered, not forced.
import { word } from "./api.js";

export function start(form) {
  const WAIT_MS = 3000;

  const status = form.querySelector("[data-autosave-status]");
  const found = form.querySelector("[data-autosave-found]");
  const key = `draft:${form.dataset.autosave}`;
  const stored = "autosaveStored" in form.dataset;

  // Never kept: the token of the form, which belongs to this visit.
  const values = () => [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");
  const asText = () => JSON.stringify(values());

  const keepAs = (name, text) => {
    try {
      localStorage.setItem(name, text);
      return true;
    } catch {
      return false; // without storage the draft is only on the server
    }
  };
  const keep = (text) => keepAs(key, text);
  const kept = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const forget = () => {
    try {
      localStorage.removeItem(key);
      localStorage.removeItem(`${key}:posted`);
    } catch {
      // nothing was kept
    }
  };

  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };

  let saved = asText();
  let timer = 0;

  async function save() {
    const text = asText();
    if (text === saved) return;
    show(word("saving"));
    try {
      const answer = await fetch(`${window.location.pathname}`, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new FormData(form),
        credentials: "same-origin",
      });
      const body = (answer.headers.get("content-type") ?? "").includes("json") ? await answer.json() : {};
      if (!answer.ok || !body.saved) {
        show(`${word("not_saved")} ${body.problem ?? word("network")}`, { error: !body.problem });
        return;
      }
      saved = text;
      if (asText() === text) forget();
      const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
      show(word("saved_at", { time }));
    } catch {
      show(word("kept_here"));
    }
  }

  form.addEventListener("input", () => {
    found.hidden = true;
    const isKept = keep(asText());
    if (!stored) {
      if (isKept) show(word("kept_here"));
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(save, WAIT_MS);
  });

  function bringBack(pairs) {
    const all = new Map();
    for (const [name, value] of pairs) all.set(name, [...(all.get(name) ?? []), value]);
    for (const control of form.elements) {
      if (!control.name || control.type === "hidden") continue;
      const answers = all.get(control.name) ?? [];
      if (control.type === "checkbox" || control.type === "radio") control.checked = answers.includes(control.value);
      else if (answers.length) [control.value] = answers;
    }
  }

  form.querySelector("[data-autosave-back]").addEventListener("click", () => {
    bringBack(JSON.parse(kept()));
    found.hidden = true;
    show(word("brought_back"));
    if (stored) timer = setTimeout(save, WAIT_MS);
    form.querySelector("input:not([type=hidden])").focus();
  });
  form.querySelector("[data-autosave-forget]").addEventListener("click", () => {
    forget();
    found.hidden = true;
  });

  // A form that the server refused comes back with its answers, which are the newest there are.
  const refused = form.querySelector("[data-focus-me]") !== null;
  if (kept() && kept() !== saved && !refused) found.hidden = false;
  // What is posted is forgotten only when the page of the draft shows that it arrived (autosave-done.js).
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    if (kept()) keepAs(`${key}:posted`, "1");
  });
}
