"""What people agree on: groups that were planted are found, shares are exact, small groups stay unseen, files agree."""

import json
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Malformed
from governance.evidence.canonical import digest
from governance.models import Statement
from governance.statements import __main__ as command
from governance.statements import export, principal
from governance.statements.analysis import Row, analyse, by_consensus, by_difference, exact_consensus
from governance.statements.rules import asking_order, is_worth_a_count, similar
from governance.statements.selectors import Counted, Result, Tally
from tests.integration.conftest import NOON

NUMBERS = list(range(1, 13))


def planted(people: int = 60, seed: int = 1) -> list[Row]:
    """Two camps: both agree with 1 and 2, camps part on 3 to 8, nobody cares about the rest."""
    chance = random.Random(seed)
    rows = []
    for person in range(people):
        camp = 1 if person % 3 else -1
        answers = {1: 1, 2: 1} | dict.fromkeys(range(3, 9), camp)
        answers |= {number: chance.choice([1, 0, -1]) for number in range(9, 13)}
        for number in chance.sample(NUMBERS, 2):
            del answers[number]
        rows.append(Row(person % 2 == 0, answers))
    return rows


def test_two_camps_are_told_apart_and_what_both_want_comes_first():
    result = analyse(planted(), NUMBERS)
    assert [(group["name"], group["people"]) for group in result["groups"]] == [("A", 40), ("B", 20)]
    assert {each["number"] for each in by_consensus(result)[:2]} == {1, 2}
    assert {each["number"] for each in by_difference(result)[:6]} == set(range(3, 9))
    assert {each["number"] for each in result["groups"][1]["apart"]} <= set(range(3, 9))
    assert all(each["says"] == "disagree" for each in result["groups"][1]["apart"])


def test_consensus_is_the_product_of_the_smoothed_shares_that_agree():
    result = analyse(planted(), NUMBERS)
    for statement in result["statements"]:
        expected = Fraction(1)
        for group in statement["groups"]:
            expected *= Fraction(group["agree"] + 1, group["agree"] + group["disagree"] + group["pass"] + 2)
        assert exact_consensus(statement) == expected
        assert statement["consensus_ppm"] == int(expected * 1_000_000)
        assert sum(group["agree"] for group in statement["groups"]) == statement["agree"]


def test_one_number_is_known_beforehand():
    """Five people, of whom four agree, are one crowd: (4 + 1) / (5 + 2)."""
    rows = [Row(None, {1: 1})] * 4 + [Row(None, {1: -1})]
    result = analyse(rows, [1])
    assert result["groups"] == []
    assert exact_consensus(result["statements"][0]) == Fraction(5, 7)
    assert result["statements"][0]["consensus_ppm"] == 714_285


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_neither_the_order_of_people_nor_of_their_answers_matters(chance):
    rows = planted(20)
    shuffled = [
        Row(row.holds_votes, dict(chance.sample(sorted(row.answers.items()), len(row.answers)))) for row in rows
    ]
    chance.shuffle(shuffled)
    assert analyse(shuffled, chance.sample(NUMBERS, len(NUMBERS))) == analyse(rows, NUMBERS)


answer_rows = st.lists(
    st.builds(
        Row,
        st.sampled_from([True, False]),
        st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from([1, 0, -1])),
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(answer_rows)
def test_no_group_and_no_house_of_fewer_than_five_is_ever_shown(rows):
    result = analyse(rows, NUMBERS)
    if result["participants"] is None:
        assert result["statements"] == []
        assert result["groups"] == []
        return
    assert result["participants"] >= 5
    assert all(group["people"] >= 5 for group in result["groups"])
    assert len(result["groups"]) != 1
    houses = result["houses"]
    assert houses is None or min(houses.values()) >= 5
    assert (houses is None) == all(each["houses"] is None for each in result["statements"])


@settings(max_examples=40)
@given(answer_rows)
def test_the_export_computes_to_the_same_result_from_json_and_from_csv(rows):
    exported = export.as_json(
        {"number": 1}, [{"number": number, "text": "x", "seed": True} for number in NUMBERS], rows
    )
    shown = analyse(rows, NUMBERS)
    for data in (json.dumps(exported).encode(), export.as_csv(exported).encode()):
        assert analyse(*export.read(data)) == shown


def test_the_main_direction_is_the_one_that_numpy_finds():
    rows = [row.answers for row in planted(90)]
    matrix = np.array([[row.get(number, np.nan) for number in NUMBERS] for row in rows])
    filled = np.nan_to_num(matrix - np.nanmean(matrix, axis=0))
    _values, vectors = np.linalg.eigh(filled.T @ filled)
    outwards = np.sqrt(len(NUMBERS) / np.array([len(row) for row in rows]))
    ours = np.array(principal.positions(rows, NUMBERS)) / 10_000
    for place in (0, 1):
        theirs = filled @ vectors[:, -1 - place] * outwards
        theirs *= np.sign(theirs @ ours[:, place])
        assert np.abs(theirs - ours[:, place]).max() < 0.02


def test_the_command_prints_the_result_and_its_digest(tmp_path, capsys):
    rows = planted()
    exported = export.as_json({}, [{"number": number, "text": "x", "seed": False} for number in NUMBERS], rows)
    file = tmp_path / "export.json"
    file.write_text(json.dumps(exported))
    assert command.main([str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == digest(analyse(rows, NUMBERS))
    file.write_text("{}")
    assert command.main([str(file)]) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1, "statements": [], "rows": [{"holds_votes": 1, "answers": {}}]}',
        b'{"version": 1, "statements": [{"number": 1}], "rows": [{"holds_votes": null, "answers": {"1": true}}]}',
        b"name,1\nx,1\n",
        b"holds_votes,1\n0,2\n",
        b"holds_votes,1\n0,1,1\n",
        b"holds_votes,1,1\n0,1,1\n",
        b"holds_votes,\xff\n",
    ],
)
def test_what_is_no_export_is_refused(data):
    with pytest.raises(Malformed):
        export.read(data)


def test_everybody_is_asked_all_statements_in_an_order_of_their_own():
    orders = [asking_order(NUMBERS, f"1:{reader}") for reader in range(20)]
    assert all(sorted(order) == NUMBERS for order in orders)
    assert len({order[0] for order in orders}) > 5
    assert orders[3] == asking_order(reversed(NUMBERS), "1:3")


def test_statements_with_half_of_their_words_in_common_are_alike():
    others = {1: frozenset(["the", "model", "must", "refuse", "to", "guess"]), 2: frozenset(["more", "data"])}
    assert similar(["the", "model", "must", "never", "guess"], others) == [1]
    assert similar(["schools", "come", "first"], others) == []


def test_an_open_consultation_is_never_counted_for_one_answer():
    assert not is_worth_a_count(4, 4)
    assert not is_worth_a_count(100, 4)
    assert is_worth_a_count(100, 5)
    assert not is_worth_a_count(1_000, 5)


def counted(*groups: tuple[int, int]) -> Counted:
    """A statement that groups answered: so many agreed, so many disagreed."""
    tallies = tuple(Tally(letter, agree, disagree, 0) for letter, (agree, disagree) in zip("AB", groups, strict=True))
    whole = Tally("", sum(agree for agree, _ in groups), sum(disagree for _, disagree in groups), 0)
    return Counted(Statement(), whole, tallies, None, None, consensus_bps=0, gap_bps=9_000)


@pytest.mark.parametrize(
    ("groups", "shared"), [(((6, 4), (6, 4)), True), (((1, 0), (1, 0)), False), (((9, 1), (4, 0)), False)]
)
def test_groups_meet_in_what_enough_of_each_answered_and_most_of_each_agree_with(groups, shared):
    assert counted(*groups).is_shared is shared


def test_groups_part_only_where_enough_of_each_answered():
    few, enough = counted((9, 0), (0, 4)), counted((9, 0), (0, 5))
    result = Result(NOON, "", 14, None, None, (), consensus=(), differing=(few, enough))
    assert result.parting == (enough,)
