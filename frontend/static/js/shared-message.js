// What the owners of a shared wallet sign, who signed it, and the signature of the wallet that comes of it. The same as
// governance/wallets/safes.py: Safe 1.3 and later, `SafeMessage(bytes message)`. A script apart: it brings a curve.
import { typedDataDigest } from "./seat.js";
import { concat, fromHex, hex, integerBytes, utf8 } from "./verifier/bytes.js";
import { keccak256 } from "./verifier/keccak.js";
import { recoverAddress } from "./verifier/secp256k1.js";

const DOMAIN_TYPE = keccak256(utf8("EIP712Domain(uint256 chainId,address verifyingContract)"));
const MESSAGE_TYPE = keccak256(utf8("SafeMessage(bytes message)"));

// The digest of a message of the API, as 0x and hex.
export const digestOf = (typedData) => `0x${hex(typedDataDigest(typedData))}`;

// The typed data that each owner signs for the wallet to stand by a digest.
export const ownersMessage = (chainId, wallet, digest) => ({
  types: {
    EIP712Domain: [
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ],
    SafeMessage: [{ name: "message", type: "bytes" }],
  },
  primaryType: "SafeMessage",
  domain: { chainId, verifyingContract: wallet },
  message: { message: digest },
});

// The address in lower case that signed for this wallet, or null.
export function signerOf(chainId, wallet, digest, signature) {
  const place = concat(new Uint8Array(12), fromHex(wallet.slice(2)));
  const domain = keccak256(concat(DOMAIN_TYPE, integerBytes(BigInt(chainId), 32), place));
  const said = keccak256(concat(MESSAGE_TYPE, keccak256(fromHex(digest.slice(2)))));
  return recoverAddress(keccak256(concat(Uint8Array.of(0x19, 0x01), domain, said)), signature);
}

// A signature of a key in its one spelling: some wallets write v as 0 or 1, or hex in upper case.
export function spelled(signature) {
  const text = String(signature).toLowerCase();
  const last = { "00": "1b", "01": "1c" }[text.slice(130)];
  return text.length === 132 && last ? text.slice(0, 130) + last : text;
}

// The signature of the wallet: those of as many owners as it needs, by ascending address. `signed`: owner to signature.
export function joined(signed, threshold) {
  const owners = [...signed.keys()].map((owner) => owner.toLowerCase()).sort();
  const byOwner = new Map([...signed].map(([owner, signature]) => [owner.toLowerCase(), signature]));
  if (owners.length < threshold) return null;
  return `0x${owners.slice(0, threshold).map((owner) => byOwner.get(owner).slice(2)).join("")}`;
}
