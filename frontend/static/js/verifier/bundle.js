// What lies in a release folder, read as far as it can be: the listing, the records and the short documents.

import { CanonicalError, parseCanonical } from "./canonical.js";
import { readWhole } from "./files.js";
import { manifestProblem } from "./manifest.js";
import { parentOf, readRecords } from "./records.js";
import { placeOf } from "./report.js";
import { sha256Hex } from "./sha256.js";

const RECORDS = "records.jsonl";
const MANIFEST = "manifest.json";
// What is read whole, up to so many bytes; the three long files are read line by line.
const LIMITS = {
  [RECORDS]: 64_000_000,
  [MANIFEST]: 1_000_000,
  "bom.cdx.json": 4_000_000,
  "model-key.pem": 1_000,
  "model.sig": 1_000_000,
  "slsa.json": 4_000_000,
  "statement.json": 4_000_000,
};
const DOCUMENTS = [...Object.keys(LIMITS), "ballots.jsonl", "census.jsonl", "delegations.jsonl"];
const ENTRIES_MAX = 100_000;

// There is nothing to check, or it cannot be read.
export class Unreadable extends Error {}

export async function load(source) {
  const entries = await source.list(ENTRIES_MAX);
  const sizes = new Map(entries.filter(({ kind }) => kind === "file").map(({ path, size }) => [path, size]));
  const bundle = { source, entries, sizes, documents: new Map(), digests: new Map(), recordProblems: [], folderProblems: [], unread: new Map() };
  checkFolder(bundle);
  for (const name of Object.keys(LIMITS)) {
    if (!sizes.has(placeOf(name))) continue;
    const bytes = await readDocument(bundle, name);
    if (!bytes) continue;
    bundle.documents.set(name, bytes);
    bundle.digests.set(name, sha256Hex(bytes));
  }
  readManifest(bundle);
  if (!bundle.documents.has(RECORDS)) bundle.recordProblems.push(whyUnread(bundle, RECORDS));
  const problem = (...parts) => bundle.recordProblems.push(parts);
  Object.assign(bundle, readRecords(bundle.documents.get(RECORDS) ?? new Uint8Array(), problem));
  const only = (kind) => {
    const found = bundle.order.filter((record) => record.kind === kind);
    return found.length === 1 ? found[0] : null;
  };
  bundle.release = only("release");
  bundle.community = only("community");
  return bundle;
}

// The ten files and no others.
function checkFolder({ entries, folderProblems }) {
  const found = new Map(entries.map(({ path, kind }) => [path, kind]));
  const say = (code, path, detail) => folderProblems.push([code, path, detail]);
  for (const name of DOCUMENTS) {
    const kind = found.get(placeOf(name));
    if (kind === undefined) say("file_missing", placeOf(name), "it is not there");
    else if (kind !== "file") say("not_a_regular_file", placeOf(name), "only regular files are read");
  }
  for (const path of found.keys()) {
    const [top, ...below] = path.split("/");
    if (top === "provenance" && below.length && !DOCUMENTS.includes(below.join("/"))) say("file_not_listed", path, "provenance/ holds nothing else");
  }
}

// Why a document is not among those that were read, as a problem.
export const whyUnread = ({ unread }, name) => unread.get(name) ?? ["file_missing", placeOf(name), "it is not there"];

async function readDocument({ source, unread }, name) {
  try {
    const bytes = await readWhole(source, placeOf(name), LIMITS[name]);
    if (bytes) return bytes;
    unread.set(name, ["too_large", placeOf(name), `at most ${LIMITS[name]} bytes are allowed`]);
  } catch (error) {
    unread.set(name, ["file_unreadable", placeOf(name), error.message]);
  }
  return null;
}

function readManifest(bundle) {
  const bytes = bundle.documents.get(MANIFEST);
  const wrong = (code, detail) => (bundle.manifestProblem = [code, placeOf(MANIFEST), detail]);
  if (!bytes) {
    bundle.manifestProblem = whyUnread(bundle, MANIFEST);
    return;
  }
  bundle.manifestSha256 = bundle.digests.get(MANIFEST);
  try {
    const manifest = parseCanonical(bytes, LIMITS[MANIFEST]);
    const found = manifestProblem(manifest);
    if (found === null) bundle.manifest = manifest;
    else wrong("manifest_malformed", found);
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    wrong("manifest_malformed", error.message);
  }
}

// What checks 3 to 10 look up often, once checks 1 and 2 have passed.
export function index(bundle, heldFrom) {
  const { order, records } = bundle;
  bundle.proposals = order.filter(({ kind }) => kind === "proposal").sort((left, right) => left.body.number - right.body.number);
  bundle.results = new Map(bundle.proposals.map(({ digest }) => [digest, {}]));
  for (const record of order.filter(({ kind }) => ["census", "tally", "decision"].includes(kind))) {
    bundle.results.get(parentOf(record, "proposal", records).digest)[record.kind] = record;
  }
  const charters = order.filter(({ kind }) => kind === "charter");
  bundle.charters = charters.map((charter) => heldFrom(charter, records)).sort((left, right) => left - right);
}
