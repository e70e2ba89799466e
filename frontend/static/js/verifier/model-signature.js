// The signature of the model files alone, in the form of OpenSSF Model Signing 1.0: a Sigstore bundle under a bare P-256 key.

import { concat, equal, fromHex, toBase64, utf8 } from "./bytes.js";
import { same } from "./canonical.js";
import { Misspelled, STATEMENT_TYPE, hasKeys, openEnvelope, readDocument } from "./dsse.js";
import { p256Holds, pointOf } from "./p256.js";
import { placeOf } from "./report.js";
import { sha256Hex } from "./sha256.js";

const NAME = "model.sig";
const KEY_NAME = "model-key.pem";
const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PREDICATE_TYPE = "https://model_signing/signature/v1.0";
const SERIALIZATION = { allow_symlinks: false, hash_type: "sha256", ignore_paths: [".cache", "provenance"], method: "files" };
// SubjectPublicKeyInfo of an uncompressed P-256 point (RFC 5480), up to the point: the two object identifiers and a bit string.
const KEY_INFO = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

export function checkModelSignature({ documents, manifest, release }, point, answer) {
  const say = (detail) => answer.problem("model_signature_wrong", placeOf(NAME), detail);
  const [bytes, pem] = [documents.get(NAME), documents.get(KEY_NAME)];
  if (!bytes || !pem) return say("there is no signature, or no key");
  if (pointOf(point) === null) return say("the key in the statement is no point of P-256");
  if (!equal(pem, pemOf(point))) answer.problem("model_signature_wrong", placeOf(KEY_NAME), "it is not the key that the statement names");
  let envelope;
  try {
    envelope = openBundle(readDocument(bytes), sha256Hex(pem));
  } catch (error) {
    if (!(error instanceof Misspelled)) throw error;
    return say(error.message);
  }
  if (!same(envelope.statement, expected(manifest, release))) say("it names other files than the manifest");
  if (!p256Holds(point, envelope.signatures[0].signature, envelope.signed)) say("the signature does not hold under the key that the statement names");
}

function openBundle(bundle, keyHint) {
  if (!hasKeys(bundle, "dsseEnvelope,mediaType,verificationMaterial") || bundle.mediaType !== MEDIA_TYPE) {
    throw new Misspelled("malformed", "it is no Sigstore bundle of version 0.3");
  }
  if (!same(bundle.verificationMaterial, { publicKey: { hint: keyHint }, tlogEntries: [] })) {
    throw new Misspelled("malformed", "it does not name the public key alone");
  }
  const envelope = openEnvelope(bundle.dsseEnvelope, 1);
  if (envelope.signatures[0].keyid !== "") throw new Misspelled("malformed", "its signature has a key id");
  return envelope;
}

function expected(manifest, release) {
  const digests = manifest.files.map(({ sha256 }) => fromHex(sha256));
  return {
    _type: STATEMENT_TYPE,
    predicate: {
      resources: manifest.files.map(({ path, sha256 }) => ({ algorithm: "sha256", digest: sha256, name: path })),
      serialization: SERIALIZATION,
    },
    predicateType: PREDICATE_TYPE,
    subject: [{ digest: { sha256: sha256Hex(concat(...digests)) }, name: release.body.model }],
  };
}

function pemOf(point) {
  const lines = toBase64(concat(KEY_INFO, point)).match(/.{1,64}/g);
  return utf8(`-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`);
}
