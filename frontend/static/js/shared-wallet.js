// Signing as an owner of a shared wallet: fetch the message, let the owner's own wallet sign it, hand the signature in.
// Where ballots are sealed, what a ballot says stands after the # of a link that owners give each other: no server reads that.
import { Problem, explain, get, post, send, word } from "./api.js";
import { openingIn, openingLink } from "./shared-opening.js";
import { connect, request } from "./wallet.js";

export function start(root) {
  const status = root.querySelector("[data-shared-status]");
  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };

  const words = root.querySelector("[data-shared-words]").dataset;
  const said = (error) => words[error.code?.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())] ?? explain(error);
  const { proposal, sealer } = root.dataset;
  const form = root.querySelector("[data-shared-begin]");
  let opened = ""; // the digest of the sealed ballot whose content this page has checked

  // One step at a time, with the button out of reach meanwhile.
  async function during(button, work) {
    button.disabled = true;
    try {
      await work();
      window.location.reload();
    } catch (error) {
      show(said(error), { error: true });
      button.disabled = false;
      button.focus();
    }
  }

  async function sign(ballot, typedData) {
    show(word("connecting"));
    const { provider, account } = await connect(root.dataset.viewer);
    show(word("signing"));
    const signature = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(typedData)]);
    const kept = await post("/api/v1/wallet-ballots", { ...ballot, owner: account, signature });
    show(words.done);
    return kept;
  }

  async function sealed(wallet, content, seed) {
    const [{ seal }, { threshold, keyholders }] = await Promise.all([import(sealer), get(`/api/v1/proposals/${proposal}/sealing`)]);
    const keys = keyholders.map(({ key }) => key).filter(Boolean);
    try {
      return seal(content.choice, content.reason, { proposal, voter: wallet, threshold, keys }, seed);
    } catch (error) {
      throw error.code ? new Problem(error.code) : error;
    }
  }

  async function begin() {
    const wallet = form.elements.wallet.value.trim();
    const { value } = form.elements.choice;
    if (!value) throw new Problem("choose_one");
    const content = { choice: Number(value), reason: form.elements.reason.value.trim() };
    show(word("preparing"));
    const offered = (query) => get(`/api/v1/proposals/${proposal}/wallet-ballot-message?${new URLSearchParams({ wallet, ...query })}`);
    if (!sealer) {
      const offer = await offered(content);
      await sign({ proposal, wallet, ...content, nonce: offer.nonce }, offer.typed_data);
      return;
    }
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const { text, digest } = await sealed(wallet, content, seed);
    const offer = await offered({ sealed: digest });
    const kept = await sign({ proposal, wallet, sealed: text, nonce: offer.nonce }, offer.typed_data);
    window.location.hash = openingLink(kept.digest, seed, content);
  }

  // What the link in the address bar says, shown once sealing it again has given this very ballot.
  async function check() {
    const opening = openingIn(window.location.hash);
    if (!sealer || !opening) return;
    const place = document.getElementById(`opening-${opening.digest}`);
    try {
      const waiting = await get(`/api/v1/wallet-ballots/${opening.digest}`);
      const { text } = await sealed(waiting.wallet, opening, opening.seed);
      if (text !== waiting.sealed || !place) throw new Problem("opening_wrong");
    } catch (error) {
      show(said(error), { error: true });
      return;
    }
    const label = [...form.elements.choice.options].find(({ value }) => value === String(opening.choice))?.text;
    place.querySelector("[data-opening-choice]").textContent = label ?? String(opening.choice);
    place.querySelector("[data-opening-reason]").textContent = opening.reason;
    place.querySelector("[data-opening-unknown]").hidden = true;
    place.querySelector("[data-opening-known]").hidden = false;
    place.querySelector("[data-opening-link]").value = window.location.href;
    opened = opening.digest;
  }

  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form.querySelector("button"), begin);
  });

  for (const button of root.querySelectorAll("[data-shared-sign]")) {
    button.addEventListener("click", () =>
      during(button, async () => {
        const digest = button.dataset.sharedSign;
        if (sealer && opened !== digest) throw new Problem("opening_missing");
        const { wallet, choice, reason, sealed: text, nonce, typed_data: typedData } = await get(`/api/v1/wallet-ballots/${digest}`);
        await sign({ proposal, wallet, ...(text ? { sealed: text } : { choice, reason }), nonce }, typedData);
      }),
    );
  }

  for (const button of root.querySelectorAll("[data-shared-look]")) {
    button.addEventListener("click", () =>
      during(button, () => post(`/api/v1/wallet-ballots/${button.dataset.sharedLook}/look`, {})),
    );
  }

  for (const button of root.querySelectorAll("[data-shared-withdraw]")) {
    button.addEventListener("click", () =>
      during(button, () => send("DELETE", `/api/v1/wallet-ballots/${button.dataset.sharedWithdraw}`, {})),
    );
  }

  for (const button of root.querySelectorAll("[data-opening-copy]")) {
    button.addEventListener("click", async () => {
      const link = button.parentElement.querySelector("[data-opening-link]");
      link.select();
      await navigator.clipboard?.writeText(link.value);
      show(words.copied);
    });
  }

  window.addEventListener("hashchange", check);
  if (form) check();
}
