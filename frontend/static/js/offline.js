// Pages that were read once can be read again without a network. This asks the worker (offline-worker.js) whether the page
// that is shown is such a copy, and says so with its time; signing out forgets all copies.
import { word } from "./api.js";

export async function start(place) {
  if (!("serviceWorker" in navigator) || !window.isSecureContext) return;
  const time = (moment) =>
    new Date(moment).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  const tell = (moment) => {
    place.textContent = word("offline_copy", { time: time(moment) });
    place.hidden = false;
  };
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data.copy === window.location.href) tell(data.at);
  });
  // Never reloaded under the reader, who may have written something.
  window.addEventListener("online", () => {
    if (!place.hidden) place.textContent = word("online_again");
  });
  try {
    await navigator.serviceWorker.register(place.dataset.offlineWorker);
    const { active } = await navigator.serviceWorker.ready;
    active.postMessage({ asked: window.location.href });
  } catch {
    // this browser keeps no copies, or forbids it here: pages need the network
  }
}

export async function forgetCopies() {
  if (!("caches" in window)) return;
  for (const name of await caches.keys()) await caches.delete(name);
}
