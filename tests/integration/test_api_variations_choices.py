"""Variations of list A for choices: what each voting method takes, and every spelling and shape that none takes."""

import json
from datetime import timedelta

import pytest

from governance import services
from governance.evidence.canonical import canonical_bytes
from governance.tally import METHODS
from tests.integration.conftest import FOR, NOON
from tests.integration.strangers import Voting, assert_refused

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
OPEN = NOON + timedelta(seconds=50)


@pytest.fixture
def commons(list_community, at):
    at(OPEN)
    return list_community(MEMBERS)


@pytest.fixture
def voting(commons, client):
    return Voting(commons, client)


# What is no choice in any method; then, by method, what is none there. 400 for a shape that the method does not have.
NOWHERE = ["1", "", " 1", "for", None, True, False, -1, 256, 10**18, 2**63, "１", "1e0", "0x1"]
MAPS = [
    {},
    {"0": 1},
    {"5": 1},
    {"-1": 1},
    {"01": 1},
    {"+1": 1},
    {" 1": 1},
    {"1 ": 1},
    {"１": 1},
    {"1.0": 1},
    {"1e0": 1},
    {"": 1},
    {"Spring": 1},
    {"__proto__": 1},
    {"1": 0},
    {"1": 0, "2": 0},
    {"1": -1},
    {"1": 2, "2": -1},
    {"1": None},
    {"1": True},
    {"1": "1"},
    {"1": "１"},
    {"1": [1]},
    {"1": {"1": 1}},
    {"1": 1, "2": 1, "3": 1, "4": 1, "5": 1},
    {str(n): 1 for n in range(1, 3_000)},
]
LISTS = [
    [0],
    [5],
    [-1],
    [1, 1],
    [1, 2, 1],
    [True],
    [True, 2],
    [None],
    ["1"],
    ["Spring"],
    [[1]],
    [{"1": 1}],
    [1, [2]],
    [10**18],
    [1, 2, 3, 4, 5],
    [1] * 5_000,
    list(range(1, 5_000)),
    ["01"],
]
RANKINGS = [[], [1], [1, 2, 3], [1, 2, 3, 3], [2, 3, 4, 5]]
AMOUNTS = [
    {"1": "+1"},
    {"1": "-1"},
    {"1": "１"},
    {"1": "1e3"},
    {"1": "1.0"},
    {"1": "01"},
    {"1": "00"},
    {"1": ""},
    {"1": " 1"},
    {"1": "1\n"},
    {"1": "1_0"},
    {"1": "0x1"},
    {"1": "NaN"},
    {"1": "Infinity"},
    {"1": "٣"},
    {"1": "²"},
    {"1": "9" * 79},
    {"1": "9" * 4_301},
    {"1": "9" * 20_000},
    {"1": 10**99},
    {"1": -1},
    {"1": True},
    {"1": None},
    {"1": 0},
    {"1": "0"},
    {"0": "0", "1": "0", "2": "0"},
    {"1": [1]},
    {"3": "1"},
    {"01": "1"},
    {"１": "1"},
    {"for": "1"},
    {},
    {"0": "20", "1": "20", "2": "20", "3": "20"},
]
CHOICES = {
    "governor": (FOR, [3, 4, 255], [[1], {"1": 1}, []]),
    "basic": (1, [0, 4, 255], [[1], {"1": 1}, {}]),
    "single-choice": (1, [0, 5, 255], [[1], {"1": 1}, [[]]]),
    "approval": ([1, 2], [0, 1, *LISTS, *MAPS], []),
    "weighted": ({"1": 1}, [0, 1, *MAPS, *LISTS, []], []),
    "quadratic": ({"1": 1}, [0, 1, *MAPS, *LISTS, []], []),
    "ranked-choice": ([1, 2, 3, 4], [0, 1, *RANKINGS, *LISTS, *MAPS], []),
    "copeland": ([4, 3, 2, 1], [0, 1, *RANKINGS, *LISTS, *MAPS], []),
    "stv": ([2], [0, 1, [], *LISTS, *MAPS], []),
    "fractional": ({"1": "40"}, [3, 255, [1], [], *AMOUNTS], []),
}


@pytest.mark.parametrize("method", CHOICES)
def test_a5_and_a6_a_choice_has_the_form_of_its_method(voting, method):
    good, invalid, malformed = CHOICES[method]
    voting.open(method, good)
    for choice in invalid:
        voting.refuses({"choice": choice}, 422, "choice_invalid")
    for choice in [*NOWHERE, *malformed]:
        voting.refuses({"choice": choice}, 400, "malformed_field")
    voting.still_takes_the_good_one()


def test_every_method_is_attacked():
    assert set(CHOICES) == set(METHODS)


OTHER_WORDS = {
    "governor": (FOR, [0, 2]),
    "approval": ([1, 2], [[2, 1], [1], []]),
    "weighted": ({"1": 1, "2": 2}, [{"1": 2, "2": 4}, {"2": 1, "1": 2}, {"1": 1, "2": 2, "3": 0}]),
    "ranked-choice": ([1, 2, 3, 4], [[2, 1, 3, 4]]),
    "stv": ([1, 2], [[1, 2, 3], [2, 1]]),
    "fractional": ({"1": "40"}, [{"1": 40}, {"1": "39"}, {"1": "40", "0": "0"}, 1]),
}


@pytest.mark.parametrize("method", OTHER_WORDS)
def test_a_good_choice_that_was_not_signed_is_refused_even_if_it_means_the_same(voting, method):
    good, others = OTHER_WORDS[method]
    voting.open(method, good)
    for choice in others:
        voting.refuses({"choice": choice}, 422, "signature_invalid")
    voting.still_takes_the_good_one()


NO_INTEGERS = ["1.0", "1e0", "1E+0", "10e-1", "0.5", "0.1e1", "1" * 99, "1e308", "1." + "0" * 90]


@pytest.mark.parametrize(
    ("method", "good", "text", "status", "code"),
    [
        ("governor", FOR, "%s", 400, "malformed_field"),
        ("single-choice", 1, "%s", 400, "malformed_field"),
        ("approval", [1], "[%s]", 422, "choice_invalid"),
        ("ranked-choice", [1, 2, 3, 4], "[%s, 2, 3, 4]", 422, "choice_invalid"),
        ("fractional", {"1": "1"}, '{"1": %s}', 422, "choice_invalid"),
        # The count could take these, but they have no canonical text to be signed.
        ("weighted", {"1": 1}, '{"1": %s}', 400, "malformed_field"),
        ("quadratic", {"1": 1}, '{"1": 1, "2": %s}', 400, "malformed_field"),
    ],
)
def test_a_number_with_a_point_or_an_exponent_or_99_digits_is_nowhere_a_choice(
    voting, client, method, good, text, status, code
):
    voting.open(method, good)
    for number in NO_INTEGERS:
        body = json.dumps({**voting.ballot, "choice": "?"}).replace('"?"', text % number)
        assert_refused(client, "ballots", body, status, code)
    voting.still_takes_the_good_one()


def test_amounts_beyond_the_power_are_refused_even_if_they_were_signed(voting, commons):
    voting.open("fractional", {"1": "40"})
    for amounts in ({"1": "41"}, {"0": "40", "2": "1"}, {"1": "9" * 78}, {"0": 2**53 - 1}):
        typed = {**services.offer_ballot(voting.proposal, commons.address("Alice"), {"1": "40"}, "", OPEN).typed_data}
        typed["message"] = {**typed["message"], "choices": canonical_bytes(amounts).decode()}
        signature = commons.wallet("Alice").sign(typed)
        voting.refuses({"choice": amounts, "signature": signature}, 422, "choice_invalid")
    voting.still_takes_the_good_one()
