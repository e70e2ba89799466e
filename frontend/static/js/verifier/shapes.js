// What a record of each kind holds: the keys of its body, the form of each value, and the kinds that it rests on.
//
// A form is a word of FORMS; that word with "?" (or null); [form], a list of it; {"*": form}, any keys; {"…": true, key:
// form}, these keys and maybe others; {key: form}, exactly these keys; or a function that says what is wrong, or null.

import { isUsableKey } from "./ed25519.js";
import { entriesProblem } from "./manifest.js";

const MANY = 10_000;
const GUARDIANS_MAX = 16;

const matches = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

const FORMS = {
  text: (value) => typeof value === "string",
  count: isCount,
  integer: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === "boolean",
  object: isObject,
  choice: (value) => Number.isSafeInteger(value) || (typeof value === "object" && value !== null),
  version: (value) => typeof value === "string" || isCount(value),
  digest: matches(/^[0-9a-f]{64}$/),
  hex32: matches(/^0x[0-9a-f]{64}$/),
  revision: matches(/^[0-9a-f]{40}$/),
  power: matches(/^(?:0|[1-9][0-9]{0,77})$/),
  score: matches(/^(?:0|[1-9][0-9]*)(?:\/[1-9][0-9]*)?$/),
  address: matches(/^0x[0-9a-fA-F]{40}$/),
  slug: matches(/^[A-Za-z0-9_-]{1,100}$/),
  model: matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/),
  key: isUsableKey,
  suite: matches(/^(?:hidden:)?[0-9a-f]{64}$/),
  ed25519: (value) => value === "ed25519",
  severity: (value) => value === "block" || value === "warn",
  judged: (value) => value === "value" || value === "cautious" || value === "lenient",
  finding: (value) => value === "nothing_to_object" || value === "objects",
  consent: (value) => ["public_domain", "licence", "contract", "consent_of_persons", "own_work", "unknown"].includes(value),
  follows: (value) => ["retrain", "rollback", "none"].includes(value),
  role: (value) => value === "training" || value === "evaluation",
  wallet: (value) => ["erc1271", "erc6492", "eip7702"].includes(value),
  asked: (value) => ["dialogue", "text", "preference", "behaviour", "pair"].includes(value),
  rows: (value) => value === "dialogue" || value === "text" || value === "preference",
};

const RULES = {
  quorum_bps: "count",
  quorum_basis: "text",
  quorum_votes: "power",
  threshold_bps: "count",
  support_bps: "count",
  rejection_bps: "count",
  super_quorum_bps: "count",
  late_quorum_seconds: "count",
  objection_bps: "count",
  proposal_threshold: "power",
  voting_delay_seconds: "count",
  voting_period_seconds: "count",
  timelock_seconds: "count",
  execution_window_seconds: "count",
  cool_down_seconds: "count",
};
const SOURCE = { name: "text", version: "version", parameters: "object" };
const RELEASE_KEY = { algorithm: "ed25519", public_key: "key" };
const BALLOT = {
  voter: "address",
  choice: "choice",
  reason: "text",
  nonce: "count",
  power: "power",
  house_power: "power",
  signature: "text",
  cast_at: "count",
};
const WALLET = { block_hash: "hex32", block_number: "count", kind: "wallet" };
const KEYS = {
  guardians: [{ name: "text", public_key: "key" }],
  release_key: RELEASE_KEY,
  revoked: [{ public_key: "key", reason: "text" }],
  threshold: "count",
};
const DATA_SOURCE = {
  name: "text",
  license: "text",
  consent: "consent",
  url: "text",
  collected_from: "text",
  collected_to: "text",
  place: "text",
};
const MEASURED = {
  candidate: { "*": "object" },
  parent: { "*": "object" },
  difference: { "*": "object" },
  samples: "count",
  samples_sha256: "digest",
};
const DUTY = { task: "text", people: "count", samples: "count", days: "count", objections: "count" };
const REVIEW = {
  opened_at: "count",
  executors: ["address"],
  attestations: [andMaybe("wallet", WALLET, { rule: "slug", reviewer: "address", finding: "finding", reason: "text", at: "count", signature: "text" })],
};
const SEALING = { keyholders: ["address"], threshold: "count", wait_seconds: "count" };
const SEALED = { voter: "address", sealed: "text", nonce: "count", power: "power", house_power: "power", signature: "text", cast_at: "count" };
const TWO_LANGUAGES = { en: "text", fr: "text" };
const artifact = (value) => entriesProblem(value);

const BODIES = {
  charter: andMaybe("sealing", andMaybe("keys_wait_seconds", "count", { ...SEALING, tiers: ["text"] }), {
    tiers: { "*": RULES },
    kinds: { "*": "text" },
    power: { source: "text", parameters: "object" },
    house: (value) => (value === null ? null : wrong({ name: TWO_LANGUAGES, source: "text", parameters: "object" }, value)),
    council: { pause_seconds_max: "count" },
  }),
  community: { slug: "slug", name: TWO_LANGUAGES, instance: "text", chain_id: "count", token: "address", release_key: RELEASE_KEY },
  proposal: andMaybe("sealing", andMaybe("keys_wait_seconds", "count", SEALING), {
    number: "count",
    kind: "text",
    tier: "text",
    title: "text",
    text: "text",
    payload: "object",
    author: "address",
    sponsors: [andMaybe("wallet", WALLET, { address: "address", signature: "text" })],
    nonce: "count",
    method: "text",
    method_version: "text",
    choices: ["text"],
    seats: "count",
    tie_rule: "text",
    rules: RULES,
    snapshot: {
      block_number: "count",
      block_hash: "hex32",
      total_supply: "power",
      source: SOURCE,
      house: (value) =>
        value === null ? null : wrong({ total: "power", block_number: "count", block_hash: "hex32", source: SOURCE }, value),
    },
    submitted_at: "count",
    opens_at: "count",
    closes_at: "count",
  }),
  delegation: andMaybe("wallet", WALLET, {
    delegator: "address",
    delegate: "address",
    topic: "text",
    share_bps: "count",
    expires_at: "count",
    nonce: "count",
    signature: "text",
    made_at: "count",
  }),
  census: andMaybe("governor", { total_supply: "power", quorum_bps: "count" }, {
    root: "digest",
    count: "count",
    total: "power",
    house_total: "power",
    delegations_root: "digest",
    delegation_count: "count",
    opens_at: "count",
    closes_at: "count",
    computed_at: "count",
  }),
  ballot: (body) => andMaybe("wallet", WALLET, isObject(body) && Object.hasOwn(body, "sealed") ? SEALED : BALLOT)(body),
  sealing: { keys: [{ keyholder: "address", public_key: "digest", signature: "text" }] },
  unsealing: { secrets: [{ keyholder: "address", secret: "digest" }], opened_at: "count" },
  tally: andMaybe("late_quorum_seconds", "count", {
    method: "text",
    choices: ["text"],
    ballot_count: "count",
    ballots_root: "digest",
    totals: { "*": "score" },
    winners: ["text"],
    invalid_count: "count",
    cast: "power",
    quorum_power: "power",
    house: (value) => (value === null ? null : wrong({ "*": "power" }, value)),
    closes_at: "count",
    extended_by: "digest?",
    closed_early: "boolean",
    closed_at: "count",
  }),
  decision: andMaybe("timelock_seconds", "count", {
    passed: "boolean",
    conditions: [{ condition: "text", holds: "boolean", found: "text", needed: "text" }],
    decided_at: "count",
    queued_at: "count?",
    eta: "count?",
    expires_at: "count?",
  }),
  execution: { executed_at: "count", kind: "text" },
  keys: (value) => wrong(KEYS, value) ?? keysProblem(value),
  dataset: andMaybe("data_kinds", ["slug"], andMaybe("country", "slug", {
    slug: "slug",
    title: "text",
    license: "text",
    role: "role",
    kind: "rows",
    files: [{ path: "text", size: "count", sha256: "digest" }],
    digest: "digest",
    records: "count",
    records_root: "digest",
    shards: [{ first: "count", records: "count", size: "count", sha256: "digest" }],
    languages: ["text"],
    scans: [{ scan: "text", passed: "boolean", found: "count", detail: "text" }],
    sources: [DATA_SOURCE],
    contributors: [{ contributor: "address?", records: { "*": "count" }, share: { numerator: "integer", denominator: "count" } }],
    contributions: "digest?",
    replaces: "digest?",
  })),
  taking_back: { allowed: "boolean", days: "count?" },
  removal: {
    digest: "digest",
    records: (value) => (value === null ? null : wrong(["digest"], value)),
    successor: "digest?",
    why: "text",
    follow_up: { action: "follows", days: "count?", because: "text" },
    request: "text",
    taken_back: (value) => (value === null ? null : wrong({ by: "address", at: "count" }, value)),
  },
  rule: {
    slug: "slug",
    title: "text",
    why: "text",
    metric: "text?",
    suite: "suite?",
    scope: "text",
    comparator: "text?",
    bound: (value) => (value === null ? null : wrong({ numerator: "integer", denominator: "count" }, value)),
    judged: "judged?",
    severity: "severity",
    sunset: "count?",
    duty: (value) => (value === null ? null : wrong(DUTY, value)),
  },
  commitment: {
    commitment: "digest",
    title: "text",
    kind: "asked",
    records: "count",
    languages: ["text"],
    license: "text",
    keeper: "address",
    opens_within_seconds: "count",
    committed_at: "count",
  },
  opening: { commitment: "digest", digest: "digest", salt: "digest", opened_at: "count" },
  spec: {
    "…": true,
    base: { model: "text", revision: "revision", manifest_sha256: "digest" },
    datasets: [{ "…": true, digest: "digest", languages: ["text"] }],
    evaluation: { suite: "digest" },
    output: "text",
  },
  run: {
    run: "count",
    attempt: "count",
    started_at: "count",
    finished_at: "count",
    steps: "count",
    tokens: "count",
    artifact,
    code_digest: "digest",
    environment: { "*": "text" },
    isolation: "text",
    trace_sha256: "digest",
  },
  evaluation: {
    suite: "digest",
    ...MEASURED,
    further: (value) => wrong({ "*": MEASURED }, value) ?? digestsProblem(value),
    review: (value) => (value === null ? null : wrong(REVIEW, value)),
    verdict: {
      accepted: "boolean",
      reasons: [{ rule: "text", metric: "text", severity: "severity", binds: "boolean", holds: "boolean", found: "text", needed: "text" }],
    },
  },
  override: { run: "count", evaluation: "digest", rules: ["slug"], reason: "text" },
  release: {
    model: "model",
    version: "count",
    revision: "revision",
    manifest_sha256: "digest",
    card_sha256: "digest",
    released_at: "count",
  },
};

// kind → kind of parent → [at least, at most]
const PARENTS = {
  charter: { execution: [0, 1] },
  community: { charter: [1, 1] },
  proposal: { community: [1, 1], charter: [1, 1] },
  delegation: { community: [1, 1] },
  census: { proposal: [1, 1] },
  ballot: { proposal: [1, 1] },
  sealing: { proposal: [1, 1] },
  unsealing: { proposal: [1, 1], sealing: [1, 1] },
  tally: { proposal: [1, 1], census: [1, 1], unsealing: [0, 1] },
  decision: { proposal: [1, 1], tally: [1, 1] },
  execution: { decision: [1, 1] },
  keys: { execution: [1, 1] },
  dataset: { execution: [1, 1], removal: [0, 1] },
  taking_back: { execution: [1, 1] },
  removal: { execution: [0, 1], taking_back: [0, 1], dataset: [1, 1] },
  commitment: { community: [1, 1] },
  rule: { execution: [1, 1], rule: [0, 1], commitment: [0, 1] },
  opening: { commitment: [1, 1], run: [1, 1] },
  spec: { execution: [1, 1], dataset: [1, MANY], rule: [1, MANY] },
  run: { spec: [1, 1] },
  evaluation: { run: [1, 1], rule: [1, MANY], opening: [0, MANY] },
  override: { execution: [1, 1], evaluation: [1, 1] },
  release: { run: [1, 1], evaluation: [1, 1], keys: [0, 1], override: [0, 1] },
};

// What is wrong with the kind, version or body of a record; null for nothing.
export function bodyProblem(record) {
  if (!Object.hasOwn(BODIES, record.kind)) return `the kind ${JSON.stringify(record.kind)} is not known`;
  if (record.version !== 1) return `version ${record.version} of ${record.kind} is not known, only 1`;
  const found = wrong(BODIES[record.kind], record.body);
  return found === null ? null : `the body ${found}`;
}

// What is wrong with the kinds of a record's parents, all of which are there; null for nothing.
export function parentsProblem(record, records) {
  const allowed = PARENTS[record.kind];
  const found = {};
  for (const parent of record.parents) {
    const { kind } = records.get(parent);
    if (!Object.hasOwn(allowed, kind)) return `a ${record.kind} does not rest on a ${kind}`;
    found[kind] = (found[kind] ?? 0) + 1;
  }
  for (const [kind, [least, most]] of Object.entries(allowed)) {
    const count = found[kind] ?? 0;
    if (count < least || count > most) return `a ${record.kind} rests on ${least}${least === most ? "" : ` to ${most}`} ${kind}, found ${count}`;
  }
  const ways = record.kind === "removal" && record.body.taken_back !== null ? [1, 0] : [0, 1];
  if (record.kind === "removal" && ((found.taking_back ?? 0) !== ways[0] || (found.execution ?? 0) !== ways[1])) {
    return "a removal rests on a vote, or on the rule on taking back where a contributor took rows back";
  }
  return null;
}

// What is wrong with a value of this form, or null.
export function wrong(form, value) {
  if (typeof form === "function") return form(value);
  if (typeof form === "string") {
    if (form.endsWith("?")) return value === null ? null : wrong(form.slice(0, -1), value);
    return FORMS[form](value) ? null : `is no ${form}`;
  }
  if (Array.isArray(form)) {
    if (!Array.isArray(value)) return "is not a list";
    return first(value.map((item, at) => [`[${at}]`, form[0], item]));
  }
  if (!isObject(value)) return "is not an object";
  const found = Object.keys(value);
  if (Object.hasOwn(form, "*")) return first(found.map((key) => [key, form["*"], value[key]]));
  const expected = Object.keys(form).filter((key) => key !== "…");
  const missing = expected.filter((key) => !Object.hasOwn(value, key));
  if (missing.length) return `lacks ${missing.join(", ")}`;
  if (!Object.hasOwn(form, "…") && found.length !== expected.length) {
    return `should not have ${found.filter((key) => !Object.hasOwn(form, key)).join(", ")}`;
  }
  return first(expected.map((key) => [key, form[key], value[key]]));
}

// A form that may have one key more than `form`.
function andMaybe(key, extra, form) {
  return (value) => {
    if (!isObject(value) || !Object.hasOwn(value, key)) return wrong(form, value);
    const { [key]: more, ...rest } = value;
    return wrong(extra, more) ?? wrong(form, rest);
  };
}

function keysProblem({ guardians, release_key: releaseKey, revoked, threshold }) {
  if (guardians.length > GUARDIANS_MAX) return `has ${guardians.length} guardians, at most ${GUARDIANS_MAX} are allowed`;
  if (threshold > guardians.length) return `asks for ${threshold} of ${guardians.length} guardians`;
  const keys = [releaseKey, ...guardians, ...revoked].map(({ public_key: key }) => key);
  return new Set(keys).size === keys.length ? null : "names one key twice; a revoked key is in force no more";
}

const digestsProblem = (value) => (Object.keys(value).every((key) => FORMS.digest(key)) ? null : "names a suite that is no digest");

function first(parts) {
  for (const [name, form, value] of parts) {
    const found = wrong(form, value);
    if (found !== null) return `${name} ${found}`;
  }
  return null;
}
