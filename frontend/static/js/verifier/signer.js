// Whose signature of a digest it is: of an Ethereum key, or of a passkey (WebAuthn level 2) whose P-256 key has an address.

import { concat, equal, fromHex, hex, toBase64, toInteger, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { p256NumbersHold } from "./p256.js";
import { recoverAddress } from "./secp256k1.js";
import { sha256 } from "./sha256.js";

const PREFIX = "webauthn:";
const HEX = /^(?:[0-9a-f]{2})+$/;
const [KEY, S, DATA, CLIENT] = [64, 96, 128, 165]; // where the parts end or begin: x ‖ y, r, s, authenticator data, client data
const CLIENT_MAX = 1024;
const PRESENT_AND_VERIFIED = 0x05;
const KEY_OR_EXTENSIONS = 0xc0;
// What browsers write: one flat object without white space. Stricter than JSON, so that all readers take it alike.
const PAIR = '"([A-Za-z_]{1,64})":(?:"([ !#-\\[\\]-~]*)"|(true|false))';
const CLIENT_DATA = new RegExp(`^\\{${PAIR}(?:,${PAIR})*\\}$`);
const ORIGIN = /^(?:https:\/\/([a-z0-9.-]+)|http:\/\/(localhost))(?::[0-9]{1,5})?$/;

// The address in lower case that signed `digest` (32 bytes), or null.
export function signerOf(digest, signature) {
  return signature.startsWith(PREFIX) ? passkeySigner(digest, signature.slice(PREFIX.length)) : recoverAddress(digest, signature);
}

// 1. the one spelling; 2. somebody was there and was recognised; 3. the page asked for a signature of this digest, and the key
// belongs to the site of that page; 4. the signature holds.
function passkeySigner(digest, text) {
  if (!HEX.test(text) || text.length <= 2 * CLIENT || text.length > 2 * (CLIENT + CLIENT_MAX)) return null; // 1
  const given = fromHex(text);
  const [key, data, client] = [given.subarray(0, KEY), given.subarray(DATA, CLIENT), given.subarray(CLIENT)];
  const flags = data[32];
  if ((flags & PRESENT_AND_VERIFIED) !== PRESENT_AND_VERIFIED || flags & KEY_OR_EXTENSIONS) return null; // 2
  const site = siteOf(client, digest);
  if (site === null || !equal(sha256(utf8(site)), data.subarray(0, 32))) return null; // 3
  const [r, s] = [toInteger(given.subarray(KEY, S)), toInteger(given.subarray(S, DATA))];
  if (!p256NumbersHold(concat(Uint8Array.of(4), key), r, s, concat(data, sha256(client)))) return null; // 4
  return `0x${hex(keccak256(key).subarray(12))}`;
}

// The name of the site whose page asked for a signature of this digest; null where it asked for something else.
function siteOf(client, digest) {
  const text = String.fromCharCode(...client);
  if (!CLIENT_DATA.test(text)) return null;
  const pairs = [...text.matchAll(new RegExp(PAIR, "g"))].map(([, name, words, truth]) => [name, words ?? truth === "true"]);
  const said = new Map(pairs);
  const challenge = toBase64(digest).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  if (said.size !== pairs.length || said.get("type") !== "webauthn.get" || said.get("challenge") !== challenge) return null;
  const origin = said.get("origin");
  const page = typeof origin === "string" ? ORIGIN.exec(origin) : null;
  if (page === null || (said.get("crossOrigin") ?? false) !== false || said.has("topOrigin")) return null;
  return page[1] ?? page[2];
}
