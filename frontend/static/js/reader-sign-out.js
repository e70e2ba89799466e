// Signing out of an account for following: the copies of pages that this browser keeps go, too.
import { forgetCopies } from "./offline.js";

export function start(form) {
  form.addEventListener(
    "submit",
    async (event) => {
      event.preventDefault();
      await forgetCopies();
      form.submit();
    },
    { once: true },
  );
}
