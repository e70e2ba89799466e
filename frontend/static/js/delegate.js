// Lending one's voting power: signed off the chain (share, topic, day), taken back, or through the token's own contract.
import { Problem, explain, get, post, word } from "./api.js";
import { sendTransaction, signForContract } from "./transactions.js";
import { connect, request } from "./wallet.js";

export function start(root) {
  const api = `/api/v1/communities/${root.dataset.community}`;
  const status = root.querySelector("[data-delegate-status]");
  const chainStatus = root.querySelector("[data-chain-status]");
  const call = root.querySelector("[data-chain-call]");

  const show = (text, { error = false, place = status } = {}) => {
    place.textContent = text;
    place.classList.toggle("status--error", error);
  };

  const typed = (provider, account, data) => request(provider, "eth_signTypedData_v4", [account, JSON.stringify(data)]);

  // While something is under way its button rests; what went wrong is said where one looks for it.
  async function attempt(button, place, steps) {
    button.disabled = true;
    try {
      await steps();
    } catch (error) {
      show(explain(error), { error: true, place });
    } finally {
      button.disabled = false;
    }
  }

  async function delegate({ delegate, topic, share_bps, expires_at }) {
    show(word("connecting"));
    const { provider, account } = await connect(root.dataset.viewer);
    if (account.toLowerCase() === delegate.toLowerCase()) throw new Problem("self_delegation");
    const asked = { delegator: account, delegate, topic, share_bps, expires_at };
    const offer = await get(`${api}/delegation-message?${new URLSearchParams(asked)}`);
    show(word("signing"));
    const signature = await typed(provider, account, offer.typed_data);
    show(word("sending_delegation"));
    await post(`${api}/delegations`, { ...asked, nonce: offer.nonce, signature });
    show(word("delegated"));
    window.location.reload();
  }

  root.querySelector("[data-delegate-form]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const { share, topic, until } = event.target.elements;
    attempt(event.submitter ?? event.target.querySelector("button"), status, async () => {
      if (!/^\d{1,3}$/.test(share.value) || Number(share.value) < 1 || Number(share.value) > 100) throw new Problem("share_range");
      // The day is meant to its end.
      const expires = until.value ? Math.floor(Date.parse(`${until.value}T23:59:59Z`) / 1000) : 0;
      const wanted = { share_bps: Number(share.value) * 100, topic: topic.value, expires_at: expires };
      await delegate({ delegate: root.dataset.delegate, ...wanted });
    });
  });

  for (const button of document.querySelectorAll("[data-revoke]")) {
    button.addEventListener("click", () =>
      attempt(button, status, () => {
        const { delegate: from, topic } = button.dataset;
        return delegate({ delegate: from, topic, share_bps: 0, expires_at: 0 });
      }),
    );
  }

  const offerOnChain = (account) =>
    get(`${api}/chain-delegation?${new URLSearchParams({ delegator: account, delegatee: root.dataset.delegate })}`);

  root.querySelector("[data-chain-send]")?.addEventListener("click", (event) =>
    attempt(event.currentTarget, chainStatus, async () => {
      const { provider, account } = await connect(root.dataset.viewer);
      const { transaction } = await offerOnChain(account);
      show(word("signing"), { place: chainStatus });
      await sendTransaction(provider, account, transaction);
      show(word("transaction_sent"), { place: chainStatus });
    }),
  );

  root.querySelector("[data-chain-sign]")?.addEventListener("click", (event) =>
    attempt(event.currentTarget, chainStatus, async () => {
      const { provider, account } = await connect(root.dataset.viewer);
      const { by_signature: offer } = await offerOnChain(account);
      show(word("signing"), { place: chainStatus });
      const signature = await signForContract(provider, account, offer.typed_data);
      const signed = { delegator: account, delegatee: root.dataset.delegate, nonce: offer.nonce, expiry: offer.expiry };
      const answer = await post(`${api}/chain-delegation`, { ...signed, signature });
      show(word(answer.hash ? "transaction_sent" : "signed_for_others"), { place: chainStatus });
      root.querySelector("[data-chain-signed]").hidden = Boolean(answer.hash);
      call.textContent = JSON.stringify(answer.transaction, null, 2);
    }),
  );
}
