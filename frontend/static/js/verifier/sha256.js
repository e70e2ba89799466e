// SHA-256 (FIPS 180-4), of one piece or of a stream: the Web Cryptography API has it for whole buffers only.

import { hex } from "./bytes.js";

// The first 32 bits of the fractional parts of the cube roots, and of the square roots, of the first primes.
const PRIMES = [];
for (let number = 2; PRIMES.length < 64; number += 1) if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);
const K = Int32Array.from(PRIMES, (prime) => rootBits(BigInt(prime), 3n));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => rootBits(BigInt(prime), 2n));
const BLOCK = 64;

// floor(prime^(1/degree) * 2^32) mod 2^32, by bisection on whole numbers.
function rootBits(prime, degree) {
  const scaled = prime << (32n * degree);
  let [low, high] = [0n, 1n << 37n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= scaled) low = middle;
    else high = middle;
  }
  return Number(BigInt.asIntN(32, low));
}

export class Sha256 {
  #state = Int32Array.from(START);
  #words = new Int32Array(64);
  #rest = new Uint8Array(BLOCK);
  #restLength = 0;
  #length = 0; // bytes; exact up to 2^53

  update(data) {
    this.#length += data.length;
    let at = 0;
    if (this.#restLength) {
      at = Math.min(BLOCK - this.#restLength, data.length);
      this.#rest.set(data.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < BLOCK) return this;
      compress(this.#state, this.#words, this.#rest, 0, BLOCK);
      this.#restLength = 0;
    }
    const end = data.length - ((data.length - at) % BLOCK);
    compress(this.#state, this.#words, data, at, end);
    this.#rest.set(data.subarray(end));
    this.#restLength = data.length - end;
    return this;
  }

  digest() {
    const bits = BigInt(this.#length) * 8n;
    const padding = new Uint8Array((this.#restLength < 56 ? 64 : 128) - this.#restLength);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, bits);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, at) => out.setInt32(4 * at, word));
    return new Uint8Array(out.buffer);
  }
}

export const sha256 = (data) => new Sha256().update(data).digest();
export const sha256Hex = (data) => hex(sha256(data));

// The compression function (6.2.2) over whole blocks. Names are locals and Ch and Maj are written short, for speed.
function compress(state, w, data, from, to) {
  let s0 = state[0];
  let s1 = state[1];
  let s2 = state[2];
  let s3 = state[3];
  let s4 = state[4];
  let s5 = state[5];
  let s6 = state[6];
  let s7 = state[7];
  for (let at = from; at < to; at += BLOCK) {
    for (let t = 0, i = at; t < 16; t += 1, i += 4) {
      w[t] = (data[i] << 24) | (data[i + 1] << 16) | (data[i + 2] << 8) | data[i + 3];
    }
    for (let t = 16; t < 64; t += 1) {
      const x = w[t - 15];
      const y = w[t - 2];
      const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[t] = (w[t - 16] + small0 + w[t - 7] + small1) | 0;
    }
    let a = s0;
    let b = s1;
    let c = s2;
    let d = s3;
    let e = s4;
    let f = s5;
    let g = s6;
    let h = s7;
    for (let t = 0; t < 64; t += 1) {
      const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + big1 + (g ^ (e & (f ^ g))) + K[t] + w[t]) | 0;
      const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (big0 + ((a & b) | (c & (a | b)))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s0 = (s0 + a) | 0;
    s1 = (s1 + b) | 0;
    s2 = (s2 + c) | 0;
    s3 = (s3 + d) | 0;
    s4 = (s4 + e) | 0;
    s5 = (s5 + f) | 0;
    s6 = (s6 + g) | 0;
    s7 = (s7 + h) | 0;
  }
  state.set([s0, s1, s2, s3, s4, s5, s6, s7]);
}
