// Voting: fetch the message, show in plain words what is signed, let the wallet sign it, send it, open the receipt.
import { Problem, explain, get, post, word } from "./api.js";
import { connect, request } from "./wallet.js";

const panel = document.getElementById("vote-panel");
const form = panel.querySelector("[data-vote-form]");
const start = panel.querySelector("[data-vote-start]");
const status = panel.querySelector("[data-vote-status]");
const dialog = panel.querySelector("[data-vote-dialog]");
const dialogStatus = dialog.querySelector("[data-vote-dialog-status]");
const sign = dialog.querySelector("[data-vote-sign]");
const DECIMALS = 18n;

let prepared = null;

const show = (text, { error = false, place = status } = {}) => {
  place.textContent = text;
  place.classList.toggle("status--error", error);
};

// Base units to whole votes, cut after two places; exact, in the reader's number format.
function votes(power) {
  const units = BigInt(power);
  const scale = 10n ** DECIMALS;
  const hundredths = String((units % scale) / (scale / 100n)).padStart(2, "0");
  const language = document.documentElement.lang;
  const separator = (1.1).toLocaleString(language).at(1);
  const rest = hundredths.replace(/0+$/, "");
  return (units / scale).toLocaleString(language) + (rest ? separator + rest : "");
}

async function prepare() {
  const chosen = form.querySelector('input[name="choice"]:checked');
  if (!chosen) throw new Problem("choose_first");
  const reason = form.elements.reason.value.trim();
  show(word("connecting"));
  const { provider, account } = await connect(panel.dataset.viewer);
  show(word("preparing"));
  const query = new URLSearchParams({ voter: account, choice: chosen.value, reason });
  const offer = await get(`/api/v1/proposals/${panel.dataset.proposal}/ballot-message?${query}`);
  return { provider, account, choice: Number(chosen.value), label: chosen.dataset.label, reason, offer };
}

function preview({ account, label, reason, offer }) {
  const write = (name, text) => {
    dialog.querySelector(`[data-vote-${name}]`).textContent = text;
  };
  write("choice", label);
  write("power", votes(offer.power));
  write("voter", account);
  write("reason", reason);
  dialog.querySelector("[data-vote-reason-row]").hidden = !reason;
  write("message", JSON.stringify(offer.typed_data, null, 2));
  show("", { place: dialogStatus });
  dialog.showModal();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  start.disabled = true;
  try {
    prepared = await prepare();
    show("");
    preview(prepared);
  } catch (error) {
    const first = error instanceof Problem && error.code === "choose_first";
    show(first ? word("choose_first") : explain(error), { error: true });
  } finally {
    start.disabled = false;
    if (!dialog.open) start.focus(); // a control that is disabled loses the focus; the keyboard goes on from here
  }
});

sign.addEventListener("click", async () => {
  sign.disabled = true;
  try {
    show(word("signing"), { place: dialogStatus });
    const { provider, account, choice, reason, offer } = prepared;
    const signature = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(offer.typed_data)]);
    show(word("sending"), { place: dialogStatus });
    const accepted = await post("/api/v1/ballots", {
      proposal: panel.dataset.proposal,
      voter: account,
      choice,
      reason,
      nonce: offer.nonce,
      signature,
    });
    show(word("sent"), { place: dialogStatus });
    window.location.assign(accepted.url);
  } catch (error) {
    show(explain(error), { error: true, place: dialogStatus });
    sign.disabled = false;
    sign.focus();
  }
});

dialog.addEventListener("close", () => {
  sign.disabled = false;
  start.focus();
});
