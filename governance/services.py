"""Everything that changes governance: each service locks, reads the facts, asks the pure rules, writes facts and an event.

Slow work (the chain) happens before the transaction; what follows from a decision starts after its commit. The clock is
a parameter everywhere.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from governance import eip712, lifecycle, outcome
from governance.chain.client import ChainClient
from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid, Malformed, NotFound, TooLarge
from governance.evidence import merkle
from governance.kinds import kind_named
from governance.lifecycle import Action, State
from governance.models import Ballot, Community, Event, Proposal, Record
from governance.outcome import Rules
from governance.power import PowerSource, Snapshot, power_source
from governance.records import keep
from governance.tally import method_named
from governance.tally.base import InvalidChoice

TITLE_MAX = 200
TEXT_MAX = 20_000
REASON_MAX = 2_000
REASON_BYTES_MAX = 50_000
SAFE_INTEGER_MAX = 2**53 - 1


# --- communities --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewCommunity:
    """What founding a community needs. `rules` maps a proposal kind, or "default", to the body of its rules."""

    slug: str
    name_en: str
    name_fr: str
    chain_id: int
    token: str
    release_key: str
    rules: Mapping[str, Mapping[str, Any]]
    description_en: str = ""
    description_fr: str = ""
    power_source: str = "erc20_votes"


@transaction.atomic
def found_community(new: NewCommunity, now: datetime) -> Community:
    """Found a community. Its record fixes the token and the release key: every ballot commits to both."""
    if "default" not in new.rules:
        raise Invalid("missing_field", "rules need an entry named default", field="rules")
    minimum = settings.VOTING_PERIOD_SECONDS_MIN
    for name, body in new.rules.items():
        period = Rules.from_body(dict(body)).voting_period_seconds
        if period < minimum:
            raise Invalid(
                "period_too_short", "the voting period is too short", field=f"rules.{name}", found=period, allowed=minimum
            )
    token = eip712.parse_address(new.token)
    record = keep(
        "community",
        f"community:{new.slug}",
        {
            "slug": new.slug,
            "name": {"en": new.name_en, "fr": new.name_fr},
            "instance": settings.ORIGIN,
            "chain_id": new.chain_id,
            "token": token,
            "release_key": {"algorithm": "ed25519", "public_key": new.release_key},
        },
    )
    community = Community.objects.create(
        slug=new.slug,
        name_en=new.name_en,
        name_fr=new.name_fr,
        description_en=new.description_en,
        description_fr=new.description_fr,
        instance=settings.ORIGIN,
        chain_id=new.chain_id,
        token=token,
        power_source=new.power_source,
        power_parameters={"token": token},
        rules={name: dict(body) for name, body in new.rules.items()},
        release_key=new.release_key,
        record=record,
    )
    note("community_founded", now, community=community)
    return community


def rules_for(community: Community, kind: str) -> Rules:
    """Return the rules that a new proposal of this kind would be judged by."""
    return Rules.from_body(community.rules.get(kind, community.rules["default"]))


def note(
    kind: str,
    now: datetime,
    *,
    community: Community | None = None,
    proposal: Proposal | None = None,
    actor: str = "",
    **data: Any,  # noqa: ANN401 - any JSON
) -> None:
    """Add one line to the audit log."""
    Event.objects.create(
        kind=kind,
        at=now,
        community=community or (proposal.community if proposal else None),
        proposal=proposal,
        actor=actor,
        data=data,
    )


def note_once(proposal_id: int, kind: str, now: datetime, **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line about a proposal unless its newest line says exactly this: a sweeper repeats itself."""
    proposal = _get(proposal_id)
    newest = proposal.events.first()
    if newest is None or newest.kind != kind or newest.data != data:
        note(kind, now, proposal=proposal, **data)


# --- drafts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What an author writes. `timing` may hold `opens_at` (UNIX seconds) and a longer `voting_period_seconds`."""

    kind: str
    title: str
    text: str
    payload: dict[str, Any]
    timing: dict[str, int]


def create_draft(community: Community, author: str, draft: Draft, now: datetime) -> Proposal:
    """Store a draft under the next number of the community."""
    draft = _clean_draft(community, draft)
    for _attempt in range(10):
        try:
            with transaction.atomic():
                highest = community.proposals.aggregate(highest=Max("number"))["highest"] or 0
                proposal = Proposal.objects.create(
                    community=community, number=highest + 1, author=author, **_columns(draft)
                )
                note("draft_created", now, proposal=proposal, actor=author)
                return proposal
        except IntegrityError:
            continue  # somebody took the number first; the next one is free
    raise Conflict("too_busy", "many drafts are being created at once; try again")


def edit_draft(proposal_id: int, actor: str, draft: Draft, now: datetime) -> Proposal:
    """Replace the content of a draft. What has been submitted is frozen: ballots sign its digest."""
    with transaction.atomic():
        proposal = _locked(proposal_id)
        _require_author(proposal, actor)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        for name, value in _columns(_clean_draft(proposal.community, draft)).items():
            setattr(proposal, name, value)
        proposal.save()
        note("draft_edited", now, proposal=proposal, actor=actor)
    return proposal


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "title": draft.title,
        "text": draft.text,
        "payload": draft.payload,
        "timing": draft.timing,
    }


def _clean_draft(community: Community, draft: Draft) -> Draft:
    """Check everything that can be judged before submission; raise Invalid with the field."""
    title = draft.title.strip()
    if not 1 <= len(title) <= TITLE_MAX:
        raise Invalid(
            "length_out_of_range", f"{len(title)} characters found, 1 to {TITLE_MAX} allowed", field="title"
        )
    if len(draft.text) > TEXT_MAX:
        raise Invalid(
            "length_out_of_range", f"{len(draft.text)} characters found, at most {TEXT_MAX} allowed", field="text"
        )
    payload = kind_named(draft.kind).clean(community, draft.payload)
    return replace(draft, title=title, payload=payload, timing=_clean_timing(community, draft))


def _clean_timing(community: Community, draft: Draft) -> dict[str, int]:
    unknown = sorted(set(draft.timing) - {"opens_at", "voting_period_seconds"})
    if unknown:
        raise Malformed(
            "unknown_field", "timing has an unknown key", field=f"timing.{unknown[0]}",
            allowed=["opens_at", "voting_period_seconds"],
        )
    for name, value in draft.timing.items():
        if type(value) is not int:
            raise Malformed("malformed_field", "this is a whole number of seconds", field=f"timing.{name}", found=value)
    rules = rules_for(community, draft.kind)
    period = draft.timing.get("voting_period_seconds", rules.voting_period_seconds)
    longest = rules.voting_period_seconds + 90 * 24 * 3600
    if period < rules.voting_period_seconds:
        raise Invalid(
            "period_too_short", "the voting period is shorter than the community's rules allow",
            field="timing.voting_period_seconds", found=period, allowed=rules.voting_period_seconds,
        )
    if period > longest:
        raise Invalid(
            "period_too_long", "the voting period is too long", field="timing.voting_period_seconds", found=period,
            allowed=longest,
        )
    return dict(draft.timing)


# --- submission ---------------------------------------------------------------------------------------------------


def submit(proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Freeze a draft and put it to the vote.

    1. only its author, only a draft, only so many at once;
    2. take the snapshot: a finalized block, before voting opens;
    3. the author's power there reaches the threshold;
    4. freeze content, rules and snapshot into the proposal's record, whose digest ballots sign.
    """
    proposal = _get(proposal_id)
    _require_author(proposal, actor)  # 1
    lifecycle.require(Action.SUBMIT, proposal.facts, now)
    _require_room(proposal, now)
    community = proposal.community
    rules = rules_for(community, proposal.kind)
    source = _source(community)
    snapshot = source.snapshot(community.power_parameters)  # 2
    power = source.power_of(actor, snapshot)
    if power < rules.proposal_threshold:  # 3
        raise Forbidden(
            "below_threshold", "this much voting power is needed to submit a proposal",
            found=str(power), allowed=str(rules.proposal_threshold),
        )
    with transaction.atomic():
        proposal = _locked(proposal_id)
        lifecycle.require(Action.SUBMIT, proposal.facts, now)
        _require_room(proposal, now)
        draft = _clean_draft(
            community, Draft(proposal.kind, proposal.title, proposal.text, proposal.payload, proposal.timing)
        )
        _freeze(proposal, draft, rules, snapshot, now)  # 4
        proposal.save()
        note("proposal_submitted", now, proposal=proposal, actor=actor)
    return proposal


def _require_room(proposal: Proposal, now: datetime) -> None:
    """Bound how many undecided proposals one author may have."""
    undecided = sum(
        Proposal.objects.filter(community=proposal.community, author=proposal.author).in_state(state, now).count()
        for state in (State.PENDING, State.ACTIVE)
    )
    if undecided >= settings.OPEN_PROPOSALS_PER_AUTHOR:
        raise Conflict(
            "too_many_open", "this author has as many open proposals as are allowed at once",
            found=undecided, allowed=settings.OPEN_PROPOSALS_PER_AUTHOR,
        )


def _freeze(proposal: Proposal, draft: Draft, rules: Rules, snapshot: Snapshot, now: datetime) -> None:
    """Write the facts of submission and the record that ballots sign."""
    community = proposal.community
    submitted_at = whole_second(now)
    earliest = submitted_at + timedelta(seconds=rules.voting_delay_seconds)
    opens_at = earliest
    if "opens_at" in draft.timing:
        try:
            opens_at = datetime.fromtimestamp(draft.timing["opens_at"], UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise Invalid("start_out_of_range", "no such moment", field="timing.opens_at") from error
        if not earliest <= opens_at <= earliest + timedelta(days=90):
            raise Invalid(
                "start_out_of_range", "voting opens after the voting delay and within 90 days",
                field="timing.opens_at", found=draft.timing["opens_at"], allowed=f"from {unix(earliest)}",
            )
    rules = replace(
        rules, voting_period_seconds=draft.timing.get("voting_period_seconds", rules.voting_period_seconds)
    )
    closes_at = opens_at + timedelta(seconds=rules.voting_period_seconds)
    source = _source(community)
    proposal.record = keep(
        "proposal",
        f"proposal:{community.slug}/{proposal.number}",
        {
            "number": proposal.number,
            "kind": draft.kind,
            "title": draft.title,
            "text": draft.text,
            "payload": draft.payload,
            "author": proposal.author,
            "nonce": secrets.randbits(52),
            "method": proposal.method,
            "rules": rules.to_body(),
            "snapshot": {
                "block_number": snapshot.block_number,
                "block_hash": snapshot.block_hash,
                "total_supply": str(snapshot.total_supply),
                "source": {
                    "name": source.name,
                    "version": source.version,
                    "parameters": dict(snapshot.parameters),
                },
            },
            "submitted_at": unix(submitted_at),
            "opens_at": unix(opens_at),
            "closes_at": unix(closes_at),
        },
        [community.record],
    )
    proposal.title, proposal.payload, proposal.rules = draft.title, draft.payload, rules.to_body()
    proposal.snapshot_block, proposal.snapshot_hash = snapshot.block_number, snapshot.block_hash
    proposal.total_supply = snapshot.total_supply
    proposal.submitted_at, proposal.opens_at, proposal.closes_at = submitted_at, opens_at, closes_at


# --- ballots ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BallotRequest:
    """A ballot as a wallet sends it. `proposal` is 0x and 64 hex digits; every field is what was signed."""

    proposal: str
    voter: str
    choice: int
    reason: str
    nonce: int
    signature: str


@dataclass(frozen=True)
class BallotOffer:
    """The message to sign, with what it carries: shown to the voter before the wallet opens."""

    typed_data: dict[str, Any]
    nonce: int
    power: int


def offer_ballot(proposal: Proposal, voter: str, choice: int, reason: str, now: datetime) -> BallotOffer:
    """Return the message for a wallet to sign, after checking that the ballot would be accepted."""
    voter = eip712.parse_address(voter)
    lifecycle.require(Action.VOTE, proposal.facts, now)
    _validate_choice(proposal, choice)
    _validate_reason(reason)
    power = _power(proposal, voter)
    highest = proposal.ballots.filter(voter=voter).aggregate(highest=Max("nonce"))["highest"]
    nonce = 1 if highest is None else highest + 1
    return BallotOffer(
        eip712.ballot_message(**_signed_fields(proposal, voter, choice, reason, nonce)), nonce, power
    )


def cast_ballot(request: BallotRequest, now: datetime) -> tuple[Ballot, bool]:
    """Accept a signed ballot; return it, and whether it is new.

    1. the fields are well-formed, the choice exists, and the signature is the voter's over exactly this;
    2. a ballot that was accepted before is answered as before, whatever the clock says;
    3. voting is open, and the voter had power at the snapshot;
    4. in one transaction: still open, the nonce rises, the older ballot is superseded, record and event are written.
    """
    proposal = proposal_by_public_id(request.proposal)
    request = _checked(proposal, request)  # 1
    if repeated := _repeated(proposal, request):  # 2
        return repeated, False
    lifecycle.require(Action.VOTE, proposal.facts, now)  # 3
    _require_rising_nonce(proposal, request)
    power = _power(proposal, request.voter)
    with transaction.atomic():  # 4
        proposal = _locked(proposal.pk)
        if repeated := _repeated(proposal, request):
            return repeated, False
        lifecycle.require(Action.VOTE, proposal.facts, now)
        _require_rising_nonce(proposal, request)
        cast_at = whole_second(now)
        proposal.ballots.filter(voter=request.voter, superseded_at__isnull=True).update(superseded_at=cast_at)
        record = keep(
            "ballot",
            f"ballot:{proposal.record_id}/{request.voter}",
            {
                "voter": request.voter,
                "choice": request.choice,
                "reason": request.reason,
                "nonce": request.nonce,
                "power": str(power),
                "signature": request.signature,
                "cast_at": unix(cast_at),
            },
            [proposal.record],
        )
        ballot = Ballot.objects.create(
            proposal=proposal,
            voter=request.voter,
            voter_key=request.voter.lower(),
            choice=request.choice,
            reason=request.reason,
            nonce=request.nonce,
            power=power,
            signature=request.signature,
            record=record,
            cast_at=cast_at,
        )
        note("ballot_cast", now, proposal=proposal, actor=request.voter, ballot=record.digest)
    return ballot, True


def proposal_by_public_id(public_id: str) -> Proposal:
    """Return the submitted proposal that ballots name; raise Malformed for another form, NotFound for no proposal."""
    digits = public_id[2:] if isinstance(public_id, str) and public_id.startswith("0x") else ""
    if len(digits) != 64 or any(character not in "0123456789abcdef" for character in digits):  # noqa: PLR2004
        raise Malformed(
            "malformed_field", "a proposal id is 0x and 64 lower-case hex digits", field="proposal", found=public_id
        )
    proposal = Proposal.objects.select_related("community", "record").filter(record_id=digits).first()
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", field="proposal", found=public_id)
    return proposal


def _checked(proposal: Proposal, request: BallotRequest) -> BallotRequest:
    """Return the request with its address in checksummed form, after every check that needs no clock and no chain."""
    voter = eip712.parse_address(request.voter)
    _validate_reason(request.reason)
    if not 0 <= request.nonce <= SAFE_INTEGER_MAX:
        raise Malformed(
            "malformed_field", "a nonce is a whole number", field="nonce", found=request.nonce,
            allowed=f"0 to {SAFE_INTEGER_MAX}",
        )
    _validate_choice(proposal, request.choice)
    digest = eip712.ballot_digest(
        **_signed_fields(proposal, voter, request.choice, request.reason, request.nonce)
    )
    eip712.verify(digest, request.signature, voter)
    return replace(request, voter=voter)


def _signed_fields(proposal: Proposal, voter: str, choice: int, reason: str, nonce: int) -> dict[str, Any]:
    community = proposal.community
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
        "proposal": proposal.public_id,
        "voter": voter,
        "choice": choice,
        "reason": reason,
        "nonce": nonce,
    }


def _validate_choice(proposal: Proposal, choice: int) -> None:
    if type(choice) is not int or not 0 <= choice <= 255:  # noqa: PLR2004 - uint8 of the signed message
        raise Malformed("malformed_field", "a choice is a whole number", field="choice", found=choice, allowed="0 to 255")
    try:
        method_named(proposal.method).validate(choice)
    except InvalidChoice as error:
        raise Invalid("choice_invalid", str(error), field="choice", found=choice, allowed=error.allowed) from error


def _validate_reason(reason: str) -> None:
    if len(reason.encode()) > REASON_BYTES_MAX:
        raise TooLarge("too_large", f"a reason has at most {REASON_MAX} characters", field="reason", allowed=REASON_MAX)
    if len(reason) > REASON_MAX:
        raise Malformed(
            "length_out_of_range", f"{len(reason)} characters found, at most {REASON_MAX} allowed", field="reason"
        )


def _repeated(proposal: Proposal, request: BallotRequest) -> Ballot | None:
    """Return the ballot that this very request made before, if any. The signature may differ: the message counts."""
    return proposal.ballots.filter(
        voter=request.voter, nonce=request.nonce, choice=request.choice, reason=request.reason
    ).first()


def _require_rising_nonce(proposal: Proposal, request: BallotRequest) -> None:
    nonces = set(proposal.ballots.filter(voter=request.voter).values_list("nonce", flat=True))
    if request.nonce in nonces:
        raise Conflict(
            "nonce_conflict", "this nonce was used for another ballot", field="nonce", found=request.nonce,
            allowed=f"above {max(nonces)}",
        )
    if nonces and request.nonce < max(nonces):
        raise Conflict(
            "ballot_superseded", "a newer ballot of this voter is already counted", field="nonce",
            found=request.nonce, allowed=f"above {max(nonces)}",
        )


def _power(proposal: Proposal, voter: str) -> int:
    """Return the voter's power at the snapshot; raise Invalid when there was none. Read once per voter and proposal."""
    known = proposal.ballots.filter(voter=voter).values_list("power", flat=True).first()
    if known is not None:
        return int(known)
    snapshot = _snapshot(proposal)
    power = _source(proposal.community).power_of(voter, snapshot)
    if power == 0:
        raise Invalid(
            "no_voting_power",
            f"this address had no delegated votes at block {snapshot.block_number}; delegate to yourself or to somebody "
            "before the next proposal is submitted",
            field="voter",
            found=voter,
        )
    return power


# --- after the vote -----------------------------------------------------------------------------------------------


def close_voting(proposal_id: int, now: datetime) -> Proposal:
    """Count the ballots, decide, and write the tally. Safe to repeat.

    Before counting, the chain must still have the snapshot's block; a vote on a block that is gone is not counted.
    """
    proposal = _get(proposal_id)
    if proposal.passed is None:
        lifecycle.require(Action.CLOSE_VOTING, proposal.facts, now)
        _source(proposal.community).confirm(_snapshot(proposal))
    with transaction.atomic():
        proposal = _locked(proposal_id)
        if proposal.passed is not None:
            return proposal
        lifecycle.require(Action.CLOSE_VOTING, proposal.facts, now)
        ballots = list(proposal.ballots.counting().select_related("record"))
        method = method_named(proposal.method)
        count = method.count((ballot.choice, ballot.power) for ballot in ballots)
        decided_at = whole_second(now)
        proposal.tally_record = keep(
            "tally",
            f"tally:{proposal.record_id}",
            {
                "method": proposal.method,
                "ballot_count": count.ballot_count,
                "ballots_root": merkle.root([ballot.record.canonical.encode() for ballot in ballots]),
                "totals": {name: str(power) for name, power in count.totals.items()},
                "closed_at": unix(decided_at),
            },
            [_required(proposal.record)],
        )
        result = outcome.decide(method, count, Rules.from_body(proposal.rules), int(proposal.total_supply or 0))
        proposal.passed, proposal.decided_at = result.passed, decided_at
        if not result.passed:
            proposal.decision_record = _keep_decision(proposal, result)
        proposal.save()
        note("voting_closed", now, proposal=proposal, passed=result.passed)
    return proposal


def queue(proposal_id: int, now: datetime) -> Proposal:
    """Put a proposal that passed behind its timelock and write the decision. Safe to repeat."""
    with transaction.atomic():
        proposal = _locked(proposal_id)
        if proposal.eta is not None:
            return proposal
        lifecycle.require(Action.QUEUE, proposal.facts, now)
        rules = Rules.from_body(proposal.rules)
        proposal.queued_at = whole_second(now)
        proposal.eta = proposal.queued_at + timedelta(seconds=rules.timelock_seconds)
        proposal.expires_at = proposal.eta + timedelta(seconds=rules.execution_window_seconds)
        proposal.decision_record = _keep_decision(proposal, decide(proposal))
        proposal.save()
        note("proposal_queued", now, proposal=proposal)
    return proposal


def execute(proposal_id: int, now: datetime, actor: str = "") -> tuple[Proposal, bool]:
    """Carry out what was decided, once; return the proposal and whether this call did it.

    What runs is the payload in the record that was voted on; a row that says otherwise blocks the execution.
    """
    with transaction.atomic():
        proposal = _locked(proposal_id)
        if proposal.executed_at is not None:
            return proposal, False
        lifecycle.require(Action.EXECUTE, proposal.facts, now)
        voted = _required(proposal.record).value
        if voted.digest != proposal.record_id or voted.body["payload"] != proposal.payload:
            raise Conflict("blocked_payload_changed", "what is stored is not what was voted on; nothing is executed")
        proposal.executed_at = whole_second(now)
        proposal.execution_record = keep(
            "execution",
            f"execution:{proposal.record_id}",
            {"kind": proposal.kind, "executed_at": unix(proposal.executed_at)},
            [_required(proposal.decision_record)],
        )
        proposal.save()
        kind_named(proposal.kind).execute(proposal, proposal.execution_record, proposal.executed_at)
        note("proposal_executed", now, proposal=proposal, actor=actor)
    return proposal, True


def cancel(proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Take one's own proposal back, with a reason that everybody can read."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 500:  # noqa: PLR2004
        raise Invalid("length_out_of_range", "a reason has 1 to 500 characters", field="reason")
    with transaction.atomic():
        proposal = _locked(proposal_id)
        _require_author(proposal, actor)
        lifecycle.require(Action.CANCEL, proposal.facts, now)
        proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = whole_second(now), actor, reason
        proposal.save()
        note("proposal_canceled", now, proposal=proposal, actor=actor, reason=reason)
    return proposal


def decide(proposal: Proposal) -> outcome.Outcome:
    """Judge the ballots cast so far by the proposal's frozen rules: what page, API and execution show and use."""
    method = method_named(proposal.method)
    count = method.count(proposal.ballots.counting().values_list("choice", "power"))
    return outcome.decide(method, count, Rules.from_body(proposal.rules), int(proposal.total_supply or 0))


def _keep_decision(proposal: Proposal, result: outcome.Outcome) -> Record:
    def moment(value: datetime | None) -> int | None:
        return None if value is None else unix(value)

    return keep(
        "decision",
        f"decision:{proposal.record_id}",
        {
            "passed": result.passed,
            "conditions": [condition.to_body() for condition in result.conditions],
            "decided_at": moment(proposal.decided_at),
            "queued_at": moment(proposal.queued_at),
            "eta": moment(proposal.eta),
            "expires_at": moment(proposal.expires_at),
        },
        [_required(proposal.record), _required(proposal.tally_record)],
    )


def _snapshot(proposal: Proposal) -> Snapshot:
    """Return the snapshot as it was frozen."""
    frozen = _required(proposal.record).body["snapshot"]
    return Snapshot(
        block_number=frozen["block_number"],
        block_hash=frozen["block_hash"],
        total_supply=int(frozen["total_supply"]),
        parameters=frozen["source"]["parameters"],
    )


def _source(community: Community) -> PowerSource:
    """Return where this community's voting power is read."""
    chain = ChainClient(
        settings.CHAIN_RPC, settings.CHAIN_TIMEOUT_SECONDS, expected_chain_id=community.chain_id
    )
    return power_source(community.power_source, chain)


def _get(proposal_id: int) -> Proposal:
    proposal = Proposal.objects.select_related("community", "record").filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", found=proposal_id)
    return proposal


def _locked(proposal_id: int) -> Proposal:
    """Return the proposal with its row locked until the transaction ends."""
    _get(proposal_id)
    return Proposal.objects.select_for_update().get(pk=proposal_id)


def _require_author(proposal: Proposal, actor: str) -> None:
    if proposal.author != actor:
        raise Forbidden("not_the_author", "only the author may do this", found=actor, allowed=proposal.author)


def _required(record: Record | None) -> Record:
    if record is None:
        raise Conflict("record_missing", "the record of the step before is missing; nothing was changed")
    return record
