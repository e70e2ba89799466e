// SHA-512 (FIPS 180-4) on BigInt: for the few short messages that an Ed25519 signature is about. Slow and plain.

const MASK = (1n << 64n) - 1n;
const PRIMES = [];
for (let number = 2; PRIMES.length < 80; number += 1) if (PRIMES.every((prime) => number % prime)) PRIMES.push(number);
const K = PRIMES.map((prime) => rootBits(BigInt(prime), 3n));
const START = PRIMES.slice(0, 8).map((prime) => rootBits(BigInt(prime), 2n));

// floor(prime^(1/degree) * 2^64) mod 2^64.
function rootBits(prime, degree) {
  const scaled = prime << (64n * degree);
  let [low, high] = [0n, 1n << 69n];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= scaled) low = middle;
    else high = middle;
  }
  return low & MASK;
}

const turn = (word, bits) => ((word >> bits) | (word << (64n - bits))) & MASK;

export function sha512(data) {
  const padded = new Uint8Array(Math.ceil((data.length + 17) / 128) * 128);
  padded.set(data);
  padded[data.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(data.length) * 8n);
  let state = START;
  for (let at = 0; at < padded.length; at += 128) state = block(state, view, at);
  const out = new DataView(new ArrayBuffer(64));
  state.forEach((word, at) => out.setBigUint64(8 * at, word));
  return new Uint8Array(out.buffer);
}

function block(state, view, at) {
  const w = Array.from({ length: 16 }, (_, t) => view.getBigUint64(at + 8 * t));
  for (let t = 16; t < 80; t += 1) {
    const [x, y] = [w[t - 15], w[t - 2]];
    const s0 = turn(x, 1n) ^ turn(x, 8n) ^ (x >> 7n);
    const s1 = turn(y, 19n) ^ turn(y, 61n) ^ (y >> 6n);
    w.push((w[t - 16] + s0 + w[t - 7] + s1) & MASK);
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 80; t += 1) {
    const s1 = turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n);
    const t1 = h + s1 + ((e & f) ^ (~e & MASK & g)) + K[t] + w[t];
    const s0 = turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & MASK, c, b, a, (t1 + t2) & MASK];
  }
  return [a, b, c, d, e, f, g, h].map((word, i) => (word + state[i]) & MASK);
}
