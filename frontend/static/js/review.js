// Attesting what one found in a result: one signature over its files, its report and the samples that were drawn.
import { Problem, explain, post, word } from "./api.js";
import { connect, request } from "./wallet.js";

export function start(form) {
  const status = form.querySelector("[data-review-status]");
  const button = form.querySelector("button");
  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const said = { rule: form.dataset.rule, finding: form.elements.finding.value, reason: form.elements.reason.value.trim() };
      if (said.finding === "objects" && !said.reason) throw new Problem("reason_needed");
      show(word("connecting"));
      const { provider, account } = await connect(form.dataset.viewer);
      const review = `/api/v1/runs/${form.dataset.review}/review`;
      const { typed_data: typed } = await post(`${review}/message`, { ...said, reviewer: account });
      show(word("signing"));
      const signature = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(typed)]);
      await post(`${review}/attestations`, { ...said, reviewer: account, at: typed.message.at, signature });
      show(word("attested"));
      window.location.reload();
    } catch (error) {
      show(explain(error), { error: true });
      button.disabled = false;
      button.focus();
    }
  });
}
