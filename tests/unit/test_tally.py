"""Every voting method: its laws, its text-book polls counted by hand, and what it refuses."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.tally import (
    METHODS,
    InvalidChoice,
    InvalidChoices,
    Sentence,
    UnknownMethod,
    exact_text,
    method_named,
)
from governance.tally.base import readable_text, shown, whole_text
from governance.tally.columns import Columns, count_columns, limbs, to_columns
from governance.tally.sentences import SENTENCES

CHOICES = 4
CHOICES_OF = {"governor": 3, "fractional": 3, "basic": 3}
POWER = st.one_of(st.integers(1, 5), st.integers(min_value=1, max_value=2**208 - 1))
POWER_CONSERVED = ("governor", "basic", "single-choice", "weighted", "quadratic", "ranked-choice", "copeland")
NEUTRAL = ("basic", "single-choice", "approval", "weighted", "quadratic", "copeland")
NOT_CHOICES = (None, True, 1.0, "1", -1, 99, [[]], {"1": 1.5}, {"01": 1}, ["1"], [1, 1], [True], {"1": -1}, object())
law = settings(max_examples=25)
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def choices_of(method):
    return CHOICES_OF.get(method.name, CHOICES)


def choice_for(method):
    """Valid choices of a method."""
    name, places = method.name, list(range(1, choices_of(method) + 1))
    rankings = st.permutations(places)
    if name in ("governor", "fractional"):
        return st.integers(0, 2)
    if not method.structured:
        return st.sampled_from(places)
    if name in ("weighted", "quadratic"):
        weight = st.one_of(
            st.integers(1, 9), st.decimals("0.1", "9", places=2), st.fractions("1/9", 9, max_denominator=9)
        )
        return st.dictionaries(st.sampled_from([str(place) for place in places]), weight, min_size=1)
    if name in ("ranked-choice", "copeland"):
        return rankings
    return st.tuples(rankings, st.integers(name == "stv", len(places))).map(lambda drawn: drawn[0][: drawn[1]])


def ballots_for(method, **size):
    return st.lists(st.tuples(choice_for(method), POWER), **{"max_size": 12, **size})


def count(name, ballots, choices=CHOICES, seats=1):
    return METHODS[name].count(ballots, CHOICES_OF.get(name, choices), seats)


def scores(counted):
    return [exact_text(score) for score in counted.scores]


def keys(counted):
    return [sentence.key for sentence in counted.explanation]


# --- laws of every method ---


@every_method
@law
@given(data=st.data())
def test_the_order_of_ballots_does_not_matter(method, data):
    ballots = data.draw(ballots_for(method))
    shuffled = data.draw(st.permutations(ballots))
    assert method.count(shuffled, choices_of(method)) == method.count(ballots, choices_of(method))


@every_method
@law
@given(data=st.data(), factor=st.integers(2, 10**18))
def test_scaling_every_power_scales_every_score_and_changes_no_winner(method, data, factor):
    ballots = data.draw(ballots_for(method))
    once = method.count(ballots, choices_of(method))
    scaled = method.count([(choice, power * factor) for choice, power in ballots], choices_of(method))
    if method.name == "stv":  # the quota is a whole number of units, so finer units move it
        assert scaled.rounds[:1] == () or scaled.rounds[0].scores == tuple(
            score * factor for score in once.rounds[0].scores
        )
    elif method.name == "quadratic":  # roots are rounded
        for before, after in zip(once.scores, scaled.scores, strict=True):
            assert abs(before * factor - after) <= Fraction(after + 1, 2**30)
    else:
        assert scaled.scores == tuple(score * factor for score in once.scores)
        assert scaled.winners == once.winners


@every_method
@law
@given(data=st.data())
def test_power_is_conserved(method, data):
    ballots = data.draw(ballots_for(method))
    counted = method.count(ballots, choices_of(method))
    assert counted.cast == sum(power for _, power in ballots)
    assert counted.valid == len(ballots)
    assert 0 <= counted.quorum_power <= counted.cast
    if method.name in POWER_CONSERVED:
        assert sum(counted.scores) == (counted.cast if ballots else 0)
    for held in counted.rounds:
        assert sum(held.scores) + held.exhausted == counted.cast


@every_method
@law
@given(data=st.data(), bad=st.lists(st.sampled_from(NOT_CHOICES), max_size=5))
def test_invalid_ballots_are_counted_apart_and_change_nothing(method, data, bad):
    good = data.draw(ballots_for(method))
    bad = [choice for choice in bad if not is_valid(method, choice)]
    mixed = data.draw(st.permutations([*good, *((choice, 10**30) for choice in bad), (good[0][0] if good else 1, 0)]))
    alone, counted = method.count(good, choices_of(method)), method.count(mixed, choices_of(method))
    assert len(counted.invalid) == len(bad) + 1
    assert all(refused.reason for refused in counted.invalid)
    assert [refused.position for refused in counted.invalid] == sorted(refused.position for refused in counted.invalid)
    assert (counted.scores, counted.winners, counted.rounds) == (alone.scores, alone.winners, alone.rounds)
    assert (counted.valid, counted.cast, counted.quorum_power) == (alone.valid, alone.cast, alone.quorum_power)
    assert keys(counted) == [*keys(alone), "invalid"]


@pytest.mark.parametrize("method", [m for m in METHODS.values() if m.name != "quadratic"], ids=lambda m: m.name)
@law
@given(data=st.data())
def test_splitting_a_ballot_in_two_of_the_same_choice_changes_nothing(method, data):
    ballots = data.draw(ballots_for(method, min_size=1))
    choice, power = ballots[0]
    split = [(choice, power), (choice, power + 1), *ballots[1:]]
    whole = [(choice, 2 * power + 1), *ballots[1:]]
    apart, together = method.count(split, choices_of(method)), method.count(whole, choices_of(method))
    assert (apart.scores, apart.winners, apart.rounds) == (together.scores, together.winners, together.rounds)


def test_splitting_a_ballot_raises_a_quadratic_score_which_is_why_it_needs_known_people():
    whole = count("quadratic", [({"1": 1}, 100), ({"2": 1}, 100)])
    split = count("quadratic", [({"1": 1}, 50), ({"1": 1}, 50), ({"2": 1}, 100)])
    assert whole.winners == ()
    assert split.winners == (0,)
    assert split.scores[0] > whole.scores[0]


@pytest.mark.parametrize("name", NEUTRAL)
@law
@given(data=st.data())
def test_exchanging_two_choices_exchanges_their_scores(name, data):
    method = METHODS[name]
    ballots = data.draw(ballots_for(method))
    swapped = [(swap(choice), power) for choice, power in ballots]
    one, two = method.count(ballots, choices_of(method)), method.count(swapped, choices_of(method))
    assert (one.scores[1], one.scores[0], *one.scores[2:]) == two.scores
    assert tuple({0: 1, 1: 0}.get(winner, winner) for winner in one.winners) == two.winners


@every_method
@law
@given(data=st.data())
def test_a_winner_has_more_than_anybody_else(method, data):
    counted = method.count(data.draw(ballots_for(method)), choices_of(method))
    if method.elects_many or not counted.winners:
        return
    (winner,) = counted.winners
    others = counted.scores[:2] if method.name in ("governor", "fractional", "basic") else counted.scores
    assert all(counted.scores[winner] > score for place, score in enumerate(others) if place != winner)


@every_method
def test_a_poll_without_ballots_has_no_winner_and_says_so(method):
    counted = method.count([], choices_of(method))
    assert (counted.winners, counted.valid, counted.cast, set(counted.scores)) == ((), 0, 0, {0})
    assert keys(counted) == ["nothing_cast"]


@every_method
@pytest.mark.parametrize(
    "choice", [None, True, 1.0, "1", -1, 99, b"1", {"x": 1}, [0], [99], [1, 1], ["1"], [1.0], [True]]
)
def test_a_choice_that_is_none_is_refused_with_what_is_allowed(method, choice):
    with pytest.raises(InvalidChoice, match="allowed") as refused:
        method.validate(choice, choices_of(method))
    assert refused.value.found is choice


@every_method
@pytest.mark.parametrize("power", [0, -1, 1.0, "1", True, None])
def test_power_is_a_positive_integer(method, power):
    counted = method.count([(1, power)], choices_of(method))
    assert (counted.valid, counted.invalid[0].position) == (0, 0)
    assert "positive integer" in counted.invalid[0].reason


@every_method
def test_names_are_two_or_more_and_different(method):
    for names in ([], ["one"], ["one", "one"], ["one", " "], ["one", "one", "two"], ["one", 2, "three"]):
        with pytest.raises(InvalidChoices):
            method.check_choices(names)
    method.check_choices(["one", "two", "three"])


@every_method
@pytest.mark.parametrize("seats", [0, -1, 4, True, "1", 1.0, None])
def test_seats_are_one_or_with_stv_as_many_as_choices_at_most(method, seats):
    with pytest.raises(InvalidChoices):
        method.check_choices(["one", "two", "three"], seats)


@every_method
def test_a_method_says_what_it_is(method):
    assert METHODS[method.name] is method_named(method.name) is method
    assert method.label
    assert method.description.endswith(".")
    assert method.tie_rule in {
        "tie_fails",
        "no_winner",
        "lowest_position_eliminated",
        "earlier_rounds_then_lowest_position",
    }
    assert method.reduced(1, 10, 5) == 1


@pytest.mark.parametrize("name", ["loudest", "", None, ["governor"]])
def test_an_unknown_method_is_refused_never_replaced(name):
    with pytest.raises(UnknownMethod):
        method_named(name)


# --- for and against ---


@pytest.mark.parametrize(
    ("ballots", "winners"),
    [
        ([(1, 101), (0, 100), (2, 500)], (1,)),
        ([(1, 100), (0, 101), (2, 500)], (0,)),
        ([(1, 100), (0, 100), (2, 500)], ()),
        ([(2, 500)], ()),
        ([(1, 3 * 10**62 + 1), (0, 3 * 10**62)], (1,)),
    ],
)
@pytest.mark.parametrize("name", ["governor", "fractional"])
def test_governor_counting_follows_openzeppelin(name, ballots, winners):
    counted = count(name, ballots)
    powers = dict(ballots)
    assert counted.winners == winners
    assert counted.scores == tuple(powers.get(code, 0) for code in (0, 1, 2))
    assert counted.quorum_power == powers.get(1, 0) + powers.get(2, 0)


@pytest.mark.parametrize(
    ("ballots", "winners", "key"),
    [
        ([(1, 3), (2, 2), (3, 9)], (0,), "binary_for"),
        ([(1, 2), (2, 3)], (1,), "binary_against"),
        ([(1, 2), (2, 2), (3, 1)], (), "binary_tie"),
    ],
)
def test_basic_counts_every_ballot_to_the_quorum_and_a_tie_fails(ballots, winners, key):
    counted = count("basic", ballots)
    assert (counted.winners, keys(counted)) == (winners, [key])
    assert counted.quorum_power == counted.cast == sum(power for _, power in ballots)


def test_fractional_amounts_are_absolute_and_the_rest_is_not_placed():
    counted = count("fractional", [({"0": "3", "1": 5}, 10), (1, 4), ({"2": "1"}, 1)])
    assert (scores(counted), counted.winners, counted.quorum_power, counted.cast) == (["3", "9", "1"], (1,), 10, 15)
    assert counted.explanation[-1].text == "2 of the power of these ballots was not placed."


@pytest.mark.parametrize(
    "choice",
    [{}, {"0": 0}, {"1": "11"}, {"0": 6, "1": 5}, {"3": 1}, {"1": "01"}, {"1": "1.5"}, {"1": -1}, {1: 1}, {"1": "١"}],
)
def test_fractional_amounts_beyond_the_power_or_unreadable_are_refused(choice):
    counted = count("fractional", [(choice, 10), (0, 1)])
    assert (counted.valid, len(counted.invalid)) == (1, 1)


def test_fractional_amounts_shrink_with_the_power_and_never_to_nothing():
    reduced = METHODS["fractional"].reduced
    assert reduced({"0": "30", "1": "60"}, 100, 50) == {"0": "15", "1": "30"}
    assert reduced({"0": "1", "1": "2"}, 100, 10) == {"1": "1"}
    assert reduced({"0": "1", "1": "2"}, 100, 100) == {"0": "1", "1": "2"}
    assert reduced(1, 100, 1) == 1


# --- many choices ---


def test_approval_gives_each_choice_the_full_power_and_a_blank_is_valid():
    counted = count("approval", [([1, 2], 10), ([2], 4), ([], 7), ([1, 1], 7)], 3)
    assert (scores(counted), counted.winners, counted.valid, counted.quorum_power) == (["10", "14", "0"], (1,), 3, 21)


def test_weighted_shares_are_exact_thirds():
    counted = count("weighted", [({"1": 1, "2": 2}, 10), ({"3": Decimal("0.5"), "1": Fraction(1, 2)}, 3)])
    assert scores(counted) == ["29/6", "20/3", "1.5", "0"]
    assert counted.winners == (1,)


def test_weights_in_the_same_proportion_are_the_same_ballot():
    forms = [{"1": 1, "2": 3}, {"1": 2, "2": 6, "4": 0}, {"1": Decimal("0.1"), "2": Decimal("0.3")}]
    assert len({METHODS["weighted"].canonical(form, CHOICES) for form in forms}) == 1


@pytest.mark.parametrize(
    "weight", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e9999"), Decimal(-1), 10**400, 0.5, "1", True, 0]
)
def test_weights_that_are_no_exact_bearable_numbers_are_refused(weight):
    for name in ("weighted", "quadratic"):
        with pytest.raises(InvalidChoice):
            METHODS[name].validate({"1": weight}, CHOICES)


def test_thousands_of_unusual_weights_are_rounded_to_a_stated_precision_instead_of_growing_for_ever():
    ballots = [({"1": 10**15 + 2 * number, "2": 1}, 10**18) for number in range(400)]
    counted = count("weighted", ballots)
    assert counted.explanation[-1].key == "shares_rounded"
    assert counted.scores[0].denominator <= 2**128
    exact = sum(Fraction(weights["1"] * power, weights["1"] + 1) for weights, power in ballots)
    assert 0 <= exact - counted.scores[0] < Fraction(len(ballots), 2**128)
    assert count_columns(METHODS["weighted"], *columns_and_choices("weighted", ballots[:0])).valid == 0


def test_quadratic_scores_sum_to_the_power_cast_and_favour_many_backers():
    counted = count("quadratic", [({"1": 1}, 100), *(({"2": 1}, 9) for _ in range(4))])
    assert counted.winners == (1,)
    assert scores(counted) == [exact_text(Fraction(136 * 100, 244)), exact_text(Fraction(136 * 144, 244)), "0", "0"]
    assert "binary places" in counted.explanation[-1].text


def test_a_run_off_of_the_text_book_elects_the_second_after_transfers():
    # Tennessee chooses its capital: Memphis 42, Nashville 26, Knoxville 17, Chattanooga 15.
    memphis, nashville, chattanooga, knoxville = 1, 2, 3, 4
    counted = count(
        "ranked-choice",
        [
            ([memphis, nashville, chattanooga, knoxville], 42),
            ([nashville, chattanooga, knoxville, memphis], 26),
            ([chattanooga, knoxville, nashville, memphis], 15),
            ([knoxville, chattanooga, nashville, memphis], 17),
        ],
    )
    assert counted.winners == (knoxville - 1,)
    assert [[str(score) for score in held.scores] for held in counted.rounds] == [
        ["42", "26", "15", "17"],
        ["42", "26", "0", "32"],
        ["42", "0", "0", "58"],
    ]
    assert [held.eliminated for held in counted.rounds] == [(2,), (1,), ()]
    assert [held.elected for held in counted.rounds] == [(), (), (3,)]
    assert counted.rounds[1].transferred == (0, 0, 0, 26)
    assert counted.explanation[-1].text_with(["Memphis", "Nashville", "Chattanooga", "Knoxville"]) == (
        "Round 3: Knoxville has 58, more than half of 100, and wins."
    )


def test_equal_choices_fall_from_the_top_of_the_list_and_an_equal_last_pair_has_no_winner():
    ballots = [([1, 2, 3, 4], 5), ([2, 1, 3, 4], 5), ([3, 4, 2, 1], 5), ([4, 3, 2, 1], 5)]
    counted = count("ranked-choice", ballots)
    assert (scores(counted), counted.winners) == (["0", "10", "0", "10"], ())
    assert keys(counted) == ["irv_tie_eliminated", "irv_tie_eliminated", "irv_last_two_tie"]


def test_a_run_off_takes_full_rankings_only():
    for choice in ([], [1], [1, 2, 3], [1, 2, 3, 3], [1, 2, 3, 4, 5]):
        with pytest.raises(InvalidChoice):
            METHODS["ranked-choice"].validate(choice, CHOICES)


def test_the_condorcet_paradox_has_no_copeland_winner():
    counted = count("copeland", [([1, 2, 3], 1), ([2, 3, 1], 1), ([3, 1, 2], 1)], 3)
    assert counted.pairwise == ((0, 2, 1), (1, 0, 2), (2, 1, 0))
    assert (scores(counted), counted.winners, keys(counted)) == (["1", "1", "1"], (), ["tie"])


def test_copeland_elects_who_wins_every_comparison_though_fewest_rank_it_first():
    counted = count("copeland", [([1, 3, 2], 4), ([2, 3, 1], 4), ([3, 1, 2], 2)], 3)
    assert counted.winners == (2,)
    # Points: 4 + 0.25 × 14/10 … normalised to the power cast, 10.
    assert sum(counted.scores) == 10
    assert counted.explanation[-1].text == "choice 3 wins 2 and ties 0 of 2 comparisons, more than any other."


def test_copeland_settles_equal_comparisons_by_support():
    counted = count("copeland", [([1, 2, 3], 10), ([2, 3, 1], 4), ([2, 1, 3], 6)], 3)
    assert (scores(counted), counted.winners) == (["266/27", "10", "4/27"], (1,))
    assert counted.explanation[-1].key == "copeland_support"


# --- several seats ---


def test_stv_serves_the_party_food_as_the_text_book_does():
    # Oranges 4, pears 2 then oranges, chocolate 12 of which 8 then strawberries and 4 then sweets, strawberries 1,
    # sweets 1; three dishes; the quota is 6.
    oranges, pears, chocolate, strawberries, sweets = 1, 2, 3, 4, 5
    ballots = [
        ([oranges], 4),
        ([pears, oranges], 2),
        ([chocolate, strawberries], 8),
        ([chocolate, sweets], 4),
        ([strawberries], 1),
        ([sweets], 1),
    ]
    counted = count("stv", ballots, 5, 3)
    assert counted.winners == (2, 0, 3), "in the order of election"
    assert [[str(score) for score in held.scores] for held in counted.rounds] == [
        ["4", "2", "12", "1", "1"],
        ["4", "2", "6", "5", "3"],
        ["6", "0", "6", "5", "3"],
        ["6", "0", "6", "5", "0"],
    ]
    assert [held.elected for held in counted.rounds] == [(2,), (), (0,), (3,)]
    assert [held.eliminated for held in counted.rounds] == [(), (1,), (4,), ()]
    assert counted.rounds[3].exhausted == 3
    assert keys(counted)[:3] == ["stv_quota", "stv_elected", "stv_surplus"]


def test_stv_passes_a_surplus_on_in_exact_fractions():
    # 100 votes, 2 seats, quota 34. A has 60, surplus 26: each ballot passes on at 26/60.
    counted = count("stv", [([1, 2], 40), ([1, 3], 20), ([2], 17), ([3], 23)], 3, 2)
    assert counted.rounds[1].scores == (34, 17 + Fraction(40 * 26, 60), 23 + Fraction(20 * 26, 60))
    assert counted.winners == (0, 1)


def test_an_stv_tie_looks_back_at_earlier_rounds_before_the_list_decides():
    # After C falls, A and B have 6 each; B had more before.
    counted = count("stv", [([1], 5), ([2], 6), ([3, 1], 1), ([4], 9)], 4, 1)
    assert counted.rounds[1].scores == (6, 6, 0, 9)
    assert counted.rounds[1].eliminated == (0,)
    assert "stv_tie_earlier" in keys(counted)
    always = count("stv", [([1], 5), ([2], 5), ([3], 9)], 3, 1)
    assert always.rounds[0].eliminated == (0,)
    assert "stv_tie_position" in keys(always)


@law
@given(st.data(), st.integers(1, CHOICES))
def test_stv_fills_every_seat_once_and_never_with_more_than_the_quotas(data, seats):
    method = METHODS["stv"]
    counted = method.count(data.draw(ballots_for(method, min_size=1)), CHOICES, seats)
    assert len(set(counted.winners)) == len(counted.winners) == seats
    assert sum((held.elected for held in counted.rounds), ()) == counted.winners
    for held in counted.rounds:
        assert all(power >= 0 for power in (*held.scores, *held.transferred, held.exhausted))


def test_an_election_of_many_seats_keeps_its_numbers_short():
    ballots = [(list(range(place, 41)), 10**27 + place**9) for place in range(1, 41)]
    counted = count("stv", ballots, 40, 20)
    assert max(score.denominator.bit_length() for held in counted.rounds for score in held.scores) < 20_000
    assert len(counted.winners) == 20


# --- the same poll as arrays ---


def columns_and_choices(name, ballots):
    columns, invalid = to_columns(METHODS[name], ballots, CHOICES_OF.get(name, CHOICES))
    assert invalid == ()
    return columns, CHOICES_OF.get(name, CHOICES)


@pytest.mark.parametrize("name", METHODS)
@law
@given(data=st.data())
def test_arrays_are_counted_as_the_ballots_they_stand_for(name, data):
    method = METHODS[name]
    choice = choice_for(method)
    if name in ("weighted", "quadratic"):
        choice = st.dictionaries(st.sampled_from("1234"), st.integers(1, 2**18), min_size=1)
    elif name == "fractional":
        choice |= st.sampled_from([{"0": "1"}, {"1": 1}])
    ballots = data.draw(st.lists(st.tuples(choice, POWER), max_size=20))
    columns, choices = columns_and_choices(name, ballots)
    assert count_columns(method, columns, choices) == method.count(ballots, choices)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 2**19), st.one_of(st.integers(1, 400), st.integers(1, 2**97))), min_size=1))
def test_roots_by_arrays_are_rounded_as_one_by_one(pairs):
    ballots = [({"1": weight, "2": weight + 7, "3": weight}, power) for weight, power in pairs]
    columns, choices = columns_and_choices("quadratic", ballots)
    assert count_columns(METHODS["quadratic"], columns, choices) == count("quadratic", ballots)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("governor", [1, 3, -1, 0]),
        ("single-choice", [1, 0, 5, 4]),
        ("approval", [[1, 0, 0, 1], [2, 0, 0, 0], [0, 0, 0, -1], [0, 0, 0, 0]]),
        ("ranked-choice", [[1, 2, 3, 4], [1, 2, 3, 0], [1, 1, 2, 3], [4, 3, 2, 1]]),
        ("stv", [[1, 2, 0, 0], [0, 0, 0, 0], [0, 1, 2, 0], [4, 3, 2, 1]]),
        ("weighted", [[1, 2, 0, 0], [0, 0, 0, 0], [1, -1, 0, 0], [4, 3, 2, 1]]),
        ("quadratic", [[1, 2, 0, 0], [0, 0, 0, 0], [1, -1, 0, 0], [4, 3, 2, 1]]),
    ],
)
def test_arrays_with_choices_that_do_not_exist_or_without_power_are_counted_apart(name, rows):
    import numpy as np

    array = np.array([*rows, rows[0]], dtype=np.int32)
    counted = count_columns(
        METHODS[name], Columns(array.T if array.ndim == 2 else array, limbs([7, 7, 7, 2**70, 0])), CHOICES
    )
    assert [refused.position for refused in counted.invalid] == [1, 2, 4]
    assert (counted.valid, counted.cast) == (2, 7 + 2**70)


def test_arrays_of_floats_are_refused():
    import numpy as np

    with pytest.raises(TypeError):
        Columns(np.array([1.0]), limbs([1]))
    with pytest.raises(ValueError, match="one column per ballot"):
        Columns(np.array([1, 2], dtype=np.int32), limbs([1]))


def test_many_long_rankings_are_grouped_exactly(monkeypatch):
    # 20 choices: more different rankings than a table of group numbers could hold.
    import random

    monkeypatch.setattr("governance.tally.columns.PROFILE_MAX", 100)
    monkeypatch.setattr("governance.tally.columns.PAIRWISE_BLOCK", 64)
    rng = random.Random(20)
    ballots = [(rng.sample(range(1, 21), 20), rng.getrandbits(100) + 1) for _ in range(500)] * 2
    for name in ("ranked-choice", "copeland"):
        columns, _ = to_columns(METHODS[name], ballots, 20)
        assert count_columns(METHODS[name], columns, 20) == METHODS[name].count(ballots, 20)


# --- words and numbers ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(10**30), str(10**30)),
        (Fraction(5, 2), "2.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1, 10**60), "0." + "0" * 59 + "1"),
        (Fraction(1, 10**61), f"1/{10**61}"),
        (Fraction(0), "0"),
    ],
)
def test_exact_numbers_are_written_exactly(value, text):
    assert exact_text(value) == text
    assert Fraction(text) == value


def test_numbers_of_any_length_are_written():
    assert whole_text(10**4000) == "1" + "0" * 4000
    assert whole_text(-(10**9000)) == "-1" + "0" * 9000
    assert readable_text(Fraction(10**30, 10**30 + 1)) == "≈0.999999"
    assert readable_text(Fraction(1, 3)) == "1/3"


def test_what_a_stranger_sent_is_shown_shortly():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shown(deep)) < 100
    assert shown(10**5000) == "a number of 16610 bits"
    assert len(shown("x" * 10**6)) < 100
    while deep:  # Python frees nested lists one by one only if nobody nests them at the end
        deep = deep.pop()


def test_each_sentence_can_be_said_without_and_with_names():
    tie = Sentence("tie", {"choices": "1, 3", "score": "5"})
    assert tie.text == "choice 1, choice 3 have equally much, 5. The rule for this: no winner."
    assert tie.text_with(["Ada", "Bob", "Cy"]) == "Ada, Cy have equally much, 5. The rule for this: no winner."
    assert all(text.endswith(".") for text in SENTENCES.values())


def is_valid(method, choice):
    try:
        method.validate(choice, choices_of(method))
    except InvalidChoice:
        return False
    return True


def swap(choice):
    """Exchange the first two choices in a ballot."""
    other = {1: 2, 2: 1, "1": "2", "2": "1"}
    if isinstance(choice, dict):
        return {other.get(key, key): weight for key, weight in choice.items()}
    if isinstance(choice, list):
        return [other.get(place, place) for place in choice]
    return other.get(choice, choice)
