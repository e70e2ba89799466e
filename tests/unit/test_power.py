"""Power from a list of members, and the table of sources, without any chain."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.chain import Block, ChainDisagreement, ChainReader, RangeRefused, SnapshotReorged, TokenDomain
from governance.chain.agreement import AgreeingChain
from governance.eip712 import AddressError, checksum_address
from governance.power import SOURCES, PowerError, Snapshot, power_source
from governance.power.contribution_credits import ContributionCredits
from governance.power.erc20_votes import Erc20Votes
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


@given(st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(1, 10**76), min_size=1, max_size=20))
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
    named = {"erc20_votes", "erc721_votes", "fixed_list", "contribution_credits", "governor_votes"}
    assert set(SOURCES) == named
    assert all(made.name == name for name, made in SOURCES.items())  # type: ignore[attr-defined]


def test_everybody_on_a_list_is_a_candidate_at_once() -> None:
    for source, parameter in ((FixedList(), "members"), (ContributionCredits(), "credits")):
        pinned = source.snapshot({parameter: LIST["members"]})
        assert source.candidates(pinned) == source.candidates(pinned, 0)
        assert source.candidates(pinned).addresses == tuple(sorted([ALICE, BOB]))
        assert source.candidates(pinned).next_start is None


def test_credits_are_a_list_under_their_own_name() -> None:
    source = ContributionCredits()
    pinned = source.snapshot({"credits": {ALICE: "70", BOB: "30"}})
    assert (pinned.total_supply, source.power_of(BOB, pinned)) == (100, 30)
    assert pinned.block_hash != FixedList().snapshot({"members": {ALICE: "70", BOB: "30"}}).block_hash
    for wrong in (LIST, {"credits": {ALICE: "0"}}, {"credits": {}}):
        with pytest.raises(PowerError):
            source.snapshot(wrong)


# --- a votes token, on a chain that a test can describe ---

TOKEN = checksum_address("0x" + "70" * 20)


class ChainOfEvents:
    """A chain of which only what happened is known: who was named in which block, and the supply from a block on."""

    def __init__(self, named: dict[int, list[str]], supply: dict[int, int], height: int, blocks_max: int) -> None:
        self.named, self.supply, self.height, self.blocks_max = named, supply, height, blocks_max
        self.ranges: list[tuple[int, int]] = []

    def chain_id(self) -> int:
        return 1

    def finalized_block(self) -> Block:
        return Block(self.height, self.block_hash(self.height), 0)

    def block_hash(self, number: int) -> str:
        return f"0x{number:064x}"

    def votes_at(
        self, token: str, voters: Sequence[str], block_number: int, block_hash: str, timepoint: int | None = None
    ) -> dict[str, int]:
        return dict.fromkeys(voters, 1)

    def total_supply_at(self, token: str, block_number: int, block_hash: str, timepoint: int | None = None) -> int:
        assert block_hash == self.block_hash(block_number)
        return self.supply[max(since for since in self.supply if since <= block_number)]

    def clock_at(self, token: str, block_hash: str) -> int:
        return int(block_hash, 16)

    def delegates_named(
        self, token: str, first_block: int, last_block: int, block_number: int, block_hash: str
    ) -> tuple[str, ...]:
        assert (token, block_hash, last_block <= block_number) == (TOKEN, self.block_hash(block_number), True)
        if last_block - first_block >= self.blocks_max:
            raise RangeRefused("too many")
        self.ranges.append((first_block, last_block))
        return tuple(
            sorted({who for number in range(first_block, last_block + 1) for who in self.named.get(number, [])})
        )

    def delegate_of(self, token: str, account: str) -> str:
        return ""

    def nonce_of(self, token: str, account: str) -> int:
        return 0

    def domain_of(self, token: str) -> TokenDomain:
        return TokenDomain("T", "1", 1, token)


def steps(chain: ChainReader) -> tuple[list[str], Snapshot]:
    pinned = Erc20Votes(chain).snapshot({"token": TOKEN})
    found, start = [], 0
    while True:
        step = Erc20Votes(chain).candidates(pinned, start)
        found += step.addresses
        if step.next_start is None:
            return found, pinned
        start = step.next_start


@given(
    st.dictionaries(st.integers(0, 300), st.lists(st.sampled_from([ALICE, BOB, TOKEN]), max_size=3), max_size=20),
    st.dictionaries(st.integers(1, 299), st.integers(0, 2), max_size=5),
    st.integers(1, 400),
)
def test_every_delegate_is_found_whatever_ranges_the_nodes_answer_for(
    named: dict[int, list[str]], supply: dict[int, int], blocks_max: int
) -> None:
    supply = {0: 0, **supply, 300: 1}
    chain = ChainOfEvents(named, supply, 300, blocks_max)
    found, _ = steps(chain)
    first = chain.ranges[0][0]
    # Each block exactly once, from a block before which nobody had any power.
    assert [number for one, last in chain.ranges for number in range(one, last + 1)] == list(range(first, 301))
    assert first == 0 or chain.total_supply_at(TOKEN, first - 1, chain.block_hash(first - 1)) == 0
    assert set(found) == {who for number, people in named.items() if number >= first for who in people}


def test_a_token_with_supply_from_the_first_block_is_searched_from_there() -> None:
    chain = ChainOfEvents({0: [ALICE]}, {0: 5}, 1000, 10_000)
    assert steps(chain)[0] == [ALICE]
    assert chain.ranges == [(0, 1000)]


def test_a_source_whose_nodes_answer_for_no_block_at_all_says_so() -> None:
    with pytest.raises(RangeRefused):
        steps(ChainOfEvents({}, {0: 1}, 1000, 0))


def test_two_readers_are_believed_only_together() -> None:
    truth, other = (ChainOfEvents({7: [who]}, {0: 1}, 10, 100) for who in (ALICE, BOB))
    assert steps(AgreeingChain([truth, truth]))[0] == [ALICE]
    with pytest.raises(ChainDisagreement):
        steps(AgreeingChain([truth, other]))
    higher = ChainOfEvents({7: [ALICE]}, {0: 1}, 12, 3)
    found, pinned = steps(AgreeingChain([higher, truth]))
    assert (found, pinned.block_number) == ([ALICE], 10)


def test_a_reorganisation_that_one_reader_alone_has_seen_does_not_end_a_vote() -> None:
    class Reorged(ChainOfEvents):
        found = "0x" + "22" * 32

        def votes_at(
            self, token: str, voters: Sequence[str], block_number: int, block_hash: str, timepoint: int | None = None
        ) -> dict[str, int]:
            raise SnapshotReorged(block_number, block_hash, self.found)

    class Otherwise(Reorged):
        found = "0x" + "33" * 32

    calm, shaken, otherwise = (kind({}, {0: 1}, 10, 100) for kind in (ChainOfEvents, Reorged, Otherwise))
    for readers in ([calm, shaken], [shaken, calm], [shaken, otherwise], [shaken, shaken, calm]):
        with pytest.raises(ChainDisagreement) as refusal:
            AgreeingChain(readers).votes_at(TOKEN, [ALICE], 5, "0x" + "11" * 32)
        assert not refusal.value.permanent
    with pytest.raises(SnapshotReorged):
        AgreeingChain([shaken, shaken]).votes_at(TOKEN, [ALICE], 5, "0x" + "11" * 32)
