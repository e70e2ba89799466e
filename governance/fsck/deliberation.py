"""Discussions: what was written, erased and hidden is what the log says; the texts themselves stand in no log."""

from collections import Counter
from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, finding, seconds
from governance.models import Comment, Community, Event, Proposal
from governance.services.events import SAID

TABLE = "governance_comment"
_SHOWN = ("draft_shared", "draft_seeks_sponsors")


def check_deliberation(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the discussions of a community, proposal by proposal."""
    for proposal in community.proposals.order_by("number"):
        yield from _check_shared(proposal)
        yield from _check_comments(proposal)


def _check_shared(proposal: Proposal) -> Iterator[Finding]:
    shown = list(proposal.events.filter(kind__in=_SHOWN).order_by("position"))
    expected = seconds(shown[0].at) if shown else None
    found = seconds(proposal.shared_at)
    # Drafts that sought sponsors before there were discussions have no such moment.
    if found != expected and (found is not None or any(event.kind == "draft_shared" for event in shown)):
        yield finding("governance_proposal", proposal.pk, "shared_at", expected, found)
    joined = set(proposal.events.filter(kind="draft_co_author_joined").values_list("actor", flat=True))
    accepted = set(proposal.co_authors.filter(accepted_at__isnull=False).values_list("address", flat=True))
    for address in sorted(accepted - joined):
        yield finding("governance_coauthor", proposal.pk, "accepted_at", "no line of the log", address)


def _check_comments(proposal: Proposal) -> Iterator[Finding]:
    told: dict[int, Counter[str]] = {}
    actors: dict[int, str] = {}
    for event in Event.objects.filter(proposal=proposal, kind__in=SAID).order_by("position").iterator():
        number = event.data["comment"]
        told.setdefault(number, Counter())[event.kind] += 1
        if event.kind == "comment_written":
            actors[number] = event.actor
    rows = {row.number: row for row in proposal.comments.prefetch_related("versions", "hidings")}
    for number in sorted(told.keys() | rows.keys()):
        if number not in rows or not told.get(number):
            yield finding(TABLE, f"{number} of proposal {proposal.pk}", "number", number in told, number in rows)
            continue
        yield from _check_one(rows[number], told[number], actors.get(number, ""))


def _check_one(row: Comment, told: Counter[str], actor: str) -> Iterator[Finding]:
    hidings = list(row.hidings.all())
    expected = {
        "written": 1,
        "address": actor,
        "erased": told["comment_erased"],
        "versions": 0 if told["comment_erased"] else told["comment_edited"],
        "hidings": told["comment_hidden"],
        "appeals": told["comment_appealed"],
        "lifted": told["comment_shown_again"] + told["comment_appeal_granted"],
        "upheld": told["comment_appeal_declined"],
    }
    found = {
        "written": told["comment_written"],
        "address": row.address,
        "erased": int(row.erased_at is not None),
        "versions": len(row.versions.all()),
        "hidings": len(hidings),
        "appeals": sum(each.appealed_at is not None for each in hidings),
        "lifted": sum(each.lifted_at is not None for each in hidings),
        "upheld": sum(bool(each.upheld) for each in hidings),
    }
    yield from compare(TABLE, f"{row.number} of proposal {row.proposal_id}", expected, found)
