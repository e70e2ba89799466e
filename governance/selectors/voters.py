"""Who voted how and why, and who has not: lists that stay fast with a million ballots.

A page reads the first rows of an order that an index has (most power, or newest), or the rows that a search names.
Filters look through so many of them and no more; the answer says when there were more. The audit bundle has everybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, IntegerField, OuterRef, Q, QuerySet

from governance.choices import RANKED, Part, parts_of
from governance.counting import Cast, Roll, Terms, touched_by, weigh
from governance.models import Ballot, CensusEntry, Member, Proposal, SealedBallot
from governance.sealed.facts import sealing_of
from governance.selectors.communities import member_names
from governance.selectors.results import Results, share
from governance.services.common import roll_of, terms_of

PER_PAGE = 50
# So many rows a page looks through, and so many a download: the first of the order that was chosen.
LOOKED_THROUGH_MAX = 5_000
DOWNLOADED_MAX = 100_000
NAMED_MAX = 500
AT_ONCE = 500
VOTED, MISSING = "voted", "missing"
BY_VOTES, BY_DATE = "votes", "date"


@dataclass(frozen=True)
class BallotRow:
    """A counting ballot as tables show it: what it weighs, and its share of what was cast."""

    ballot: Ballot
    parts: tuple[Part, ...]
    voter_name: str
    weight: int
    share_bps: int


@dataclass(frozen=True)
class AbsentRow:
    """Somebody who could vote and has not; `delegates` are those whom their power is lent to who have voted."""

    voter: str
    voter_name: str
    power: int
    house_power: int
    delegates: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wanted:
    """What a reader asks for. `choice` is the place of a choice from 1, or 0 for all."""

    who: str = VOTED
    search: str = ""
    choice: int = 0
    reasons: bool = False
    sort: str = BY_VOTES
    page: int = 1

    @property
    def filtered(self) -> bool:
        """Say whether anything narrows the list."""
        return bool(self.search or (self.who == VOTED and (self.choice or self.reasons)))


@dataclass(frozen=True)
class Turnout:
    """Addresses and power that voted, with what was lent to them, and that have not."""

    voted: int
    absent: int
    voted_power: int
    absent_power: int
    voted_bps: int
    absent_bps: int


@dataclass(frozen=True)
class VoterPage:
    """One page of a list. `is_cut`: there are more than were looked through (`looked_through`)."""

    wanted: Wanted
    ballots: tuple[BallotRow, ...]
    absent: tuple[AbsentRow, ...]
    number: int
    pages: int
    total: int
    looked_through: int
    is_cut: bool
    own: BallotRow | None


class Electorate:
    """What rows of one proposal are made of: the terms, and what the delegations do to weights; read when needed."""

    def __init__(self, proposal: Proposal, cast: int) -> None:
        """Take a submitted proposal and the power that was cast in it."""
        self.proposal = proposal
        self._cast = cast

    @cached_property
    def terms(self) -> Terms:
        """Return what the proposal froze."""
        return terms_of(self.proposal)

    @cached_property
    def roll(self) -> Roll | None:
        """Return the electorate; nothing while the census is taken."""
        return roll_of(self.proposal) if self.proposal.census_record_id is not None else None

    def is_simple(self, delegations_max: int) -> bool:
        """Say whether no more delegations than these hold here."""
        return self.roll is None or len(self.roll.edges) <= delegations_max

    @cached_property
    def _lent(self) -> Mapping[str, int]:
        """Return what the ballots of all weigh whom a delegation touches."""
        touched = touched_by(self.roll) if self.roll else ()
        if not self.roll or not touched:
            return {}
        voters = self.proposal.ballots.counting().filter(voter__in=touched).values_list("voter", "power")
        return weigh(self.roll, [Cast(voter, None, power) for voter, power in voters])

    def rows(self, ballots: Sequence[Ballot], names: Mapping[str, str] | None = None) -> tuple[BallotRow, ...]:
        """Return ballots as rows."""
        if names is None:
            names = member_names(self.proposal.community, {ballot.voter for ballot in ballots}) if ballots else {}
        return tuple(self._row(ballot, names) for ballot in ballots)

    def _row(self, ballot: Ballot, names: Mapping[str, str]) -> BallotRow:
        weight = self._lent.get(ballot.voter, int(ballot.power))
        parts = parts_of(self.terms.method, self.terms.choices, ballot.choice)
        return BallotRow(ballot, parts, names.get(ballot.voter, ""), weight, share(weight, self._cast))


def census_power(proposal: Proposal) -> int:
    """Return the power of all who could vote; 0 while the census is taken."""
    return int(proposal.census_record.body["total"]) if proposal.census_record else 0


def turnout(proposal: Proposal, results: Results) -> Turnout:
    """Return how many and how much have voted, of the census; no row is read for it but those without power."""
    if proposal.census_record is None:
        return Turnout(0, 0, 0, 0, 0, 0)
    body = proposal.census_record.body
    cast = _cast(proposal, results)
    outside = cast.filter(power=0, house_power=0).count()  # they vote with what is lent to them
    total, ballots, power = int(body["total"]), results.ballot_count, results.cast
    if results.sealed:  # what others lend is known once the ballots are opened
        ballots, power = cast.count(), sum(map(int, cast.values_list("power", flat=True)))
    voted = min(power, total)
    absent = max(0, body["count"] - (ballots - outside))
    return Turnout(ballots, absent, voted, total - voted, share(voted, total), share(total - voted, total))


def _cast(proposal: Proposal, results: Results) -> QuerySet[Any]:
    """Return the ballots that count, sealed ones while they are."""
    return (
        SealedBallot.objects.filter(proposal=proposal, superseded_at__isnull=True)
        if results.sealed
        else (proposal.ballots.counting())
    )


def voters(proposal: Proposal, results: Results, wanted: Wanted, viewer: str = "") -> VoterPage:
    """Return one page of who voted, or of who has not."""
    electorate = Electorate(proposal, results.cast)
    if wanted.who == MISSING:
        found, looked, is_cut = _absent_keys(proposal, wanted, LOOKED_THROUGH_MAX)
    elif wanted.filtered:
        found, looked, is_cut = _ballot_keys(electorate, wanted, LOOKED_THROUGH_MAX)
    else:
        return _all_ballots(electorate, results, wanted, viewer)
    number, pages = _place(wanted.page, len(found))
    shown = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    absent = _absent_rows(electorate, shown) if wanted.who == MISSING else ()
    ballots = electorate.rows(_by_key(proposal, shown)) if wanted.who == VOTED else ()
    own = _own(electorate, viewer)
    return VoterPage(wanted, ballots, absent, number, pages, len(found), looked, is_cut, own)


def downloaded(proposal: Proposal, results: Results, wanted: Wanted) -> tuple[Iterator[BallotRow | AbsentRow], bool]:
    """Return all rows that match, some hundreds at a time, and whether there are more than a download holds."""
    electorate = Electorate(proposal, results.cast)
    if wanted.who == MISSING:
        found, _looked, is_cut = _absent_keys(proposal, wanted, DOWNLOADED_MAX)
    else:
        found, _looked, is_cut = _ballot_keys(electorate, wanted, DOWNLOADED_MAX)

    def rows() -> Iterator[BallotRow | AbsentRow]:
        for start in range(0, len(found), AT_ONCE):
            part = found[start : start + AT_ONCE]
            if wanted.who == MISSING:
                yield from _absent_rows(electorate, part)
            else:
                yield from electorate.rows(_by_key(proposal, part))

    return rows(), is_cut


def newest_reasons(proposal: Proposal, shown: Iterable[Ballot], most: int) -> list[Ballot]:
    """Return the newest ballots with reasons among the last few hundred, without those that are shown already."""
    known = [ballot.pk for ballot in shown]
    newest = Ballot.objects.filter(pk__in=_ordered(proposal, BY_DATE).values("pk")[:AT_ONCE])
    found = list(newest.exclude(reason="").exclude(pk__in=known).order_by("-pk")[:most])
    for ballot in found:
        ballot.proposal = proposal
    return found


def _all_ballots(electorate: Electorate, results: Results, wanted: Wanted, viewer: str) -> VoterPage:
    """Return one page of all ballots: their number is known from the count."""
    proposal = electorate.proposal
    reach = min(results.ballot_count, LOOKED_THROUGH_MAX)
    number, pages = _place(wanted.page, reach)
    ballots = list(_ordered(proposal, wanted.sort)[(number - 1) * PER_PAGE : number * PER_PAGE])
    for ballot in ballots:
        ballot.proposal = proposal
    own = _own(electorate, viewer)
    is_cut = results.ballot_count > LOOKED_THROUGH_MAX
    return VoterPage(wanted, electorate.rows(ballots), (), number, pages, results.ballot_count, reach, is_cut, own)


def _own(electorate: Electorate, viewer: str) -> BallotRow | None:
    """Return the viewer's own ballot."""
    if not viewer:
        return None
    ballot = electorate.proposal.ballots.counting().filter(voter_key=viewer.lower()).first()
    return electorate.rows([ballot])[0] if ballot else None


_HAS_REASON = ExpressionWrapper(~Q(reason=""), output_field=BooleanField())


def _ordered(proposal: Proposal, sort: str) -> QuerySet[Ballot]:
    """Return the counting ballots in an order that an index has."""
    order = ("-id",) if sort == BY_DATE else ("-power", "voter_key")
    return Ballot.objects.filter(proposal=proposal, superseded_at__isnull=True).order_by(*order)


def _ballot_keys(electorate: Electorate, wanted: Wanted, most: int) -> tuple[list[int], int, bool]:
    """Return the keys of ballots that match, how many were looked through, and whether there are more."""
    rows = _ordered(electorate.proposal, wanted.sort)
    if wanted.search:
        # Read by the index of addresses, then put in order here: a search finds few.
        rows = rows.filter(_searched(electorate.proposal, wanted.search)).order_by("voter_key")
    columns = ["pk", "power", "_has_reason", *(["choice"] if wanted.choice else [])]
    looked = list(rows.annotate(_has_reason=_HAS_REASON).values_list(*columns)[: most + 1])
    is_cut = len(looked) > most
    if wanted.search:
        looked.sort(key=lambda row: -row[0] if wanted.sort == BY_DATE else -int(row[1]))
    named = _Named(electorate.terms, wanted.choice)
    kept = [
        pk
        for pk, _power, has_reason, *choice in looked[:most]
        if (has_reason or not wanted.reasons) and (not choice or named.names(choice[0]))
    ]
    return kept, len(looked[:most]), is_cut


class _Named:
    """Says whether a ballot names a choice: of a ranking, whether it is ranked first."""

    def __init__(self, terms: Terms, choice: int) -> None:
        self._terms = terms
        self._name = terms.choices[choice - 1] if 0 < choice <= len(terms.choices) else None

    def names(self, choice: Any) -> bool:  # noqa: ANN401 - any JSON
        """Return the answer."""
        parts = parts_of(self._terms.method, self._terms.choices, choice)
        if self._terms.method.name in RANKED:
            parts = parts[:1]
        return any(part.name == self._name for part in parts)


def _absent_keys(proposal: Proposal, wanted: Wanted, most: int) -> tuple[list[int], int, bool]:
    """Return the keys of census entries without a ballot, the largest first."""
    entries = CensusEntry.objects.filter(proposal=proposal, power__isnull=False).order_by("-power", "voter_key")
    is_sealed = sealing_of(proposal) is not None
    if wanted.search:
        entries = entries.filter(_searched(proposal, wanted.search)).order_by("voter_key")
    elif not is_sealed and (found := _absent_side_by_side(proposal, entries, most)) is not None:
        return found
    # A sealed vote has both kinds once it is opened, each by the same voters.
    kind: Any = SealedBallot if is_sealed else Ballot
    ballot = kind.objects.filter(
        proposal=OuterRef("proposal"), voter_key=OuterRef("voter_key"), superseded_at__isnull=True
    )
    # As a number, and power only where it is sorted by: converting thousands of values costs more than reading them.
    voted = Exists(ballot, output_field=IntegerField())
    columns = ["pk", "_voted", *(["power"] if wanted.search else [])]
    looked = list(entries.annotate(_voted=voted).values_list(*columns)[: most + 1])
    is_cut = len(looked) > most
    if wanted.search:
        looked.sort(key=lambda row: -int(row[2]))
    return [pk for pk, has_voted, *_power in looked[:most] if not has_voted], len(looked[:most]), is_cut


def _absent_side_by_side(
    proposal: Proposal, entries: QuerySet[CensusEntry], most: int
) -> tuple[list[int], int, bool] | None:
    """Do the same by reading census and ballots in their one order, without asking for the ballot of each entry.

    A ballot has the power of its voter's entry, so who of the first n entries has voted stands among the first n
    ballots. None where entries without power are reached: there ballots of people outside the census stand, too.
    """
    looked = list(entries.values_list("pk", "voter_key")[: most + 1])
    if looked and CensusEntry.objects.filter(pk=looked[-1][0], power=0).exists():
        return None
    voted = set(_ordered(proposal, BY_VOTES).values_list("voter_key", flat=True)[: len(looked)])
    seen = looked[:most]
    return [pk for pk, voter in seen if voter not in voted], len(seen), len(looked) > most


def _absent_rows(electorate: Electorate, keys: Sequence[int]) -> tuple[AbsentRow, ...]:
    entries = {entry.pk: entry for entry in CensusEntry.objects.filter(pk__in=keys)}
    shown = [entries[key] for key in keys if key in entries]
    edges = electorate.roll.edges if electorate.roll else ()
    voters = {entry.voter for entry in shown}
    lent = [edge for edge in edges if edge.delegator in voters]
    delegates = {edge.delegate for edge in lent}
    spoke = set()
    if delegates:
        ballots = electorate.proposal.ballots.counting().filter(voter__in=delegates)
        spoke = set(ballots.values_list("voter", flat=True))
    names = member_names(electorate.proposal.community, voters | spoke)
    return tuple(
        AbsentRow(
            entry.voter,
            names.get(entry.voter, ""),
            int(entry.power or 0),
            int(entry.house_power),
            tuple(
                (edge.delegate, names.get(edge.delegate, ""))
                for edge in lent
                if edge.delegator == entry.voter and edge.delegate in spoke
            ),
        )
        for entry in shown
    )


def _by_key(proposal: Proposal, keys: Sequence[int]) -> list[Ballot]:
    found = {ballot.pk: ballot for ballot in Ballot.objects.filter(pk__in=keys)}
    for ballot in found.values():
        ballot.proposal = proposal
    return [found[key] for key in keys if key in found]


def _searched(proposal: Proposal, search: str) -> Q:
    """Return who is meant by a part of a name, or by the beginning of an address."""
    named = Member.objects.filter(community=proposal.community, name__icontains=search).values_list(
        "address", flat=True
    )
    addresses = Q(voter_key__in=[address.lower() for address in named[:NAMED_MAX]])
    start = search.lower()
    if not start.startswith("0x") or not start.isascii():
        return addresses
    return addresses | Q(voter_key__gte=start, voter_key__lt=start + "g")


def _place(page: int, rows: int) -> tuple[int, int]:
    """Return the page that is shown, and how many there are."""
    pages = max(1, -(-rows // PER_PAGE))
    return min(max(page, 1), pages), pages
