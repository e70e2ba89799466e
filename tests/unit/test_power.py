"""Power from a list of members, and the table of sources, without any chain."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.eip712 import AddressError, checksum_address
from governance.power import SOURCES, PowerError, power_source
from governance.power.fixed_list import MEMBERS_MAX, FixedList

ALICE = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
BOB = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
LIST = {"members": {ALICE: "3", BOB.lower(): "1"}}


def test_a_member_has_the_power_of_the_list_and_a_stranger_none() -> None:
    source = FixedList()
    pinned = source.snapshot(LIST)
    assert source.powers_of([ALICE.lower(), BOB], pinned) == {ALICE: 3, BOB: 1}
    assert source.power_of("0x" + "11" * 20, pinned) == 0
    assert (pinned.block_number, pinned.total_supply) == (0, 4)


def test_the_snapshot_of_a_list_does_not_depend_on_order_or_spelling() -> None:
    other = {"members": {BOB: "1", ALICE: "3"}}
    assert FixedList().snapshot(LIST) == FixedList().snapshot(other)
    assert FixedList().snapshot(LIST).block_hash != FixedList().snapshot({"members": {ALICE: "3"}}).block_hash


def test_a_list_that_changed_after_the_snapshot_is_refused() -> None:
    source = FixedList()
    pinned = source.snapshot(LIST)
    pinned.parameters["members"][ALICE] = "4"  # type: ignore[index]
    for read in (lambda: source.power_of(ALICE, pinned), lambda: source.confirm(pinned)):
        with pytest.raises(PowerError) as refusal:
            read()
        assert refusal.value.code == "snapshot_changed"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "malformed_field"),
        ({"members": {}}, "malformed_field"),
        ({"members": [ALICE]}, "malformed_field"),
        ({"members": {ALICE: "1"}, "extra": 1}, "malformed_field"),
        ({"members": {"alice.eth": "1"}}, "malformed_field"),
        ({"members": {ALICE.replace("E", "e", 1): "1"}}, "address_checksum"),
        ({"members": {ALICE: "1", ALICE.lower(): "1"}}, "malformed_field"),
        ({"members": {ALICE: "0"}}, "no_power_exists"),
        *(
            ({"members": {ALICE: power}}, "malformed_field")
            for power in (
                1,
                1.0,
                True,
                None,
                "",
                "-1",
                "+1",
                "01",
                "00",
                "1.0",
                "1e3",
                " 1",
                "１",
                "1_0",
                "9" * 79,
            )
        ),
        ({"members": {f"0x{number:040x}": "1" for number in range(MEMBERS_MAX + 1)}}, "malformed_field"),
    ],
)
def test_a_list_that_could_mean_two_things_is_refused(parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(PowerError) as refusal:
        FixedList().snapshot(parameters)
    assert refusal.value.code == code


def test_what_is_not_an_address_has_no_power_to_look_up() -> None:
    source = FixedList()
    with pytest.raises(AddressError):
        source.power_of("alice", source.snapshot(LIST))


@given(st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(1, 10**78 - 1), min_size=1, max_size=20))
def test_power_is_conserved(members: dict[bytes, int]) -> None:
    source = FixedList()
    pinned = source.snapshot({"members": {"0x" + raw.hex(): str(power) for raw, power in members.items()}})
    voters = [checksum_address("0x" + raw.hex()) for raw in members]
    assert sum(source.powers_of(voters, pinned).values()) == pinned.total_supply == sum(members.values())


def test_an_unknown_source_is_refused_and_never_replaced() -> None:
    with pytest.raises(PowerError) as refusal:
        power_source("latest_balance", None)
    assert refusal.value.code == "power_source_unknown"


def test_a_source_that_needs_a_chain_is_refused_without_one() -> None:
    with pytest.raises(PowerError) as refusal:
        power_source("erc20_votes", None)
    assert refusal.value.code == "chain_not_configured"


def test_the_table_names_each_source_as_it_names_itself() -> None:
    assert set(SOURCES) == {"erc20_votes", "fixed_list"}
