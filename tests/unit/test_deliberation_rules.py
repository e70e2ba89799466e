"""The pure part of deliberation: differences add up, hidden stays in order, what is alike is found."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.words.moderation import COMMENT_STATES, MODERATION_RULES
from governance.deliberation import policy
from governance.deliberation.differences import How, difference
from governance.deliberation.lifecycle import ALLOWED, Action, Hiding, State, require, state
from governance.deliberation.similarity import similar, words_of
from governance.errors import Conflict

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
texts = st.text(alphabet="ab \n.", max_size=60)


@given(texts, texts)
def test_a_difference_holds_both_texts_whole(before, after):
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.how is not How.ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.how is not How.REMOVED) == after
    assert all(one.how is not two.how for one, two in itertools.pairwise(pieces)), "neighbours of one kind are one"


def test_a_difference_names_the_words_that_changed_and_no_others():
    pieces = difference("We train on river data.\nFor a year.", "We train on lake data.\nFor a year.")
    assert [(piece.how, piece.text) for piece in pieces if piece.how is not How.SAME] == [
        (How.REMOVED, "river"),
        (How.ADDED, "lake"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [("a " * 10_000, "b " * 10_000), ("\n" * 20_000, "a\n" * 10_000), ("a b " * 5_000, "b a a " * 3_333)],
)
def test_texts_made_to_be_slow_are_compared_within_bounds(before, after):
    pieces = difference(before, after)
    assert "".join(piece.text for piece in pieces if piece.how is not How.ADDED) == before


def test_every_state_of_a_comment_and_every_action_that_it_allows():
    found = {
        state(None, None): State.VISIBLE,
        state(None, Hiding()): State.HIDDEN,
        state(None, Hiding(NOON)): State.APPEALED,
        state(None, Hiding(NOON, upheld=True)): State.UPHELD,
        state(NOON, Hiding(NOON)): State.ERASED,
    }
    assert all(one is two for one, two in found.items())
    assert set(found.values()) == set(State)
    assert set(ALLOWED) == set(Action)
    for action, each in itertools.product(Action, State):
        if each in ALLOWED[action]:
            require(action, each)
        else:
            with pytest.raises(Conflict):
                require(action, each)


def test_every_rule_and_state_has_words():
    assert set(MODERATION_RULES) == set(policy.RULES)
    assert set(COMMENT_STATES) == set(State)


def test_what_says_nearly_the_same_is_found_and_what_shares_common_words_is_not():
    others = [
        words_of(1, "include the river measurements", "the data of the river authority since 2001"),
        words_of(2, "include the well measurements", "private wells of the valley"),
        words_of(3, "elect the council", "the council of the valley for two years"),
        words_of(4, "include river measurements", "the data of the river authority since the year 2001"),
    ]
    draft = words_of(0, "include the river measurements", "data of the river authority since 2001")
    assert [each.number for each in similar(draft, others)] == [1, 4]
    assert similar(words_of(0, "", ""), others) == ()
