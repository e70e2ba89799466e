// What only a chain can tell of a release, and by which names to ask it: digests that an anchor may hold, and what a Governor
// calls the proposals whose votes it took, computed from the records.

import { concat, fromHex, integerBytes, toInteger, utf8 } from "./bytes.js";
import { digestOf } from "./canonical.js";
import { BY_CONTRACT } from "./contract-votes.js";
import { keccak256 } from "./keccak.js";
import { draftOf } from "./sponsors.js";

const WORD = 32;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const APPROVE_RUN = keccak256(utf8("approveRun(bytes32)")).subarray(0, 4);

// {release, ballots: [{number, root}], governors: [{number, governor, proposal}]} of records that hold together.
export function onChain({ order, community, release }) {
  const byDigest = new Map(order.filter(({ kind }) => kind === "proposal").map((proposal) => [proposal.digest, proposal]));
  const proposals = [...byDigest.values()].sort((left, right) => left.body.number - right.body.number);
  const tallies = order.filter(({ kind, body }) => kind === "tally" && body.ballot_count > 0);
  const ballots = tallies.map(({ body, parents }) => ({ number: byDigest.get(parents.find((parent) => byDigest.has(parent))).body.number, root: body.ballots_root }));
  const governors = proposals.filter(isTakenByGovernor).map((proposal) => {
    const { governor } = proposal.body.snapshot.source.parameters;
    return { number: proposal.body.number, governor, proposal: governorId(proposal, community) };
  });
  return { release: release.digest, ballots: ballots.sort((left, right) => left.number - right.number), governors };
}

function isTakenByGovernor({ body: { snapshot } }) {
  const { name, parameters } = snapshot.source;
  return name === BY_CONTRACT && ["governor", "anchor"].every((each) => typeof parameters[each] === "string" && ADDRESS.test(parameters[each]));
}

// The number that the Governor has for a proposal: of one call, `approveRun(digest)` of the anchor (Governor.hashProposal).
export function governorId({ body }, community) {
  const approves = digestOf({ community: community.digest, draft: draftOf(body) });
  const place = `${community.body.instance} · ${community.body.slug} · ${body.number}`;
  const description = [`# ${body.title}`, body.text, place, `0x${approves}`, `#proposer=${body.author}`].filter(Boolean).join("\n\n");
  const call = concat(APPROVE_RUN, fromHex(approves));
  const parts = [
    concat(word(1), new Uint8Array(12), fromHex(body.snapshot.source.parameters.anchor.slice(2))),
    concat(word(1), word(0)),
    concat(word(1), word(WORD), word(call.length), call, new Uint8Array(-call.length & (WORD - 1))),
  ];
  const heads = [];
  let start = (parts.length + 1) * WORD;
  for (const part of parts) {
    heads.push(word(start));
    start += part.length;
  }
  return toInteger(keccak256(concat(...heads, keccak256(utf8(description)), ...parts))).toString();
}

const word = (value) => integerBytes(BigInt(value), WORD);
