// The Merkle root of RFC 6962, 2.1, with SHA-256, over leaves that come one after the other. Keeps one hash a level.

import { hex } from "./bytes.js";
import { Sha256, sha256 } from "./sha256.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export class MerkleRoot {
  #peaks = []; // [height, hash] of complete trees, tallest first
  count = 0;

  add(leaf) {
    let height = 0;
    let hash = new Sha256().update(LEAF).update(leaf).digest();
    while (this.#peaks.length && this.#peaks.at(-1)[0] === height) {
      hash = node(this.#peaks.pop()[1], hash);
      height += 1;
    }
    this.#peaks.push([height, hash]);
    this.count += 1;
  }

  root() {
    if (!this.#peaks.length) return hex(sha256(new Uint8Array()));
    const hashes = this.#peaks.map(([, hash]) => hash);
    return hex(hashes.reduceRight((right, left) => node(left, right)));
  }
}

const node = (left, right) => new Sha256().update(NODE).update(left).update(right).digest();
