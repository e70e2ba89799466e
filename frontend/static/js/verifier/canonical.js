// Canonical JSON (RFC 8785) without floats: read only what is written in its one form, and write it.
//
// Text is read with JSON.parse and written again; equal bytes prove that nothing was lost on the way: no key that stands
// twice, no other spelling of a number, no space. Refused besides: NUL, lone surrogates, integers beyond 2^53 - 1.

import { equal, textOf, utf8 } from "./bytes.js";
import { sha256Hex } from "./sha256.js";

const DEPTH_MAX = 16;
const DEPTH_WRITTEN_MAX = 32;
const FORBIDDEN = /[\0\p{Surrogate}]/u;

export class CanonicalError extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}

// The canonical text of a value; throws CanonicalError for one that has none.
export function canonicalText(value, depth = 0) {
  if (typeof value === "string") return textForm(value);
  if (typeof value === "number") return integerForm(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value !== "object") throw new CanonicalError("malformed_json", `a ${typeof value} has no canonical form`);
  if (depth >= DEPTH_WRITTEN_MAX) throw new CanonicalError("too_deep", `more than ${DEPTH_WRITTEN_MAX} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, depth + 1)).join(",")}]`;
  const keys = Object.keys(value).sort(); // by UTF-16 code units, as the standard asks
  return `{${keys.map((key) => `${textForm(key)}:${canonicalText(value[key], depth + 1)}`).join(",")}}`;
}

export const canonicalBytes = (value) => utf8(canonicalText(value));
export const digestOf = (value) => sha256Hex(canonicalBytes(value));
export const same = (left, right) => canonicalText(left) === canonicalText(right);

// The value of canonical bytes; throws CanonicalError for any other bytes.
export function parseCanonical(bytes, bytesMax) {
  if (bytes.length > bytesMax) throw new CanonicalError("too_large", `${bytes.length} bytes, at most ${bytesMax} are allowed`);
  const text = textOf(bytes);
  if (text === null) throw new CanonicalError("malformed_json", "not UTF-8");
  if (tooDeep(text)) throw new CanonicalError("too_deep", `more than ${DEPTH_MAX} levels`);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CanonicalError("malformed_json", "not JSON");
  }
  if (!equal(canonicalBytes(value), bytes)) throw new CanonicalError("not_canonical", "not written in its canonical form (RFC 8785)");
  return value;
}

function textForm(text) {
  if (FORBIDDEN.test(text)) throw new CanonicalError("forbidden_character", "NUL and lone surrogates are not allowed");
  return JSON.stringify(text);
}

function integerForm(number) {
  if (Number.isSafeInteger(number)) return String(number);
  const code = Number.isInteger(number) ? "number_out_of_range" : "malformed_json";
  throw new CanonicalError(code, `${number} is not an integer within 2^53 - 1`);
}

// Counted on the text, before it is parsed, because a parser may be deep in its own stack by then.
function tooDeep(text) {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (inText) {
      if (unit === 0x5c) at += 1;
      else if (unit === 0x22) inText = false;
    } else if (unit === 0x22) inText = true;
    else if (unit === 0x5b || unit === 0x7b) {
      depth += 1;
      if (depth > DEPTH_MAX) return true;
    } else if (unit === 0x5d || unit === 0x7d) depth -= 1;
  }
  return false;
}
