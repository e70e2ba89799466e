// Governing by contract: asks our API for a transaction, lets the reader's own wallet send it, and says how far it came.
// What was sent is remembered until the tab is closed, so that a page loaded again still says that it is under way.
import { Problem, explain, get, post, word } from "./api.js";
import { sendTransaction, signForContract } from "./transactions.js";
import { connect, request } from "./wallet.js";

const LOOK_AGAIN_MS = 4_000;
const DONE = "0x1";

export function start(root) {
  const status = root.querySelector("[data-contract-status]");
  const signed = root.querySelector("[data-contract-signed]");
  const form = root.querySelector("[data-contract-vote]");
  const acts = root.querySelector("[data-contract-acts]");
  const sent = memory(`contract-${root.dataset.contract}`);
  let busy = false;

  const show = (text, { error = false } = {}) => {
    if (status.textContent !== text) status.textContent = text; // what is written again is read aloud again
    status.classList.toggle("status--error", error);
  };

  // One step at a time. What was sent cannot be sent again from here; what failed can.
  async function attempt(pressed, steps) {
    if (busy) return;
    busy = true;
    const buttons = [...root.querySelectorAll("[data-contract-acts] button")];
    for (const each of buttons) each.disabled = true;
    let done = false;
    try {
      done = await steps();
    } catch (error) {
      show(explain(error), { error: true });
    } finally {
      busy = false;
      for (const each of buttons) each.disabled = done;
      (done ? status : pressed).focus(); // a button that is disabled loses the focus; the keyboard goes on from here
    }
  }

  async function send(asked) {
    show(word("connecting"));
    const { provider, account } = await connect(root.dataset.viewer);
    const { transaction, sender } = await post(root.dataset.transactions, asked);
    // From any other account it would be sent for nothing.
    if (sender && sender.toLowerCase() !== account.toLowerCase()) {
      throw Object.assign(new Problem("wrong_sender"), { values: { sender } });
    }
    show(word("contract_sending"));
    const hash = await sendTransaction(provider, account, transaction);
    sent.keep({ hash });
    return follow(provider, hash);
  }

  // The wallet's own node is asked what became of it; this site reads the chain by itself, and only final blocks.
  async function follow(provider, hash) {
    say({ hash });
    for (;;) {
      let receipt;
      try {
        receipt = await request(provider, "eth_getTransactionReceipt", [hash]);
      } catch {
        return true; // it is sent, whatever the wallet can say about it
      }
      if (receipt?.status === DONE) {
        const stands = { hash, block: Number(receipt.blockNumber) };
        sent.keep(stands);
        say(stands);
        look();
        return true;
      }
      if (receipt) {
        sent.forget();
        throw new Problem("contract_reverted");
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  const say = ({ hash, block }) =>
    show(`${block ? word("contract_mined", { block: String(block) }) : word("contract_sent")} ${hash}`);

  const vote = () => {
    const choice = form.elements.choice.value;
    if (choice === "") throw new Problem("choose_first");
    return { choice: Number(choice), reason: form.elements.reason.value.trim() };
  };

  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(event.submitter ?? form.querySelector("button"), async () => send({ action: "vote", ...vote() }));
  });

  root.querySelector("[data-contract-sign]")?.addEventListener("click", (event) =>
    attempt(event.currentTarget, async () => {
      const said = vote();
      show(word("connecting"));
      const { provider, account } = await connect(root.dataset.viewer);
      const asked = new URLSearchParams({ voter: account, choice: said.choice, reason: said.reason });
      const { typed_data: data } = await get(`${root.dataset.message}?${asked}`);
      show(word("signing"));
      const signature = await signForContract(provider, account, data);
      const wanted = { action: "vote_by_signature", voter: account, signature, ...said };
      const { transaction } = await post(root.dataset.transactions, wanted);
      signed.querySelector("pre").textContent = JSON.stringify(transaction, null, 2);
      signed.hidden = false;
      show(word("signed_for_others"));
      return false; // nothing was sent yet, and nobody has to
    }),
  );

  for (const button of root.querySelectorAll("[data-contract-step]")) {
    const action = button.dataset.contractStep;
    button.addEventListener("click", () => attempt(button, () => send(action ? { action } : {})));
  }

  // What this site has read by now stands in the page, and comes again with every answer about the vote.
  function look() {
    const now = root.querySelector("[data-contract-now]");
    if (!now) return;
    const waiting = sent.value();
    const taken = waiting && now.dataset.known.split(" ").includes(waiting.hash);
    if (taken) {
      sent.forget();
      if (now.dataset.fresh) show(word("contract_taken"));
    }
    if (!now.dataset.fresh || !(taken || now.dataset.steps !== root.dataset.steps)) return;
    root.querySelector("[data-contract-moved]").hidden = false;
    if (acts && !busy) acts.hidden = true;
  }

  document.addEventListener("htmx:afterSettle", look);
  look();
  const before = sent.value();
  if (before) say(before);
}

// A value kept for the tab under a name; without storage a page loaded again does not say what is under way.
function memory(name) {
  const attempted = (work) => {
    try {
      return work();
    } catch {
      return null;
    }
  };
  return {
    value: () => attempted(() => JSON.parse(sessionStorage.getItem(name))),
    keep: (value) => attempted(() => sessionStorage.setItem(name, JSON.stringify(value))),
    forget: () => attempted(() => sessionStorage.removeItem(name)),
  };
}
