"""The recount of one vote from its audit bundle, line by line, with no server and no network. Believes nobody.

A bundle is JSON lines, each canonical (RFC 8785): header, charter, community, proposal, delegations, census entries,
census, ballots in order of acceptance, after the vote tally and decision, and the newest signed checkpoint. What counts
is `governance.counting`, the same code that closed the vote; what is read here is every byte that went into it.

What it does not show stands in `Report.not_checked`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

from governance.counting import Cast, Result, Roll, count_votes, tally_body
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.checkpoint import CheckpointError, log_origin, open_note
from governance.evidence.signing import fingerprint
from governance.onchain.approvals import Approval
from governance.onchain.seen import Said, approval_from, numbers_said
from governance.outcome import InvalidRules
from governance.recount.ballots import Ballots
from governance.recount.census import FIXED_LIST, HASH_BYTES, Census, read_census
from governance.recount.demands import check_body, read_object, require
from governance.recount.frozen import Frozen, read_frozen, read_header
from governance.recount.lines import LIMIT_BYTES, Lines
from governance.recount.report import BadEntry, ContractVote, Report
from governance.recount.sealed import SealedBallots

_TALLY = b'{"body":{"ballot_count":'
_CHECKPOINT = b'{"checkpoint":'
_DECISION = b'{"body":{"conditions":'
TIMES = {"closes_at": int, "extended_by": object, "closed_early": bool, "closed_at": int}
DECISION = {
    **dict.fromkeys(("queued_at", "eta", "expires_at"), object),
    "passed": bool,
    "conditions": list,
    "decided_at": int,
}


@dataclass(frozen=True)
class TrustRoots:
    """What the reader knows from elsewhere: the release key or its fingerprint, the digest of the community record."""

    community_key: str | None = None
    community: str | None = None


@dataclass
class _Case:
    """What has been read so far: a recount that ends early still says how far it came."""

    trust: TrustRoots
    proposal: str = ""
    frozen: Frozen | None = None
    census: Census | None = None
    ballots: Ballots | SealedBallots | None = None
    result: Result | None = None
    tally: Mapping[str, Any] | None = None
    eta: int | None = None
    closed: bool = False
    voters: int = 0
    checked: list[str] = field(default_factory=list)


def recount(stream: BufferedReader, trust: TrustRoots | None = None, limit_bytes: int = LIMIT_BYTES) -> Report:
    """Recount the bundle in a binary stream (plain or gzip) and return the report; raise Unreadable for no bundle.

    1. header, charter, community, proposal, delegations: canonical, resting on each other, by the charter's rules
    2. the census: root, sums, the window of the vote
    3. every ballot
    4. the count, and the tally and decision if they are there
    5. the checkpoint, and nothing after it.
    """
    lines, case = Lines(stream, limit_bytes), _Case(trust or TrustRoots())
    try:
        case.proposal = read_header(lines)  # 1
        case.frozen = frozen = read_frozen(lines, case.proposal)
        _check_trust(case.trust, frozen, case.checked)
        if not lines.next.startswith(_CHECKPOINT):
            _recount_vote(lines, case, frozen)
        _read_checkpoint(lines, frozen, case.checked)  # 5
    except BadEntry as bad:
        return _report(lines, case, bad)
    return _report(lines, case, None)


def _recount_vote(lines: Lines, case: _Case, frozen: Frozen) -> None:
    """Make steps 2 to 4; until the census is there, nobody can vote."""
    case.census = census = read_census(lines, frozen)  # 2
    roll = _roll(frozen, census)
    sealing = frozen.terms.sealing
    ballots = Ballots(frozen, census, roll) if sealing is None else SealedBallots(frozen, census, roll, sealing)
    case.ballots = ballots  # 3
    ballots.read(lines)
    if isinstance(ballots, Ballots) and ballots.by_contract:
        case.checked.append(f"{ballots.accepted} votes of a contract, each of one voter of the census, in time")
    else:
        case.checked.append(f"{_signed(ballots)}, each signed by its voter for this proposal, in time")
    if isinstance(ballots, SealedBallots):
        if ballots.unsealing is None:
            case.voters = len(census.seats.voted())
            return
        opened = f"{ballots.secrets} keyholders gave their secrets, {ballots.threshold} were needed"
        case.checked.append(f"{opened}; every counted ballot was opened and sealed again, {ballots.void} are void")
    _count(lines, case, frozen, census, roll, ballots)  # 4


def _signed(ballots: Ballots | SealedBallots) -> str:
    """Say how many ballots a key signed: of those of contract wallets nothing can be seen here."""
    keys = ballots.accepted - len(ballots.wallets)
    return f"{keys} of {ballots.accepted} ballots" if ballots.wallets else f"{keys} ballots"


def _check_trust(trust: TrustRoots, frozen: Frozen, checked: list[str]) -> None:
    """Hold the community, which stands on line 3, against what the reader trusts."""
    key, digest = frozen.community.body["release_key"]["public_key"], frozen.community.digest
    if trust.community is not None:
        require(digest == trust.community, 3, "community_untrusted", digest, f"{trust.community}, which you trust")
        checked.append("the community is the one that you trust")
    if trust.community_key is not None:
        known = trust.community_key in (key, fingerprint(key))
        require(known, 3, "key_untrusted", key, f"{trust.community_key}, which you trust")
        checked.append("the community has the release key that you trust")
    held = f"{len(frozen.edges)} of {frozen.delegation_count} delegations hold"
    checked.append(f"the proposal has the rules of the charter for its kind; {held}")


def _roll(frozen: Frozen, census: Census) -> Roll:
    seats = census.seats
    delegators = {edge.delegator for edge in frozen.edges}
    powers = {voter: seats.powers[seats.rows[voter]] for voter in delegators if voter in seats.rows}
    return Roll(census.total, census.house_total, frozen.edges, powers)


def _count(
    lines: Lines, case: _Case, frozen: Frozen, census: Census, roll: Roll, ballots: Ballots | SealedBallots
) -> None:
    """Count the newest ballot of each voter, and hold tally and decision against it."""
    seats, voted = census.seats, census.seats.voted()
    case.voters = len(voted)
    casts = [Cast(voter, seats.choices[row], seats.powers[row], seats.house_powers.get(row, 0)) for voter, row in voted]
    try:
        secrets = ballots.secrets if isinstance(ballots, SealedBallots) else 0
        case.result = result = count_votes(census.terms, roll, casts, secrets)
    except InvalidRules as error:
        raise BadEntry(4, "rules_wrong", error.found, f"{error.field}: {error.allowed}") from error
    if not lines.next.startswith(_TALLY):
        return
    case.closed = True
    number, late = lines.number + 1, None
    if census.terms.by_contract and isinstance(ballots, Ballots):
        late = _number_in(lines.next, "late_quorum_seconds")
        ballots.end(census.terms.rules.late_quorum_seconds if late is None else late)
        in_time = ballots.latest < ballots.closes_at
        require(in_time, number, "ballot_outside_voting", f"a vote at {ballots.latest}", f"before {ballots.closes_at}")
    hashes = (bytes(seats.hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES]) for _, row in voted)
    computed = {
        **tally_body(frozen.terms, result),
        "ballot_count": len(voted),
        "ballots_root": merkle.root_of_hashes(hashes),
        "extended_by": ballots.extended_by,
        **({} if late is None else {"late_quorum_seconds": late}),
    }
    unsealing = ballots.unsealing if isinstance(ballots, SealedBallots) else None
    tally_digest, tally = _read_tally(lines, frozen, [census.digest, *([unsealing] if unsealing else [])], computed)
    _check_closing(lines.number, tally, result, ballots)
    case.tally = tally
    case.checked.append(f"the tally is that of the newest ballots of {len(voted)} voters")
    if lines.next.startswith(_DECISION):
        case.eta = _read_decision(lines, frozen, tally_digest, tally, result)
        case.checked.append("the decision follows from the tally and the rules")


def _number_in(line: bytes, name: str) -> int | None:
    """Return a number that the body of the next record may have; its form is checked with the record."""
    try:
        body = json.loads(line)["body"]
        return body[name] if type(body[name]) is int and body[name] >= 0 else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _read_tally(
    lines: Lines, frozen: Frozen, counted: list[str], computed: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]]:
    record = lines.record("tally")
    line, body, digest = lines.number, record.body, frozen.proposal.digest
    parents = tuple(sorted((digest, *counted)))
    require(record.parents == parents, line, "parent_wrong", record.parents, "this proposal, its census, its secrets")
    require(record.subject == f"tally:{digest}", line, "subject_wrong", record.subject, f"tally:{digest}")
    check_body(line, body, dict.fromkeys(computed, object) | TIMES)
    for name, value in computed.items():
        same = canonical_bytes(body[name]) == canonical_bytes(value)  # in Python, 1 equals True
        require(same, line, f"tally_{name}_wrong", f"{name} {body[name]!r}", f"{value!r}, as the ballots above give")
    return record.digest, body


def _check_closing(line: int, tally: Mapping[str, Any], result: Result, ballots: Ballots | SealedBallots) -> None:
    """Demand that the vote was counted after its end, or after its last ballot if the super-quorum allowed that."""
    closed_at, closes_at = tally["closed_at"], ballots.closes_at
    needed = closed_at if tally["closed_early"] else closes_at
    found = tally["closes_at"]
    require(
        found == needed, line, "tally_closes_at_wrong", f"the end at {found}", f"{needed}, as the ballots above give"
    )
    if not tally["closed_early"]:
        require(closed_at >= closes_at, line, "counted_early", f"closed at {closed_at}", f"at {closes_at} or later")
        return
    require(result.outcome.early, line, "closed_early_wrong", "closed early", "a super-quorum for, which was not there")
    require(closed_at < closes_at, line, "closed_early_wrong", f"closed at {closed_at}", f"before {closes_at}")
    latest = ballots.latest
    require(latest < closed_at, line, "counted_early", f"closed at {closed_at}", f"after the last ballot, at {latest}")


def _read_decision(
    lines: Lines, frozen: Frozen, tally_digest: str, tally: Mapping[str, Any], result: Result
) -> int | None:
    """Hold the decision against the count; return when it may be carried out, nothing for what did not pass."""
    record = lines.record("decision")
    line, body, digest, outcome = lines.number, record.body, frozen.proposal.digest, result.outcome
    parents = tuple(sorted((digest, tally_digest)))
    require(record.parents == parents, line, "parent_wrong", record.parents, "this proposal and this tally")
    require(record.subject == f"decision:{digest}", line, "subject_wrong", record.subject, f"decision:{digest}")
    changed = frozen.terms.by_contract and "timelock_seconds" in body
    check_body(line, body, DECISION | ({"timelock_seconds": int} if changed else {}))
    conditions = [condition.to_body() for condition in outcome.conditions]
    needed = f"passed {outcome.passed}, with {conditions}"
    found = f"passed {body['passed']}, with {body['conditions']}"
    same = canonical_bytes(body["conditions"]) == canonical_bytes(conditions) and body["passed"] is outcome.passed
    require(same, line, "decision_wrong", found, needed)
    decided_at = body["decided_at"]
    closed_at = tally["closed_at"]
    require(
        decided_at == closed_at, line, "decided_wrong", f"decided at {decided_at}", f"with the tally, at {closed_at}"
    )
    times = (body["queued_at"], body["eta"], body["expires_at"])
    if times == (None, None, None) and not outcome.passed:
        return None
    require(outcome.passed, line, "not_passed", f"queued at {times[0]}", "no timelock for what did not pass")
    queued_at, rules = times[0], frozen.terms.rules
    queued = type(queued_at) is int and queued_at >= decided_at
    require(queued, line, "queued_early", f"queued at {queued_at!r}", f"at {decided_at} or later")
    eta = queued_at + frozen.terms.timelock_seconds(body)
    needed_times = (queued_at, eta, eta + rules.execution_window_seconds)
    require(times == needed_times, line, "timelock_wrong", times, f"queued, ready and expiring at {needed_times}")
    return int(eta)


def _read_checkpoint(lines: Lines, frozen: Frozen, checked: list[str]) -> None:
    """Read the last line; a checkpoint there must be signed by the key that the proposal commits to."""
    note = read_object(lines, {"checkpoint"}, "a ballot, a tally or the closing checkpoint")["checkpoint"]
    if lines.next:
        raise BadEntry(lines.number + 1, "entry_misplaced", lines.next.decode("utf-8", "replace"), "no further line")
    if note is None:
        return
    community = frozen.community.body
    try:
        origin = log_origin(community["instance"], community["slug"])
        found = open_note(str(note), origin, community["release_key"]["public_key"])
    except CheckpointError as error:
        raise BadEntry(lines.number, error.code, error.detail, "a checkpoint signed by the community") from error
    checked.append(f"the community signed its log of {found.size} entries with the root {found.root}")


def _report(lines: Lines, case: _Case, bad: BadEntry | None) -> Report:
    """Say how far the recount came, and what it found there."""
    report: dict[str, Any] = {"lines": lines.number, "proposal": case.proposal, "bad": bad, "closed": case.closed}
    if case.frozen:
        report["title"] = case.frozen.proposal.body["title"]
        report["chain_id"] = case.frozen.community.body["chain_id"]
        report["not_checked"] = tuple(_not_checked(case, case.frozen))
        report["wallets"] = (*case.frozen.wallets, *(case.ballots.wallets if case.ballots else ()))
    if case.census:
        report["census"] = case.census.count
    if case.ballots:
        report["ballots"], report["voters"] = case.ballots.accepted, case.voters
        if case.frozen and isinstance(case.ballots, Ballots) and case.ballots.by_contract:
            approval = approval_from(case.frozen.community, case.frozen.proposal)
            report["contract"] = ContractVote(approval, tuple(case.ballots.seen), tuple(_said(case, approval)))
    if case.frozen and case.result:
        count, names = case.result.count, case.frozen.terms.choices
        body = tally_body(case.frozen.terms, case.result)
        report |= {"totals": body["totals"], "winners": tuple(body["winners"])}
        report |= {"passed": case.result.outcome.passed, "conditions": case.result.outcome.conditions}
    if case.tally:
        report |= {"ballots_root": case.tally["ballots_root"], "closed_at": case.tally["closed_at"]}
        report["explanation"] = tuple(sentence.text_with(names) for sentence in count.explanation)
    return Report(**report, checked=tuple(case.checked))


def _said(case: _Case, approval: Approval) -> list[Said]:
    """Return what the Governor must say of a vote that has closed."""
    if case.tally is None or case.result is None or case.frozen is None:
        return []
    quorum = next(one.needed for one in case.result.outcome.conditions if one.condition == "quorum")
    return numbers_said(approval, case.frozen.proposal.body, quorum, case.tally["closes_at"], case.eta)


def _not_checked(case: _Case, frozen: Frozen) -> Iterator[str]:
    if case.trust.community is None and case.trust.community_key is None:
        yield "that this is your community: give its key (--community-key) or its record's digest (--community)"
    yield "that the log contains every ballot, in this order, and that none was left out here: ask for receipts"
    yield "the moments at which ballots were cast: those are the server's word, no voter signs them"
    if case.ballots and case.ballots.wallets:
        yield (
            f"that {len(case.ballots.wallets)} contract wallets stood by the ballots that carry no signature of a key: "
            "only their chain can say so (--rpc)"
        )
    if frozen.wallets:
        yield (
            f"that contract wallets stood by {len(frozen.wallets)} delegations that carry no signature of a key: "
            "only their chain can say so (--rpc)"
        )
    if isinstance(case.ballots, Ballots) and case.ballots.by_contract:
        yield f"that the Governor took these {case.ballots.accepted} votes: only its chain can say so (--rpc)"
    if isinstance(case.ballots, SealedBallots) and case.ballots.unsealing is None:
        yield "what the ballots say: they are sealed until voting has closed and the keyholders give their secrets"
    snapshot = frozen.proposal.body["snapshot"]
    if snapshot["source"]["name"] != FIXED_LIST:
        yield f"that the powers of the census are those on the chain at block {snapshot['block_number']}"
    yield "that this charter was in force, and that no delegation was left out"
