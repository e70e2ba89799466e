"""Drafts: what authors write before a vote, checked against the kind, the method and the charter."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from governance import lifecycle
from governance.deliberation import versions
from governance.errors import Conflict, Invalid, Malformed
from governance.kinds import kind_named
from governance.lifecycle import Action
from governance.models import Community, Proposal
from governance.outcome import SECONDS_MAX, Rules
from governance.services.common import (
    charter_of,
    lock_community,
    locked_proposal,
    require_co_author,
)
from governance.services.events import note
from governance.tally import InvalidChoices, method_named

TITLE_MAX = 200
TEXT_MAX = 20_000
DRAFTS_PER_AUTHOR_MAX = 20
# Each takes a number and a line of the log for ever, even if it is thrown away.
DRAFTS_PER_DAY_MAX = 50
# The names of what one votes for in a vote about one thing, in the order in which the method counts them.
BINARY_CHOICES = {
    "governor": ("against", "for", "abstain"),
    "basic": ("for", "against", "abstain"),
    "fractional": ("against", "for", "abstain"),
}
# Where a second house has a say, a ballot is for or against as a whole.
HOUSE_METHODS = frozenset({"governor", "basic"})
TIMING_KEYS = ("opens_at", "voting_period_seconds")


@dataclass(frozen=True)
class Draft:
    """What an author writes. `timing` may hold `opens_at` (UNIX seconds) and a longer `voting_period_seconds`.

    `method` is one of those that the kind allows (empty: its first); `seats` is for methods that elect several.
    """

    kind: str
    title: str
    text: str
    payload: dict[str, Any]
    timing: dict[str, int]
    method: str = ""
    seats: int = 1


def create_draft(community: Community, author: str, draft: Draft, now: datetime) -> Proposal:
    """Store a draft under the next number of the community; drafts that come at once wait for each other."""
    draft = clean_draft(community, draft)
    with transaction.atomic():
        lock_community(community.pk)
        drafts = community.proposals.filter(author=author, submitted_at__isnull=True, canceled_at__isnull=True)
        if drafts.count() >= DRAFTS_PER_AUTHOR_MAX:
            raise Conflict("too_many_drafts", "submit or withdraw a draft first", allowed=DRAFTS_PER_AUTHOR_MAX)
        written = community.events.filter(kind="draft_created", actor=author, at__gt=now - timedelta(days=1))
        if written.count() >= DRAFTS_PER_DAY_MAX:
            raise Conflict("too_many_changes", "so many drafts in one day are enough", allowed=DRAFTS_PER_DAY_MAX)
        highest = community.proposals.aggregate(highest=Max("number"))["highest"] or 0
        proposal = Proposal.objects.create(community=community, number=highest + 1, author=author, **_columns(draft))
        versions.keep(proposal, author, now)
        note("draft_created", now, proposal=proposal, actor=author)
    return proposal


def unsaved_draft(community: Community, author: str, draft: Draft) -> Proposal:
    """Return what a draft would be, checked and not stored: for whoever is writing it. Raise as `create_draft` does."""
    return Proposal(community=community, author=author, **_columns(clean_draft(community, draft)))


def edit_draft(proposal_id: int, actor: str, draft: Draft, now: datetime) -> Proposal:
    """Replace the content of a draft. What has been submitted is frozen: ballots sign its digest."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_co_author(proposal, actor)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        for name, value in _columns(clean_draft(proposal.community, draft)).items():
            setattr(proposal, name, value)
        proposal.save()
        versions.keep(proposal, actor, now)
        note("draft_edited", now, proposal=proposal, actor=actor)
    return proposal


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "title": draft.title,
        "text": draft.text,
        "payload": draft.payload,
        "timing": draft.timing,
        "method": draft.method,
        "choices": list(choices_of(draft)),
        "seats": draft.seats,
    }


def clean_draft(community: Community, draft: Draft) -> Draft:
    """Check everything that can be judged before submission; raise Invalid with the field."""
    title = draft.title.strip()
    if not 1 <= len(title) <= TITLE_MAX:
        raise Invalid("length_out_of_range", f"{len(title)} characters found, 1 to {TITLE_MAX} allowed", field="title")
    if len(draft.text) > TEXT_MAX:
        raise Invalid(
            "length_out_of_range", f"{len(draft.text)} characters found, at most {TEXT_MAX} allowed", field="text"
        )
    kind = kind_named(draft.kind)
    draft = replace(draft, title=title, payload=kind.clean(community, draft.payload))
    method = draft.method or kind.methods[0]
    if method not in kind.methods:
        raise Invalid(
            "method_not_allowed",
            "this kind of proposal is not voted on in this way",
            field="method",
            found=method,
            allowed=kind.methods,
        )
    draft = replace(draft, method=method, seats=kind.seats(draft.payload, draft.seats))
    try:
        method_named(method).check_choices(choices_of(draft), draft.seats)
    except InvalidChoices as error:
        raise Invalid(
            "choices_invalid", str(error), field="payload.choices", found=error.found, allowed=error.allowed
        ) from error
    _require_rules_that_fit(charter_of(community).rules_of(draft.kind), method)
    return replace(draft, timing=_clean_timing(community, draft))


def choices_of(draft: Draft) -> tuple[str, ...]:
    """Return what can be chosen: for and against, or what the payload of this kind offers."""
    return BINARY_CHOICES.get(draft.method) or kind_named(draft.kind).choices(draft.payload)


def _require_rules_that_fit(rules: Rules, method: str) -> None:
    """Refuse a method that the tier of the kind cannot judge."""
    binary = method in BINARY_CHOICES
    if rules.optimistic and not binary:
        raise Invalid(
            "method_not_allowed",
            "this tier passes what nobody rejects, which needs a vote for or against",
            field="method",
            found=method,
            allowed=sorted(BINARY_CHOICES),
        )
    if rules.objection_bps and method not in HOUSE_METHODS:
        raise Invalid(
            "method_not_allowed",
            "in this tier a second house may object, which needs one vote for or against from each member",
            field="method",
            found=method,
            allowed=sorted(HOUSE_METHODS),
        )


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
    rules = charter_of(community).rules_of(draft.kind)
    period = draft.timing.get("voting_period_seconds", rules.voting_period_seconds)
    longest = min(rules.voting_period_seconds + 90 * 24 * 3600, SECONDS_MAX)
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
