"""Questions about proposals: lists, one with everything on its page, its timeline, and an author's drafts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from governance import lifecycle
from governance.choices import Part, parts_of
from governance.counting import Roll, weight_alone
from governance.deliberation import co_authors
from governance.eip712 import parse_address
from governance.errors import NotFound
from governance.models import Ballot, CoAuthor, Community, Event, GuardianVoice, Proposal
from governance.outcome import Rules
from governance.selectors.communities import community_named, member_names
from governance.selectors.results import Results, results
from governance.selectors.voters import BallotRow, Electorate, newest_reasons
from governance.services.common import charter_of, required_record, roll_of, terms_of
from governance.services.events import SAID
from governance.services.guardians import council_in_office
from governance.services.sponsors import sponsors_of
from governance.standing import standings
from governance.tally import Method

PROPOSALS_PER_PAGE = 20
# The largest ballots on the page of a proposal, and the newest reasons; the page of voters has all.
BALLOTS_SHOWN_MAX = 10
REASONS_SHOWN_MAX = 3
# What the sweeper and the worker note when a step that is due is refused; it is tried again until the proposal expires.
HOLD_UPS = frozenset({"step_refused", "snapshot_reorged", "chain_silent", "release_refused"})
OPEN_SHOWN_MAX = 6


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
class Person:
    """An address, and the name that the community knows it by."""

    address: str
    name: str


@dataclass(frozen=True)
class VoiceRow:
    """What a guardian said of a decision."""

    voice: GuardianVoice
    name: str


@dataclass(frozen=True)
class CensusProgress:
    """How far the census is: addresses whose power was read, of those found so far."""

    read: int
    found: int
    done: bool


@dataclass(frozen=True)
class Eligibility:
    """Whether an address may vote, and with how much: its own power, and what others' delegations add at most."""

    voter: str
    may_vote: bool
    power: int
    delegated: int
    house_power: int
    block: int | None
    census_done: bool
    reason: str


@dataclass(frozen=True)
class DraftToSponsor:
    """A draft that members may co-sign. `threshold` is the power that author and sponsors need together."""

    draft: Proposal
    author_name: str
    sponsors: tuple[Person, ...]
    threshold: int
    is_author: bool
    is_sponsor: bool


@dataclass(frozen=True)
class ProposalDetail:
    """All that the page of a proposal shows of governance."""

    community: Community
    proposal: Proposal
    state: lifecycle.State
    rules: Rules
    method: Method
    results: Results
    ballots: tuple[BallotRow, ...]
    reasons: tuple[BallotRow, ...]
    electorate: Electorate
    own_ballot: Ballot | None
    own_parts: tuple[Part, ...]
    author_name: str
    co_authors: tuple[Person, ...]
    timeline: tuple[Moment, ...]
    census: CensusProgress
    voices: tuple[VoiceRow, ...]
    sponsors: tuple[Person, ...]
    may_vote: bool
    may_withdraw: bool
    may_veto: bool
    may_pause: bool
    held_up: Event | None


def open_proposals(community: Community, now: datetime) -> list[ProposalRow]:
    """Return the proposals that can be voted on now, those that close first at the top."""
    active = community.proposals.in_state(lifecycle.State.ACTIVE, now).order_by("closes_at")
    return rows_of(community, active[:OPEN_SHOWN_MAX], now)


def recent_decisions(community: Community, now: datetime, limit: int = 5) -> list[ProposalRow]:
    """Return the proposals decided last."""
    decided = community.proposals.submitted().filter(closes_at__lte=now).order_by("-closes_at")
    return rows_of(community, decided[:limit], now)


def proposal_detail(
    slug: str, number: int, now: datetime, viewer: str = "", *, with_ballots: bool = True
) -> ProposalDetail:
    """Return a submitted proposal with its results, largest ballots and timeline; raise NotFound."""
    community = community_named(slug)
    proposal = (
        community.proposals.submitted()
        .select_related("record", "census_record", "tally_record", "count_so_far", "consultation__result")
        .filter(number=number)
        .first()
    )
    if proposal is None:
        raise NotFound("proposal_not_found", "there is no proposal with this number", field="number", found=number)
    proposal.community = community
    state = proposal.state(now)
    terms = terms_of(proposal)
    shown = _results([proposal])[proposal.pk]
    electorate = Electorate(proposal, shown.cast)
    largest = proposal.ballots.counting().order_by("-power", "voter_key")[:BALLOTS_SHOWN_MAX] if with_ballots else ()
    ballots = list(largest)
    own = _own_ballot(proposal, ballots, viewer)
    voices = tuple(proposal.guardian_voices.all())
    sponsors = tuple(backer["address"] for backer in proposal.record.body["sponsors"]) if proposal.record else ()
    together = tuple(co_authors.addresses_of(proposal))
    named = {proposal.author, proposal.canceled_by, *sponsors, *together, *(voice.guardian for voice in voices)}
    reasons = newest_reasons(proposal, ballots, REASONS_SHOWN_MAX) if ballots else []
    names = member_names(community, named | {ballot.voter for ballot in (*ballots, *reasons)})
    guardian = _is_guardian(community, viewer, now)
    spoken = {voice.action for voice in voices if voice.guardian == viewer}
    return ProposalDetail(
        community=community,
        proposal=proposal,
        state=state,
        rules=terms.rules,
        method=terms.method,
        results=shown,
        ballots=electorate.rows(ballots, names),
        reasons=electorate.rows(reasons, names),
        electorate=electorate,
        own_ballot=own,
        own_parts=parts_of(terms.method, terms.choices, own.choice) if own else (),
        author_name=names.get(proposal.author, ""),
        co_authors=tuple(Person(address, names.get(address, "")) for address in together),
        timeline=timeline(proposal, now, names, voices),
        census=_census_progress(proposal),
        voices=tuple(VoiceRow(voice, names.get(voice.guardian, "")) for voice in voices),
        sponsors=tuple(Person(address, names.get(address, "")) for address in sponsors),
        may_vote=state in lifecycle.ALLOWED[lifecycle.Action.VOTE],
        may_withdraw=viewer == proposal.author and state in lifecycle.ALLOWED[lifecycle.Action.CANCEL],
        may_veto=guardian and state in lifecycle.ALLOWED[lifecycle.Action.VETO] and GuardianVoice.VETO not in spoken,
        may_pause=guardian
        and state in lifecycle.ALLOWED[lifecycle.Action.PAUSE]
        and not any(voice.action == GuardianVoice.PAUSE for voice in voices),
        held_up=_held_up(proposal),
    )


def eligibility(proposal: Proposal, voter: str, roll: Roll | None = None) -> Eligibility:
    """Say whether an address may vote on a proposal, and with how much; raise AddressError for no address.

    `roll` is the electorate where the caller has read it already.
    """
    voter = parse_address(voter)
    done = proposal.census_record_id is not None
    entry = proposal.census.filter(voter_key=voter.lower()).first() if done else None
    power, house_power = (int(entry.power or 0), int(entry.house_power)) if entry else (0, 0)
    delegated = weight_alone(roll or roll_of(proposal), voter, power) - power if done else 0
    may_vote = bool(power or delegated or (house_power and terms_of(proposal).rules.objection_bps))
    reason = "" if may_vote else ("no_voting_power" if done else "census_pending")
    return Eligibility(voter, may_vote, power, delegated, house_power, proposal.snapshot_block, done, reason)


def _is_guardian(community: Community, viewer: str, now: datetime) -> bool:
    council = council_in_office(community, now) if viewer else None
    return council is not None and viewer in {member["address"] for member in council.members}


def _census_progress(proposal: Proposal) -> CensusProgress:
    if proposal.census_record is not None:
        count = proposal.census_record.body["count"]
        return CensusProgress(count, count, done=True)
    entries = proposal.census.all()
    return CensusProgress(entries.filter(power__isnull=False).count(), entries.count(), done=False)


def _held_up(proposal: Proposal) -> Event | None:
    """Return the refusal that holds a step up, when it is the newest thing that happened to the proposal."""
    newest = proposal.events.exclude(kind__in=SAID).first()
    return newest if newest is not None and newest.kind in HOLD_UPS else None


def timeline(
    proposal: Proposal, now: datetime, names: Mapping[str, str], voices: Sequence[GuardianVoice] = ()
) -> tuple[Moment, ...]:
    """Return the steps of a proposal's life in order: what happened, then what is still to come."""
    # While the census or keys are waited for, nobody knows when voting opens once that moment has passed.
    unknown = proposal.census_at is None and proposal.opens_at is not None and proposal.opens_at <= now
    opens_at, closes_at = (None, None) if unknown else (proposal.opens_at, proposal.closes_at)
    steps: list[tuple[str, datetime | None, str, str]] = [
        ("submitted", proposal.submitted_at, names.get(proposal.author, proposal.author), ""),
        ("census", proposal.census_at, "", ""),
        ("opens", opens_at, "", ""),
        ("closes", closes_at, "", ""),
        ("decided", proposal.decided_at, "", ""),
        ("queued", proposal.queued_at, "", ""),
        *((voice.action, voice.at, names.get(voice.guardian, voice.guardian), voice.reason) for voice in voices),
        ("eta", proposal.eta, "", ""),
        ("pause_ends", proposal.paused_until, "", ""),
        ("executed", proposal.executed_at, "", ""),
    ]
    stopped = proposal.vetoed_at or proposal.canceled_at
    if stopped is not None:
        # What was still ahead when it was stopped will not come.
        steps = [step for step in steps if step[1] is not None and step[1] <= stopped]
    if proposal.vetoed_at is not None:
        steps.append(("vetoed", proposal.vetoed_at, "", ""))
    elif proposal.canceled_at is not None:
        by = names.get(proposal.canceled_by, proposal.canceled_by)
        steps.append(("canceled", proposal.canceled_at, by, proposal.cancel_reason))
    elif proposal.executed_at is None and proposal.expires_at is not None:
        steps.append(("expires", proposal.expires_at, "", ""))
    return tuple(Moment(kind, at, at <= now, by, note) for kind, at, by, note in steps if at is not None)


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


def draft_to_write(slug: str, draft_id: int, writer: str) -> Proposal:
    """Return a draft that somebody may edit: its author, and who writes it with them; anybody else's is not found."""
    together = CoAuthor.objects.filter(address=writer, accepted_at__isnull=False, ended_at__isnull=True)
    found = (
        Proposal.objects.select_related("community", "community__record")
        .filter(community__slug=slug, pk=draft_id, submitted_at__isnull=True, canceled_at__isnull=True)
        .filter(Q(author=writer) | Q(pk__in=together.values("proposal")))
        .first()
    )
    if found is None:
        raise NotFound("draft_not_found", "there is no draft of yours with this number", field="id", found=draft_id)
    return found


def draft_to_sponsor(slug: str, draft_id: int, viewer: str) -> DraftToSponsor:
    """Return a draft whose author seeks sponsors, with those it has; raise NotFound."""
    found = (
        Proposal.objects.select_related("community", "community__charter")
        .filter(community__slug=slug, pk=draft_id, submitted_at__isnull=True, canceled_at__isnull=True)
        .filter(Q(seeks_sponsors=True) | Q(author=viewer))
        .first()
    )
    if found is None:
        raise NotFound("draft_not_found", "there is no draft with this number that seeks sponsors", found=draft_id)
    backers = sponsors_of(found)
    names = member_names(found.community, {found.author, *(backer.sponsor for backer in backers)})
    return DraftToSponsor(
        draft=found,
        author_name=names.get(found.author, ""),
        sponsors=tuple(Person(backer.sponsor, names.get(backer.sponsor, "")) for backer in backers),
        threshold=charter_of(found.community).rules_of(found.kind).proposal_threshold,
        is_author=viewer == found.author,
        is_sponsor=viewer in {backer.sponsor for backer in backers},
    )


def drafts_seeking_sponsors(community: Community) -> list[Proposal]:
    """Return the drafts whose authors ask the members to co-sign, the newest first."""
    seeking = community.proposals.filter(submitted_at__isnull=True, canceled_at__isnull=True, seeks_sponsors=True)
    return list(seeking.order_by("-created_at")[:PROPOSALS_PER_PAGE])


def rows_of(community: Community, found: QuerySet[Proposal], now: datetime) -> list[ProposalRow]:
    """Return proposals of one community as lists show them, with how they stand."""
    together = found.select_related("record", "census_record", "count_so_far")
    listed = list(together.defer("count_so_far__over_time"))
    shown = _results(listed)
    names = member_names(community, {proposal.author for proposal in listed})
    rows = []
    for proposal in listed:
        proposal.community = community
        author_name = names.get(proposal.author, "")
        rows.append(ProposalRow(proposal, proposal.state(now), shown[proposal.pk], author_name))
    return rows


def _results(listed: Sequence[Proposal]) -> dict[int, Results]:
    found = standings(listed)
    return {
        proposal.pk: results(found[proposal.pk], required_record(proposal.record).body["snapshot"])
        for proposal in listed
    }


def _own_ballot(proposal: Proposal, shown: Iterable[Ballot], viewer: str) -> Ballot | None:
    if not viewer:
        return None
    for ballot in shown:
        if ballot.voter == viewer:
            ballot.proposal = proposal
            return ballot
    return proposal.ballots.counting().filter(voter=viewer).first()
