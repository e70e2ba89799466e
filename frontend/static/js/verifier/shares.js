// Shamir's secret sharing over GF(2^8), byte by byte, in the field of AES (x^8 + x^4 + x^3 + x + 1).
//
// Share 0 is the secret itself; keyholders have the shares from 1.

const POLYNOMIAL = 0x11b;

// The share of one place: the value there of the polynomials with these coefficients, the secret first (Horner).
export function shareAt(place, coefficients) {
  return coefficients.reduceRight((value, coefficient) => value.map((byte, at) => times(byte, place) ^ coefficient[at]), new Uint8Array(coefficients[0].length));
}

// The secret from exactly as many shares as the threshold, [[place, share]…] (Lagrange, at 0).
export function combine(shares) {
  const secret = new Uint8Array(shares[0][1].length);
  for (const [place, share] of shares) {
    const others = shares.map(([other]) => other).filter((other) => other !== place);
    const weight = others.reduce((product, other) => times(product, times(other, inverse(other ^ place))), 1);
    for (let at = 0; at < secret.length; at += 1) secret[at] ^= times(share[at], weight);
  }
  return secret;
}

function times(one, other) {
  let product = 0;
  for (let [factor, left] = [one, other]; left; left >>= 1) {
    if (left & 1) product ^= factor;
    factor = factor & 0x80 ? (factor << 1) ^ POLYNOMIAL : factor << 1;
  }
  return product;
}

// value^254, which is 1/value for all but 0.
function inverse(value) {
  let result = 1;
  for (let power = 0; power < 254; power += 1) result = times(result, value);
  return result;
}
