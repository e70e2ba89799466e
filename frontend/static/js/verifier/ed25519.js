// Ed25519 (RFC 8032, 5.1), verification only, on BigInt, and which keys are usable: those that are no point of small order.

import { concat, equal, fromHex } from "./bytes.js";
import { inverse, mod, power } from "./curves.js";
import { sha512 } from "./sha512.js";

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
const D = mod(-121665n * inverse(121666n, P), P);
const ROOT_OF_MINUS_ONE = power(2n, (P - 1n) / 4n, P);
const LOW_255_BITS = (1n << 255n) - 1n;
const KEY = /^[0-9a-f]{64}$/;
// Extended coordinates [X, Y, Z, T]: x = X/Z, y = Y/Z, xy = T/Z.
const NEUTRAL = [0n, 1n, 1n, 0n];
const BASE = decode(encodedInteger(mod(4n * inverse(5n, P), P)));

// Whether this is 64 lower-case hex digits of a key under which a signature means something.
export function isUsableKey(text) {
  if (typeof text !== "string" || !KEY.test(text)) return false;
  const y = integerOf(fromHex(text)) & LOW_255_BITS;
  if (y >= P) return false;
  const point = decode(encodedInteger(y)); // whatever the sign of x, the order is the same
  // Bytes that are no point at all are no usable key either, though no signature could hold under them.
  return point === null || !isNeutral(multiply(8n, point));
}

export function ed25519Holds(keyHex, signature, data) {
  if (!isUsableKey(keyHex) || signature.length !== 64) return false;
  const key = fromHex(keyHex);
  const point = decode(key);
  const s = integerOf(signature.subarray(32));
  if (point === null || s >= L) return false;
  const r = signature.subarray(0, 32);
  const k = integerOf(sha512(concat(r, key, data))) % L;
  const [x, y, z, t] = point;
  return equal(encode(add(multiply(s, BASE), multiply(k, [-x, y, z, -t]))), r);
}

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = ((y1 - x1) * (y2 - x2)) % P;
  const b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (((2n * D * t1) % P) * t2) % P;
  const d = (2n * z1 * z2) % P;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

function multiply(scalar, point) {
  let sum = NEUTRAL;
  for (const bit of scalar.toString(2)) {
    sum = add(sum, sum);
    if (bit === "1") sum = add(sum, point);
  }
  return sum;
}

const isNeutral = ([x, y, z]) => mod(x, P) === 0n && mod(y - z, P) === 0n;

function encode([x, y, z]) {
  const inverted = inverse(z, P);
  const odd = mod(x * inverted, P) & 1n;
  return encodedInteger(mod(y * inverted, P) | (odd << 255n));
}

// The point of 32 bytes (5.1.3), or null.
function decode(bytes) {
  const whole = integerOf(bytes);
  const y = whole & LOW_255_BITS;
  if (y >= P) return null;
  const [u, v] = [mod(y * y - 1n, P), mod(D * y * y + 1n, P)];
  let x = (((u * v ** 3n) % P) * power((u * v ** 7n) % P, (P - 5n) / 8n, P)) % P;
  if ((v * x * x) % P === mod(-u, P)) x = (x * ROOT_OF_MINUS_ONE) % P;
  if ((v * x * x) % P !== u) return null;
  const odd = whole >> 255n;
  if (x === 0n && odd === 1n) return null;
  if ((x & 1n) !== odd) x = P - x;
  return [x, y, 1n, (x * y) % P];
}

function integerOf(bytes) {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at]);
  return value;
}

function encodedInteger(value) {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));
}
