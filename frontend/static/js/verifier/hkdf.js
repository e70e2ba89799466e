// HKDF-SHA256 (RFC 5869) over HMAC-SHA256 (RFC 2104).

import { concat } from "./bytes.js";
import { Sha256 } from "./sha256.js";

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

export function hmac(key, ...parts) {
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(key.length > BLOCK_BYTES ? sha256(key) : key);
  return sha256(padded.map((byte) => byte ^ 0x5c), sha256(padded.map((byte) => byte ^ 0x36), ...parts));
}

// `length` bytes, at most 255 times 32, from a secret, for one use.
export function hkdf(secret, salt, use, length) {
  const drawn = hmac(salt, secret);
  const blocks = [];
  for (let number = 1, last = new Uint8Array(); blocks.length * HASH_BYTES < length; number += 1) {
    last = hmac(drawn, last, use, Uint8Array.of(number));
    blocks.push(last);
  }
  return concat(...blocks).subarray(0, length);
}

function sha256(...parts) {
  const hash = new Sha256();
  for (const part of parts) hash.update(part);
  return hash.digest();
}
