// The Merkle tree of RFC 6962, section 2.1, written from its recursive definitions, as a peer to compare with.
//
// Reads one JSON question a line from standard input and writes one JSON answer a line:
//   {"op": "tree", "leaves": [hex]}                                    -> {"root": hex, "proofs": [[hex]]}
//   {"op": "verify", "leaf": hex, "index", "size", "proof", "root"}    -> {"holds": bool}
// Plain JavaScript on node's SHA-256; slow on purpose, because nothing here is cleverer than the text of the standard.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export function tree({ leaves }) {
  const entries = leaves.map((leaf) => Buffer.from(leaf, "hex"));
  return { root: hex(MTH(entries)), proofs: entries.map((_, m) => PATH(m, entries).map(hex)) };
}

export function verify({ leaf, index, size, proof, root }) {
  if (!(index >= 0 && index < size)) return { holds: false };
  const path = proof.map((node) => Buffer.from(node, "hex"));
  const computed = rootFrom(Buffer.from(leaf, "hex"), index, size, path);
  return { holds: computed !== null && hex(computed) === root };
}

// MTH({}) = SHA-256(); MTH({d(0)}) = SHA-256(0x00 || d(0));
// MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))
function MTH(D) {
  if (D.length === 0) return sha256();
  if (D.length === 1) return sha256(Buffer.of(0x00), D[0]);
  const k = largestPowerOfTwoBelow(D.length);
  return sha256(Buffer.of(0x01), MTH(D.slice(0, k)), MTH(D.slice(k)));
}

// PATH(0, {d(0)}) = {}
// PATH(m, D[n]) = PATH(m, D[0:k]) : MTH(D[k:n]) for m < k, PATH(m - k, D[k:n]) : MTH(D[0:k]) for m >= k
function PATH(m, D) {
  if (D.length === 1) return [];
  const k = largestPowerOfTwoBelow(D.length);
  if (m < k) return [...PATH(m, D.slice(0, k)), MTH(D.slice(k))];
  return [...PATH(m - k, D.slice(k)), MTH(D.slice(0, k))];
}

// The root that a path leads to, read backwards: its last node is the sibling at the top. null if its length is wrong.
function rootFrom(leaf, m, n, path) {
  if (n === 1) return path.length === 0 ? sha256(Buffer.of(0x00), leaf) : null;
  if (path.length === 0) return null;
  const k = largestPowerOfTwoBelow(n);
  const below = path.slice(0, -1);
  const sibling = path[path.length - 1];
  const own = m < k ? rootFrom(leaf, m, k, below) : rootFrom(leaf, m - k, n - k, below);
  if (own === null) return null;
  return m < k ? sha256(Buffer.of(0x01), own, sibling) : sha256(Buffer.of(0x01), sibling, own);
}

// k, the largest power of two smaller than n: k < n <= 2k.
function largestPowerOfTwoBelow(n) {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

function sha256(...parts) {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function hex(bytes) {
  return bytes.toString("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const answers = { tree, verify };
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    console.log(JSON.stringify(answers[question.op](question)));
  }
}
