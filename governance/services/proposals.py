"""Proposals until the vote: drafts, submission, and taking one back."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from governance import lifecycle
from governance.clock import unix, whole_second
from governance.errors import Conflict, Invalid, Malformed, NotFound
from governance.kinds import kind_named
from governance.lifecycle import Action, State
from governance.models import Community, Proposal
from governance.outcome import Rules
from governance.power import Snapshot
from governance.records import keep
from governance.services.common import (
    get_proposal,
    lock_community,
    locked_proposal,
    require_author,
    source_of,
)
from governance.services.communities import require_standing, rules_for
from governance.services.events import note

TITLE_MAX = 200
TEXT_MAX = 20_000
DRAFTS_PER_AUTHOR_MAX = 20
TIMING_KEYS = ("opens_at", "voting_period_seconds")


@dataclass(frozen=True)
class Draft:
    """What an author writes. `timing` may hold `opens_at` (UNIX seconds) and a longer `voting_period_seconds`."""

    kind: str
    title: str
    text: str
    payload: dict[str, Any]
    timing: dict[str, int]


def create_draft(community: Community, author: str, draft: Draft, now: datetime) -> Proposal:
    """Store a draft under the next number of the community; drafts that come at once wait for each other."""
    draft = _clean_draft(community, draft)
    with transaction.atomic():
        lock_community(community.pk)
        drafts = community.proposals.filter(author=author, submitted_at__isnull=True, canceled_at__isnull=True)
        if drafts.count() >= DRAFTS_PER_AUTHOR_MAX:
            raise Conflict("too_many_drafts", "submit or withdraw a draft first", allowed=DRAFTS_PER_AUTHOR_MAX)
        highest = community.proposals.aggregate(highest=Max("number"))["highest"] or 0
        proposal = Proposal.objects.create(community=community, number=highest + 1, author=author, **_columns(draft))
        note("draft_created", now, proposal=proposal, actor=author)
    return proposal


def edit_draft(proposal_id: int, actor: str, draft: Draft, now: datetime) -> Proposal:
    """Replace the content of a draft. What has been submitted is frozen: ballots sign its digest."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
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
        raise Invalid("length_out_of_range", f"{len(title)} characters found, 1 to {TITLE_MAX} allowed", field="title")
    if len(draft.text) > TEXT_MAX:
        raise Invalid(
            "length_out_of_range", f"{len(draft.text)} characters found, at most {TEXT_MAX} allowed", field="text"
        )
    payload = kind_named(draft.kind).clean(community, draft.payload)
    return replace(draft, title=title, payload=payload, timing=_clean_timing(community, draft))


def _clean_timing(community: Community, draft: Draft) -> dict[str, int]:
    unknown = sorted(set(draft.timing) - set(TIMING_KEYS))
    if unknown:
        raise Malformed(
            "unknown_field",
            "timing has an unknown key",
            field=f"timing.{unknown[0]}",
            allowed=TIMING_KEYS,
        )
    for name, value in draft.timing.items():
        if type(value) is not int:
            raise Malformed("malformed_field", "this is a whole number of seconds", field=f"timing.{name}", found=value)
    rules = rules_for(community, draft.kind)
    period = draft.timing.get("voting_period_seconds", rules.voting_period_seconds)
    longest = rules.voting_period_seconds + 90 * 24 * 3600
    if period < rules.voting_period_seconds:
        raise Invalid(
            "period_too_short",
            "the voting period is shorter than the community's rules allow",
            field="timing.voting_period_seconds",
            found=period,
            allowed=rules.voting_period_seconds,
        )
    if period > longest:
        raise Invalid(
            "period_too_long",
            "the voting period is too long",
            field="timing.voting_period_seconds",
            found=period,
            allowed=longest,
        )
    return dict(draft.timing)


def submit(proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Freeze a draft and put it to the vote.

    1. only its author, only a draft, only so many at once;
    2. take the snapshot: a finalized block, before voting opens;
    3. the author's power there reaches the threshold;
    4. freeze content, rules and snapshot into the proposal's record, whose digest ballots sign.
    """
    proposal = get_proposal(proposal_id)
    require_author(proposal, actor)  # 1
    lifecycle.require(Action.SUBMIT, proposal.facts, now)
    _require_room(proposal, now)
    community = proposal.community
    rules = rules_for(community, proposal.kind)
    snapshot = require_standing(community, actor, proposal.kind)  # 2, 3
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        lock_community(community.pk)
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
            "too_many_open",
            "this author has as many open proposals as are allowed at once",
            found=undecided,
            allowed=settings.OPEN_PROPOSALS_PER_AUTHOR,
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
                "start_out_of_range",
                "voting opens after the voting delay and within 90 days",
                field="timing.opens_at",
                found=draft.timing["opens_at"],
                allowed=f"from {unix(earliest)}",
            )
    rules = replace(rules, voting_period_seconds=draft.timing.get("voting_period_seconds", rules.voting_period_seconds))
    closes_at = opens_at + timedelta(seconds=rules.voting_period_seconds)
    source = source_of(community)
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


def cancel(proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Take one's own proposal back, with a reason that everybody can read."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 500:  # noqa: PLR2004
        raise Invalid("length_out_of_range", "a reason has 1 to 500 characters", field="reason")
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.CANCEL, proposal.facts, now)
        proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = whole_second(now), actor, reason
        proposal.save()
        note("proposal_canceled", now, proposal=proposal, actor=actor, reason=reason)
    return proposal


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
