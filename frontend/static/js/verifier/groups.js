// The lines of one long file, proposal by proposal, in strictly ascending order; what is out of place is a problem.

import { hex } from "./bytes.js";
import { CanonicalError } from "./canonical.js";
import { LineError, lines } from "./lines.js";
import { placeOf } from "./report.js";
import { Sha256 } from "./sha256.js";

// What a line that belongs to no proposal is called.
const FOREIGN = { "ballots.jsonl": "ballot_foreign", "census.jsonl": "census_foreign", "delegations.jsonl": "delegation_foreign" };
const LIMITS = { "ballots.jsonl": 10_000_000_000, "census.jsonl": 3_000_000_000, "delegations.jsonl": 3_000_000_000 };

// A line that is canonical JSON but not what this file holds.
export class Misread extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
}

export class Groups {
  #iterator;
  #head = null;
  #number = 0;
  #last = null;
  #isOver = false;
  #hash = new Sha256();

  // `numbers`: digest of each proposal of the release → its number.
  constructor(source, name, read, numbers, answer, progress) {
    Object.assign(this, { name, read, numbers, answer });
    this.#iterator = lines(this.#hashed(source.open(placeOf(name)), progress), LIMITS[name]);
  }

  // The lines of one proposal as {line, place}. Proposals are asked for in the order of their numbers.
  async *of(proposal) {
    for (;;) {
      this.#head ??= await this.#next();
      if (this.#head?.line.proposal !== proposal.digest) return;
      const head = this.#head;
      this.#head = null;
      yield head;
    }
  }

  // Read what is left behind the last proposal.
  async finish() {
    while (await this.#next());
    if (this.#head) this.#wrong("order_wrong", this.#head.place, "it does not stand in order");
  }

  // The next good line that stands in order.
  async #next() {
    while (!this.#isOver) {
      const place = `${placeOf(this.name)} line ${this.#number + 1}`;
      const bytes = await this.#bytes(place);
      if (bytes === null) return null;
      this.#number += 1;
      const line = this.#line(bytes, place);
      if (line && this.#isInOrder(line, place)) return { line, place };
      if (this.answer.isFull) return this.#end();
    }
    return null;
  }

  async #bytes(place) {
    try {
      const { value, done } = await this.#iterator.next();
      return done ? this.#end() : value;
    } catch (error) {
      this.#wrong(error instanceof LineError ? "not_canonical" : "file_unreadable", place, error.message);
      return this.#end();
    }
  }

  #line(bytes, place) {
    try {
      return this.read(bytes);
    } catch (error) {
      if (!(error instanceof CanonicalError) && !(error instanceof Misread)) throw error;
      return this.#wrong(error.code, place, error.message);
    }
  }

  #isInOrder(line, place) {
    const number = this.numbers.get(line.proposal);
    if (number === undefined) return this.#wrong(FOREIGN[this.name], place, "it belongs to no proposal of this release");
    const last = this.#last;
    const follows = last === null || number > last.number || (number === last.number && line.key > last.key);
    if (last?.number === number && last.key === line.key) return this.#wrong("duplicate_record", place, "it stands twice");
    if (!follows) return this.#wrong("order_wrong", place, "it does not stand in order");
    this.#last = { number, key: line.key };
    return true;
  }

  // The SHA-256 of the whole file, once all of it was read.
  digest() {
    return hex(this.#hash.digest());
  }

  async *#hashed(stream, progress) {
    for await (const part of stream) {
      this.#hash.update(part);
      yield part;
      progress(part.length);
    }
  }

  #end() {
    this.#isOver = true;
    this.#iterator.return().catch(() => {}); // lets go of the file
    return null;
  }

  #wrong(code, place, detail) {
    this.answer.problem(code, place, detail);
    return null;
  }
}
