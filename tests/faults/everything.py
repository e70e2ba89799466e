"""A database with a bit of everything in it, made through the services: what fsck is tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from governance import log, services
from governance.models import Community, Proposal
from governance.services.history import import_vote
from governance.snapshot_import import read_json, recount
from tests.integration.commons import Commons, charter_of_members, end_of
from tests.simulators.snapshot_votes import export, poll, vote

AGAINST, FOR, ABSTAIN = 0, 1, 2
POWERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
SECOND = timedelta(seconds=1)
TIERS = {
    "standard": {"late_quorum_seconds": 60, "proposal_threshold": "25"},
    "hasty": {"super_quorum_bps": 6_000, "quorum_bps": 2_000},
    "shared": {"objection_bps": 5_000},
}


@dataclass
class Everything:
    """The community, and when the last thing happened."""

    commons: Commons
    other: Commons

    @property
    def community(self) -> Community:
        """The row as it is now."""
        return Community.objects.get(pk=self.commons.community.pk)


def make(found: Callable[..., Commons]) -> Everything:
    """Make two communities; the first has lived through all that a community can."""
    kinds = {"governance_rules": "hasty", "poll": "standard", "council_election": "standard", "ethics_rule": "shared"}
    commons = found(POWERS, tiers=TIERS, kinds=kinds, house={"Emma": 3, "Farid": 2})
    other = found({"Alice": 1, "Bob": 1}, slug="orchards")
    _delegations(commons)
    _signals(commons)
    _elections(commons)
    _charter(commons)
    _houses(commons)
    _history(commons)
    other.vote(other.propose(), "Alice", FOR)
    for community in (commons.community, other.community):
        log.publish_checkpoint(community.pk, commons.founded_at + timedelta(days=30))
    return Everything(commons, other)


def _delegations(commons: Commons) -> None:
    """Give, give again, take back; and say something about oneself."""
    commons.delegate("Daouda", "Chloé", 4_000)
    commons.delegate("Daouda", "Chloé", 6_000)
    commons.delegate("Daouda", "Bob", 3_000, topic="text_signal")
    commons.delegate("Bob", "Gaëlle", 1_000)
    commons.delegate("Bob", "Gaëlle", 0)
    services.state_oneself(commons.community, commons.address("Chloé"), "I read everything.", commons.founded_at)


def _signals(commons: Commons) -> None:
    """One that is extended, executed and changed its voters' minds; one defeated; one canceled; one that is pending."""
    draft = commons.draft(author="Daouda")
    services.seek_sponsors(draft.pk, commons.address("Daouda"), commons.founded_at)
    commons.sponsor(draft, "Chloé")
    extended = services.submit(draft.pk, commons.address("Daouda"), commons.founded_at)
    commons.vote(extended, "Daouda", AGAINST)
    commons.vote(extended, "Chloé", ABSTAIN, end_of(extended) - 9 * SECOND)
    commons.vote(extended, "Chloé", FOR, end_of(extended) - 5 * SECOND)
    log.publish_checkpoint(commons.community.pk, commons.founded_at + timedelta(days=1))
    commons.vote(extended, "Alice", FOR, end_of(extended) - 2 * SECOND)
    commons.executed(extended)
    defeated = commons.propose(payload={"statement": "No."})
    commons.vote(defeated, "Alice", AGAINST)
    commons.queued(defeated)
    canceled = commons.propose(payload={"statement": "Perhaps."}, author="Bob")
    commons.vote(canceled, "Bob", FOR)
    services.cancel(canceled.pk, commons.address("Bob"), "A mistake.", end_of(canceled) - SECOND)
    services.cancel(commons.draft(author="Bob").pk, commons.address("Bob"), "Never mind.", commons.founded_at)
    commons.draft(author="Bob")


def _elections(commons: Commons) -> None:
    """A poll by ranking; a council elected by STV, whose members pause and veto."""
    poll_ = commons.propose("poll", {"question": "Which?", "choices": ["A", "B", "C"]}, method="ranked-choice")
    for name, ranking in (("Alice", [1, 2, 3]), ("Bob", [2, 3, 1]), ("Chloé", [3, 2, 1])):
        commons.vote(poll_, name, ranking)
    commons.queued(poll_)
    candidates = [{"address": commons.address(name), "name": name} for name in ("Alice", "Bob", "Chloé")]
    payload = {"seats": 2, "term_days": 365, "candidates": candidates}
    election = commons.propose("council_election", payload)
    for name, ranking in (("Alice", [1, 2]), ("Bob", [2, 1]), ("Chloé", [3, 2])):
        commons.vote(election, name, ranking)
    elected = commons.executed(election)
    names = sorted(elected.community.councils.get().members, key=lambda member: member["name"])
    assert elected.executed_at is not None
    stopped = commons.propose(payload={"statement": "Stop."}, now=elected.executed_at)
    commons.vote(stopped, "Alice", FOR)
    queued = commons.queued(stopped)
    assert queued.eta is not None
    services.pause(stopped.pk, names[0]["address"], "Wait.", queued.eta)
    for member in names:
        services.veto(stopped.pk, member["address"], "Never.", queued.eta + SECOND)


def _charter(commons: Commons) -> None:
    """A change of the rules that passes early, by super-quorum."""
    charter = charter_of_members(
        POWERS, {**TIERS, "standard": {**TIERS["standard"], "quorum_bps": 3_000}}, house=POWERS
    )
    charter["kinds"] |= {"governance_rules": "hasty", "ethics_rule": "shared"}
    change = commons.propose("governance_rules", {"charter": charter})
    commons.vote(change, "Alice", FOR)
    commons.vote(change, "Bob", FOR)
    opened = Proposal.objects.get(pk=change.pk).opens_at
    assert opened is not None
    services.close_early(change.pk, opened + 7 * SECOND)
    closed = Proposal.objects.get(pk=change.pk)
    assert closed.closed_early
    assert closed.decided_at is not None
    queued = services.queue(change.pk, closed.decided_at)
    assert queued.eta is not None
    services.execute(change.pk, queued.eta)


def _houses(commons: Commons) -> None:
    """A vote in which a second house has its say, and that is still open."""
    rule: dict[str, Any] = {"slug": "equal", "title": "Equal", "metric": "language_gap", "comparator": "at_most"}
    shared = commons.propose("ethics_rule", {**rule, "bound": "0.10", "scope": "all"})
    commons.vote(shared, "Alice", FOR)
    commons.vote(shared, "Bob", AGAINST)


def _history(commons: Commons) -> None:
    """A vote from elsewhere, with and without signatures."""
    votes = [
        vote("Alice", {"1": 1, "3": 3}, 10.5, method="weighted"),
        vote("Bob", {"2": 0.25}, 4, method="weighted"),
        vote("Chloé", {"1": 1}, 7, method="weighted", envelope=None),
    ]
    counted = recount(*read_json(export(poll("weighted", scores=[9.625, 4, 7.875]), votes)))
    assert counted.result["agrees"] is True
    import_vote(commons.community, counted, commons.founded_at)
