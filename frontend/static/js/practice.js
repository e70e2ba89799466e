// Practising: the same forms, words and moments as a real vote, and no wallet. At the end the form is sent as it would be
// without this script; the server counts it and keeps nothing.
import { readerOf } from "./ballot-forms.js";
import { hold } from "./hold.js";
import { inWords } from "./in-words.js";
import { speaker, stepTo, write } from "./vote-words.js";

export function start(panel) {
  const form = panel.querySelector("[data-vote-form]");
  const review = panel.querySelector("[data-vote-start]");
  const status = panel.querySelector("[data-vote-status]");
  const dialog = panel.querySelector("[data-vote-dialog]");
  const dialogStatus = dialog.querySelector("[data-vote-dialog-status]");
  const sign = dialog.querySelector("[data-vote-sign]");
  const seconds = Number(panel.dataset.undoSeconds);
  const read = readerOf(panel);
  const { say, problem } = speaker(panel);
  let said = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      said = read(form);
    } catch (error) {
      write(status, problem(error), true);
      review.focus();
      return;
    }
    const reason = form.elements.reason.value.trim();
    write(status, "");
    write(dialogStatus, "");
    dialog.querySelector("[data-vote-choice]").replaceChildren(inWords(said.lines, said.ordered));
    dialog.querySelector("[data-vote-reason]").textContent = reason;
    dialog.querySelector("[data-vote-reason-row]").hidden = !reason;
    stepTo(dialog, "review");
    dialog.showModal();
  });

  sign.addEventListener("click", async () => {
    stepTo(dialog, "held");
    const answer = await hold(dialog, seconds, (key) => write(dialogStatus, say(key, { seconds })));
    if (answer === "send") {
      stepTo(dialog, "sending");
      write(dialogStatus, say("sending"));
      send();
      return;
    }
    if (dialog.open) dialog.close();
    write(status, say("undone"));
  });

  // Places that were set by buttons or by dragging become the fields that a form without a script has.
  function send() {
    if (said.ordered) {
      said.choice.forEach((code, index) => {
        const field = Object.assign(document.createElement("input"), { type: "hidden", name: `rank-${code}`, value: index + 1 });
        form.append(field);
      });
    }
    form.submit();
  }

  form.addEventListener("reset", () => write(status, ""));
  dialog.addEventListener("close", () => review.focus());
}
