// Writes the golden vectors eip712.json, eip712_messages.json, eip712_reviews.json and siwe.json with the independent implementations of
// peer.mjs.
//
// Run once, when a message type is new: node tests/vectors/make_golden.mjs
// A file that is there already must come out as it is: a vector that no longer holds means that old ballots no longer
// verify, so none is ever written over.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { canonical } from "./canonical_peer.mjs";
import { answers } from "./peer.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

const TYPES = {
  EIP712Domain: [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ],
  Ballot: [
    { name: "instance", type: "string" },
    { name: "community", type: "string" },
    { name: "proposal", type: "bytes32" },
    { name: "voter", type: "address" },
    { name: "choice", type: "uint8" },
    { name: "reason", type: "string" },
    { name: "nonce", type: "uint64" },
  ],
};

// Keys 1, 2 and n−1 have well-known addresses; the others are arbitrary.
const KEYS = [
  "0x0000000000000000000000000000000000000000000000000000000000000001",
  "0x0000000000000000000000000000000000000000000000000000000000000002",
  "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
  "0x1111111111111111111111111111111111111111111111111111111111111111",
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
];
const TOKENS = ["0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x0000000000000000000000000000000000000001"];
const REASONS = [
  "",
  "Less water lost at night.",
  "Parce que l’eau est à nous — et à nos enfants. « Oui »",
  "水は共有財産です 💧",
  "line one\nline two\ttab \" quote \\ backslash",
  "e\u0301 is not \u00e9",
  "a".repeat(2000),
  "x".repeat(127),
  "x".repeat(128),
  "x".repeat(129),
];

function ballot(i) {
  return {
    chainId: [1, 31337, 11155111, Number.MAX_SAFE_INTEGER][i % 4],
    token: TOKENS[i % 2],
    instance: ["https://commons.example", "http://127.0.0.1:8000", ""][i % 3],
    community: ["water", "eau-du-delta", "c"][i % 3],
    proposal: `0x${(BigInt("0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95") ^ BigInt(i)).toString(16).padStart(64, "0")}`,
    choice: [0, 1, 2, 255][i % 4],
    reason: REASONS[i % REASONS.length],
    nonce: ["0", "1", "1795262499000", "9007199254740991", "9007199254740992", "18446744073709551615"][i % 6],
    key: KEYS[i % KEYS.length],
  };
}

const ballots = [];
for (let i = 0; i < 60; i += 1) {
  const b = ballot(i);
  const { address: voter } = await answers.sign({ key: b.key, typed: typedData(b, TOKENS[0]) });
  const typed = typedData(b, voter);
  const { viem, ethers } = answers.digest({ typed });
  if (viem !== ethers) throw new Error(`the peers disagree about ballot ${i}`);
  const { signature } = await answers.sign({ key: b.key, typed });
  const { key: _, ...fields } = b;
  ballots.push({ ...fields, voter, digest: viem, signature });
}

function typedData(b, voter) {
  const { instance, community, proposal, choice, reason, nonce } = b;
  return {
    types: TYPES,
    primaryType: "Ballot",
    domain: { name: "Commonweights", version: "1", chainId: b.chainId, verifyingContract: b.token },
    message: { instance, community, proposal, voter, choice, reason, nonce },
  };
}

const texts = [...REASONS, "hello", "Sign in\nwith two lines"];
const personal = [];
for (const text of texts) {
  const { viem, ethers } = answers.personal_digest({ text });
  if (viem !== ethers) throw new Error("the peers disagree about a personal message");
  personal.push({ text, digest: viem });
}

const addresses = [];
for (let i = 0; i < 40; i += 1) {
  const lower = ballots[i].digest.slice(0, 42);
  addresses.push({ lower, checksummed: answers.checksum({ address: lower }).viem });
}

write("eip712.json", { made_by: "viem 2.57.20, compared with ethers 6.17.0", ballots, personal, addresses });

// --- the other messages: what wallets sign besides a plain ballot ---

const OURS = { name: "Commonweights", version: "1" };
const TYPE_TEXTS = {
  ChoicesBallot:
    "string instance,string community,bytes32 proposal,address voter,string choices,string reason,uint64 nonce",
  VoteDelegation:
    "string instance,string community,address delegator,address delegate,string topic,uint16 share,uint64 expires,uint64 nonce",
  Sponsorship: "string instance,string community,bytes32 draft,address sponsor",
  Delegation: "address delegatee,uint256 nonce,uint256 expiry",
  Review:
    "string instance,string community,bytes32 rule,bytes32 candidate,bytes32 report,bytes32 drawn,address reviewer,string finding,string reason,uint64 at",
};
const CHOICES = [
  [2, 1, 3],
  [],
  [1],
  { 1: 60, 2: 40 },
  { 10: 1, 2: 5 },
  { 0: "1", 1: "250000000000000000000000", 2: "340282366920938463463374607431768211455" },
  Array.from({ length: 100 }, (_, i) => 100 - i),
  {},
];
const WHOLE = ["0", "1", "1795262499", "9007199254740991", "9007199254740992", "18446744073709551615"];
const UINT256_MAX = (2n ** 256n - 1n).toString();

// [name of the field in our functions, name in the message, value] for message number i of a signer.
const MESSAGES = {
  ChoicesBallot: (i, signer) => [
    ...place(i),
    ["proposal", "proposal", ballot(i).proposal],
    ["voter", "voter", signer],
    ["choice", "choices", CHOICES[i % CHOICES.length]],
    ["reason", "reason", REASONS[i % REASONS.length]],
    ["nonce", "nonce", WHOLE[i % WHOLE.length]],
  ],
  VoteDelegation: (i, signer) => [
    ...place(i),
    ["delegator", "delegator", signer],
    ["delegate", "delegate", TOKENS[(i + 1) % 2]],
    ["topic", "topic", ["", "model_update", "élection"][i % 3]],
    ["share_bps", "share", ["0", "1", "5000", "10000", "65535"][i % 5]],
    ["expires_at", "expires", WHOLE[(i + 2) % WHOLE.length]],
    ["nonce", "nonce", WHOLE[i % WHOLE.length]],
  ],
  Sponsorship: (i, signer) => [
    ...place(i),
    ["draft", "draft", ballot(i + 7).proposal],
    ["sponsor", "sponsor", signer],
  ],
  Delegation: (i) => [
    ["delegatee", "delegatee", TOKENS[(i + 1) % 2]],
    ["nonce", "nonce", [...WHOLE, UINT256_MAX][i % 7]],
    ["expiry", "expiry", [...WHOLE, UINT256_MAX][(i + 3) % 7]],
  ],
  Review: (i, signer) => [
    ...place(i),
    ...["rule", "candidate", "report", "drawn"].map((name, at) => [name, name, ballot(i + 11 * at).proposal]),
    ["reviewer", "reviewer", signer],
    ["finding", "finding", ["nothing_to_object", "objects"][i % 2]],
    ["reason", "reason", REASONS[i % REASONS.length]],
    ["at", "at", WHOLE[i % WHOLE.length]],
  ],
};
// A file that was written never changes; types that came later have one of their own.
const FILES = {
  "eip712_messages.json": ["ChoicesBallot", "VoteDelegation", "Sponsorship", "Delegation"],
  "eip712_reviews.json": ["Review"],
};
// The token's own domain: named by its maker.
const ISSUERS = [OURS, { name: "Water Commons", version: "1" }, { name: "L’eau — 水", version: "2.1" }];

function place(i) {
  const { instance, community } = ballot(i);
  return [
    ["instance", "instance", instance],
    ["community", "community", community],
  ];
}

const messages712 = Object.fromEntries(Object.keys(FILES).map((file) => [file, []]));
for (const [file, type] of Object.entries(FILES).flatMap(([name, types]) => types.map((each) => [name, each]))) {
  for (let i = 0; i < 24; i += 1) {
    const { key, chainId, token } = ballot(i);
    const issuer = type === "Delegation" ? ISSUERS[i % ISSUERS.length] : OURS;
    const fields = MESSAGES[type](i, answers.address({ key }).viem);
    const message = Object.fromEntries(fields.map(([, name, value]) => [name, name === "choices" ? text(value) : value]));
    const typed = {
      types: { EIP712Domain: TYPES.EIP712Domain, [type]: fieldsOf(TYPE_TEXTS[type]) },
      primaryType: type,
      domain: { ...issuer, chainId, verifyingContract: token },
      message,
    };
    const { viem, ethers } = answers.digest({ typed });
    const { address, signature, ethers: other } = await answers.sign({ key, typed });
    if (viem !== ethers || signature !== other) throw new Error(`the peers disagree about ${type} ${i}`);
    const given = Object.fromEntries(fields.map(([name, , value]) => [name, value]));
    const domain = type === "Delegation" ? { chain_id: chainId, token, ...issuer } : { chain_id: chainId, token };
    messages712[file].push({ type, fields: { ...domain, ...given }, signer: address, digest: viem, signature });
  }
}
for (const [file, messages] of Object.entries(messages712)) {
  write(file, { made_by: "viem 2.57.20 and ethers 6.17.0, which agree", messages });
}

function fieldsOf(typeText) {
  return typeText.split(",").map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] }));
}

function text(choice) {
  return canonical({ json: JSON.stringify(choice) }).canonical;
}

// --- signing in ---

const base = {
  scheme: null,
  domain: "commons.example",
  address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
  statement: null,
  uri: "https://commons.example/sign-in",
  chain_id: 1,
  nonce: "abcdefgh12345678",
  issued_at: "2026-11-21T12:00:00.000Z",
  expiration_time: null,
  not_before: null,
  request_id: null,
  resources: null,
};
const variants = [
  {},
  { statement: "Sign in to the water commons. No fee is paid." },
  { statement: "Punctuation: -._~:/?#[]@!$&'()*+,;= all at once" },
  { scheme: "https" },
  { scheme: "http", domain: "127.0.0.1:8000", uri: "http://127.0.0.1:8000/sign-in", chain_id: 31337 },
  { expiration_time: "2026-11-21T13:00:00.000Z" },
  { not_before: "2026-11-21T11:59:00.000Z" },
  { expiration_time: "2026-11-22T12:00:00.000Z", not_before: "2026-11-21T12:00:00.000Z", request_id: "request-7" },
  { request_id: "a.b_c~d!e" },
  { resources: ["https://commons.example/rules", "https://commons.example/proposals/7?tab=vote#top"] },
  {
    scheme: "https",
    statement: "Everything at once.",
    expiration_time: "2026-11-21T12:30:00.000Z",
    not_before: "2026-11-21T12:00:00.000Z",
    request_id: "1",
    resources: ["https://commons.example/a%20b"],
    chain_id: 11155111,
  },
  { domain: "localhost:8000", uri: "http://localhost:8000" },
];
const messages = [];
for (const variant of variants) {
  const fields = { ...base, ...variant };
  const { siwe, viem } = answers.siwe_render({ fields });
  if (siwe !== viem) throw new Error(`the peers disagree about a sign-in:\n${siwe}\n---\n${viem}`);
  const { signature } = await answers.personal_sign({ key: KEYS[0], text: siwe });
  messages.push({ fields, text: siwe, signature });
}
write("siwe.json", { made_by: "siwe 3.0.0, compared with viem 2.57.20", messages });

function write(name, value) {
  const path = join(HERE, name);
  const written = `${JSON.stringify(value, null, 1)}\n`;
  if (existsSync(path) && readFileSync(path, "utf8") !== written) throw new Error(`${name} would change`);
  writeFileSync(path, written);
  console.log(`${name} written`);
}
