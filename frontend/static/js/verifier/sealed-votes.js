// The sealed ballots of one vote: what keyholders published, and what their secrets make of each ballot.

import { CanonicalError, parseCanonical } from "./canonical.js";
import { sealingProblem } from "./charter.js";
import { accepts, methodProblem } from "./counting.js";
import { fromHex, hex } from "./bytes.js";
import { parentsOf } from "./records.js";
import { CONTENT_BYTES, Context, fromText, unseal } from "./sealed-box.js";
import { recoverAddress } from "./secp256k1.js";
import { signerOf } from "./signer.js";
import { isObject, wrong } from "./shapes.js";
import { Sha256 } from "./sha256.js";
import { isUsablePublicKey, publicKeyOf } from "./x25519.js";

// The choice of a ballot that nobody opened, or that says nothing that can be chosen. No method knows it.
export const VOID = "void";
const REASON_MAX = 1_000;

export class Opener {
  problem = null; // why the ballots cannot be opened as the records say
  secrets = new Map(); // place of a keyholder, from 1 → secret
  #keys = null; // as bytes, once keys and secrets are what they must be
  #keyholders = []; // those who published a key, in the charter's order

  constructor(proposal, tally, records, signing) {
    Object.assign(this, { proposal, signing });
    this.problem = sealingProblem(proposal.body.sealing) ?? this.#read(tally, records);
    if (this.problem !== null) this.secrets = new Map();
  }

  // Read keys and secrets; says what is wrong with them, or null.
  #read(tally, records) {
    const [unsealing] = parentsOf(tally, "unsealing", records);
    if (!unsealing) return "the tally rests on no record of the secrets";
    const [sealing] = parentsOf(unsealing, "sealing", records);
    const isOwn = unsealing.parents.includes(this.proposal.digest) && sealing.parents.includes(this.proposal.digest);
    if (!isOwn) return "the keys or the secrets are those of another proposal";
    const [census] = parentsOf(tally, "census", records);
    const waited = census.body.computed_at - this.proposal.body.submitted_at;
    const found = this.#readKeys(sealing.body.keys, waited) ?? this.#readSecrets(unsealing.body.secrets);
    if (found !== null) return found;
    const { threshold, wait_seconds: wait } = this.proposal.body.sealing;
    const earliest = tally.body.closes_at + (this.secrets.size >= threshold ? 0 : wait);
    if (unsealing.body.opened_at < earliest) return `opened at ${unsealing.body.opened_at}, before ${earliest}`;
    this.#keys = this.publicKeys.map(fromHex);
    return null;
  }

  // Some may be missing where voting waited for as long as the charter says, and opened with enough of them.
  #readKeys(rows, waited) {
    const { keyholders, threshold, keys_wait_seconds: wait = Infinity } = this.proposal.body.sealing;
    const here = rows.map(({ keyholder }) => keyholder);
    const least = waited >= wait ? threshold : keyholders.length;
    if (here.join() !== keyholders.filter((keyholder) => here.includes(keyholder)).join() || here.length < least) {
      return `${least} or more signed keys of the keyholders are needed, in the charter's order`;
    }
    for (const [at, { keyholder, public_key: key, signature }] of rows.entries()) {
      const isTwice = rows.slice(0, at).some((other) => other.public_key === key);
      if (isTwice || !isUsablePublicKey(fromHex(key))) return `the key of ${keyholder} cannot be used, or is somebody else's`;
      const digest = this.signing.sealingKey(this.proposal.digest, keyholder, key);
      if (recoverAddress(digest, signature) !== keyholder.toLowerCase()) return `${keyholder} did not sign this key`;
    }
    this.#keyholders = here;
    this.publicKeys = rows.map(({ public_key: key }) => key);
    return null;
  }

  #readSecrets(rows) {
    let last = 0;
    for (const { keyholder, secret } of rows) {
      const place = this.#keyholders.indexOf(keyholder) + 1;
      if (place === 0) return `${keyholder} has no key for this proposal`;
      if (place <= last) return "each keyholder's secret stands once, in the charter's order";
      if (hex(publicKeyOf(fromHex(secret))) !== this.publicKeys[place - 1]) return `the secret of ${keyholder} does not belong to their public key`;
      this.secrets.set(place, fromHex(secret));
      last = place;
    }
    return null;
  }

  #context(voter) {
    return new Context(this.proposal.digest, voter, this.proposal.body.sealing.threshold, this.#keys);
  }

  // What a ballot says; VOID where it says nothing that counts.
  choiceOf({ voter, sealed: text }) {
    const sealed = fromText(text);
    const { body } = this.proposal;
    if (sealed === null || this.#keys === null || this.secrets.size < body.sealing.threshold) return VOID;
    const content = unseal(sealed, this.#context(voter), this.secrets);
    if (content === null) return VOID;
    try {
      const said = parseCanonical(content, CONTENT_BYTES);
      return isBallot(said) && methodProblem(body) === null && accepts(body, said.choice) ? said.choice : VOID;
    } catch (error) {
      if (!(error instanceof CanonicalError)) throw error;
      return VOID;
    }
  }

  // What is wrong with the form or the signature of one ballot: [[code, detail]…].
  faults({ voter, sealed: text, nonce, signature, wallet }) {
    const sealed = fromText(text);
    if (sealed === null) return [["ballot_malformed", "base64url without padding is needed, in its one spelling"]];
    const found = [];
    if (this.#keys && sealed.length !== this.#context(voter).length) {
      found.push(["ballot_malformed", `${sealed.length} bytes, which no sealed ballot of this vote has`]);
    }
    const digest = this.signing.sealedBallot(this.proposal.digest, new Sha256().update(sealed).digest(), { voter, nonce });
    if (wallet) return found; // only the chain can say what a contract stands by
    if (signerOf(digest, signature) !== voter.toLowerCase()) found.push(["signature_wrong", `${voter} did not sign this sealed ballot`]);
    return found;
  }
}

const CONTENT = { choice: "choice", reason: "text" };
const isBallot = (said) => isObject(said) && wrong(CONTENT, said) === null && [...said.reason].length <= REASON_MAX;
