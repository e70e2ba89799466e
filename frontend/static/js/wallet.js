// Wallets: discovery by EIP-6963, calls by EIP-1193; and passkeys, where the page offers them. Knows nothing of voting or
// signing in.
import { Problem, explain } from "./api.js";

const KEY = "wallet";
const USER_REJECTED = 4001;
const SEAT = "local.passkey-seat";
const found = new Map();

window.addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider } = event.detail ?? {};
  if (info?.uuid && provider) found.set(info.uuid, { info, provider });
});
window.dispatchEvent(new Event("eip6963:requestProvider"));

export async function request(provider, method, params = []) {
  try {
    return await provider.request({ method, params });
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (error?.code === USER_REJECTED) throw new Problem("rejected");
    throw new Problem("wallet_error", error?.message ?? String(error));
  }
}

// A passkey as a wallet, whose script is loaded when it is used. Its errors come from another bundle: they are told again.
function passkeyWallet({ seat, seatName }) {
  const call = async (asked) => {
    const { provider } = await import(seat);
    try {
      return await provider.request(asked);
    } catch (error) {
      throw typeof error?.code === "string" ? new Problem(error.code, error.detail) : error;
    }
  };
  return { info: { rdns: SEAT, name: seatName }, provider: { request: call } };
}

const remembered = () => {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
};

const remember = (rdns) => {
  try {
    sessionStorage.setItem(KEY, rdns);
  } catch {
    // without storage the wallet is asked for again on the next page
  }
};

// Ask which wallet and which account. `expected`: the account that is signed in, if any; then the wallet used to sign in is
// taken without asking again.
export async function connect(expected = "") {
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  const { dataset } = document.getElementById("wallet-dialog");
  if (dataset.seat && !found.has(SEAT)) found.set(SEAT, passkeyWallet(dataset));
  const before = [...found.values()].find(({ info }) => info.rdns === remembered());
  if (expected && before) {
    const accounts = await request(before.provider, "eth_accounts");
    const account = accounts.find((address) => address.toLowerCase() === expected.toLowerCase());
    if (account) return { provider: before.provider, account };
  }
  return choose(expected);
}

function choose(expected) {
  const dialog = document.getElementById("wallet-dialog");
  const list = dialog.querySelector("[data-wallet-list]");
  const row = dialog.querySelector("[data-wallet-row]");
  const status = dialog.querySelector("[data-wallet-status]");
  const isSeat = ({ info }) => info.rdns === SEAT;
  const byName = (one, other) => isSeat(one) - isSeat(other) || one.info.name.localeCompare(other.info.name);
  const wallets = [...found.values()].sort(byName);
  list.replaceChildren();
  status.textContent = "";
  dialog.querySelector("[data-wallet-none]").hidden = wallets.some((one) => !isSeat(one));

  return new Promise((resolve, reject) => {
    let done = false;
    const closed = () => {
      if (!done) reject(new Problem("rejected"));
    };
    for (const { info, provider } of wallets) {
      const item = row.content.cloneNode(true);
      const button = item.querySelector("button");
      item.querySelector("[data-wallet-name]").textContent = info.name;
      if (/^data:image\/(svg\+xml|png|webp|jpeg|gif)[;,]/.test(info.icon ?? "")) {
        const image = new Image();
        image.src = info.icon;
        image.alt = "";
        button.prepend(image);
      }
      button.addEventListener("click", async () => {
        status.textContent = "";
        try {
          const accounts = await request(provider, "eth_requestAccounts");
          const wanted = accounts.find((address) => address.toLowerCase() === expected.toLowerCase());
          const account = wanted ?? accounts[0];
          if (!account) throw new Problem("no_account");
          done = true;
          remember(info.rdns);
          dialog.close();
          resolve({ provider, account });
        } catch (error) {
          status.textContent = explain(error);
        }
      });
      list.append(item);
    }
    dialog.addEventListener("close", closed, { once: true });
    dialog.showModal();
  });
}

export const toHex = (text) =>
  `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
