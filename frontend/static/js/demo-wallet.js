// DEMO ONLY. A wallet that holds no key: it is announced like any other (EIP-6963) and forwards to the demo server, which
// lets the local chain's unlocked accounts sign. The page includes this file only when the server runs as a demo.
import { Problem, post } from "./api.js";

const KEY = "demo-account";
const dialog = document.getElementById("demo-dialog");

const current = () => sessionStorage.getItem(KEY);

function ask() {
  return new Promise((resolve, reject) => {
    const chosen = (event) => {
      const button = event.target.closest("[data-demo-account]");
      if (!button) return;
      sessionStorage.setItem(KEY, button.dataset.demoAccount);
      dialog.close();
    };
    dialog.addEventListener("click", chosen);
    dialog.addEventListener(
      "close",
      () => {
        dialog.removeEventListener("click", chosen);
        const account = current();
        if (account) resolve([account]);
        else reject(Object.assign(new Error("declined"), { code: 4001 }));
      },
      { once: true },
    );
    sessionStorage.removeItem(KEY);
    dialog.showModal();
  });
}

const provider = {
  async request({ method, params = [] }) {
    if (method === "eth_requestAccounts") return ask();
    if (method === "eth_accounts") return current() ? [current()] : [];
    const answer = await post("/demo/wallet", { method, params });
    if (answer.error) throw new Problem("wallet_error", answer.error.message ?? String(answer.error));
    return answer.result;
  },
  on() {},
  removeListener() {},
};

const ICON =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0a6675"/>' +
      '<path d="M16 6s7 7.2 7 12.4a7 7 0 0 1-14 0C9 13.2 16 6 16 6z" fill="#fff"/></svg>',
  );

const info = Object.freeze({
  uuid: "0c8f3c1e-6d0a-4a57-9a4e-7b1f2d5c9e10",
  name: "Demo wallet",
  icon: ICON,
  rdns: "local.commonweights.demo",
});

const announce = () =>
  window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider: Object.freeze(provider) }) }),
  );

window.addEventListener("eip6963:requestProvider", announce);
announce();
