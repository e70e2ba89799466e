// Curves y^2 = x^3 + ax + b with a = 0 or -3 over a prime field, on BigInt: only what verification needs (SEC 1).
//
// Nothing here is constant in time: every input is public. Points are [X, Y, Z], meaning (X/Z^2, Y/Z^3); Z = 0 is infinity.
// Coordinates may be negative between steps; `affine` brings them home.

const WINDOW = 5; // for a point that is seen once
const WINDOW_BASE = 8; // for the generator
const INFINITY = [0n, 1n, 0n];

export const mod = (value, modulus) => {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
};

// The inverse modulo a prime by the extended Euclidean algorithm; of 0 it is 0.
export function inverse(value, modulus) {
  let [a, b, x, y] = [mod(value, modulus), modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
    if (a === 0n) return 0n;
  }
  return mod(x * a, modulus);
}

export function power(base, exponent, modulus) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === "1") result = (result * base) % modulus;
  }
  return result;
}

export class Curve {
  #odds = null;

  constructor({ p, a, b, n, x, y }) {
    Object.assign(this, { p, a, b, n });
    this.generator = [x, y, 1n];
  }

  holds(x, y) {
    return mod(y * y - (x * x * x + this.a * x + this.b), this.p) === 0n;
  }

  // The y with this parity above x, or null: both primes here are 3 mod 4, so a root is a power.
  lift(x, odd) {
    const { p } = this;
    const square = mod(x * x * x + this.a * x + this.b, p);
    const root = power(square, (p + 1n) / 4n, p);
    if ((root * root) % p !== square) return null;
    return (root & 1n) === odd ? root : p - root;
  }

  double([x, y, z]) {
    const { p } = this;
    const yy = (y * y) % p;
    const s = (4n * x * yy) % p;
    const zz = (z * z) % p;
    const m = this.a === 0n ? 3n * x * x : 3n * (x - zz) * (x + zz);
    const slope = m % p;
    const x3 = (slope * slope - 2n * s) % p;
    return [x3, (slope * (s - x3) - 8n * yy * yy) % p, (2n * y * z) % p];
  }

  add(left, right) {
    const { p } = this;
    const [x1, y1, z1] = left;
    const [x2, y2, z2] = right;
    if (z1 === 0n) return right;
    if (z2 === 0n) return left;
    const z1z1 = (z1 * z1) % p;
    const z2z2 = (z2 * z2) % p;
    const u1 = (x1 * z2z2) % p;
    const s1 = (((y1 * z2) % p) * z2z2) % p;
    const h = (x2 * z1z1 - u1) % p;
    const r = (((y2 * z1) % p) * z1z1 - s1) % p;
    if (h === 0n) return r === 0n ? this.double(left) : INFINITY;
    const hh = (h * h) % p;
    const hhh = (h * hh) % p;
    const v = (u1 * hh) % p;
    const x3 = (r * r - hhh - 2n * v) % p;
    return [x3, (r * (v - x3) - s1 * hhh) % p, (((z1 * z2) % p) * h) % p];
  }

  // u * generator + v * point, for 0 <= u, v < n: both walk down the same chain of doublings.
  combine(u, v, point) {
    this.#odds ??= this.oddMultiples(this.generator, WINDOW_BASE);
    return this.walk([
      [signedDigits(u, WINDOW_BASE), this.#odds],
      [signedDigits(v, WINDOW), this.oddMultiples(point, WINDOW)],
    ]);
  }

  walk(chains) {
    let sum = INFINITY;
    for (let at = Math.max(...chains.map(([digits]) => digits.length)) - 1; at >= 0; at -= 1) {
      if (sum[2] !== 0n) sum = this.double(sum);
      for (const [digits, odds] of chains) {
        const digit = digits[at] ?? 0;
        if (digit > 0) sum = this.add(sum, odds[digit >> 1]);
        else if (digit < 0) sum = this.add(sum, negative(odds[-digit >> 1]));
      }
    }
    return sum;
  }

  // [P, 3P, 5P, …] up to the largest digit of a window.
  oddMultiples(point, window) {
    const twice = this.double(point);
    const odds = [point];
    while (odds.length < 1 << (window - 2)) odds.push(this.add(odds.at(-1), twice));
    return odds;
  }

  // [x, y] in 0 <= x, y < p, or null for infinity.
  affine([x, y, z]) {
    if (mod(z, this.p) === 0n) return null;
    const inverted = inverse(z, this.p);
    const square = (inverted * inverted) % this.p;
    return [mod(x * square, this.p), mod(((y * square) % this.p) * inverted, this.p)];
  }
}

const negative = ([x, y, z]) => [x, -y, z];

// Digits of a number, lowest first: each 0 or odd, of absolute value below 2^(window - 1), any `window` in a row at most one not 0.
function signedDigits(value, window) {
  const bits = value.toString(2);
  const digits = new Int16Array(bits.length + 1);
  const half = 1 << (window - 1);
  let carry = 0;
  for (let at = 0; at <= bits.length; ) {
    const bit = (at < bits.length ? bits.charCodeAt(bits.length - 1 - at) & 1 : 0) + carry;
    if ((bit & 1) === 0) {
      carry = bit >> 1;
      at += 1;
      continue;
    }
    let digit = carry;
    for (let k = 0; k < window && at + k < bits.length; k += 1) digit += (bits.charCodeAt(bits.length - 1 - at - k) & 1) << k;
    carry = digit >= half ? 1 : 0;
    digits[at] = carry ? digit - 2 * half : digit;
    at += window;
  }
  return digits;
}
