// Check 3, and what checks 4 to 6 need of it: who could vote, who trusted whom, and the ballots, proposal by proposal.
//
// The three long files are read side by side, once, and only the lines of one proposal are kept at a time.

import { canonicalBytes, parseCanonical } from "./canonical.js";
import { accepts, count, uncountable } from "./counting.js";
import { holding, idleProblems } from "./delegation.js";
import { Signing, isChecksummed } from "./eip712.js";
import { BY_CONTRACT, ON_CHAIN, Places, changeProblem, checkCensusOfContract, isWeightless, termsOf } from "./contract-votes.js";
import { Groups, Misread } from "./groups.js";
import { MerkleRoot } from "./merkle.js";
import { named, parentsOf, readRecord, recordOf } from "./records.js";
import { Opener, VOID } from "./sealed-votes.js";
import { bodyProblem, isObject, wrong } from "./shapes.js";
import { signerOf } from "./signer.js";
import { checkSponsors } from "./sponsors.js";

const ENTRY = { house_power: "power", power: "power", proposal: "digest", voter: "address" };
const LINE_BYTES_MAX = 1_000_100;
const NOBODY = { power: 0n, housePower: 0n };

// Read everything; returns Map(proposal digest → what the later checks need), or null when the lines cannot be told apart.
export async function checkVotes(bundle, answer, progress) {
  const { records, order, community, source } = bundle;
  const proposals = order.filter((record) => record.kind === "proposal").sort((left, right) => left.body.number - right.body.number);
  const numbers = new Map(proposals.map((record) => [record.digest, record.body.number]));
  const open = (name, read) => new Groups(source, name, read, numbers, answer, progress);
  const files = { census: open("census.jsonl", readEntry), delegations: open("delegations.jsonl", readHeld), ballots: open("ballots.jsonl", readBallot) };
  const signing = new Signing(community.body);
  const polls = new Map();
  const sums = { ballots: 0, members: 0, delegations: 0, wallets: 0, backing: 0, contracts: 0, opened: 0, void: 0 };
  for (const proposal of proposals) {
    const poll = new Poll(bundle, proposal, signing, answer);
    await poll.readCensus(files.census);
    await poll.readDelegations(files.delegations);
    await poll.readBallots(files.ballots);
    checkSponsors(poll, signing, answer);
    polls.set(proposal.digest, poll.result());
    sums.ballots += poll.ballotsRoot.count;
    sums.members += poll.members.size;
    sums.wallets += poll.wallets;
    sums.backing += poll.backing;
    sums.contracts += poll.places?.count ?? 0;
    sums.opened += poll.opened;
    sums.void += poll.void;
    sums.delegations += poll.held.length;
  }
  for (const file of Object.values(files)) {
    await file.finish();
    bundle.digests.set(file.name, file.digest());
  }
  answer.evidence = `${sums.ballots} ballots of ${sums.members} members and ${sums.delegations} delegations, every signature recovered to its signer`;
  if (sums.opened) answer.evidence += `; ${sums.opened} sealed ballots opened and sealed again, ${sums.void} of them void`;
  if (sums.contracts) answer.evidence += `; but ${sums.contracts} are votes that a Governor took, which only its chain confirms (check 11)`;
  if (sums.wallets) answer.evidence += `; but not those of ${sums.wallets} ballots by contract wallets, which only the chain can confirm (check 11)`;
  if (sums.backing) answer.evidence += `; but not those of ${sums.backing} delegations and sponsorships by contract wallets, which only the chain can confirm (check 11)`;
  return polls;
}

function readEntry(bytes) {
  const entry = parseCanonical(bytes, LINE_BYTES_MAX);
  const found = wrong(ENTRY, entry);
  if (found !== null) throw new Misread("census_malformed", `the entry ${found}`);
  const { proposal, ...leaf } = entry;
  return { ...leaf, proposal, key: entry.voter.toLowerCase(), leaf };
}

function readHeld(bytes) {
  const line = parseCanonical(bytes, LINE_BYTES_MAX);
  if (!isObject(line) || Object.keys(line).sort().join() !== "proposal,record" || wrong("digest", line.proposal) !== null) {
    throw new Misread("delegation_malformed", "a line has exactly a proposal and a record");
  }
  const record = recordOf(line.record);
  if (record.kind !== "delegation") throw new Misread("delegation_malformed", `a ${record.kind} is no delegation`);
  const found = bodyProblem(record);
  if (found !== null) throw new Misread("delegation_malformed", found);
  return { ...record, proposal: line.proposal, key: record.digest };
}

function readBallot(bytes) {
  const record = readRecord(bytes);
  if (record.kind !== "ballot") throw new Misread("ballot_malformed", `a ${record.kind} is no ballot`);
  const found = bodyProblem(record);
  if (found !== null) throw new Misread("record_malformed", found);
  if (record.parents.length !== 1) throw new Misread("ballot_malformed", "a ballot rests on one proposal");
  return { ...record, proposal: record.parents[0], key: record.body.voter.toLowerCase() };
}

// One proposal's vote.
class Poll {
  members = new Map(); // voter in lower case → {power, housePower}
  held = []; // bodies of the delegations that hold
  ballots = []; // {voter, choice, power, housePower}
  ballotsRoot = new MerkleRoot();
  opened = 0; // sealed ballots that were looked into
  void = 0; // sealed ballots that say nothing that counts
  wallets = 0; // ballots that no key signed, for which a contract stood
  backing = 0; // delegations and sponsorships of that kind
  sums = null; // of the powers in the census
  namedCastAt = null; // when the ballot was cast that the tally names as the one that extended the vote

  constructor({ community, order, records, results }, proposal, signing, answer) {
    const { census, tally } = results.get(proposal.digest);
    Object.assign(this, { community, records, proposal, signing, answer, census, tally, body: proposal.body });
    const reviews = order.filter(({ kind }) => kind === "evaluation").map((evaluation) => evaluation.body.review);
    this.asked = reviews.flatMap((review) => review?.attestations.map(({ reviewer }) => reviewer.toLowerCase()) ?? []);
    this.terms = termsOf(proposal, census);
    this.why = uncountable(proposal.body) ?? changeProblem(proposal, census, this.terms);
    this.canCount = this.why === null;
    this.readKeys();
    this.places = proposal.body.snapshot.source.name === BY_CONTRACT ? new Places() : null;
    if (this.places) checkCensusOfContract(proposal, census, answer);
  }

  // Where ballots are sealed: the keys and secrets that open them.
  readKeys() {
    const { answer, proposal, records, signing, tally } = this;
    const isSealed = Object.hasOwn(proposal.body, "sealing");
    this.opener = isSealed ? new Opener(proposal, tally, records, signing) : null;
    const isOpened = parentsOf(tally, "unsealing", records).length > 0;
    const problem = isSealed ? this.opener.problem : isOpened ? "its ballots are not sealed, and secrets open them" : null;
    if (problem !== null) answer.problem("unsealing_wrong", named(proposal), problem);
  }

  async readCensus(file) {
    const { answer, census, body } = this;
    const root = new MerkleRoot();
    let [total, houseTotal] = [0n, 0n];
    for await (const { line, place } of file.of(this.proposal)) {
      const { voter } = line;
      const entry = { power: BigInt(line.power), housePower: BigInt(line.house_power) };
      if (!isChecksummed(voter)) answer.problem("census_malformed", place, `${voter} is not spelled by EIP-55`);
      if (!entry.power && !entry.housePower) answer.problem("census_wrong", place, `${voter} has no power`);
      this.members.set(line.key, entry);
      root.add(canonicalBytes(line.leaf));
      total += entry.power;
      houseTotal += entry.housePower;
    }
    const say = (detail) => answer.problem("census_wrong", named(census), detail);
    this.sums = { total, houseTotal };
    if (root.root() !== census.body.root) say(`the root of the entries is ${root.root()}, the record says ${census.body.root}`);
    if (root.count !== census.body.count) say(`${root.count} entries, the record says ${census.body.count}`);
    if (String(total) !== census.body.total) say(`the power of all is ${total}, the record says ${census.body.total}`);
    if (String(houseTotal) !== census.body.house_total) say(`the house has ${houseTotal}, the record says ${census.body.house_total}`);
    const { snapshot } = body;
    const { total_supply: supply } = this.canCount ? this.terms.snapshot : snapshot;
    if (total > BigInt(supply)) say(`${total} is more than the supply ${supply}`);
    if (houseTotal > BigInt(snapshot.house?.total ?? "0")) say(`${houseTotal} is more than the house has`);
    this.checkList(snapshot.source, snapshot.total_supply, total, "power");
    if (snapshot.house) this.checkList(snapshot.house.source, snapshot.house.total, houseTotal, "housePower");
  }

  powersOf(voter) {
    return this.members.get(voter.toLowerCase()) ?? NOBODY;
  }

  // Where power comes from a list in the proposal, the census must say the same.
  checkList(source, supply, total, which) {
    if (source.name !== "fixed_list") return;
    const say = (detail) => this.answer.problem("census_wrong", named(this.census), detail);
    const { members } = source.parameters;
    if (wrong({ "*": "power" }, members) !== null) return say("the list of members has another form");
    const listed = Object.entries(members);
    const sum = listed.reduce((left, [, power]) => left + BigInt(power), 0n);
    if (sum !== total || sum !== BigInt(supply)) say(`the members have ${sum}, the census ${total}, the supply is ${supply}`);
    const differs = listed.some(([voter, power]) => (this.members.get(voter.toLowerCase())?.[which] ?? 0n) !== BigInt(power));
    const known = new Set(listed.map(([voter]) => voter.toLowerCase()));
    const unlisted = [...this.members].some(([voter, entry]) => entry[which] > 0n && !known.has(voter));
    if (differs || unlisted) say("a power is not the one in the list of members");
  }

  async readDelegations(file) {
    const { answer, body, census, proposal } = this;
    const root = new MerkleRoot();
    const made = [];
    const places = new Map(); // body of a delegation → where it stands
    for await (const { line, place } of file.of(proposal)) {
      root.add(line.canonical);
      made.push(line.body);
      places.set(line.body, place);
      this.checkDelegation(line, place);
    }
    if (root.root() !== census.body.delegations_root || root.count !== census.body.delegation_count) {
      answer.problem("delegations_wrong", named(census), "root or number of the delegations is not what the record says");
    }
    this.held = holding(made, body.kind, body.closes_at);
    for (const [code, delegation, detail] of idleProblems(made, this.held)) answer.problem(code, places.get(delegation), detail);
  }

  checkDelegation(line, place) {
    const { answer, body, community, signing } = this;
    const held = line.body;
    const say = (code, detail) => answer.problem(code, place, detail);
    if (line.parents.length !== 1 || line.parents[0] !== community.digest) say("delegation_foreign", "it does not rest on this community");
    if (line.subject !== `delegation:${community.body.slug}/${held.delegator}`) say("subject_wrong", `its subject is ${line.subject}`);
    if (!isChecksummed(held.delegator) || !isChecksummed(held.delegate)) say("address_checksum", "an address is not spelled by EIP-55");
    if (held.made_at > body.submitted_at) say("delegation_late", "it was made after the proposal was submitted");
    const digest = signing.delegation(held);
    if (held.wallet) this.backByWallet(held.delegator, place);
    else if (digest === null || signerOf(digest, held.signature) !== held.delegator.toLowerCase()) {
      say("signature_wrong", `the signature is not that of ${held.delegator}`);
    }
  }

  async readBallots(file) {
    const trusted = new Set(this.held.map(({ delegate }) => delegate));
    for await (const { line, place } of file.of(this.proposal)) {
      this.ballotsRoot.add(line.canonical);
      this.checkBallot(line, place, trusted);
      if (this.opener || Object.hasOwn(line.body, "sealed")) this.readSealed(line, place);
      else this.readOpen(line, place);
    }
  }

  checkBallot({ body, digest, subject }, place, trusted) {
    const { answer, census, proposal, tally } = this;
    const say = (code, detail) => answer.problem(code, place, detail);
    const { power, housePower } = this.powersOf(body.voter);
    if (!isChecksummed(body.voter)) say("address_checksum", `${body.voter} is not spelled by EIP-55`);
    if (subject !== `ballot:${proposal.digest}/${body.voter}`) say("subject_wrong", `the subject of ${digest} is ${subject}`);
    if (body.power !== String(power) || body.house_power !== String(housePower)) {
      say("power_wrong", `${body.voter} has ${power} and ${housePower} in the census, the ballot says ${body.power} and ${body.house_power}`);
    } else if (!power && !housePower && !trusted.has(body.voter) && !(this.canCount && isWeightless(proposal, this.terms))) say("power_wrong", `${body.voter} has no power`);
    if (body.cast_at < census.body.opens_at || body.cast_at >= tally.body.closes_at) say("ballot_outside_voting", "it was not cast while the vote was open");
  }

  // A ballot of a sealed vote. Only there ballots are sealed, and there all of them are.
  readSealed({ body }, place) {
    const { answer, opener } = this;
    if (!opener || !Object.hasOwn(body, "sealed")) {
      answer.problem("ballot_malformed", place, "only ballots of a sealed vote are sealed, and all of them");
      return;
    }
    for (const [code, detail] of opener.faults(body)) answer.problem(code, place, detail);
    if (body.wallet) this.takeWallet(body, place);
    if (!this.canCount) return;
    const choice = opener.choiceOf(body);
    this.opened += 1;
    this.void += choice === VOID ? 1 : 0;
    this.ballots.push({ voter: body.voter, choice, ...this.powersOf(body.voter) });
  }

  readOpen({ body, digest }, place) {
    const { answer, proposal, signing, tally } = this;
    const say = (code, detail) => answer.problem(code, place, detail);
    if (digest === tally.body.extended_by) this.namedCastAt = body.cast_at;
    // A ballot that says nothing is reported, and counted by nobody.
    if (this.canCount && accepts(proposal.body, body.choice)) this.ballots.push({ voter: body.voter, choice: body.choice, ...this.powersOf(body.voter) });
    else if (this.canCount) say("choice_wrong", "the method does not accept its choice");
    if (this.places) {
      for (const [code, detail] of this.places.faults(body)) say(code, detail);
      return;
    }
    if (body.wallet) {
      this.takeWallet(body, place);
      return;
    }
    const message = signing.ballot(proposal.digest, body);
    if (message === null || signerOf(message, body.signature) !== body.voter.toLowerCase()) {
      say("signature_wrong", `the signature is not that of ${body.voter}`);
    }
  }

  // Only the chain can say what a contract stands by: `--rpc` of the command asks it.
  takeWallet({ voter }, place) {
    this.wallets += 1;
    if (ON_CHAIN.has(this.proposal.body.snapshot.source.name)) return;
    this.answer.problem("wallet_wrong", place, `${voter} voted by a contract wallet, and no chain is asked for powers here`);
  }

  // The same for what is no ballot.
  backByWallet(who, place) {
    this.backing += 1;
    if (ON_CHAIN.has(this.proposal.body.snapshot.source.name)) return;
    this.answer.problem("wallet_wrong", place, `${who} signed by a contract wallet, and no chain is asked for powers here`);
  }

  // What the checks of tally, decision, times and verdict need; the ballots themselves are let go.
  result() {
    const secrets = this.opener?.secrets.size ?? 0;
    const counted = this.canCount ? count(this.terms, this.ballots, this.held, (voter) => this.powersOf(voter).power, secrets) : null;
    const { ballotsRoot, namedCastAt, sums } = this;
    const reviewers = new Map(this.asked.map((reviewer) => [reviewer, this.powersOf(reviewer).power])); // who attested something of a model
    const { terms, why } = this;
    return { counted, terms, why, sums, namedCastAt, reviewers, ballotsRoot: ballotsRoot.root(), ballotCount: ballotsRoot.count };
  }
}
