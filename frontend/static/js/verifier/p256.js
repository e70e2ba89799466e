// ECDSA with SHA-256 on P-256 (FIPS 186-5), verification only: a signature in DER with low s, a key as its uncompressed point.
//
// Our own and not the browser's, which has it on pages from https alone; there is one such signature in a release.

import { equal, integerBytes, toInteger } from "./bytes.js";
import { Curve, inverse } from "./curves.js";
import { sha256 } from "./sha256.js";

const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P = (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n;
const CURVE = new Curve({
  p: P,
  a: -3n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: N,
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
});
const POINT_BYTES = 65;

// The point [x, y] of 65 bytes 04 x y, or null when it is not one of the curve.
export function pointOf(key) {
  if (key.length !== POINT_BYTES || key[0] !== 4) return null;
  const [x, y] = [toInteger(key.subarray(1, 33)), toInteger(key.subarray(33))];
  return x < P && y < P && CURVE.holds(x, y) ? [x, y] : null;
}

export function p256Holds(key, signature, data) {
  const parts = derIntegers(signature);
  return parts !== null && p256NumbersHold(key, ...parts, data);
}

// The same for a signature given as its two numbers.
export function p256NumbersHold(key, r, s, data) {
  const point = pointOf(key);
  if (point === null) return false;
  if (r <= 0n || r >= N || s <= 0n || s > N / 2n) return false;
  const inverted = inverse(s, N);
  const message = toInteger(sha256(data));
  const sum = CURVE.affine(CURVE.combine((message * inverted) % N, (r * inverted) % N, [...point, 1n]));
  return sum !== null && sum[0] % N === r;
}

// [r, s] of a DER sequence of two integers; null for any other spelling. Read loosely, written strictly, compared.
function derIntegers(bytes) {
  if (bytes.length < 8 || bytes.length > 72 || bytes[0] !== 0x30 || bytes[2] !== 0x02) return null;
  const length = bytes[3];
  const rest = bytes.subarray(4 + length);
  if (length < 1 || rest.length < 3 || rest[0] !== 0x02) return null;
  const [r, s] = [toInteger(bytes.subarray(4, 4 + length)), toInteger(rest.subarray(2))];
  return equal(derOf(r, s), bytes) ? [r, s] : null;
}

function derOf(r, s) {
  const body = [...derInteger(r), ...derInteger(s)];
  return Uint8Array.of(0x30, body.length, ...body);
}

function derInteger(value) {
  const length = Math.max(1, Math.ceil(value.toString(16).length / 2));
  const bytes = integerBytes(value, length);
  const positive = bytes[0] & 0x80 ? [0, ...bytes] : [...bytes];
  return [0x02, positive.length, ...positive];
}

