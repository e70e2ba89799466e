// What a filled form says: the choice as it is signed, and the same in words. One reader for each form of ballot.
import { Problem, get, word } from "./api.js";
import { setUpRanking } from "./ranking.js";
import { baseUnits, exactVotes, votes } from "./units.js";

const checked = (form) => [...form.querySelectorAll('input[name="choice"]:checked')];
const one = (missing) => (form) => {
  const [chosen] = checked(form);
  if (!chosen) throw new Problem(missing);
  return { choice: Number(chosen.value), lines: [chosen.dataset.label] };
};

// Each answers with a function that reads the form: { choice, lines, ordered }.
const FORMS = {
  big: () => one("choose_first"),
  radio: () => one("choose_one"),
  check: () => (form) => {
    const chosen = checked(form);
    const lines = chosen.map((box) => box.dataset.label);
    return { choice: chosen.map((box) => Number(box.value)), lines: lines.length ? lines : [word("blank_ballot")] };
  },
  ranking: (panel) => {
    const root = panel.querySelector("[data-ranking]");
    const ranking = setUpRanking(root);
    return () => {
      const ranked = ranking.ranked();
      if ("whole" in root.dataset && !ranking.complete()) throw new Problem("rank_all");
      if (!ranked.length) throw new Problem("rank_some");
      return { choice: ranked.map(({ code }) => code), lines: ranked.map(({ label }) => label), ordered: true };
    };
  },
  weights: (panel) => {
    const inputs = [...panel.querySelectorAll('input[name="weight"]')];
    inputs.forEach((input) => input.addEventListener("input", () => showShares(inputs)));
    return () => readWeights(inputs);
  },
  amounts: (panel) => {
    const inputs = [...panel.querySelectorAll('input[name="amount"]')];
    const decimals = Number(panel.dataset.decimals);
    return () => readAmounts(inputs, decimals);
  },
};

export const readerOf = (panel) => FORMS[panel.dataset.form](panel);

const whole = (input) => (/^\d*$/.test(input.value.trim()) ? Number(input.value.trim() || "0") : NaN);

function percent(part, sum) {
  const thousandths = Math.floor((part * 1000) / sum);
  const format = { style: "percent", maximumFractionDigits: 1 };
  return (thousandths / 1000).toLocaleString(document.documentElement.lang, format);
}

function showShares(inputs) {
  const weights = inputs.map(whole);
  const sum = weights.reduce((total, weight) => total + (weight || 0), 0);
  inputs.forEach((input, index) => {
    const output = input.parentElement.querySelector("[data-weight-share]");
    output.textContent = weights[index] > 0 ? percent(weights[index], sum) : "";
    if (Number.isNaN(weights[index])) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  });
}

function readWeights(inputs) {
  const given = inputs.map((input) => ({ input, weight: whole(input) }));
  if (given.some(({ weight }) => Number.isNaN(weight))) throw new Problem("weights_whole");
  const used = given.filter(({ weight }) => weight > 0);
  if (!used.length) throw new Problem("weights_needed");
  const sum = used.reduce((total, { weight }) => total + weight, 0);
  return {
    choice: Object.fromEntries(used.map(({ input, weight }) => [input.dataset.code, weight])),
    lines: used.map(({ input, weight }) => `${input.dataset.label}: ${percent(weight, sum)}`),
  };
}

const amounts = (inputs, decimals) =>
  inputs.map((input) => ({ input, amount: input.value.trim() ? baseUnits(input.value, decimals) : 0n }));

function readAmounts(inputs, decimals) {
  const given = amounts(inputs, decimals);
  if (given.some(({ amount }) => amount === null)) throw new Problem("amounts_wrong");
  const used = given.filter(({ amount }) => amount > 0n);
  if (!used.length) throw new Problem("amounts_needed");
  return {
    choice: Object.fromEntries(used.map(({ input, amount }) => [input.dataset.code, String(amount)])),
    lines: used.map(({ input, amount }) => `${input.dataset.label}: ${word("votes", { votes: votes(amount, decimals) })}`),
    placed: used.reduce((total, { amount }) => total + amount, 0n),
  };
}

// "All": what is left of the voter's power. `whoVotes` answers with the address, and asks the wallet when nobody is signed in.
export function setUpAll(panel, whoVotes, failed) {
  const decimals = Number(panel.dataset.decimals);
  const inputs = [...panel.querySelectorAll('input[name="amount"]')];
  for (const button of panel.querySelectorAll("[data-amount-all]")) {
    button.addEventListener("click", async () => {
      const mine = button.parentElement.querySelector("input");
      try {
        const query = new URLSearchParams({ voter: await whoVotes() });
        const found = await get(`/api/v1/proposals/${panel.dataset.proposal}/eligibility?${query}`);
        if (!found.may_vote) throw new Problem(found.reason || "no_voting_power");
        const placed = amounts(inputs.filter((input) => input !== mine), decimals);
        const left = placed.reduce((rest, { amount }) => rest - (amount ?? 0n), BigInt(found.power) + BigInt(found.delegated));
        mine.value = left > 0n ? exactVotes(left, decimals) : "";
        mine.focus();
      } catch (error) {
        failed(error);
      }
    });
  }
}
