// The page for passkeys that may hold a seat: makes one, or finds one again, and shows its address.
import { Problem, explain } from "./api.js";

const DENIED = new Set(["NotAllowedError", "AbortError"]);
const DECLINED = 4001;

export function start(root) {
  const { waiting, none, stopped, known } = root.dataset;
  const says = JSON.parse(root.dataset.says);
  const status = root.querySelector("[data-seat-status]");
  const shown = root.querySelector("[data-seat-shown]");

  for (const name of ["make", "find"]) {
    const button = root.querySelector(`[data-seat-${name}]`);
    button.addEventListener("click", async () => {
      if (!window.PublicKeyCredential) return say(none, true);
      button.disabled = true;
      say(waiting);
      try {
        const { findSeat, makeSeat } = await import(root.dataset.script);
        const { address } = await (name === "make" ? makeSeat() : findSeat());
        shown.querySelector("[data-seat-address]").textContent = address;
        shown.hidden = false;
        say("");
        shown.focus();
      } catch (error) {
        say(sentence(error), true);
        button.focus();
      } finally {
        button.disabled = false;
      }
    });
  }

  function sentence(error) {
    if (DENIED.has(error.name) || error.code === DECLINED) return stopped;
    if (error.name === "InvalidStateError") return known;
    return says[error.code] ?? explain(typeof error.code === "string" ? new Problem(error.code, error.detail) : error);
  }

  function say(words, isError = false) {
    status.textContent = words;
    status.classList.toggle("status--error", isError);
  }
}
