// The signer of an Ethereum signature: public key recovery on secp256k1 (SEC 1, 4.1.6), in the strict form only.

import { concat, fromHex, hex, integerBytes, toInteger } from "./bytes.js";
import { Curve, inverse, mod } from "./curves.js";
import { keccak256 } from "./keccak.js";

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const P = (1n << 256n) - (1n << 32n) - 977n;
const CURVE = new Curve({
  p: P,
  a: 0n,
  b: 7n,
  n: N,
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
});
const FORM = /^0x[0-9a-f]{130}$/;

// The address in lower case that signed `digest` (32 bytes), or null. `signature` is 0x and r, s, v in 130 lower-case hex
// digits, with low s and v 27 or 28.
export function recoverAddress(digest, signature) {
  if (!FORM.test(signature)) return null;
  const r = toInteger(fromHex(signature.slice(2, 66)));
  const s = toInteger(fromHex(signature.slice(66, 130)));
  const v = Number.parseInt(signature.slice(130), 16);
  if (v !== 27 && v !== 28) return null;
  if (r === 0n || r >= N || s === 0n || s > N / 2n) return null;
  const y = CURVE.lift(r, BigInt(v - 27));
  if (y === null) return null;
  const inverted = inverse(r, N);
  const message = toInteger(digest);
  const point = CURVE.affine(CURVE.combine(mod(-message * inverted, N), (s * inverted) % N, [r, y, 1n]));
  if (point === null) return null;
  const key = concat(integerBytes(point[0], 32), integerBytes(point[1], 32));
  return `0x${hex(keccak256(key).subarray(12))}`;
}
