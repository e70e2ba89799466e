// Sealing a ballot for the keyholders, exactly as governance/sealed/box.py opens it: X25519, HKDF-SHA256, ChaCha20-Poly1305,
// and Shamir's sharing over GF(2⁸). A bundle of its own: only the pages of sealed votes load it.
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

const CONTENT_BYTES = 1024;
const KEY_BYTES = 32;
const NAME = utf8ToBytes("commonweights sealed ballot 1\0");
const NONCE = new Uint8Array(12); // each key encrypts one text
const bare = (hex) => hex.replace(/^0x/, "");

// What a ballot is bound to: proposal and voter as hex, the threshold, and the public keys in the charter's order.
function contextOf({ proposal, voter, threshold, publicKeys }) {
  const counts = Uint8Array.of(threshold, publicKeys.length);
  return sha256(concatBytes(NAME, hexToBytes(bare(proposal)), hexToBytes(bare(voter)), counts, ...publicKeys));
}

const derive = (secret, context, use, length = KEY_BYTES) => hkdf(sha256, secret, context, use, length);
const encrypt = (key, text, context) => chacha20poly1305(key, NONCE, context).encrypt(text);

// JSON with sorted keys: a choice is a number, a list or an object of numbers.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

// The sealed ballot as text, and what the voter signs of it. Throws "sealed_too_long".
export function seal(choice, reason, sealing, seed = crypto.getRandomValues(new Uint8Array(KEY_BYTES))) {
  const content = utf8ToBytes(canonical({ choice, reason }));
  if (content.length > CONTENT_BYTES - 2) throw Object.assign(new Error("sealed_too_long"), { code: "sealed_too_long" });
  const publicKeys = sealing.keys.map(hexToBytes);
  const context = contextOf({ ...sealing, publicKeys });
  const ephemeral = derive(seed, context, utf8ToBytes("ephemeral"));
  const sent = x25519.getPublicKey(ephemeral);
  const drawn = derive(seed, context, utf8ToBytes("coefficients"), KEY_BYTES * (sealing.threshold - 1));
  const parts = [Uint8Array.of(1), sent];
  publicKeys.forEach((publicKey, at) => {
    const shared = x25519.getSharedSecret(ephemeral, publicKey);
    const use = concatBytes(utf8ToBytes("share"), Uint8Array.of(at + 1), sent, publicKey);
    parts.push(encrypt(derive(shared, context, use), share(seed, drawn, at + 1), context));
  });
  const padded = new Uint8Array(CONTENT_BYTES);
  padded.set([content.length >> 8, content.length & 255]);
  padded.set(content, 2);
  parts.push(encrypt(derive(seed, context, utf8ToBytes("content")), padded, context));
  const sealed = concatBytes(...parts);
  return { text: base64url(sealed), digest: `0x${bytesToHex(sha256(sealed))}` };
}

// The share of one place: the polynomial whose constant is the secret (Horner).
function share(secret, drawn, place) {
  const value = new Uint8Array(KEY_BYTES);
  for (let at = drawn.length; at > 0; at -= KEY_BYTES) {
    const coefficient = drawn.subarray(at - KEY_BYTES, at);
    for (let i = 0; i < KEY_BYTES; i += 1) value[i] = times(value[i] ^ coefficient[i], place);
  }
  return value.map((byte, i) => byte ^ secret[i]);
}

function times(one, other) {
  let [product, factor, left] = [0, one, other];
  while (left) {
    if (left & 1) product ^= factor;
    factor = factor & 128 ? (factor << 1) ^ 0x11b : factor << 1;
    left >>= 1;
  }
  return product;
}

const base64url = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

// A keyholder's secret, from a wallet's signature that only they can make again.
export function secretOf(signature) {
  const secret = hkdf(sha256, hexToBytes(bare(signature)), utf8ToBytes("commonweights sealing secret 1"), undefined, KEY_BYTES);
  return { secret: bytesToHex(secret), publicKey: bytesToHex(x25519.getPublicKey(secret)) };
}
