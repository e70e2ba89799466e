"""Questions that pages and the API ask about decisions: communities, proposals, results, receipts. Reads only.

Every function takes `now` where time matters and answers with model instances or small frozen values, in a number of
queries that does not grow with the rows shown. Rules are asked of the pure modules; nothing is decided here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.db.models import Count as SqlCount
from django.db.models import Q, QuerySet

from governance import lifecycle
from governance.errors import NotFound
from governance.evidence import merkle
from governance.kinds import ProposalKind, all_kinds
from governance.models import Ballot, Community, Event, Member, Proposal
from governance.outcome import BASIS_POINTS, Condition, Rules, decide
from governance.tally import Count, method_named

PROPOSALS_PER_PAGE = 20
BALLOTS_SHOWN_MAX = 200
# What the sweeper and the worker note when a step that is due is refused; it is tried again until the proposal expires.
HOLD_UPS = frozenset({"step_refused", "snapshot_reorged", "release_refused"})
OPEN_SHOWN_MAX = 6


@dataclass(frozen=True)
class CommunityCard:
    """A community with the numbers that a list shows."""

    community: Community
    open_count: int
    proposal_count: int
    member_count: int


@dataclass(frozen=True)
class Option:
    """One option of a vote with its power; shares are basis points of the power cast and of the bar's whole width."""

    name: str
    choice: int
    power: int
    share_bps: int
    bar_bps: int
    bar_start_bps: int


@dataclass(frozen=True)
class Results:
    """The count of a proposal, judged. Before the end it says what would be decided if voting closed now."""

    options: tuple[Option, ...]
    cast: int
    ballot_count: int
    total_supply: int
    conditions: tuple[Condition, ...]
    passed: bool
    final: bool
    quorum_left: int

    def condition(self, name: str) -> Condition | None:
        """Return the condition with this name."""
        return next((condition for condition in self.conditions if condition.condition == name), None)


@dataclass(frozen=True)
class ProposalRow:
    """A proposal as lists show it."""

    proposal: Proposal
    state: lifecycle.State
    results: Results
    author_name: str


@dataclass(frozen=True)
class ProposalPage:
    """One page of a list of proposals."""

    rows: tuple[ProposalRow, ...]
    number: int
    pages: int
    total: int


@dataclass(frozen=True)
class Moment:
    """One step of a proposal's life: `kind` says which; `happened` is false for what lies ahead."""

    kind: str
    at: datetime
    happened: bool
    by: str = ""
    note: str = ""


@dataclass(frozen=True)
class BallotRow:
    """A counting ballot as the table shows it."""

    ballot: Ballot
    option: str
    voter_name: str
    share_bps: int


@dataclass(frozen=True)
class ProposalDetail:
    """All that the page of a proposal shows of governance."""

    community: Community
    proposal: Proposal
    state: lifecycle.State
    rules: Rules
    results: Results
    ballots: tuple[BallotRow, ...]
    own_ballot: Ballot | None
    own_option: str
    author_name: str
    timeline: tuple[Moment, ...]
    may_vote: bool
    may_withdraw: bool
    held_up: Event | None


@dataclass(frozen=True)
class Receipt:
    """A ballot, and once voting has closed the proof that it was counted."""

    ballot: Ballot
    proposal: Proposal
    community: Community
    option: str
    voter_name: str
    counting: bool
    index: int | None
    size: int
    proof: tuple[str, ...]
    root: str
    proof_holds: bool


def communities(now: datetime) -> list[CommunityCard]:
    """Return every community with its numbers, oldest first."""
    submitted = Proposal.objects.submitted()
    total = _per_community(submitted)
    is_open = _per_community(submitted.in_state(lifecycle.State.ACTIVE, now))
    members = _per_community(Member.objects.all())
    return [
        CommunityCard(community, is_open.get(community.pk, 0), total.get(community.pk, 0), members.get(community.pk, 0))
        for community in Community.objects.order_by("id")
    ]


def community_named(slug: str) -> Community:
    """Return the community, or raise NotFound."""
    community = Community.objects.select_related("record").filter(slug=slug).first()
    if community is None:
        raise NotFound("community_not_found", "there is no community with this name", field="slug", found=slug)
    return community


def voting_rules(community: Community) -> list[tuple[list[ProposalKind], Rules]]:
    """Return the rules that new proposals are judged by, each set once with the kinds that it is for."""
    groups: list[tuple[list[ProposalKind], Rules]] = []
    for kind in all_kinds().values():
        rules = Rules.from_body(community.rules.get(kind.name, community.rules["default"]))
        same = next((kinds for kinds, found in groups if found == rules), None)
        if same is None:
            groups.append(([kind], rules))
        else:
            same.append(kind)
    return groups


def open_proposals(community: Community, now: datetime) -> list[ProposalRow]:
    """Return the proposals that can be voted on now, those that close first at the top."""
    active = community.proposals.in_state(lifecycle.State.ACTIVE, now).order_by("closes_at")
    return _rows(community, active.select_related("tally_record", "decision_record")[:OPEN_SHOWN_MAX], now)


def recent_decisions(community: Community, now: datetime, limit: int = 5) -> list[ProposalRow]:
    """Return the proposals decided last."""
    decided = community.proposals.submitted().filter(closes_at__lte=now).order_by("-closes_at")
    return _rows(community, decided.select_related("tally_record", "decision_record")[:limit], now)


def proposals(
    community: Community, now: datetime, *, state: str = "", kind: str = "", search: str = "", page: int = 1
) -> ProposalPage:
    """Return one page of the submitted proposals that match; an unknown state or kind matches nothing."""
    query = community.proposals.submitted()
    if state:
        known = state in set(lifecycle.State)
        query = query.in_state(lifecycle.State(state), now) if known else query.none()
    if kind:
        query = query.filter(kind=kind)
    if search:
        query = query.filter(Q(title__icontains=search) | Q(text__icontains=search))
    total = query.count()
    pages = max(1, ceil(total / PROPOSALS_PER_PAGE))
    number = min(max(page, 1), pages)
    start = (number - 1) * PROPOSALS_PER_PAGE
    found = query.order_by("-number").select_related("tally_record", "decision_record")
    rows = _rows(community, found[start : start + PROPOSALS_PER_PAGE], now)
    return ProposalPage(tuple(rows), number, pages, total)


def proposal_detail(slug: str, number: int, now: datetime, viewer: str = "") -> ProposalDetail:
    """Return a submitted proposal with its results, ballots and timeline; raise NotFound."""
    community = community_named(slug)
    proposal = (
        community.proposals.submitted()
        .select_related("record", "tally_record", "decision_record", "execution_record")
        .filter(number=number)
        .first()
    )
    if proposal is None:
        raise NotFound("proposal_not_found", "there is no proposal with this number", field="number", found=number)
    proposal.community = community
    state = proposal.state(now)
    outcome = results(proposal, _counts([proposal])[proposal.pk])
    ballots = list(proposal.ballots.counting().order_by("-power", "voter_key")[:BALLOTS_SHOWN_MAX])
    own = _own_ballot(proposal, ballots, viewer)
    names = member_names(community, {proposal.author, proposal.canceled_by, *(ballot.voter for ballot in ballots)})
    options = method_named(proposal.method).options
    return ProposalDetail(
        community=community,
        proposal=proposal,
        state=state,
        rules=Rules.from_body(proposal.rules or {}),
        results=outcome,
        ballots=tuple(
            BallotRow(
                ballot,
                options[ballot.choice],
                names.get(ballot.voter, ""),
                _share(ballot.power, outcome.cast),
            )
            for ballot in ballots
        ),
        own_ballot=own,
        own_option=options[own.choice] if own else "",
        author_name=names.get(proposal.author, ""),
        timeline=timeline(proposal, now, names),
        may_vote=state in lifecycle.ALLOWED[lifecycle.Action.VOTE],
        may_withdraw=viewer == proposal.author and state in lifecycle.ALLOWED[lifecycle.Action.CANCEL],
        held_up=_held_up(proposal),
    )


def _held_up(proposal: Proposal) -> Event | None:
    """Return the refusal that holds a step up, when it is the newest thing that happened to the proposal."""
    newest = proposal.events.first()
    return newest if newest is not None and newest.kind in HOLD_UPS else None


def results(proposal: Proposal, count: Count) -> Results:
    """Judge the count of a submitted proposal with the one `decide`, or read the decision that was recorded."""
    method = method_named(proposal.method)
    rules = Rules.from_body(proposal.rules or {})
    total_supply = proposal.total_supply or 0
    outcome = decide(method, count, rules, total_supply)
    conditions, passed = outcome.conditions, outcome.passed
    if proposal.decision_record is not None:
        body = proposal.decision_record.body
        passed = body["passed"]
        conditions = tuple(
            Condition(item["condition"], item["holds"], int(item["found"]), int(item["needed"]))
            for item in body["conditions"]
        )
    quorum = next((condition for condition in conditions if condition.condition == "quorum"), None)
    quorum_left = max(0, quorum.needed - quorum.found) if quorum else 0
    width = max(1, count.cast + quorum_left)
    options: list[Option] = []
    start = 0
    # In favour is read first, everywhere; the others keep the order of the method.
    for choice, name in sorted(enumerate(method.options), key=lambda item: item[1] != "for"):
        power = count.totals[name]
        bar = power * BASIS_POINTS // width
        options.append(Option(name, choice, power, _share(power, count.cast), bar, start))
        start += bar
    return Results(
        options=tuple(options),
        cast=count.cast,
        ballot_count=count.ballot_count,
        total_supply=total_supply,
        conditions=conditions,
        passed=passed,
        final=proposal.passed is not None,
        quorum_left=quorum_left,
    )


def timeline(proposal: Proposal, now: datetime, names: Mapping[str, str]) -> tuple[Moment, ...]:
    """Return the steps of a proposal's life in order: what happened, then what is still to come."""
    steps = [
        ("submitted", proposal.submitted_at, names.get(proposal.author, proposal.author), ""),
        ("opens", proposal.opens_at, "", ""),
        ("closes", proposal.closes_at, "", ""),
        ("decided", proposal.decided_at, "", ""),
        ("queued", proposal.queued_at, "", ""),
        ("eta", proposal.eta, "", ""),
        ("executed", proposal.executed_at, "", ""),
    ]
    if proposal.canceled_at is not None:
        # What was still ahead when it was canceled will not come.
        steps = [step for step in steps if step[1] is not None and step[1] <= proposal.canceled_at]
        by = names.get(proposal.canceled_by, proposal.canceled_by)
        steps.append(("canceled", proposal.canceled_at, by, proposal.cancel_reason))
    elif proposal.executed_at is None and proposal.expires_at is not None:
        steps.append(("expires", proposal.expires_at, "", ""))
    return tuple(Moment(kind, at, at <= now, by, note) for kind, at, by, note in steps if at is not None)


def member_names(community: Community, addresses: Iterable[str]) -> dict[str, str]:
    """Return the names that the community knows these addresses by."""
    wanted = {address for address in addresses if address}
    return dict(Member.objects.filter(community=community, address__in=wanted).values_list("address", "name"))


def known_members() -> list[Member]:
    """Return every named member with the community: the accounts that the demo wallet offers."""
    return list(Member.objects.select_related("community").order_by("id"))


def name_of(address: str) -> str:
    """Return a name that some community knows an address by, or nothing."""
    return Member.objects.filter(address=address).values_list("name", flat=True).first() or ""


def drafts(community: Community, author: str) -> list[Proposal]:
    """Return the author's drafts in a community, newest first."""
    return list(
        community.proposals.filter(submitted_at__isnull=True, canceled_at__isnull=True, author=author).order_by(
            "-created_at"
        )
    )


def draft(slug: str, draft_id: int, author: str) -> Proposal:
    """Return the author's own draft; anybody else's is not found."""
    found = (
        Proposal.objects.select_related("community", "community__record")
        .filter(community__slug=slug, pk=draft_id, author=author, submitted_at__isnull=True, canceled_at__isnull=True)
        .first()
    )
    if found is None:
        raise NotFound("draft_not_found", "there is no draft of yours with this number", field="id", found=draft_id)
    return found


def receipt(digest: str) -> Receipt:
    """Return a ballot with the proof of its inclusion in the closed count; raise NotFound."""
    ballot = (
        Ballot.objects.select_related(
            "record", "proposal", "proposal__community", "proposal__tally_record", "proposal__record"
        )
        .filter(record__digest=digest)
        .first()
    )
    if ballot is None:
        raise NotFound("ballot_not_found", "there is no ballot with this receipt", field="digest", found=digest)
    proposal = ballot.proposal
    counting = ballot.superseded_at is None
    index: int | None = None
    proof: tuple[str, ...] = ()
    size, root, holds = 0, "", False
    if counting and proposal.tally_record is not None:
        rows = list(proposal.ballots.counting().values_list("pk", "record__canonical"))
        leaves = [canonical.encode() for _, canonical in rows]
        index, size = [pk for pk, _ in rows].index(ballot.pk), len(rows)
        proof = tuple(merkle.inclusion_proof(leaves, index))
        root = proposal.tally_record.body["ballots_root"]
        holds = merkle.verify_inclusion(leaves[index], index, size, proof, root)
    return Receipt(
        ballot=ballot,
        proposal=proposal,
        community=proposal.community,
        option=method_named(proposal.method).options[ballot.choice],
        voter_name=member_names(proposal.community, [ballot.voter]).get(ballot.voter, ""),
        counting=counting,
        index=index,
        size=size,
        proof=proof,
        root=root,
        proof_holds=holds,
    )


def _per_community(query: QuerySet[Any]) -> dict[int, int]:
    """Count the rows of each community, in one query."""
    counted = query.order_by().values("community_id").annotate(rows=SqlCount("pk"))
    return dict(counted.values_list("community_id", "rows"))


def _rows(community: Community, found: Iterable[Proposal], now: datetime) -> list[ProposalRow]:
    listed = list(found)
    counts = _counts(listed)
    names = member_names(community, {proposal.author for proposal in listed})
    rows = []
    for proposal in listed:
        proposal.community = community
        rows.append(
            ProposalRow(
                proposal,
                proposal.state(now),
                results(proposal, counts[proposal.pk]),
                names.get(proposal.author, ""),
            )
        )
    return rows


def _counts(listed: Sequence[Proposal]) -> dict[int, Count]:
    """Count each proposal: from its tally record when voting has closed, from its ballots (one query) before."""
    undecided = [proposal.pk for proposal in listed if proposal.tally_record is None]
    pairs: dict[int, list[tuple[int, int]]] = {pk: [] for pk in undecided}
    if undecided:
        ballots = Ballot.objects.filter(proposal__in=undecided, superseded_at__isnull=True)
        for proposal_id, choice, power in ballots.values_list("proposal_id", "choice", "power"):
            pairs[proposal_id].append((choice, power))
    counts = {}
    for proposal in listed:
        if proposal.tally_record is None:
            counts[proposal.pk] = method_named(proposal.method).count(pairs[proposal.pk])
        else:
            body = proposal.tally_record.body
            totals = {name: int(power) for name, power in body["totals"].items()}
            counts[proposal.pk] = Count(totals, body["ballot_count"])
    return counts


def _own_ballot(proposal: Proposal, shown: Iterable[Ballot], viewer: str) -> Ballot | None:
    if not viewer:
        return None
    for ballot in shown:
        if ballot.voter == viewer:
            ballot.proposal = proposal
            return ballot
    return proposal.ballots.counting().filter(voter=viewer).first()


def _share(part: int, whole: int) -> int:
    return part * BASIS_POINTS // whole if whole else 0
