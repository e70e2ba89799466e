// Voting power between base units and what people read: whole numbers and BigInt only, so that nothing is ever rounded.
const PLACES_SHOWN = 2;

const language = () => document.documentElement.lang;
const separator = () => (1.1).toLocaleString(language()).at(1);

// Base units to votes, cut after two places, in the reader's number format.
export function votes(power, decimals) {
  const scale = 10n ** BigInt(decimals);
  const units = BigInt(power);
  const places = Math.min(PLACES_SHOWN, decimals);
  const rest = String(units % scale).padStart(decimals, "0").slice(0, places).replace(/0+$/, "");
  return (units / scale).toLocaleString(language()) + (rest && decimals ? separator() + rest : "");
}

// Base units to votes with every digit, as the amounts of a form are written.
export function exactVotes(power, decimals) {
  const scale = 10n ** BigInt(decimals);
  const rest = decimals ? String(power % scale).padStart(decimals, "0").replace(/0+$/, "") : "";
  return String(power / scale) + (rest ? separator() + rest : "");
}

// What somebody wrote as an amount of votes, as base units; null when it is no such amount. A comma is a point.
export function baseUnits(text, decimals) {
  const match = text.trim().replace(/[\s\u00a0\u202f]/g, "").match(/^(\d{1,60})(?:[.,](\d*))?$/);
  if (!match) return null;
  const [, whole, rest = ""] = match;
  if (rest.length > decimals) return null;
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(rest.padEnd(decimals, "0") || "0");
}
