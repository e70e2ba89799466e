// Bytes and their spellings: hex, UTF-8, base64. Each spelling is accepted in its one form only.

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const utf8 = (text) => ENCODER.encode(text);

// The text of UTF-8 bytes, a byte order mark included; null if they are none.
export function textOf(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    return null;
  }
}

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

// Bytes of lower-case or upper-case hex digits, without 0x. Whoever calls has checked the form.
export function fromHex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function equal(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

// Big-endian bytes to a BigInt, and back in `length` bytes.
export const toInteger = (bytes) => (bytes.length ? BigInt(`0x${hex(bytes)}`) : 0n);
export const integerBytes = (value, length) => fromHex(value.toString(16).padStart(2 * length, "0"));

// Standard base64 with padding (RFC 4648, 4) in its only spelling; null for any other text.
export function fromBase64(text) {
  if (!BASE64.test(text)) return null;
  const binary = atob(text);
  const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  return toBase64(bytes) === text ? bytes : null; // unused bits at the end must be zero
}

export function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
