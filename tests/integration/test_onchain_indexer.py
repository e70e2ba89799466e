"""Reading a Governor's events from a chain that takes blocks back: nothing is lost, nothing counts twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.demo import chain as demo
from governance.chain import ChainUnavailable, RangeRefused
from governance.chain.client import ChainClient
from governance.models import Community, Contract, ContractEvent, ContractMark, ContractProposal, Proposal
from governance.onchain import indexer
from tests.vectors.governor_chain import Contract as Deployed
from tests.vectors.governor_chain import accounts_of, compile_contracts, deploy_contract

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
DEPTH_MAX = 20
FINAL_BEHIND = 2  # anvil calls a block final when two more stand on it
ELSEWHERE = "0x" + "00" * 19 + "01"


@pytest.fixture(scope="module")
def storm() -> Iterator[Deployed]:
    compile_contracts()
    with demo.start() as node:
        yield deploy_contract(node.rpc_url, "VoteStorm", accounts_of(node.rpc_url)[0])


@pytest.fixture
def node(storm: Deployed) -> Iterator[ChainClient]:
    before = demo.rpc(storm.rpc_url, "evm_snapshot")
    yield ChainClient(storm.rpc_url, 30, expected_chain_id=demo.CHAIN_ID)
    assert demo.rpc(storm.rpc_url, "evm_revert", [before])


@pytest.fixture
def contract(list_community: Any, storm: Deployed, node: ChainClient) -> Contract:
    """The storm as if it were a Governor, read from the newest final block on."""
    mine(storm, 4)
    block = node.finalized_block()
    made = Contract.objects.create(
        community=list_community().community,
        governor=storm.address,
        anchor=ELSEWHERE,
        timelock=ELSEWHERE,
        first_block=block.number,
        block_number=block.number,
        block_hash=block.hash,
        block_time=block.timestamp,
    )
    ContractMark.objects.create(contract=made, number=block.number, hash=block.hash, time=block.timestamp)
    return made


def mine(storm: Deployed, blocks: int) -> None:
    demo.rpc(storm.rpc_url, "anvil_mine", [hex(blocks), hex(1)])


def vote(storm: Deployed, first: int, count: int = 2) -> None:
    storm.send(accounts_of(storm.rpc_url)[0], "storm", 7, first, count)


def read_on(contract: Contract, node: ChainClient) -> int:
    return indexer.read_on(contract.pk, node, NOON)


def kept(contract: Contract) -> list[tuple[int, int, str]]:
    return list(contract.events.values_list("block_number", "position", "transaction"))


def on_chain(storm: Deployed, node: ChainClient) -> list[tuple[int, int, str]]:
    """What the node itself says, up to its final block."""
    last = hex(node.finalized_block().number)
    logs = demo.rpc(storm.rpc_url, "eth_getLogs", [{"address": storm.address, "fromBlock": "0x0", "toBlock": last}])
    return [(int(log["blockNumber"], 16), int(log["logIndex"], 16), log["transactionHash"]) for log in logs]


def test_reorganisations_of_one_to_twenty_blocks_lose_and_double_nothing(
    contract: Contract, storm: Deployed, node: ChainClient
) -> None:
    for depth in range(1, DEPTH_MAX + 1):
        vote(storm, 1_000 * depth)
        mine(storm, 3)
        read_on(contract, node)
        before = demo.rpc(storm.rpc_url, "evm_snapshot")
        head = int(demo.rpc(storm.rpc_url, "eth_blockNumber"), 16)
        for place in range(depth):
            vote(storm, 1_000 * depth + 100 + place)
            read_on(contract, node)
        mine(storm, FINAL_BEHIND)
        read_on(contract, node)
        assert Contract.objects.get(pk=contract.pk).block_number == head + depth, (
            "so many blocks that were read go away"
        )
        assert demo.rpc(storm.rpc_url, "evm_revert", [before])
        for place in range(depth + 3):  # another chain takes the place of those blocks, with other votes
            vote(storm, 1_000 * depth + 500 + place, count=1 + place % 3)
        read_on(contract, node)
        assert kept(contract) == on_chain(storm, node), depth
        assert read_on(contract, node) == 0
    assert Contract.objects.get(pk=contract.pk).halted == ""


def test_a_fork_that_goes_away_between_two_ranges_leaves_nothing_behind(
    contract: Contract, storm: Deployed, node: ChainClient
) -> None:
    before = demo.rpc(storm.rpc_url, "evm_snapshot")
    vote(storm, 1)
    mine(storm, 8)

    class Turning(ChainClient):
        """Gives two blocks at a time; the fork goes away when two ranges of it are kept."""

        turned = False

        def logs_of(self, contracts: Any, events: Any, first_block: int, last: Any) -> Any:
            if last.number - first_block >= 2:
                raise RangeRefused("two blocks at most")
            return super().logs_of(contracts, events, first_block, last)

        def blocks(self, numbers: Any) -> Any:
            if ContractMark.objects.count() == 3 and not self.turned:
                self.turned = demo.rpc(storm.rpc_url, "evm_revert", [before])
                mine(storm, 2)
                vote(storm, 500, count=3)
                mine(storm, 9)
            return super().blocks(numbers)

    turning = Turning(storm.rpc_url, 30, expected_chain_id=demo.CHAIN_ID)
    with pytest.raises(ChainUnavailable, match="changed while it was read"):
        read_on(contract, turning)
    assert turning.turned
    assert contract.events.count() == 2, "the votes of the fork were read"
    assert read_on(contract, node) == 3
    assert kept(contract) == on_chain(storm, node)


def test_a_chain_that_takes_back_what_was_carried_out_is_read_no_more(
    contract: Contract, storm: Deployed, node: ChainClient
) -> None:
    draft = Proposal.objects.create(community=contract.community, number=1, author=ELSEWHERE, kind="text_signal")
    ContractProposal.objects.create(
        proposal=draft,
        contract=contract,
        approves="0x" + "1" * 64,
        number="7",
        operation="",
        description="",
        content={},
        offered_at=NOON,
    )
    before = demo.rpc(storm.rpc_url, "evm_snapshot")
    vote(storm, 1)
    mine(storm, 3)
    read_on(contract, node)
    ContractEvent.objects.update(taken=True)
    assert demo.rpc(storm.rpc_url, "evm_revert", [before])
    mine(storm, 8)
    read_on(contract, node)
    halted = Contract.objects.get(pk=contract.pk)
    assert "took back block" in halted.halted
    assert contract.events.count() == 2, "what was carried out stays to be judged"
    assert read_on(contract, node) == 0
    assert Community.objects.get().events.filter(kind="contract_halted").count() == 1


def test_what_is_interrupted_within_a_range_is_read_again_and_counted_once(
    contract: Contract, storm: Deployed, node: ChainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote(storm, 1, count=50)
    mine(storm, 3)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ContractMark.objects, "create", _interrupted)
        read_on(contract, node)
    assert contract.events.count() == 0
    assert read_on(contract, node) == 50
    assert kept(contract) == on_chain(storm, node)


def _interrupted(**_: object) -> None:
    raise KeyboardInterrupt


def test_two_readers_at_once_keep_each_event_once(contract: Contract, storm: Deployed, node: ChainClient) -> None:
    vote(storm, 1, count=5)
    mine(storm, 3)

    class Slow(ChainClient):
        """Reads a range, and lets another reader be faster."""

        def logs_of(self, *arguments: Any) -> Any:
            found = super().logs_of(*arguments)
            read_on(contract, node)
            return found

    assert indexer.read_on(contract.pk, Slow(storm.rpc_url, 30), NOON) == 0
    assert kept(contract) == on_chain(storm, node)


def test_a_node_that_refuses_long_ranges_is_asked_for_shorter_ones(
    contract: Contract, storm: Deployed, node: ChainClient
) -> None:
    for place in range(12):
        vote(storm, 10 * place)
    mine(storm, 3)

    class Narrow(ChainClient):
        """Answers for two blocks at once."""

        def logs_of(self, contracts: Any, events: Any, first_block: int, last: Any) -> Any:
            if last.number - first_block >= 2:
                raise RangeRefused("two blocks at most")
            return super().logs_of(contracts, events, first_block, last)

    assert indexer.read_on(contract.pk, Narrow(storm.rpc_url, 30), NOON) == 24
    assert kept(contract) == on_chain(storm, node)
