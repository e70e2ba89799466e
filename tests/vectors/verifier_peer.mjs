// The second verifier as a peer that answers many questions: one JSON question a line in, one JSON answer a line out.
//   {"op": "check", "folder", "key", "community", "consistency_only"}  -> the report as data, or {"refused": code};
//     with "chain": true also what only a chain can tell
//   {"op": "recover", "digest", "signature"}                           -> {"address"}
//   {"op": "ed25519", "key", "signature", "data"}                      -> {"usable", "holds"}
//   {"op": "p256", "key", "signature", "data"}                         -> {"holds"}
//   {"op": "box", "secret", "key", "data", "bound"}                    -> what opens a sealed ballot, of these
//   {"op": "hashes", "data", "cut"}                                    -> {"sha256", "streamed", "sha512", "keccak256"}
//   {"op": "canonical", "data"}                                        -> {"canonical": bool}
//   {"op": "checksum", "address"}                                      -> {"address"}
// Bytes are hex.

import { createInterface } from "node:readline";

const HERE = "../../frontend/static/js/verifier/";
const load = (name) => import(`${HERE}${name}`);
const { fromHex, hex } = await load("bytes.js");
const { CanonicalError, parseCanonical } = await load("canonical.js");
const { decrypt, encrypt } = await load("chacha20-poly1305.js");
const { ed25519Holds, isUsableKey } = await load("ed25519.js");
const { checksummed } = await load("eip712.js");
const { hkdf } = await load("hkdf.js");
const { keccak256 } = await load("keccak.js");
const { FolderSource } = await load("node-source.js");
const { p256Holds } = await load("p256.js");
const { signerOf } = await load("signer.js");
const { Sha256, sha256Hex } = await load("sha256.js");
const { sha512 } = await load("sha512.js");
const { isUsablePublicKey, publicKeyOf, shared } = await load("x25519.js");
const { NoTrustRoot, Unreadable, check } = await load("verify.js");

const answers = {
  async check({ folder, key, community, consistency_only: isConsistencyOnly, chain: isAsked = false }) {
    let facts = null;
    try {
      const report = await check(new FolderSource(folder), { key, community, isConsistencyOnly }, { chain: (found) => (facts = found) });
      return isAsked ? { ...report, chain: facts } : report;
    } catch (error) {
      if (error instanceof NoTrustRoot) return { refused: error.code, fingerprint: error.fingerprint };
      if (error instanceof Unreadable) return { refused: "unreadable" };
      return { crashed: String(error.stack) };
    }
  },
  recover: ({ digest, signature }) => ({ address: signerOf(fromHex(digest), signature) }),
  ed25519: ({ key, signature, data }) => ({ usable: isUsableKey(key), holds: ed25519Holds(key, fromHex(signature), fromHex(data)) }),
  p256: ({ key, signature, data }) => ({ holds: p256Holds(fromHex(key), fromHex(signature), fromHex(data)) }),
  box({ secret: secretHex, key: keyHex, data: dataHex, bound: boundHex }) {
    const [secret, key, data, bound] = [secretHex, keyHex, dataHex, boundHex].map(fromHex);
    const encrypted = encrypt(key, data, bound);
    const turned = Uint8Array.from(encrypted, (byte, at) => (at === data.length >> 1 ? byte ^ 1 : byte));
    const text = (bytes) => bytes && hex(bytes);
    return {
      public: hex(publicKeyOf(secret)),
      shared: text(shared(secret, key)),
      usable: isUsablePublicKey(key),
      derived: hex(hkdf(secret, bound, data, 33 + bound.length)),
      encrypted: hex(encrypted),
      decrypted: text(decrypt(key, encrypted, bound)),
      turned: text(decrypt(key, turned, bound)),
    };
  },
  hashes({ data, cut }) {
    const bytes = fromHex(data);
    const streamed = hex(new Sha256().update(bytes.subarray(0, cut)).update(bytes.subarray(cut)).digest());
    return { sha256: sha256Hex(bytes), streamed, sha512: hex(sha512(bytes)), keccak256: hex(keccak256(bytes)) };
  },
  canonical({ data }) {
    try {
      parseCanonical(fromHex(data), 1_000_000);
      return { canonical: true };
    } catch (error) {
      if (!(error instanceof CanonicalError)) throw error;
      return { canonical: false };
    }
  },
  checksum: ({ address }) => ({ address: checksummed(address.toLowerCase()) }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await answers[question.op](question)));
}
