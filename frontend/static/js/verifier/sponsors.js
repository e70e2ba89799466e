// Who put a proposal forward: its author and sponsors, their signatures, and whether together they may.

import { digestOf } from "./canonical.js";
import { isChecksummed } from "./eip712.js";
import { named } from "./records.js";
import { signerOf } from "./signer.js";

// The digest of the draft that sponsors sign.
export function draftOf({ number, author, kind, title, text, payload, method, choices, seats }) {
  return digestOf({ number, author, kind, title, text, payload, method, choices, seats });
}

export function checkSponsors(poll, signing, answer) {
  const { body, proposal } = poll;
  const say = (code, detail) => answer.problem(code, named(proposal), detail);
  const backers = [body.author, ...body.sponsors.map(({ address }) => address)];
  if (!backers.every(isChecksummed)) say("address_checksum", "an author or sponsor is not spelled by EIP-55");
  if (new Set(backers).size !== backers.length) say("sponsor_twice", "author and sponsors are not different people");
  const draft = draftOf(body);
  for (const { address, signature, wallet } of body.sponsors) {
    if (wallet) poll.backByWallet(address, named(proposal));
    else if (signerOf(signing.sponsorship(draft, address), signature) !== address.toLowerCase()) {
      say("signature_wrong", `the signature is not that of the sponsor ${address}`);
    }
  }
  const together = [...new Set(backers)].reduce((sum, backer) => sum + poll.powersOf(backer).power, 0n);
  const { proposal_threshold: needed } = body.rules;
  // A Governor asks for this power in the second before the proposal, which is not that of the census.
  if (!poll.places && together < BigInt(needed)) say("threshold_missed", `author and sponsors have ${together}, ${needed} are needed`);
}
