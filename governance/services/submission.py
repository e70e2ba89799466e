"""Submitting a draft: the snapshot, the threshold, and the record that ballots sign."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from governance import lifecycle
from governance.chain import ChainError
from governance.clock import unix, whole_second
from governance.errors import Conflict, Invalid, Refusal
from governance.evidence.canonical import digest
from governance.lifecycle import Action, State
from governance.models import Community, Proposal, Sponsorship
from governance.onchain import require_gasless
from governance.power import PowerError, Snapshot
from governance.records import keep
from governance.services.census import STEPS_AT_SUBMISSION, take_census
from governance.services.common import (
    charter_of,
    get_proposal,
    lock_community,
    locked_proposal,
    require_author,
    source_named,
    terms_of,
)
from governance.services.communities import require_standing
from governance.services.drafts import Draft, choices_of, clean_draft
from governance.services.events import note
from governance.services.sponsors import sponsors_of
from governance.tally import method_named
from governance.wallets.asking import OF_WALLET
from governance.wallets.checking import asks_wallets


def submit(proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Freeze a draft and put it to the vote.

    1. only its author, only a draft, only so many at once, and not what was voted down a short while ago;
    2. take the snapshot: a finalized block, before voting opens;
    3. the power of author and sponsors there reaches the threshold;
    4. freeze content, rules and snapshot into the proposal's record, whose digest ballots sign;
    5. begin the census; a large one is finished by the sweeper.
    """
    proposal = get_proposal(proposal_id)
    require_author(proposal, actor)  # 1
    lifecycle.require(Action.SUBMIT, proposal.facts, now)
    _require_room(proposal, now)
    community = proposal.community
    require_gasless(charter_of(community))
    sponsors = sponsors_of(proposal)
    charter = community.charter
    snapshot = require_standing(  # 2, 3
        community, actor, proposal.kind, tuple(backer.sponsor for backer in sponsors)
    )
    house = _house_snapshot(community, proposal.kind)
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        lock_community(community.pk)
        lifecycle.require(Action.SUBMIT, proposal.facts, now)
        _require_room(proposal, now)
        if proposal.community.charter_id != charter.pk or sponsors_of(proposal) != sponsors:
            raise Conflict("changed_meanwhile", "the rules or the sponsors changed just now; submit again")
        draft = clean_draft(
            community,
            Draft(
                proposal.kind,
                proposal.title,
                proposal.text,
                proposal.payload,
                proposal.timing,
                proposal.method,
                proposal.seats,
            ),
        )
        _require_cooled_down(proposal, draft, now)
        freeze(proposal, draft, snapshot, house, sponsors, now)  # 4
        proposal.save()
        _freeze_delegations(proposal)
        note("proposal_submitted", now, proposal=proposal, actor=actor)
    try:
        return take_census(proposal.pk, now, STEPS_AT_SUBMISSION)  # 5
    except (ChainError, PowerError, Refusal):
        # The proposal stands; the sweeper goes on with the census until the chain gives a usable answer.
        return get_proposal(proposal.pk)


def _house_snapshot(community: Community, kind: str) -> dict[str, Any] | None:
    """Return the frozen snapshot of the second house, where the tier of this kind gives it a say."""
    charter = charter_of(community)
    if charter.house is None or not charter.rules_of(kind).objection_bps:
        return None
    source = source_named(charter.house["source"], community)
    snapshot = source.snapshot(charter.house["parameters"])
    return {
        "total": str(snapshot.total_supply),
        "block_number": snapshot.block_number,
        "block_hash": snapshot.block_hash,
        "source": {"name": source.name, "version": source.version, "parameters": dict(snapshot.parameters)},
    }


def _freeze_delegations(proposal: Proposal) -> None:
    """Hold on to the delegations that count here; later ones, and taking one back, are for later proposals."""
    valid = proposal.community.delegations.filter(
        Q(expires_at=0) | Q(expires_at__gte=terms_of(proposal).closes_at),
        superseded_at__isnull=True,
        share_bps__gt=0,
        topic__in=("", proposal.kind),
        # One that was made while the chain was asked for the snapshot comes too late.
        made_at__lte=proposal.submitted_at,
    )
    if not asks_wallets(proposal):  # nobody could ask the wallets again
        valid = valid.exclude(record__canonical__contains=OF_WALLET)
    special = {row.delegator for row in valid if row.topic}
    proposal.delegations.set([row for row in valid if row.topic or row.delegator not in special])


def _signed_by(backer: Sponsorship) -> dict[str, Any]:
    """Return a sponsor as the record has them; of a contract wallet with the block at which it was asked."""
    said = {"address": backer.sponsor, "signature": backer.signature}
    return said if backer.wallet is None else {**said, "wallet": backer.wallet}


def payload_digest(kind: str, payload: dict[str, Any]) -> str:
    """Return what two proposals for the same thing share."""
    return digest({"kind": kind, "payload": payload})


def _require_cooled_down(proposal: Proposal, draft: Draft, now: datetime) -> None:
    """Refuse what was voted down or vetoed a short while ago, or withdrawn by this very author while it was voted on.

    What others withdraw does not count: they could stand in the author's way with a copy.
    """
    rules = charter_of(proposal.community).rules_of(draft.kind)
    withdrawn = Q(canceled_at__gte=F("opens_at"), author=proposal.author)
    refused = (
        proposal.community.proposals.filter(payload_digest=payload_digest(draft.kind, draft.payload))
        .filter(Q(passed=False) | Q(vetoed_at__isnull=False) | withdrawn)
        .annotate(ended_at=Coalesce("vetoed_at", "decided_at", "canceled_at"))
        .order_by("-ended_at")
        .first()
    )
    if refused is None:
        return
    until = refused.ended_at + timedelta(seconds=rules.cool_down_seconds)
    if now < until:
        raise Conflict(
            "cool_down",
            f"proposal {refused.number} for the same thing did not pass; it can come back later",
            found=refused.number,
            allowed=f"from {unix(until)}",
        )


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


def freeze(
    proposal: Proposal,
    draft: Draft,
    snapshot: Snapshot,
    house: dict[str, Any] | None,
    sponsors: list[Sponsorship],
    now: datetime,
) -> None:
    """Write the facts of submission and the record that ballots sign."""
    community = proposal.community
    charter = charter_of(community)
    rules = charter.rules_of(draft.kind)
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
    source = source_named(charter.power["source"], community)
    method = method_named(draft.method)
    sealing = charter.sealing_of(draft.kind)
    proposal.record = keep(
        "proposal",
        f"proposal:{community.slug}/{proposal.number}",
        {
            "number": proposal.number,
            "kind": draft.kind,
            "tier": charter.tier_of(draft.kind),
            "title": draft.title,
            "text": draft.text,
            "payload": draft.payload,
            "author": proposal.author,
            "sponsors": [_signed_by(backer) for backer in sponsors],
            "nonce": secrets.randbits(52),
            "method": draft.method,
            "method_version": method.version,
            "choices": list(choices_of(draft)),
            "seats": draft.seats,
            "tie_rule": method.tie_rule,
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
                "house": house,
            },
            "submitted_at": unix(submitted_at),
            "opens_at": unix(opens_at),
            "closes_at": unix(closes_at),
            **({} if sealing is None else {"sealing": sealing.to_body()}),
        },
        [community.record, community.charter],
    )
    proposal.title, proposal.payload, proposal.rules = draft.title, draft.payload, rules.to_body()
    proposal.method, proposal.choices, proposal.seats = draft.method, list(choices_of(draft)), draft.seats
    proposal.tier, proposal.payload_digest = charter.tier_of(draft.kind), payload_digest(draft.kind, draft.payload)
    proposal.snapshot_block, proposal.snapshot_hash = snapshot.block_number, snapshot.block_hash
    proposal.total_supply = snapshot.total_supply
    proposal.submitted_at, proposal.opens_at, proposal.closes_at = submitted_at, opens_at, closes_at
