"""Who is in a round, when it closes, and what payloads and strangers are refused: rules over facts, without clocks."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_jobs.exchange import payload, rounds
from training_jobs.exchange.rounds import RoundRefusal, Rules, Table

RULES = Rules(workers=3, quorum=2, live_seconds=10, straggler_seconds=5, first_seconds=100)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def joined(names: str, now: float = 0.0) -> Table:
    table = Table()
    for name in names:
        table = seated(table, name, now)
    return table


def seated(table: Table, name: str, now: float, fence: int = 1) -> Table:
    """Let a member take its seat: a is seat 0, b is seat 1; a newer member of a seat has a longer name."""
    return rounds.join(table, name, "abc".index(name[0]), fence, now)


def delivered(table: Table, names: str, now: float) -> Table:
    for name in names:
        table = rounds.deliver(table, name, table.round, name * 64, 10, now)
    return table


def in_round_one(names: str = "abc") -> Table:
    _record, table = rounds.close(delivered(joined(names), names, 1), 1)
    return table


def refused(code: str) -> "pytest.RaisesExc[RoundRefusal]":
    return pytest.raises(RoundRefusal, match=f"^{code}:")


def test_a_round_closes_when_all_live_members_have_delivered() -> None:
    table = delivered(in_round_one(), "ab", 2)
    assert not rounds.is_due(table, RULES, 2)
    table = delivered(table, "c", 3)
    assert rounds.is_due(table, RULES, 3)
    record, table = rounds.close(table, 3)
    assert record == {
        "round": 1,
        "members": [
            {"member": "a", "sha256": A, "tokens": 10},
            {"member": "b", "sha256": B, "tokens": 10},
            {"member": "c", "sha256": C, "tokens": 10},
        ],
    }
    assert (table.round, table.deliveries) == (2, {})


def test_a_straggler_is_waited_for_no_longer_than_the_rules_say() -> None:
    table = delivered(in_round_one(), "ab", 2)
    table = rounds.heard(table, "c", 6.9)
    assert not rounds.is_due(table, RULES, 6.9)
    assert rounds.is_due(table, RULES, 7)


def test_a_silent_member_is_not_waited_for() -> None:
    table = delivered(in_round_one(), "ab", 10.5)  # c was heard of at 1
    assert not rounds.is_due(table, RULES, 10.9)
    assert rounds.is_due(table, RULES, 11)


def test_nothing_closes_below_the_quorum_however_long_it_takes() -> None:
    table = delivered(in_round_one(), "a", 2)
    assert not rounds.is_due(table, RULES, 1_000_000)


def test_the_first_round_waits_for_all_workers() -> None:
    table = delivered(joined("ab"), "ab", 1)
    assert not rounds.is_due(table, RULES, 50)
    assert rounds.is_due(table, RULES, 101)
    table = delivered(seated(table, "c", 2), "c", 3)
    assert rounds.is_due(table, RULES, 3)


def test_who_joins_late_is_waited_for_from_the_next_round_on() -> None:
    _record, table = rounds.close(delivered(joined("ab"), "ab", 1), 1)
    table = seated(table, "c", 2)
    assert table.members["c"].from_round == 2
    table = delivered(table, "ab", 3)
    assert rounds.is_due(table, RULES, 3)
    _record, table = rounds.close(table, 3)
    assert not rounds.is_due(delivered(table, "ab", 4), RULES, 4)


def test_who_comes_back_keeps_its_place() -> None:
    table = in_round_one()
    again = seated(table, "b", 9)
    assert again.members["b"].slot == table.members["b"].slot == 1
    assert again.members["b"].from_round == 0


def test_a_newer_fence_takes_the_seat_and_an_older_one_is_refused_from_then_on() -> None:
    table = seated(in_round_one(), "bb", 5, fence=2)
    assert [(member.name, member.slot) for member in table.members.values()] == [("a", 0), ("c", 2), ("bb", 1)]
    assert table.members["bb"].from_round == 2
    with refused("ticket_superseded"):
        seated(table, "b", 6)
    table = rounds.leave(table, "bb")
    with refused("ticket_superseded"):
        seated(table, "b", 7)
    assert "bb" in seated(table, "bb", 8, fence=2).members


def test_a_seat_delivers_once_in_a_round_whoever_holds_it() -> None:
    table = delivered(joined("ab"), "a", 1)
    table = seated(table, "aa", 2, fence=2)
    assert table.members["aa"].from_round == 1, "its seat has delivered in the first round already"
    with refused("already_delivered"):
        rounds.deliver(table, "aa", 0, B, 10, 3)
    table = delivered(seated(table, "c", 3), "bc", 4)
    record, _table = rounds.close(table, 4)
    assert [entry["member"] for entry in record["members"]] == ["a", "b", "c"]


def test_members_that_all_came_back_beyond_a_round_do_not_wait_for_it_for_ever() -> None:
    table = in_round_one()
    for name in "abc":
        table = rounds.leave(table, name)
    table = seated(table, "aa", 50, fence=2)
    assert not rounds.is_due(table, RULES, 1_000), "one alone is no quorum"
    alive = seated(table, "bb", 60, fence=2)
    for name in ("aa", "bb"):
        alive = rounds.heard(alive, name, 160)
    assert not rounds.is_due(alive, RULES, 159)
    assert rounds.is_due(alive, RULES, 160)
    record, table = rounds.close(alive, 160)
    assert record == {"round": 1, "members": []}
    assert not rounds.is_due(table, RULES, 160), "in the next one they are waited for"


def test_a_round_that_somebody_still_works_on_is_not_given_up() -> None:
    table = seated(rounds.leave(in_round_one("ab"), "a"), "aa", 50, fence=2)
    for now in (1_000, 2_000):
        for name in ("aa", "b"):
            table = rounds.heard(table, name, now)
        assert not rounds.is_due(table, RULES, now)
    assert not rounds.is_due(delivered(table, "b", 2_001), RULES, 2_002), "one delivery is no quorum yet"
    table = rounds.heard(delivered(table, "b", 2_001), "aa", 2_100)
    assert not rounds.is_due(table, RULES, 2_100)
    assert rounds.is_due(table, RULES, 2_101), "aa waits for it, and nobody else is to deliver"


def test_the_first_delivery_stands_and_the_same_again_changes_nothing() -> None:
    table = delivered(in_round_one(), "a", 2)
    again = rounds.deliver(table, "a", 1, A, 10, 3)
    assert again.deliveries == table.deliveries
    with refused("already_delivered"):
        rounds.deliver(table, "a", 1, B, 10, 3)


def test_deliveries_for_other_rounds_and_from_strangers_are_refused() -> None:
    table = in_round_one()
    with refused("round_closed"):
        rounds.deliver(table, "a", 0, A, 10, 2)
    with refused("round_not_open"):
        rounds.deliver(table, "a", 2, A, 10, 2)
    with refused("not_a_member"):
        rounds.deliver(table, "d", 1, A, 10, 2)


def test_a_member_that_left_is_not_waited_for_and_its_delivery_stays() -> None:
    table = delivered(in_round_one(), "ac", 2)
    table = rounds.leave(rounds.leave(table, "b"), "c")
    assert rounds.is_due(table, RULES, 2)
    record, _table = rounds.close(table, 2)
    assert [entry["member"] for entry in record["members"]] == ["a", "c"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "ä", "a" * 65, ".hidden", "a\n"])
def test_a_name_that_would_be_a_path_is_refused(name: str) -> None:
    with refused("member_malformed"):
        rounds.join(Table(), name, 0, 1, 0)


@given(st.permutations("abc"), st.lists(st.floats(0, 4), min_size=3, max_size=3))
def test_the_record_does_not_depend_on_the_order_of_arrival(order: list[str], times: list[float]) -> None:
    table = in_round_one()
    for name, at in zip(order, times, strict=True):
        table = delivered(table, name, at)
    record, _table = rounds.close(table, 4)
    assert [entry["member"] for entry in record["members"]] == ["a", "b", "c"]


HEADER = payload.Header(round=3, member="a", tokens=5, steps=2, rank=0, bits=4, lag=1, start=A)


def test_a_payload_reads_back() -> None:
    assert payload.split(payload.join(HEADER, b"body")) == (HEADER, b"body")


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    for candidate in (data, payload.MAGIC + data, payload.join(HEADER, b"")[: len(data)]):
        with contextlib.suppress(payload.BadPayload):
            payload.split(candidate)


@pytest.mark.parametrize(
    "change",
    [
        {"round": -1},
        {"round": 10**6},
        {"round": True},
        {"round": 1.0},
        {"member": "../a"},
        {"member": 7},
        {"tokens": 0},
        {"tokens": 2**60},
        {"steps": 0},
        {"steps": 1001},
        {"rank": 1025},
        {"rank": -1},
        {"bits": 16},
        {"bits": "4"},
        {"lag": -1},
        {"start": "A" * 64},
        {"start": None},
        {"start": A[:-1]},
        {"extra": 1},
        {"round": None},
    ],
)
def test_a_header_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    encoded = json.dumps({**HEADER.to_dict(), **change}).encode()
    data = payload.MAGIC + len(encoded).to_bytes(4, "big") + encoded
    with pytest.raises(payload.BadPayload, match="payload_malformed"):
        payload.split(data)
