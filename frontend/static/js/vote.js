// Voting: fetch the message, show in plain words what is signed, let the wallet sign it, hold it back for a moment, send it,
// open the receipt. The dialog is always in one step: review, wallet, held, sending, lost (the server did not answer), over.
import { Problem, get, post } from "./api.js";
import { readerOf, setUpAll } from "./ballot-forms.js";
import { hold } from "./hold.js";
import { inWords } from "./in-words.js";
import { votes } from "./units.js";
import { speaker, stepTo, write } from "./vote-words.js";
import { connect, request } from "./wallet.js";

const SIGNATURE = /^(?:0x|webauthn:)(?:[0-9a-f]{2})*$/i; // of a key 65 bytes; contract wallets answer with what they like
const same = (one, other) => one.toLowerCase() === other.toLowerCase();
// Nothing is known of whether the ballot arrived, so the same one may be sent again; or it is known that it was not taken yet.
const unknown = ({ code = "" }) => code === "network" || code.startsWith("http_5");
const later = ({ code = "" }) => ["too_many_requests", "database_busy"].includes(code);
// Nothing that the wallet could sign again would be accepted from here.
const OVER = new Set(["voting_closed", "nonce_conflict", "ballot_superseded", "no_signature"]);

export function start(panel) {
  const form = panel.querySelector("[data-vote-form]");
  const review = panel.querySelector("[data-vote-start]");
  const status = panel.querySelector("[data-vote-status]");
  const dialog = panel.querySelector("[data-vote-dialog]");
  const dialogStatus = dialog.querySelector("[data-vote-dialog-status]");
  const sign = dialog.querySelector("[data-vote-sign]");
  const decimals = Number(panel.dataset.decimals);
  const read = readerOf(panel);
  const { say, problem } = speaker(panel);

  let prepared = null;
  let signed = null; // the ballot as it is sent, once or again
  let uncertain = false; // whether a ballot was sent of which no answer came
  let asked = 0; // which question to the wallet is the one that counts

  const inDialog = (key, values) => write(dialogStatus, say(key, values));
  const failed = (error, place) => write(place, problem(error), true);

  // --- 1. what is chosen, by whom, and what that means ---

  async function prepare() {
    const said = read(form);
    const reason = form.elements.reason.value.trim();
    write(status, say("connecting"));
    const { provider, account } = await connect(panel.dataset.viewer);
    const { viewer } = panel.dataset;
    if (viewer && !same(viewer, account)) {
      throw Object.assign(new Problem("wrong_account"), { values: { account, viewer } });
    }
    write(status, say("preparing"));
    const place = `/api/v1/proposals/${panel.dataset.proposal}`;
    if (panel.dataset.sealer) {
      const sealed = await sealedFor(account, said.choice, reason, place);
      const query = new URLSearchParams({ voter: account, sealed: sealed.digest });
      return { provider, account, said, reason, sealed: sealed.text, offer: await get(`${place}/sealed-ballot-message?${query}`) };
    }
    const query = new URLSearchParams({ voter: account, choice: JSON.stringify(said.choice), reason });
    const offer = await get(`${place}/ballot-message?${query}`);
    return { provider, account, said, reason, offer };
  }

  // Where ballots are sealed, choice and reason stay on this page: only the sealed ballot and its digest are sent.
  async function sealedFor(account, choice, reason, place) {
    const { seal } = await import(panel.dataset.sealer);
    const { threshold, keyholders } = await get(`${place}/sealing`);
    const keys = keyholders.map(({ key }) => key).filter(Boolean);
    try {
      return seal(choice, reason, { proposal: panel.dataset.proposal, voter: account, threshold, keys });
    } catch (error) {
      throw error.code ? new Problem(error.code) : error;
    }
  }

  function preview({ account, said, reason, offer }) {
    const fill = (name, text) => {
      dialog.querySelector(`[data-vote-${name}]`).textContent = text;
    };
    const unused = said.placed === undefined ? 0n : BigInt(offer.power) + BigInt(offer.delegated) - said.placed;
    const lines = unused > 0n ? [...said.lines, say("unused", { votes: votes(unused, decimals) })] : said.lines;
    dialog.querySelector("[data-vote-choice]").replaceChildren(inWords(lines, said.ordered));
    fill("power", votes(offer.power, decimals));
    fill("delegated", votes(offer.delegated, decimals));
    dialog.querySelector("[data-vote-delegated-row]").hidden = BigInt(offer.delegated) === 0n;
    fill("voter", account);
    fill("reason", reason);
    dialog.querySelector("[data-vote-reason-row]").hidden = !reason;
    fill("message", JSON.stringify(offer.typed_data, null, 2));
    write(dialogStatus, "");
    signed = null;
    uncertain = false;
    stepTo(dialog, "review");
    dialog.showModal();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    review.disabled = true;
    try {
      prepared = await prepare();
      write(status, "");
      preview(prepared);
    } catch (error) {
      failed(error, status);
    } finally {
      review.disabled = false;
      if (!dialog.open) review.focus(); // a control that is disabled loses the focus; the keyboard goes on from here
    }
  });

  form.addEventListener("reset", () => write(status, ""));

  // --- 2. the wallet, which may take its time ---

  async function signature({ provider, account, offer }) {
    const question = ++asked;
    const current = () => question === asked && dialog.open;
    stepTo(dialog, "wallet");
    inDialog("signing");
    dialog.querySelector("[data-vote-stop]").focus();
    const slow = setTimeout(() => current() && inDialog("slow_wallet"), Number(panel.dataset.slowSeconds) * 1000);
    try {
      const answer = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(offer.typed_data)]);
      if (!current()) return null; // the voter stopped waiting: what comes late is thrown away
      if (!SIGNATURE.test(answer)) throw new Problem("no_signature");
      return answer;
    } catch (error) {
      if (!current()) return null;
      throw error;
    } finally {
      clearTimeout(slow);
    }
  }

  sign.addEventListener("click", async () => {
    try {
      const given = await signature(prepared);
      if (given === null) return;
      const { account, said, reason, sealed, offer } = prepared;
      signed = {
        proposal: panel.dataset.proposal,
        voter: account,
        ...(sealed ? { sealed } : { choice: said.choice, reason }),
        nonce: offer.nonce,
        signature: given,
      };
    } catch (error) {
      ends(error);
      return;
    }
    await held();
  });

  dialog.querySelector("[data-vote-stop]").addEventListener("click", () => dialog.close());

  // --- 3. a moment to undo ---

  async function held() {
    stepTo(dialog, "held");
    const seconds = Number(panel.dataset.undoSeconds);
    const answer = await hold(dialog, seconds, (key) => inDialog(key, { seconds }));
    if (answer === "send") {
      await send();
      return;
    }
    signed = null;
    if (dialog.open) dialog.close();
    write(status, say("undone"));
  }

  // --- 4. sending, as often as it takes: the same ballot counts once ---

  async function send() {
    stepTo(dialog, "sending");
    inDialog("sending");
    try {
      const accepted = await post(signed.sealed ? "/api/v1/sealed-ballots" : "/api/v1/ballots", signed);
      signed = null;
      inDialog("sent");
      window.location.assign(accepted.url);
    } catch (error) {
      ends(error);
    }
  }

  dialog.querySelector("[data-vote-again]").addEventListener("click", send);

  // What went wrong, in a sentence, and the buttons that help.
  function ends(error) {
    if (signed && (unknown(error) || later(error))) {
      uncertain ||= unknown(error);
      stepTo(dialog, "lost");
      write(dialogStatus, unknown(error) ? say("lost") : problem(error), true);
      dialog.querySelector("[data-vote-again]").focus();
      return;
    }
    signed = null;
    stepTo(dialog, OVER.has(error.code) ? "over" : "review");
    failed(error, dialogStatus);
    (OVER.has(error.code) ? dialog.querySelector("[data-dialog-close]") : sign).focus();
  }

  // --- closing and leaving ---

  dialog.addEventListener("cancel", (event) => {
    if (dialog.dataset.now === "sending") event.preventDefault();
  });

  dialog.addEventListener("close", () => {
    const { now } = dialog.dataset;
    asked += 1;
    if (now === "wallet") write(status, say("stopped"));
    if (now === "lost" && uncertain) write(status, say("given_up"), true);
    if (now !== "held") signed = null; // what is held back is undone by `hold`
    dialog.dataset.now = "";
    review.focus();
  });

  // When voting closes, the page takes the panel away; not while the voter reads in it what became of the ballot.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (dialog.open && event.target.contains(panel)) event.preventDefault();
  });

  window.addEventListener("beforeunload", (event) => {
    if (signed) event.preventDefault();
  });

  setUpAll(
    panel,
    async () => panel.dataset.viewer || (await connect()).account,
    (error) => failed(error, status),
  );
}
