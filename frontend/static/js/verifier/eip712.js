// What members sign: EIP-712 digests of ballots, sealed or not, delegations, sponsorships and reviews, and addresses spelled by EIP-55.

import { canonicalText } from "./canonical.js";
import { concat, fromHex, hex, integerBytes, utf8 } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const PREFIX = Uint8Array.of(0x19, 0x01);
const DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const BALLOT = "Ballot(string instance,string community,bytes32 proposal,address voter,uint8 choice,string reason,uint64 nonce)";
const CHOICES =
  "ChoicesBallot(string instance,string community,bytes32 proposal,address voter,string choices,string reason,uint64 nonce)";
const SEALED = "SealedBallot(string instance,string community,bytes32 proposal,address voter,bytes32 sealed,uint64 nonce)";
const SEALING_KEY = "SealingKey(string instance,string community,bytes32 proposal,address keyholder,bytes32 key)";
const DELEGATION =
  "VoteDelegation(string instance,string community,address delegator,address delegate,string topic,uint16 share,uint64 expires,uint64 nonce)";
const SPONSORSHIP = "Sponsorship(string instance,string community,bytes32 draft,address sponsor)";
const REVIEW =
  "Review(string instance,string community,bytes32 rule,bytes32 candidate,bytes32 report,bytes32 drawn,address reviewer,string finding,string reason,uint64 at)";
const UINT8_MAX = 255;
const UINT16_MAX = 65_535;

// Digests of messages in one community. Each method gives 32 bytes, or null for values that such a message cannot hold.
export class Signing {
  #domain;
  #place;

  constructor(community) {
    this.#domain = keccak256(
      concat(typeHash(DOMAIN), text("Commonweights"), text("1"), integer(community.chain_id), address(community.token)),
    );
    this.#place = [text(community.instance), text(community.slug)];
  }

  ballot(proposal, body) {
    const isCode = typeof body.choice === "number";
    if (isCode && (body.choice < 0 || body.choice > UINT8_MAX)) return null;
    const choice = isCode ? integer(body.choice) : text(canonicalText(body.choice));
    const parts = [fromHex(proposal), address(body.voter), choice, text(body.reason), integer(body.nonce)];
    return this.#digest(isCode ? BALLOT : CHOICES, parts);
  }

  // `sealed` is the SHA-256 of the sealed ballot, as bytes.
  sealedBallot(proposal, sealed, { voter, nonce }) {
    return this.#digest(SEALED, [fromHex(proposal), address(voter), sealed, integer(nonce)]);
  }

  sealingKey(proposal, keyholder, key) {
    return this.#digest(SEALING_KEY, [fromHex(proposal), address(keyholder), fromHex(key)]);
  }

  delegation(body) {
    if (body.share_bps > UINT16_MAX) return null;
    const numbers = [body.share_bps, body.expires_at, body.nonce].map(integer);
    return this.#digest(DELEGATION, [address(body.delegator), address(body.delegate), text(body.topic), ...numbers]);
  }

  sponsorship(draft, sponsor) {
    return this.#digest(SPONSORSHIP, [fromHex(draft), address(sponsor)]);
  }

  // asked: {rule, candidate, report, drawn}, digests; said: an attestation.
  review(asked, { reviewer, finding, reason, at }) {
    const digests = [asked.rule, asked.candidate, asked.report, asked.drawn].map(fromHex);
    return this.#digest(REVIEW, [...digests, address(reviewer), text(finding), text(reason), integer(at)]);
  }

  #digest(type, parts) {
    return keccak256(concat(PREFIX, this.#domain, keccak256(concat(typeHash(type), ...this.#place, ...parts))));
  }
}

// Whether 0x and 40 hex digits have the mixed case that EIP-55 asks for.
export function isChecksummed(spelled) {
  return spelled === checksummed(spelled.toLowerCase());
}

export function checksummed(lower) {
  const digits = hex(keccak256(utf8(lower.slice(2))));
  const letters = [...lower.slice(2)].map((letter, at) => (digits[at] >= "8" ? letter.toUpperCase() : letter));
  return `0x${letters.join("")}`;
}

const hashes = new Map();
function typeHash(type) {
  if (!hashes.has(type)) hashes.set(type, keccak256(utf8(type)));
  return hashes.get(type);
}

const text = (value) => keccak256(utf8(value));
const integer = (value) => integerBytes(BigInt(value), 32);
const address = (value) => concat(new Uint8Array(12), fromHex(value.slice(2)));
