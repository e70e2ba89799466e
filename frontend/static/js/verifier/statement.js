// Check 10: who signed the release, and that every signed document names this release, its files and its documents.

import { whyUnread } from "./bundle.js";
import { fromHex } from "./bytes.js";
import { same } from "./canonical.js";
import { Misspelled, STATEMENT_TYPE, hasKeys, openEnvelope, readDocument, subjectsOf } from "./dsse.js";
import { ed25519Holds } from "./ed25519.js";
import { checkModelSignature } from "./model-signature.js";
import { parentOf } from "./records.js";
import { placeOf } from "./report.js";
import { sha256Hex } from "./sha256.js";

const PREDICATE_TYPE = "urn:commonweights:release:1";
const SLSA_TYPE = "https://slsa.dev/provenance/v1";
const SIGNATURES_MAX = 17;
const NAME = "statement.json";
const PLACE = placeOf(NAME);
const POINT = /^04[0-9a-f]{128}$/;

export const fingerprint = (key) => sha256Hex(fromHex(key));

export function checkStatement(bundle, trust, answer) {
  const { community, records, release } = bundle;
  const keys = parentOf(release, "keys", records)?.body ?? { ...community.body, guardians: [], revoked: [], threshold: 0 };
  const key = keys.release_key.public_key;
  checkTrust(community, key, trust, answer);
  if (!bundle.manifest) return answer.problem(...bundle.manifestProblem);
  const envelope = read(bundle, NAME, "statement", SIGNATURES_MAX, answer);
  if (envelope) {
    checkClaim(envelope.statement, bundle, answer);
    checkSigners(envelope, keys, answer);
    const point = envelope.statement.predicate?.model_key;
    if (typeof point === "string" && POINT.test(point)) checkModelSignature(bundle, fromHex(point), answer);
  }
  checkSlsa(bundle, key, answer);
  answer.evidence = `signed by the key ${fingerprint(key)} that the ballots commit to`;
  if (envelope && keys.threshold) answer.evidence += ` and by ${envelope.signatures.length - 1} of ${keys.guardians.length} guardians`;
}

function checkTrust(community, key, trust, answer) {
  const known = [key, community.body.release_key.public_key].flatMap((each) => [each, fingerprint(each)]);
  if (trust.key && !known.includes(trust.key)) answer.problem("key_untrusted", PLACE, `the key is ${key}, trusted is ${trust.key}`);
  if (trust.community && trust.community !== community.digest) {
    answer.problem("community_untrusted", PLACE, `the community is ${community.digest}, trusted is ${trust.community}`);
  }
}

// The envelope in a file of provenance/; null, and a problem, if there is none.
function read(bundle, name, called, signaturesMax, answer) {
  const bytes = bundle.documents.get(name);
  if (!bytes) return answer.problem(...whyUnread(bundle, name)) ?? null;
  try {
    return openEnvelope(readDocument(bytes), signaturesMax);
  } catch (error) {
    if (!(error instanceof Misspelled)) throw error;
    return answer.problem(`${called}_${error.code}`, placeOf(name), error.message) ?? null;
  }
}

function checkSigners({ signed, signatures }, { guardians, release_key: releaseKey, revoked, threshold }, answer) {
  const say = (code, detail) => answer.problem(code, PLACE, detail);
  const [first, ...others] = signatures;
  const own = fingerprint(releaseKey.public_key);
  const dead = new Set(revoked.map(({ public_key: key }) => fingerprint(key)));
  if (dead.has(first.keyid)) say("key_revoked", `the key ${first.keyid} was revoked`);
  if (first.keyid !== own || !ed25519Holds(releaseKey.public_key, first.signature, signed)) say("signature_wrong", `it is not signed by the release key ${own}`);
  const known = new Map(guardians.map(({ public_key: key }) => [fingerprint(key), key]));
  for (const [at, { keyid, signature }] of others.entries()) {
    if (at > 0 && keyid <= others[at - 1].keyid) say("statement_malformed", "guardians do not stand in the order of their keys, or one twice");
    if (dead.has(keyid)) say("key_revoked", `the key ${keyid} was revoked`);
    else if (!known.has(keyid)) say("guardian_unknown", `${keyid} is the key of no guardian`);
    else if (!ed25519Holds(known.get(keyid), signature, signed)) say("signature_wrong", `it is not signed by the guardian ${keyid}`);
  }
  if (others.length < threshold) say("guardian_signatures_missing", `${others.length} guardians signed, ${threshold} are needed`);
}

function checkClaim(statement, { digests, manifest, manifestSha256, release }, answer) {
  const say = (code, detail, place = PLACE) => answer.problem(code, place, detail);
  const isForm =
    hasKeys(statement, "_type,predicate,predicateType,subject") &&
    hasKeys(statement.predicate, "documents,manifest_sha256,model_key,release") &&
    POINT.test(String(statement.predicate.model_key)) &&
    Array.isArray(statement.predicate.documents) &&
    statement.predicate.documents.every((entry) => hasKeys(entry, "name,sha256"));
  if (!isForm || statement._type !== STATEMENT_TYPE || statement.predicateType !== PREDICATE_TYPE) {
    return say("statement_malformed", "it is no statement about a release");
  }
  const { documents, manifest_sha256: named, release: claimed } = statement.predicate;
  if (claimed !== release.digest) say("release_changed", `it names the release ${claimed}`);
  if (named !== manifestSha256) say("manifest_changed", `it names the manifest ${named}`);
  if (!same(statement.subject, subjectsOf(manifest))) say("subject_wrong", "it names other files than the manifest");
  const lying = new Map([...digests].filter(([name]) => name !== NAME));
  const listed = new Map(documents.map(({ name, sha256 }) => [name, sha256]));
  if (!same([...listed.keys()], [...listed.keys()].sort()) || listed.size !== documents.length) say("statement_malformed", "documents do not stand in order, or one twice");
  for (const [name, sha256] of listed) {
    if (!lying.has(name)) say("document_missing", "the statement names it, provenance/ does not hold it", placeOf(name));
    else if (lying.get(name) !== sha256) say("document_mismatch", `SHA-256 found ${lying.get(name)}, the statement says ${sha256}`, placeOf(name));
  }
  for (const name of lying.keys()) if (!listed.has(name)) say("document_not_listed", "provenance/ holds it, the statement does not name it", placeOf(name));
}

function checkSlsa(bundle, key, answer) {
  const name = "slsa.json";
  const envelope = read(bundle, name, "provenance_statement", 1, answer);
  if (!envelope) return;
  const { signed, signatures, statement } = envelope;
  const say = (detail) => answer.problem("provenance_statement_wrong", placeOf(name), detail);
  if (!hasKeys(statement, "_type,predicate,predicateType,subject") || statement._type !== STATEMENT_TYPE || statement.predicateType !== SLSA_TYPE) {
    say("it is no SLSA provenance");
  } else if (!same(statement.subject, subjectsOf(bundle.manifest))) say("it has other subjects than the statement");
  if (signatures[0].keyid !== fingerprint(key) || !ed25519Holds(key, signatures[0].signature, signed)) say("it is not signed by the release key");
}
