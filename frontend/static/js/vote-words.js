// What a vote panel says about itself: texts of its own (data-vote-words), else those that every page has.
import { Problem, explain, word } from "./api.js";

const camel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

export function speaker(root) {
  const own = root.querySelector("[data-vote-words]").dataset;
  const say = (key, values = {}) => {
    const text = own[camel(key)];
    return text ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : word(key, values);
  };
  // A problem in one sentence with the next step.
  const problem = (error) => (error instanceof Problem && own[camel(error.code)] ? say(error.code, error.values) : explain(error));
  return { say, problem };
}

// Texts change only where they differ: a live region that is written again is read again.
export function write(place, text, error = false) {
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("status--error", error);
}

// Show the parts of a dialog that belong to this step of it.
export function stepTo(dialog, step) {
  dialog.dataset.now = step;
  for (const part of dialog.querySelectorAll("[data-step]")) part.hidden = !part.dataset.step.split(" ").includes(step);
}
