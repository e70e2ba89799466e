// Who put a proposal forward: its author and sponsors, their signatures, and whether together they may.

import { digestOf } from "./canonical.js";
import { isChecksummed } from "./eip712.js";
import { named } from "./records.js";
import { recoverAddress } from "./secp256k1.js";

// The digest of the draft that sponsors sign.
function draftOf({ number, author, kind, title, text, payload, method, choices, seats }) {
  return digestOf({ number, author, kind, title, text, payload, method, choices, seats });
}

export function checkSponsors(poll, signing, answer) {
  const { body, proposal } = poll;
  const say = (code, detail) => answer.problem(code, named(proposal), detail);
  const backers = [body.author, ...body.sponsors.map(({ address }) => address)];
  if (!backers.every(isChecksummed)) say("address_checksum", "an author or sponsor is not spelled by EIP-55");
  if (new Set(backers).size !== backers.length) say("sponsor_twice", "author and sponsors are not different people");
  const draft = draftOf(body);
  for (const { address, signature } of body.sponsors) {
    if (recoverAddress(signing.sponsorship(draft, address), signature) !== address.toLowerCase()) {
      say("signature_wrong", `the signature is not that of the sponsor ${address}`);
    }
  }
  const together = [...new Set(backers)].reduce((sum, backer) => sum + poll.powersOf(backer).power, 0n);
  const { proposal_threshold: needed } = body.rules;
  if (together < BigInt(needed)) say("threshold_missed", `author and sponsors have ${together}, ${needed} are needed`);
}
