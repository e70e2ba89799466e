// DSSE v1 envelopes around canonical in-toto statements: their one spelling, and what their signatures are about.

import { concat, fromBase64, utf8 } from "./bytes.js";
import { CanonicalError, parseCanonical } from "./canonical.js";
import { isObject } from "./shapes.js";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const BYTES_MAX = 4_000_000;

export class Misspelled extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}

export const hasKeys = (value, keys) => isObject(value) && Object.keys(value).sort().join() === keys;

// The value of a canonical document; throws Misspelled.
export function readDocument(bytes) {
  try {
    return parseCanonical(bytes, BYTES_MAX);
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    throw new Misspelled(error.code === "not_canonical" ? "not_canonical" : "malformed", error.message);
  }
}

// {statement, signed, signatures: [{keyid, signature}]} of an envelope; throws Misspelled.
export function openEnvelope(envelope, signaturesMax) {
  if (!hasKeys(envelope, "payload,payloadType,signatures")) throw new Misspelled("malformed", "it is no DSSE envelope");
  const { payload, payloadType, signatures } = envelope;
  if (payloadType !== PAYLOAD_TYPE) throw new Misspelled("malformed", `its payload is not ${PAYLOAD_TYPE}`);
  if (!Array.isArray(signatures) || signatures.length < 1 || signatures.length > signaturesMax) {
    throw new Misspelled("malformed", `it has 1 to ${signaturesMax} signatures`);
  }
  const data = typeof payload === "string" ? fromBase64(payload) : null;
  if (data === null) throw new Misspelled("malformed", "its payload is not standard base64");
  return { statement: readDocument(data), signed: preAuthentication(data), signatures: signatures.map(readSignature) };
}

function readSignature(entry) {
  const signature = hasKeys(entry, "keyid,sig") && typeof entry.sig === "string" ? fromBase64(entry.sig) : null;
  if (signature === null || typeof entry.keyid !== "string") throw new Misspelled("malformed", "a signature has keyid and sig, in base64");
  return { keyid: entry.keyid, signature };
}

// DSSEv1 SP len(type) SP type SP len(payload) SP payload
function preAuthentication(payload) {
  return concat(utf8(`DSSEv1 ${utf8(PAYLOAD_TYPE).length} ${PAYLOAD_TYPE} ${payload.length} `), payload);
}

// The subjects of every statement about a release: its files, in the order of the manifest.
export const subjectsOf = ({ files }) => files.map(({ path, sha256 }) => ({ digest: { sha256 }, name: path }));

