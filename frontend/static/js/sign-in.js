// Signing in and out (Sign-In with Ethereum, EIP-4361). The server writes the text; the wallet signs it as it stands.
import { Problem, explain, post } from "./api.js";
import { forgetCopies } from "./offline.js";
import { connect, request, toHex } from "./wallet.js";

export async function signIn() {
  const { provider, account } = await connect();
  const { message } = await post("/api/v1/auth/nonce", { address: account });
  const signature = await request(provider, "personal_sign", [toHex(message), account]);
  return post("/api/v1/auth/verify", { message, signature });
}

function report(text) {
  const dialog = document.getElementById("wallet-dialog");
  dialog.querySelector("[data-wallet-status]").textContent = text;
  if (!dialog.open) dialog.showModal();
}

export function startSignIn(control) {
  control.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      await signIn();
      const target = control.dataset.next ?? window.location.href;
      window.location.assign(new URL(target, window.location.origin).href);
    } catch (error) {
      const closedByReader = error instanceof Problem && error.code === "rejected";
      if (!closedByReader) report(explain(error));
    }
  });
}

export function startSignOut(button) {
  button.addEventListener("click", async () => {
    try {
      await post("/api/v1/auth/logout", {});
      await forgetCopies();
      window.location.reload();
    } catch (error) {
      report(explain(error));
    }
  });
}

export function startDialogClose(button) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
