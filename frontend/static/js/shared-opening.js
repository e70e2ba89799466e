// What a sealed ballot of a shared wallet says, as its owners hand it on: after the # of a link, which browsers send nowhere.
const NAME = "#says=";
const SEED = /^[0-9a-f]{64}$/;
const DIGEST = /^0x[0-9a-f]{64}$/;

// The part of the address from its # on.
export function openingLink(digest, seed, { choice, reason }) {
  const hex = [...seed].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${NAME}${encodeURIComponent(JSON.stringify({ digest, seed: hex, choice, reason }))}`;
}

// What such a link holds; nothing for any other text.
export function openingIn(hash) {
  if (!hash.startsWith(NAME)) return null;
  try {
    const { digest, seed, choice, reason } = JSON.parse(decodeURIComponent(hash.slice(NAME.length)));
    if (!DIGEST.test(digest) || !SEED.test(seed) || !Number.isInteger(choice) || typeof reason !== "string") return null;
    return { digest, seed: Uint8Array.from(seed.match(/../g), (pair) => Number.parseInt(pair, 16)), choice, reason };
  } catch {
    return null;
  }
}
