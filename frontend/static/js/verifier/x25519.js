// X25519 (RFC 7748) on BigInt: what two keys share, and the public key of a secret.
//
// Nothing here is constant in time: whoever verifies works with secrets that were published.

import { inverse, mod } from "./curves.js";

const P = (1n << 255n) - 19n;
const A24 = 121_665n;
const TOP_BIT = 254;
const LOW_255_BITS = (1n << 255n) - 1n;
const BYTES = 32;
const BASE = Uint8Array.of(9, ...new Uint8Array(BYTES - 1));
const PROBE = new Uint8Array(BYTES).fill(9);

// What the owners of `secret` and of the other key share, 32 bytes each; null for a key of small order, which shares nothing.
export function shared(secret, key) {
  const found = ladder(clamped(secret), littleEndian(key) & LOW_255_BITS);
  return found === 0n ? null : bytesOf(found);
}

export const publicKeyOf = (secret) => bytesOf(ladder(clamped(secret), littleEndian(BASE)));

// Whether 32 bytes are a key in its one spelling, and not of small order.
export const isUsablePublicKey = (key) => littleEndian(key) < P && shared(PROBE, key) !== null;

const clamped = (secret) => (littleEndian(secret) & ((1n << 254n) - 8n)) | (1n << 254n);

// The Montgomery ladder of RFC 7748, 5: u of `scalar` times the point above `u`.
function ladder(scalar, u) {
  const x1 = u % P;
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n];
  let isSwapped = false;
  for (let at = TOP_BIT; at >= 0; at -= 1) {
    const bit = ((scalar >> BigInt(at)) & 1n) === 1n;
    if (bit !== isSwapped) [x2, x3, z2, z3] = [x3, x2, z3, z2];
    isSwapped = bit;
    const sum = x2 + z2;
    const difference = x2 - z2;
    const crossed = (x3 - z3) * sum;
    const other = (x3 + z3) * difference;
    const sumSquared = folded(sum * sum);
    const differenceSquared = folded(difference * difference);
    const e = sumSquared - differenceSquared;
    const added = folded(crossed + other);
    const taken = folded(crossed - other);
    x3 = folded(added * added);
    z3 = folded(x1 * folded(taken * taken));
    x2 = folded(sumSquared * differenceSquared);
    z2 = folded(e * (sumSquared + A24 * e));
  }
  if (isSwapped) [x2, z2] = [x3, z3];
  return mod(x2 * inverse(z2, P), P); // the inverse of 0 is 0, as the standard has it
}

// A number of the same rest modulo P, short enough to go on with: 2^255 is 19.
function folded(value) {
  const once = (value & LOW_255_BITS) + 19n * (value >> 255n);
  return (once & LOW_255_BITS) + 19n * (once >> 255n);
}

function littleEndian(bytes) {
  let value = 0n;
  for (let at = BYTES - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

function bytesOf(value) {
  const bytes = new Uint8Array(BYTES);
  for (let at = 0, rest = value; at < BYTES; at += 1, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}
