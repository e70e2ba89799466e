// A wallet on another device, offered beside those of this browser (EIP-6963). Where the site has no relay, this element is
// not in the page. The script that speaks with the relay is large: it is loaded by the first call, and never before.
import { Problem, explain, post } from "./api.js";

const PAIRED = "local.paired-wallet";
const STANDS = "commonweights.paired"; // kept as long as a pairing may stand, so that nothing has to be loaded to offer its end

export function start(box) {
  const dialog = box.closest("dialog");
  const address = box.querySelector("[data-pairing-address]");
  const status = box.querySelector("[data-pairing-status]");
  const code = box.querySelector("[data-pairing-code]");
  const ending = dialog.querySelector("[data-pairing-ending]");
  const ended = ending.querySelector("[data-pairing-ended]");
  const endButton = ending.querySelector("button");
  const { script, project, relay, chains, chain, drawer, name } = box.dataset;
  let opened = null;

  // What the other device reads: as a picture, drawn by this site, and as a text that can be copied.
  async function show(uri) {
    address.value = uri;
    code.replaceChildren();
    box.hidden = false;
    address.focus();
    try {
      const { svg } = await post(drawer, { address: uri });
      code.replaceChildren(new DOMParser().parseFromString(svg, "text/html").querySelector("svg"));
    } catch {
      // without the picture the address can still be copied
    }
  }

  const hide = () => {
    box.hidden = true;
    address.value = status.textContent = "";
    code.replaceChildren();
  };

  function open() {
    opened ??= import(script)
      .then(({ pairedWallet }) => {
        const all = [...new Set([chain, ...chains.split(" ")].filter(Boolean))];
        return pairedWallet({ project, relay, chains: all.length > 0 ? all : ["1"], show, hide });
      })
      .catch((error) => {
        opened = null;
        throw new Problem("network", error.message);
      });
    return opened;
  }

  // While a pairing may stand, the dialog offers to end it.
  const kept = (work) => {
    try {
      return work(localStorage);
    } catch {
      return null;
    }
  };
  const stands = (yes) => {
    kept((storage) => (yes ? storage.setItem(STANDS, "1") : storage.removeItem(STANDS)));
    ending.hidden = endButton.hidden = !yes;
    ended.textContent = "";
  };
  ending.hidden = !kept((storage) => storage.getItem(STANDS));

  async function ask(asked) {
    const answer = await (await open()).request(asked);
    if (asked.method === "eth_requestAccounts") stands(true);
    return answer;
  }

  endButton.addEventListener("click", async () => {
    endButton.disabled = true;
    try {
      await (await open()).end();
      stands(false);
      ending.hidden = false;
      ended.textContent = ending.dataset.ended;
      ended.focus();
    } catch (error) {
      ended.textContent = explain(error);
    } finally {
      endButton.disabled = false;
    }
  });

  const info = Object.freeze({ uuid: "2f6f4f5e-51a5-4c0e-9f5d-8a1f0c6f3b11", name, icon: "", rdns: PAIRED });
  const provider = Object.freeze({ request: ask, on() {}, removeListener() {} });
  const announce = () =>
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
  dialog.addEventListener("close", hide);
  box.querySelector("[data-pairing-copy]").addEventListener("click", async () => {
    address.select();
    await navigator.clipboard?.writeText(address.value);
    status.textContent = box.dataset.copied;
  });
}
