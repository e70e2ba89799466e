// Voting: fetch the message, show in plain words what is signed, let the wallet sign it, send it, open the receipt.
import { explain, get, post, word } from "./api.js";
import { readerOf, setUpAll } from "./ballot-forms.js";
import { votes } from "./units.js";
import { connect, request } from "./wallet.js";

export function start(panel) {
  const form = panel.querySelector("[data-vote-form]");
  const review = panel.querySelector("[data-vote-start]");
  const status = panel.querySelector("[data-vote-status]");
  const dialog = panel.querySelector("[data-vote-dialog]");
  const dialogStatus = dialog.querySelector("[data-vote-dialog-status]");
  const sign = dialog.querySelector("[data-vote-sign]");
  const decimals = Number(panel.dataset.decimals);
  const read = readerOf(panel);

  let prepared = null;

  const show = (text, { error = false, place = status } = {}) => {
    place.textContent = text;
    place.classList.toggle("status--error", error);
  };

  async function prepare() {
    const said = read(form);
    const reason = form.elements.reason.value.trim();
    show(word("connecting"));
    const { provider, account } = await connect(panel.dataset.viewer);
    show(word("preparing"));
    const query = new URLSearchParams({ voter: account, choice: JSON.stringify(said.choice), reason });
    const offer = await get(`/api/v1/proposals/${panel.dataset.proposal}/ballot-message?${query}`);
    return { provider, account, said, reason, offer };
  }

  // One line as it stands; several as a list, numbered where the order is what is signed.
  function inWords({ lines, ordered, placed }, offer) {
    const unused = placed === undefined ? 0n : BigInt(offer.power) + BigInt(offer.delegated) - placed;
    const all = unused > 0n ? [...lines, word("unused", { votes: votes(unused, decimals) })] : lines;
    if (all.length === 1 && !ordered) {
      const strong = document.createElement("b");
      strong.textContent = all[0];
      return strong;
    }
    const list = document.createElement(ordered ? "ol" : "ul");
    list.append(
      ...all.map((line) => {
        const item = document.createElement("li");
        item.textContent = line;
        return item;
      }),
    );
    return list;
  }

  function preview({ account, said, reason, offer }) {
    const write = (name, text) => {
      dialog.querySelector(`[data-vote-${name}]`).textContent = text;
    };
    dialog.querySelector("[data-vote-choice]").replaceChildren(inWords(said, offer));
    write("power", votes(offer.power, decimals));
    write("delegated", votes(offer.delegated, decimals));
    dialog.querySelector("[data-vote-delegated-row]").hidden = BigInt(offer.delegated) === 0n;
    write("voter", account);
    write("reason", reason);
    dialog.querySelector("[data-vote-reason-row]").hidden = !reason;
    write("message", JSON.stringify(offer.typed_data, null, 2));
    show("", { place: dialogStatus });
    dialog.showModal();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    review.disabled = true;
    try {
      prepared = await prepare();
      show("");
      preview(prepared);
    } catch (error) {
      show(explain(error), { error: true });
    } finally {
      review.disabled = false;
      if (!dialog.open) review.focus(); // a control that is disabled loses the focus; the keyboard goes on from here
    }
  });

  sign.addEventListener("click", async () => {
    sign.disabled = true;
    try {
      show(word("signing"), { place: dialogStatus });
      const { provider, account, said, reason, offer } = prepared;
      const signature = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(offer.typed_data)]);
      show(word("sending"), { place: dialogStatus });
      const accepted = await post("/api/v1/ballots", {
        proposal: panel.dataset.proposal,
        voter: account,
        choice: said.choice,
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
    review.focus();
  });

  setUpAll(
    panel,
    async () => panel.dataset.viewer || (await connect()).account,
    (error) => show(explain(error), { error: true }),
  );
}
