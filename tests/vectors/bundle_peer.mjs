// What a stranger computes from the lines of an audit bundle and from a checkpoint, with node's own crypto alone.
//
// Reads one JSON question a line from standard input and writes one JSON answer a line:
//   {"op": "roots", "lines": [text]}                        -> {"census": hex, "delegations": hex, "ballots": hex}
//   {"op": "checkpoint", "note": text, "public_key": hex}   -> {"holds", "name", "key_id", "own_key_id", "origin", ...}
// Knows RFC 6962 hashing, the order of voters, and the C2SP signed note; shares no code with ours.

import { createHash, createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";

const answers = {
  roots({ lines }) {
    const census = [];
    const delegations = [];
    const newest = new Map();
    for (const line of lines) {
      const found = JSON.parse(line);
      if ("house_power" in found && !("kind" in found)) census.push(line);
      if (found.kind === "delegation") delegations.push(line);
      // Ballots stand in the order of acceptance; a later one of a voter takes the place of the earlier.
      if (found.kind === "ballot") newest.set(found.body.voter.toLowerCase(), line);
    }
    const ballots = [...newest.keys()].sort().map((voter) => newest.get(voter));
    return { census: root(census), delegations: root(delegations), ballots: root(ballots) };
  },
  checkpoint({ note, public_key }) {
    const [signed, signatures] = note.split("\n\n");
    const text = `${signed}\n`;
    const [, name, encoded] = /^\u2014 (\S+) (\S+)\n$/u.exec(signatures);
    const bytes = Buffer.from(encoded, "base64");
    const [origin, size, treeRoot] = signed.split("\n");
    return {
      holds: verify(null, Buffer.from(text), ed25519(public_key), bytes.subarray(4)),
      name,
      key_id: bytes.subarray(0, 4).toString("hex"),
      own_key_id: sha256(Buffer.from(`${name}\n`), Buffer.of(0x01), Buffer.from(public_key, "hex")).subarray(0, 4).toString("hex"),
      origin,
      size: Number(size),
      root: Buffer.from(treeRoot, "base64").toString("hex"),
    };
  },
};

function root(lines) {
  return subtree(lines.map((line) => sha256(Buffer.of(0x00), Buffer.from(line)))).toString("hex");
}

function subtree(hashes) {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0];
  let k = 1;
  while (2 * k < hashes.length) k *= 2;
  return sha256(Buffer.of(0x01), subtree(hashes.slice(0, k)), subtree(hashes.slice(k)));
}

function sha256(...parts) {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function ed25519(hex) {
  const x = Buffer.from(hex, "hex").toString("base64url");
  return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(answers[question.op](question)));
}
