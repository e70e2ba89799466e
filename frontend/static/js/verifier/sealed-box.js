// A sealed ballot opened with the secrets of enough keyholders, and sealed again: a ballot that was not sealed in the one
// way is void for everybody (docs/how-to/vote-in-secret.md).

import { concat, equal, fromBase64, fromHex, utf8 } from "./bytes.js";
import { decrypt, encrypt } from "./chacha20-poly1305.js";
import { hkdf } from "./hkdf.js";
import { Sha256 } from "./sha256.js";
import { combine, shareAt } from "./shares.js";
import { publicKeyOf, shared } from "./x25519.js";

const VERSION = 1;
const NAME = utf8("commonweights sealed ballot 1\0");
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const SHARE_BYTES = KEY_BYTES + TAG_BYTES;
export const CONTENT_BYTES = 1_024;
const FORM = /^[A-Za-z0-9_-]*$/;

// The bytes of a sealed ballot in its one spelling (base64url without padding); null for any other text.
export function fromText(text) {
  if (!FORM.test(text)) return null;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return fromBase64(standard + "=".repeat(-standard.length & 3));
}

// What a ballot of one voter is bound to.
export class Context {
  #bound = null;

  constructor(proposal, voter, threshold, publicKeys) {
    Object.assign(this, { proposal, voter, threshold, publicKeys });
  }

  get digest() {
    const counts = Uint8Array.of(this.threshold, this.publicKeys.length);
    const parts = [NAME, fromHex(this.proposal), fromHex(this.voter.slice(2)), counts, ...this.publicKeys];
    this.#bound ??= new Sha256().update(concat(...parts)).digest();
    return this.#bound;
  }

  get length() {
    return 1 + KEY_BYTES + this.publicKeys.length * SHARE_BYTES + CONTENT_BYTES + TAG_BYTES;
  }

  derive(secret, use, length = KEY_BYTES) {
    return hkdf(secret, this.digest, use, length);
  }

  shareKey(common, place, sent) {
    return this.derive(common, concat(utf8("share"), Uint8Array.of(place), sent, this.publicKeys[place - 1]));
  }
}

// The content, with the secrets of enough keyholders, Map(place from 1 → secret); null for a ballot that is void.
export function unseal(sealed, context, secrets) {
  if (sealed.length !== context.length || sealed[0] !== VERSION) return null;
  const sent = sealed.subarray(1, 1 + KEY_BYTES);
  const known = new Map(); // place → what its keyholder and the one-time key share
  const found = [];
  for (const place of [...secrets.keys()].sort((left, right) => left - right).slice(0, context.threshold)) {
    const common = shared(secrets.get(place), sent);
    if (common === null) return null;
    const start = 1 + KEY_BYTES + (place - 1) * SHARE_BYTES;
    const share = decrypt(context.shareKey(common, place, sent), sealed.subarray(start, start + SHARE_BYTES), context.digest);
    if (share === null) return null;
    known.set(place, common);
    found.push([place, share]);
  }
  const seed = combine(found);
  const padded = decrypt(context.derive(seed, utf8("content")), sealed.subarray(-CONTENT_BYTES - TAG_BYTES), context.digest);
  if (padded === null) return null;
  const length = 256 * padded[0] + padded[1];
  if (length > CONTENT_BYTES - 2) return null;
  const content = padded.subarray(2, 2 + length);
  return isSealedSo(sealed, content, context, seed, known) ? content : null;
}

// Whether sealing this content with this seed gives these very bytes. With the one-time key that the seed gives, its owner
// and a keyholder share what `known` has of that keyholder; the others are computed.
function isSealedSo(sealed, content, context, seed, known) {
  const ephemeral = context.derive(seed, utf8("ephemeral"));
  const sent = publicKeyOf(ephemeral);
  if (!equal(sent, sealed.subarray(1, 1 + KEY_BYTES))) return false;
  const drawn = context.derive(seed, utf8("coefficients"), KEY_BYTES * (context.threshold - 1));
  const coefficients = [seed];
  for (let at = 0; at < drawn.length; at += KEY_BYTES) coefficients.push(drawn.subarray(at, at + KEY_BYTES));
  const parts = [Uint8Array.of(VERSION), sent];
  for (let place = 1; place <= context.publicKeys.length; place += 1) {
    const common = known.get(place) ?? shared(ephemeral, context.publicKeys[place - 1]);
    parts.push(encrypt(context.shareKey(common, place, sent), shareAt(place, coefficients), context.digest));
  }
  const padded = new Uint8Array(CONTENT_BYTES);
  padded.set([content.length >> 8, content.length & 255]);
  padded.set(content, 2);
  parts.push(encrypt(context.derive(seed, utf8("content")), padded, context.digest));
  return equal(concat(...parts), sealed);
}
