// ChaCha20-Poly1305 (RFC 8439). Each key here encrypts one text, so the nonce is always zero.
//
// Nothing here is constant in time: whoever verifies works with keys that were published.

import { concat, equal } from "./bytes.js";

const TAG_BYTES = 16;
const BLOCK_BYTES = 64;
const ROUNDS = 10; // double rounds
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
const PRIME = (1n << 130n) - 5n;
const R_MASK = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
const LOW_128_BITS = (1n << 128n) - 1n;

export function encrypt(key, text, bound) {
  const sealed = turned(key, text);
  return concat(sealed, tagOf(key, sealed, bound));
}

// The text, or null where key, bytes or what they are bound to do not belong together.
export function decrypt(key, data, bound) {
  if (data.length < TAG_BYTES) return null;
  const sealed = data.subarray(0, -TAG_BYTES);
  return equal(tagOf(key, sealed, bound), data.subarray(-TAG_BYTES)) ? turned(key, sealed) : null;
}

// The key stream from block 1 on, added to `data`.
function turned(key, data) {
  const out = Uint8Array.from(data);
  for (let at = 0, counter = 1; at < out.length; at += BLOCK_BYTES, counter += 1) {
    const stream = block(key, counter);
    for (let i = at; i < Math.min(at + BLOCK_BYTES, out.length); i += 1) out[i] ^= stream[i - at];
  }
  return out;
}

function tagOf(key, sealed, bound) {
  const lengths = new Uint8Array(16);
  new DataView(lengths.buffer).setUint32(0, bound.length, true);
  new DataView(lengths.buffer).setUint32(8, sealed.length, true);
  const filled = (part) => concat(part, new Uint8Array(-part.length & 15));
  return poly1305(block(key, 0).subarray(0, 32), concat(filled(bound), filled(sealed), lengths));
}

// The authenticator of RFC 8439, 2.5, over whole blocks of 16 bytes.
function poly1305(key, data) {
  const r = littleEndian(key.subarray(0, 16)) & R_MASK;
  let sum = 0n;
  for (let at = 0; at < data.length; at += 16) {
    sum = ((sum + littleEndian(data.subarray(at, at + 16)) + (1n << 128n)) * r) % PRIME;
  }
  let rest = (sum + littleEndian(key.subarray(16))) & LOW_128_BITS;
  return Uint8Array.from({ length: TAG_BYTES }, () => {
    const byte = Number(rest & 255n);
    rest >>= 8n;
    return byte;
  });
}

function littleEndian(bytes) {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

// One block of the key stream, 64 bytes.
function block(key, counter) {
  const words = new DataView(Uint8Array.from(key).buffer);
  const start = Uint32Array.of(...CONSTANTS, ...Array.from({ length: 8 }, (_, at) => words.getUint32(4 * at, true)), counter, 0, 0, 0);
  const s = Uint32Array.from(start);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let column = 0; column < 4; column += 1) quarter(s, column, column + 4, column + 8, column + 12);
    for (let column = 0; column < 4; column += 1) quarter(s, column, 4 + ((column + 1) & 3), 8 + ((column + 2) & 3), 12 + ((column + 3) & 3));
  }
  const out = new DataView(new ArrayBuffer(BLOCK_BYTES));
  for (let at = 0; at < s.length; at += 1) out.setUint32(4 * at, s[at] + start[at], true);
  return new Uint8Array(out.buffer);
}

function quarter(s, a, b, c, d) {
  s[a] += s[b];
  s[d] = turn(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = turn(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = turn(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = turn(s[b] ^ s[c], 7);
}

const turn = (word, by) => (word << by) | (word >>> (32 - by));
