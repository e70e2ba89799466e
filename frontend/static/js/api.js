// Talking to our own API, and saying what went wrong in the reader's language. The words come from the page (#words).

export class Problem extends Error {
  constructor(code, detail = "") {
    super(detail || code);
    this.code = code;
    this.detail = detail;
  }
}

const camel = (code) => code.replaceAll("-", "_").replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// A text of the page in the reader's language; {names} in it are replaced by the values.
export function word(key, values = {}) {
  const text = document.getElementById("words").dataset[camel(key)] ?? "";
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// The codes of refusals that have words of their own, by our API's code.
const SAME = {
  no_voting_power: "no_voting_power",
  voting_closed: "voting_closed",
  voting_not_open: "voting_not_open",
  signature_invalid: "bad_signature",
  signature_not_canonical: "bad_signature",
  siwe_rejected: "siwe_rejected",
  nonce_conflict: "stale_nonce",
  ballot_superseded: "stale_nonce",
  chain_unavailable: "chain_unavailable",
  csrf_failed: "csrf_failed",
  too_many_requests: "busy",
  database_busy: "busy",
  network: "network",
  governor_rules_differ: "governor_rules_differ",
  wrong_chain: "wrong_chain",
  wrong_sender: "wrong_sender",
  contract_reverted: "contract_reverted",
  rejected: "rejected",
  no_account: "no_account",
  choose_first: "choose_first",
  choose_one: "choose_one",
  rank_all: "rank_all",
  rank_some: "rank_some",
  weights_needed: "weights_needed",
  weights_whole: "weights_whole",
  amounts_needed: "amounts_needed",
  amounts_wrong: "amounts_wrong",
  census_pending: "census_pending",
  self_delegation: "self_delegation",
  share_range: "share_range",
  shares_exceed_whole: "shares_exceed",
  unknown_seat: "unknown_seat",
  passkey_cannot: "passkey_cannot",
  own_draft: "own_draft",
  reason_needed: "reason_needed",
  own_proposal: "own_proposal",
  own_run: "own_run",
  already_attested: "already_attested",
  review_over: "review_over",
  duty_settled: "review_over",
  not_reviewing: "review_over",
};

export function explain(error) {
  if (error instanceof Problem) {
    const own = word(SAME[error.code] ?? "", error.values);
    if (own) return own;
    return `${word(error.code.startsWith("wallet") ? "wallet_failed" : "failed")} ${error.detail || error.code}`;
  }
  return `${word("failed")} ${error.message}`;
}

async function call(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw new Problem("network");
  }
  const type = response.headers.get("content-type") ?? "";
  const body = type.includes("json") ? await response.json() : {};
  if (!response.ok) {
    const csrf = response.status === 403 && !body.code;
    throw new Problem(csrf ? "csrf_failed" : (body.code ?? `http_${response.status}`), body.detail ?? "");
  }
  return body;
}

export const get = (url) => call(url, { headers: { Accept: "application/json" } });

export const post = (url, data) => send("POST", url, data);

export async function send(method, url, data, again = false) {
  const token = document.querySelector('meta[name="csrf-token"]');
  try {
    return await call(url, {
      method,
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token.content },
      body: JSON.stringify(data),
    });
  } catch (error) {
    // The session ended or somebody signed in elsewhere since this page was loaded: ask once for a token of today.
    if (again || error.code !== "csrf_failed") throw error;
    token.content = await freshToken();
    return send(method, url, data, true);
  }
}

async function freshToken() {
  try {
    const response = await fetch(window.location.href, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector('meta[name="csrf-token"]')?.content ?? "";
  } catch {
    throw new Problem("network");
  }
}
