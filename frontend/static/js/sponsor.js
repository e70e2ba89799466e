// Backing a draft: one signature over exactly this text.
import { explain, get, post, word } from "./api.js";
import { connect, request } from "./wallet.js";

export function start(root) {
  const status = root.querySelector("[data-sponsor-status]");
  const button = root.querySelector("[data-sponsor-sign]");

  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };

  button?.addEventListener("click", async () => {
    button.disabled = true;
    try {
      show(word("connecting"));
      const { provider, account } = await connect(root.dataset.viewer);
      const draft = `/api/v1/drafts/${root.dataset.sponsor}`;
      const offer = await get(`${draft}/sponsorship-message?${new URLSearchParams({ sponsor: account })}`);
      show(word("signing"));
      const signature = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(offer.typed_data)]);
      await post(`${draft}/sponsors`, { sponsor: account, signature });
      show(word("sponsored"));
      window.location.reload();
    } catch (error) {
      show(explain(error), { error: true });
      button.disabled = false;
      button.focus();
    }
  });
}
