"""Single transferable vote for several seats, by the weighted inclusive Gregory method, exact. Pure.

The rules are those of the Scottish Local Government Elections Order 2007 (schedule 1, part III), with three
differences: votes are units of voting power; transfer values are exact fractions instead of five decimals; a lot is
never drawn.

1. The quota is floor(power cast / (seats + 1)) + 1. Each ballot counts for its first choice.
2. Who has the quota is elected, the strongest first.
3. If as many choices remain as seats, all of them are elected.
4. The largest surplus (power above the quota) passes on: every ballot of that pile goes to its next remaining choice at
   its value × surplus / power of the pile. Ballots without a next choice are exhausted.
5. Without a surplus the weakest choice is eliminated and its ballots pass on at their value.
Ties in 4 and 5 look back at earlier rounds, the latest first: the stronger one there has its surplus passed on first,
the weaker one there is eliminated. If they were always equal, the choice that comes first in the list is taken.

A transfer value whose denominator has more than FACTOR_BITS_MAX bits is rounded down to FACTOR_PLACES binary places, so
that an election with many seats stays readable; what is lost counts as exhausted.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from governance.tally.base import Count, InvalidChoice, InvalidSeats, Round, Sentence, readable_text
from governance.tally.choices import indices
from governance.tally.plural import places
from governance.tally.profile import Profile, ProfileMethod, nothing_cast, totals

FACTOR_BITS_MAX = 1024
FACTOR_PLACES = 256
SEATS_MAX = 100

Ranking = tuple[int, ...]


class SingleTransferableVote(ProfileMethod):
    """A ranking of some or all choices from each voter, and several seats."""

    name = "stv"
    label = "Single transferable vote"
    description = "Each voter ranks as many choices as they like; several seats are filled in proportion."
    tie_rule = "earlier_rounds_then_lowest_position"
    structured = True
    elects_many = True

    def check_choices(self, choices: Sequence[str], seats: int = 1) -> None:
        """Raise InvalidSeats unless there is at least one seat and a choice for each."""
        super().check_choices(choices, seats)
        if type(seats) is not int or not 1 <= seats <= min(len(choices), SEATS_MAX):
            raise InvalidSeats(seats, f"1 to {min(len(choices), SEATS_MAX)} seats")

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the ranked positions, best first; raise InvalidChoice unless at least one is ranked, none twice."""
        allowed = f"a list of one or more different whole numbers from 1 to {choices}, best first"
        ranking = indices(choice, choices, allowed)
        if not ranking:
            raise InvalidChoice(choice, allowed)
        return ranking

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Hold the rounds of the election."""
        cast, valid = totals(profile)
        if not valid:
            return Count((Fraction(0),) * choices, (), 0, (), 0, 0, explanation=nothing_cast())
        election = _Election(choices, seats, cast)
        for ranking, group in profile.items():
            election.give(ranking, group.power, Fraction(1))
        election.hold()
        return Count(
            tuple(election.scores()),
            tuple(election.elected),
            valid,
            (),
            cast,
            cast,
            rounds=tuple(election.rounds),
            explanation=tuple(election.told),
        )


@dataclass
class _Parcel:
    """Ballots of one pile that share a value."""

    power: int = 0
    ballots: list[tuple[Ranking, int]] = field(default_factory=list)


class _Election:
    """The piles of ballots, and what happened to them."""

    def __init__(self, choices: int, seats: int, cast: int) -> None:
        self.seats = seats
        self.cast = cast
        self.quota = cast // (seats + 1) + 1
        self.remaining = list(range(choices))
        self.elected: list[int] = []
        self.surplus_waits: list[int] = []
        self.piles: list[dict[Fraction, _Parcel]] = [defaultdict(_Parcel) for _ in range(choices)]
        self.kept: dict[int, Fraction] = {}
        self.exhausted = Fraction(0)
        self.rounds: list[Round] = []
        self.told: list[Sentence] = []

    def give(self, ranking: Ranking, power: int, value: Fraction) -> bool:
        """Put ballots on the pile of their first remaining choice; say whether there is one."""
        for position in ranking:
            if position in self.remaining:
                parcel = self.piles[position][value]
                parcel.power += power
                parcel.ballots.append((ranking, power))
                return True
        return False

    def scores(self) -> list[Fraction]:
        """Return the power of each choice; who was elected and has passed a surplus on keeps the quota."""
        return [
            self.kept.get(position, sum((value * parcel.power for value, parcel in pile.items()), Fraction(0)))
            for position, pile in enumerate(self.piles)
        ]

    def hold(self) -> None:
        """Go round by round until the seats are filled."""
        quota = {"quota": str(self.quota), "total": str(self.cast), "seats": str(self.seats)}
        self.told.append(Sentence("stv_quota", quota))
        while True:
            number, scores, exhausted = len(self.rounds) + 1, self.scores(), self.exhausted
            elected = self._elect(number, scores)
            finished = len(self.elected) == self.seats
            eliminated: tuple[int, ...] = () if finished else self._pass_on(number, scores)
            received = [Fraction(0)] * len(scores)
            if not finished:
                received = [max(Fraction(0), new - old) for new, old in zip(self.scores(), scores, strict=True)]
            self.rounds.append(Round(number, tuple(scores), elected, eliminated, tuple(received), exhausted))
            if finished:
                return

    def _elect(self, number: int, scores: list[Fraction]) -> tuple[int, ...]:
        """Elect who reaches the quota, then everybody if no more remain than seats."""
        strongest = sorted(self.remaining, key=lambda position: (-scores[position], position))
        reached = [position for position in strongest if scores[position] >= self.quota]
        filled: list[int] = []
        if len(self.remaining) - len(reached) <= self.seats - len(self.elected) - len(reached):
            filled = [position for position in strongest if position not in reached]
        for key, positions in (("stv_elected", reached), ("stv_filled", filled)):
            for position in positions:
                values = {"round": str(number), "choice": places([position]), "score": readable_text(scores[position])}
                self.told.append(Sentence(key, values))
        elected = reached + filled
        self.elected += elected
        self.remaining = [position for position in self.remaining if position not in elected]
        self.surplus_waits += [position for position in reached if scores[position] > self.quota]
        return tuple(elected)

    def _pass_on(self, number: int, scores: list[Fraction]) -> tuple[int, ...]:
        """Pass on the largest surplus, or eliminate the weakest; return who was eliminated."""
        if self.surplus_waits:
            strongest = self._pick(number, self.surplus_waits, scores, max)
            self.surplus_waits.remove(strongest)
            surplus = scores[strongest] - self.quota
            values = {"round": str(number), "choice": places([strongest]), "surplus": readable_text(surplus)}
            self.told.append(Sentence("stv_surplus", values))
            self.kept[strongest] = Fraction(self.quota)
            self._move(strongest, surplus, _rounded(surplus / scores[strongest]))
            return ()
        weakest = self._pick(number, self.remaining, scores, min)
        self.remaining.remove(weakest)
        values = {"round": str(number), "choice": places([weakest]), "score": readable_text(scores[weakest])}
        self.told.append(Sentence("stv_eliminated", values))
        self._move(weakest, scores[weakest], Fraction(1))
        return (weakest,)

    def _move(self, position: int, power: Fraction, factor: Fraction) -> None:
        """Move all ballots of a pile to their next choices at their value times `factor`; the rest is exhausted."""
        pile, self.piles[position] = self.piles[position], defaultdict(_Parcel)
        moved = Fraction(0)
        for value, parcel in pile.items():
            passed = value * factor
            given = sum(weight for ranking, weight in parcel.ballots if self.give(ranking, weight, passed))
            moved += passed * given
        self.exhausted += power - moved

    def _pick(
        self,
        number: int,
        positions: Sequence[int],
        scores: list[Fraction],
        extreme: Callable[[Iterable[Fraction]], Fraction],
    ) -> int:
        """Return the strongest or weakest of these; equals are told apart by earlier rounds, then by position."""
        wanted = extreme(scores[position] for position in positions)
        equal = [position for position in positions if scores[position] == wanted]
        if len(equal) == 1:
            return equal[0]
        values = {"round": str(number), "choices": places(sorted(equal))}
        for earlier in reversed(self.rounds):
            wanted = extreme(earlier.scores[position] for position in equal)
            equal = [position for position in equal if earlier.scores[position] == wanted]
            if len(equal) == 1:
                self.told.append(Sentence("stv_tie_earlier", {**values, "choice": places(equal)}))
                return equal[0]
        picked = min(equal)
        self.told.append(Sentence("stv_tie_position", {**values, "choice": places([picked])}))
        return picked


def _rounded(factor: Fraction) -> Fraction:
    """Return a transfer factor, rounded down if it is too long to be carried on exactly."""
    if factor.denominator.bit_length() <= FACTOR_BITS_MAX:
        return factor
    return Fraction((factor.numerator << FACTOR_PLACES) // factor.denominator, 1 << FACTOR_PLACES)
