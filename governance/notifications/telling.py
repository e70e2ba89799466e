"""News: an announcement or an event with what is needed to put it into words: names, the ballot, the reason it passed.

Nothing here is in a language; `frontend/news.py` says it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from governance.choices import Part, parts_of
from governance.models import Announcement, Ballot, Community, Consultation, CountSoFar, Event, Member, Proposal
from governance.notifications.planning import Ask, nothing
from governance.outcome import Condition
from governance.power import DECIMALS
from governance.selectors.sealed import still_sealed
from governance.services.common import required_record, terms_of

# In the place of a method, where nobody can read yet how somebody voted.
SEALED = "sealed"


@dataclass(frozen=True)
class Voted:
    """How somebody voted: what their choice names, whether it is for or against, and their reason."""

    parts: tuple[Part, ...]
    method: str
    binary: bool
    reason: str


@dataclass(frozen=True)
class Because:
    """The first reason for which a vote did not pass, or the first for which it did; and the decimals of its power."""

    condition: Condition
    decimals: int


@dataclass(frozen=True)
class News:
    """One thing that happened. `kind` is an event of the log or a moment; `touched` is whom it is about, an address.

    `question` is what a consultation asks.
    """

    kind: str
    topic: str
    at: datetime
    community: Community
    proposal: Proposal | None
    actor: str
    actor_name: str
    said: Mapping[str, Any]
    touched: str = ""
    voted: Voted | None = None
    because: Because | None = None
    question: str = ""


def of_announcements(rows: Iterable[Announcement]) -> list[News]:
    """Return them as news, in the same order; each comes with its community, and its proposal if it has one."""
    listed = list(rows)
    names = _names((row.community_id, row.actor) for row in listed)
    return [
        _complete(
            News(
                kind=row.kind,
                topic=row.topic,
                at=row.at,
                community=row.community,
                proposal=row.proposal,
                actor=row.actor,
                actor_name=names.get((row.community_id, row.actor), ""),
                said=row.said,
                touched=next(iter(row.people.get("delegate", [])), ""),
            )
        )
        for row in listed
    ]


def of_events(events: Iterable[Event], facts: Ask = nothing) -> list[News]:
    """Return events of communities as news, with what the apps above know of them."""
    listed = [event for event in events if event.community is not None]
    names = _names((event.community_id or 0, event.actor) for event in listed)
    return [
        _complete(
            News(
                kind=event.kind,
                topic="",
                at=event.at,
                community=event.community,
                proposal=event.proposal,
                actor=event.actor,
                actor_name=names.get((event.community_id or 0, event.actor), ""),
                said={**event.data, **facts(event).said},
            )
        )
        for event in listed
        if event.community is not None
    ]


def _complete(news: News) -> News:
    voted = _voted(news) if news.kind == "ballot_cast" else None
    because = _because(news.proposal) if news.kind == "voting_closed" and news.proposal else None
    question = _question(news) if news.kind.startswith(("consultation_", "statement_")) else ""
    return replace(news, voted=voted, because=because, question=question)


def _question(news: News) -> str:
    asked = Consultation.objects.filter(community=news.community, number=news.said.get("consultation"))
    return asked.values_list("question", flat=True).first() or ""


def _voted(news: News) -> Voted | None:
    """Return the ballot that an event is about; None where a newer one took its place meanwhile."""
    ballot = Ballot.objects.select_related("proposal__record").filter(record=news.said.get("ballot")).first()
    if ballot is None and still_sealed(str(news.said.get("ballot"))) is not None:
        return Voted((), SEALED, binary=False, reason="")
    if ballot is None or ballot.superseded_at is not None:
        return None
    terms = terms_of(ballot.proposal)
    binary = set(terms.choices) <= {"for", "against", "abstain"}
    return Voted(parts_of(terms.method, terms.choices, ballot.choice), terms.method.name, binary, ballot.reason)


def _because(proposal: Proposal) -> Because | None:
    kept = CountSoFar.objects.filter(proposal=proposal).first()
    if kept is None or proposal.passed is None:
        return None
    conditions = [Condition.from_body(body) for body in kept.body["conditions"]]
    first = next((each for each in conditions if each.holds is proposal.passed), None)
    if first is None:
        return None
    snapshot = required_record(proposal.record).body["snapshot"]
    source = snapshot["house"] if first.condition == "objection" and snapshot["house"] else snapshot
    return Because(first, DECIMALS.get(source["source"]["name"], 0))


def _names(pairs: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str]:
    wanted = {(community, address) for community, address in pairs if address}
    if not wanted:
        return {}
    members = Member.objects.filter(
        community__in={community for community, _ in wanted}, address__in={address for _, address in wanted}
    )
    return {
        (community, address): name
        for community, address, name in members.values_list("community_id", "address", "name")
    }
