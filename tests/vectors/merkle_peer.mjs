// The Merkle tree of RFC 6962, section 2.1, written from its recursive definitions, as a peer to compare with.
//
// Reads one JSON question a line from standard input and writes one JSON answer a line:
//   {"op": "tree", "leaves": [hex]}                                    -> {"root": hex, "proofs": [[hex]]}
//   {"op": "verify", "leaf": hex, "index", "size", "proof", "root"}    -> {"holds": bool}
//   {"op": "growth", "leaves": [hex]}                                  -> {"root": hex, "proofs": [[hex]]}, by old size
//   {"op": "follows", "old", "new", "proof", "old_root", "new_root"}   -> {"holds": bool}
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

export function growth({ leaves }) {
  const entries = leaves.map((leaf) => Buffer.from(leaf, "hex"));
  const proofs = Array.from({ length: leaves.length + 1 }, (_, m) => (m === 0 ? [] : SUBPROOF(m, entries, true).map(hex)));
  return { root: hex(MTH(entries)), proofs };
}

// The check of RFC 9162, 2.1.4.2, which walks over the binary digits of the two sizes. It says nothing about an old tree
// without leaves: anything follows from that, without proof.
export function follows({ old: first, new: second, proof, old_root, new_root }) {
  if (first === 0 && old_root !== hex(sha256())) return { holds: false };
  if (first === second) return { holds: proof.length === 0 && old_root === new_root };
  if (first === 0) return { holds: second > 0 && proof.length === 0 };
  if (!(first > 0 && first < second) || proof.length === 0) return { holds: false };
  const isPowerOfTwo = Number.isInteger(Math.log2(first));
  const [start, ...rest] = (isPowerOfTwo ? [old_root, ...proof] : proof).map((node) => Buffer.from(node, "hex"));
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr] = [start, start];
  for (const c of rest) {
    if (sn === 0) return { holds: false };
    if (fn % 2 === 1 || fn === sn) {
      fr = sha256(Buffer.of(0x01), c, fr);
      sr = sha256(Buffer.of(0x01), c, sr);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      sr = sha256(Buffer.of(0x01), sr, c);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return { holds: sn === 0 && hex(fr) === old_root && hex(sr) === new_root };
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

// PROOF(m, D[n]) = SUBPROOF(m, D[n], true)
// SUBPROOF(m, D[m], true) = {}; SUBPROOF(m, D[m], false) = {MTH(D[m])}
// SUBPROOF(m, D[n], b) = SUBPROOF(m, D[0:k], b) : MTH(D[k:n]) for m <= k
// SUBPROOF(m, D[n], b) = SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k]) for m > k
function SUBPROOF(m, D, b) {
  if (m === D.length) return b ? [] : [MTH(D)];
  const k = largestPowerOfTwoBelow(D.length);
  if (m <= k) return [...SUBPROOF(m, D.slice(0, k), b), MTH(D.slice(k))];
  return [...SUBPROOF(m - k, D.slice(k), false), MTH(D.slice(0, k))];
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

function half(number) {
  return Math.floor(number / 2);
}

function sha256(...parts) {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function hex(bytes) {
  return bytes.toString("hex");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const answers = { tree, verify, growth, follows };
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    console.log(JSON.stringify(answers[question.op](question)));
  }
}
