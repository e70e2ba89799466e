"""Which transfer pays which settlement, and what money is in base units: without a database or a chain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.chain import Log
from governance.errors import Invalid
from training_jobs.settlement.matching import (
    CLOCK_SLACK_SECONDS,
    TRANSFER,
    Due,
    Transfer,
    misses,
    paid_by,
    topic_of,
    transfer_of,
)
from training_jobs.settlement.sums import MICRO, RATE_MAX, require_rate, require_settled, value_of

TOKEN, TREASURY, PAYOUT, STRANGER = ("0x" + digit * 40 for digit in "1234")
NOW = 1_700_000_000


def due(name: int = 1, value: int = 500, **changes: object) -> Due:
    return Due(
        **{
            "name": name,
            "token": TOKEN,
            "treasury": TREASURY,
            "payout": PAYOUT,
            "value": value,
            "since": NOW,
            **changes,
        }
    )


def sent(value: int = 500, **changes: object) -> Transfer:
    said = {"token": TOKEN, "sender": TREASURY, "receiver": PAYOUT, "value": value, "block_number": 9}
    place = {"block_hash": "0x", "block_time": NOW + 5, "transaction": "0x", "position": 0}
    return Transfer(**{**said, **place, **changes})


def test_the_oldest_of_equal_settlements_is_paid() -> None:
    assert paid_by(sent(), [due(1), due(2)]) == due(1)
    assert paid_by(sent(7), [due(1), due(2, 7)]) == due(2, 7)


@pytest.mark.parametrize(
    "change", [{"token": STRANGER}, {"sender": STRANGER}, {"receiver": STRANGER}, {"value": 499}, {"value": 501}]
)
def test_what_differs_in_anything_pays_nothing(change: dict[str, object]) -> None:
    assert paid_by(sent(**change), [due()]) is None
    assert misses(sent(**change), [due()]) is ("value" in change)


def test_a_transfer_from_before_the_vote_pays_nothing_of_it() -> None:
    assert paid_by(sent(block_time=NOW - CLOCK_SLACK_SECONDS), [due()]) == due()
    early = sent(block_time=NOW - CLOCK_SLACK_SECONDS - 1)
    assert paid_by(early, [due()]) is None
    assert not misses(early, [due()])


def test_a_log_is_read_as_a_transfer_and_that_of_a_token_of_another_kind_is_not() -> None:
    def log(*topics: str, data: str = "0x" + f"{500:064x}") -> Log:
        return Log(TOKEN, topics, data, 9, "0xab", "0xcd", 3)

    fit = log(TRANSFER, topic_of(TREASURY), topic_of(PAYOUT))
    found = transfer_of(fit, NOW)
    assert found is not None
    assert (found.sender, found.receiver, found.value, found.position) == (TREASURY, PAYOUT, 500, 3)
    # ERC-721 has the same event with its number as a third topic
    assert transfer_of(log(TRANSFER, topic_of(TREASURY), topic_of(PAYOUT), "0x" + "0" * 64, data="0x"), NOW) is None
    assert transfer_of(log(TRANSFER, topic_of(TREASURY), topic_of(PAYOUT), data="0x"), NOW) is None


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, RATE_MAX))
def test_parts_of_a_sum_are_worth_what_the_sum_is(one: int, other: int, rate: int) -> None:
    together = value_of((one + other) * MICRO, str(rate))
    assert together == value_of(one * MICRO, str(rate)) + value_of(other * MICRO, str(rate))
    assert together < 2**256


def test_only_whole_minor_units_are_settled() -> None:
    assert require_settled("12.50", "EUR", "amount") == 1_250 * MICRO
    assert require_settled("12", "JPY", "amount") == 12 * MICRO
    for text, currency in (("12.505", "EUR"), ("12.5", "JPY"), ("0.000001", "EUR")):
        with pytest.raises(Invalid, match="not_whole_minor_units"):
            require_settled(text, currency, "amount")


@pytest.mark.parametrize("rate", ["0", "01", "-1", "1.0", "1e3", "", " 1", "１", str(RATE_MAX + 1), 5, None])
def test_a_rate_has_one_spelling(rate: object) -> None:
    with pytest.raises(Invalid, match="malformed_rate"):
        require_rate(rate, "rate")
