"""Instant run-off as in Snapshot: every voter ranks every choice; the weakest falls until one has a majority. Pure.

A round counts each ballot for its first remaining choice. It is the last if one choice has more than half, or if fewer
than three remain. Otherwise one choice falls: the one with the least, and among equals the one that comes first in the
list. The scores are those of the last round; who fell has 0. If the last two are equal there is no winner.
"""

from collections.abc import Hashable, Sequence
from fractions import Fraction

from governance.tally.base import Count, Round, Sentence, whole_text
from governance.tally.choices import full_ranking
from governance.tally.plural import places
from governance.tally.profile import Profile, ProfileMethod, nothing_cast, totals

LAST_TWO = 2


class RankedChoice(ProfileMethod):
    """A full ranking from each voter."""

    name = "ranked-choice"
    label = "Ranked choice"
    description = "Each voter ranks all choices; the weakest choice is eliminated until one has more than half."
    tie_rule = "lowest_position_eliminated"
    structured = True

    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the ranked positions, best first; raise InvalidChoice unless every choice is ranked once."""
        return full_ranking(choice, choices)

    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Eliminate until somebody has more than half, or two remain."""
        cast, valid = totals(profile)
        if not valid:
            return Count((Fraction(0),) * choices, (), 0, (), 0, 0, explanation=nothing_cast())
        piles: list[list[tuple[tuple[int, ...], int]]] = [[] for _ in range(choices)]
        scores = [0] * choices
        for ranking, group in profile.items():
            piles[ranking[0]].append((ranking, group.power))
            scores[ranking[0]] += group.power
        remaining = list(range(choices))
        rounds: list[Round] = []
        told: list[Sentence] = []
        while len(remaining) > LAST_TWO and 2 * max(scores) <= cast:
            least = min(scores[position] for position in remaining)
            weakest = [position for position in remaining if scores[position] == least]
            fallen = weakest[0]
            before = tuple(scores)
            remaining.remove(fallen)
            scores[fallen] = 0
            moved, piles[fallen] = piles[fallen], []
            for ranking, power in moved:
                heir = next(position for position in ranking if position in remaining)
                piles[heir].append((ranking, power))
                scores[heir] += power
            told.append(_eliminated(len(rounds) + 1, weakest, least))
            received = [max(0, after - earlier) for after, earlier in zip(scores, before, strict=True)]
            rounds.append(_round(len(rounds) + 1, before, eliminated=(fallen,), received=received))
        winners = tuple(position for position in remaining if 2 * scores[position] > cast)
        rounds.append(_round(len(rounds) + 1, scores, elected=winners, received=[0] * choices))
        told.append(_ending(len(rounds), scores, remaining, winners, cast))
        return Count(
            tuple(Fraction(score) for score in scores),
            winners,
            valid,
            (),
            cast,
            cast,
            rounds=tuple(rounds),
            explanation=tuple(told),
        )


def _round(
    number: int,
    scores: Sequence[int],
    *,
    received: Sequence[int],
    elected: tuple[int, ...] = (),
    eliminated: tuple[int, ...] = (),
) -> Round:
    """Write a round down; full rankings never exhaust."""
    return Round(
        number=number,
        scores=tuple(Fraction(score) for score in scores),
        elected=elected,
        eliminated=eliminated,
        transferred=tuple(Fraction(power) for power in received),
        exhausted=Fraction(0),
    )


def _eliminated(number: int, weakest: Sequence[int], least: int) -> Sentence:
    values = {"round": str(number), "choice": places(weakest[:1]), "score": whole_text(least)}
    if len(weakest) == 1:
        return Sentence("irv_eliminated", values)
    return Sentence("irv_tie_eliminated", {**values, "choices": places(weakest)})


def _ending(
    number: int, scores: Sequence[int], remaining: Sequence[int], winners: Sequence[int], cast: int
) -> Sentence:
    if winners:
        values = {"choice": places(winners), "score": whole_text(scores[winners[0]]), "total": whole_text(cast)}
        return Sentence("irv_majority", {"round": str(number), **values})
    values = {"choices": places(remaining), "score": whole_text(scores[remaining[0]])}
    return Sentence("irv_last_two_tie", {"round": str(number), **values})
