// A keyholder's page: the wallet signs a fixed text, the secret comes of that signature and stays in this page until voting
// has closed; only the public key is sent before.
import { Problem, explain, get, post, word } from "./api.js";
import { connect, request } from "./wallet.js";

export function start(root) {
  const status = root.querySelector("[data-keyholder-status]");
  const own = root.querySelector("[data-keyholder-words]").dataset;
  const place = `/api/v1/proposals/${root.dataset.keyholder}`;

  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };

  const sign = (provider, account, typedData) =>
    request(provider, "eth_signTypedData_v4", [account, JSON.stringify(typedData)]);

  // The same signature twice: a wallet that signs one text in two ways could never open what was sealed for its key.
  async function keyPair(provider, account, times) {
    const { secretOf } = await import(root.dataset.sealer);
    const { typed_data: message } = await get(`${place}/sealing-key-message?${new URLSearchParams({ keyholder: account })}`);
    const signatures = [];
    for (let time = 0; time < times; time += 1) signatures.push(await sign(provider, account, message));
    if (new Set(signatures).size > 1) throw new Problem("wallet_not_steady");
    return secretOf(signatures[0]);
  }

  async function publish(provider, account) {
    show(own.twice);
    const { publicKey } = await keyPair(provider, account, 2);
    const asked = new URLSearchParams({ keyholder: account, key: publicKey });
    const { typed_data: message } = await get(`${place}/sealing-key-message?${asked}`);
    const signature = await sign(provider, account, message);
    await post(`${place}/sealing-keys`, { keyholder: account, key: publicKey, signature });
  }

  async function open(provider, account) {
    show(word("signing"));
    const { secret, publicKey } = await keyPair(provider, account, 1);
    const { keyholders } = await get(`${place}/sealing`);
    const mine = keyholders.find(({ keyholder }) => keyholder.toLowerCase() === account.toLowerCase());
    if (mine && mine.key !== publicKey) throw new Problem("another_key");
    await post(`${place}/sealing-secrets`, { secret });
  }

  for (const [name, act] of Object.entries({ publish, open })) {
    const button = root.querySelector(`[data-keyholder-${name}]`);
    button?.addEventListener("click", async () => {
      button.disabled = true;
      try {
        show(word("connecting"));
        const { provider, account } = await connect(root.dataset.viewer);
        await act(provider, account);
        show(own.done);
        window.location.reload();
      } catch (error) {
        show(own[error.code?.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())] ?? explain(error), { error: true });
        button.disabled = false;
        button.focus();
      }
    });
  }
}
