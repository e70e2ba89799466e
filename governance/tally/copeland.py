"""Copeland's method as in Snapshot 0.17: every pair of choices is compared; most comparisons won wins. Pure.

Each choice has 2 points for a comparison won and 1 for a tie, and at most half a point for its support:
0.5 × (power that prefers it, over all comparisons) / ((choices - 1) × power cast). The support settles equal points and
can never overturn a comparison. Scores are the points scaled so that they sum to the power cast. Equal scores at the
top have no winner.
"""

from collections.abc import Hashable, Sequence
from fractions import Fraction

from governance.tally.base import Count, Sentence
from governance.tally.choices import full_ranking
from governance.tally.plural import most, places
from governance.tally.profile import Profile, ProfileMethod, totals

WIN, TIE = 2, 1


class Copeland(ProfileMethod):
    """A full ranking from each voter, compared pair by pair."""

    name = "copeland"
    label = "Copeland"
    description = "Each voter ranks all choices; the choice that wins the most one-to-one comparisons wins."
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the ranked positions, best first; raise InvalidChoice unless every choice is ranked once."""
        return full_ranking(choice, choices)

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Compare each pair."""
        preferred = [[0] * choices for _ in range(choices)]
        for ranking, group in profile.items():
            for rank, better in enumerate(ranking):
                row = preferred[better]
                for worse in ranking[rank + 1 :]:
                    row[worse] += group.power
        cast, valid = totals(profile)
        return copeland_count(preferred, cast, valid)


def copeland_count(preferred: Sequence[Sequence[int]], cast: int, valid: int) -> Count:
    """Return the count for a matrix of the power that prefers row over column."""
    choices = len(preferred)
    pairwise = tuple(tuple(row) for row in preferred)
    if not valid:
        winners, explanation = most([Fraction(0)] * choices, 0)
        return Count((Fraction(0),) * choices, (), 0, (), 0, 0, pairwise=pairwise, explanation=explanation)
    others = range(choices)
    wins = [sum(pairwise[one][two] > pairwise[two][one] for two in others) for one in others]
    ties = [sum(pairwise[one][two] == pairwise[two][one] for two in others if two != one) for one in others]
    points = [WIN * wins[one] + TIE * ties[one] for one in others]
    exact = [Fraction(points[one]) + Fraction(sum(pairwise[one]), 2 * (choices - 1) * cast) for one in others]
    whole = sum(exact)
    scores = tuple(point * cast / whole for point in exact)
    winners, explanation = most(scores, cast)
    if winners:
        explanation = (*explanation, _why(winners[0], points, wins, ties))
    return Count(scores, winners, valid, (), cast, cast, pairwise=pairwise, explanation=explanation)


def _why(winner: int, points: Sequence[int], wins: Sequence[int], ties: Sequence[int]) -> Sentence:
    """Say whether comparisons or support decided."""
    equals = [one for one, point in enumerate(points) if point == points[winner] and one != winner]
    if equals:
        return Sentence("copeland_support", {"choice": places([winner]), "choices": places(equals)})
    numbers = {"wins": str(wins[winner]), "ties": str(ties[winner]), "duels": str(len(points) - 1)}
    return Sentence("copeland_winner", {"choice": places([winner]), **numbers})
