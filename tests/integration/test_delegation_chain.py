"""Delegating on the real token, who may have power according to its events, and two nodes that must agree."""

import dataclasses
import itertools
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.demo import chain as demo
from governance import eip712
from governance.chain import (
    ChainAnswerInvalid,
    ChainDisagreement,
    ChainError,
    ChainReader,
    ChainUnavailable,
    RangeRefused,
    SnapshotReorged,
    delegations,
    relay,
)
from governance.chain.agreement import AgreeingChain
from governance.chain.client import ChainClient
from governance.chain.delegations import SignedDelegation
from governance.chain.factory import chain_for
from governance.errors import Conflict, Invalid
from governance.power import PowerSource, Snapshot, power_source
from governance.power.erc20_votes import Erc20Votes
from tests.simulators import lying_rpc
from tests.simulators.lying_rpc import LyingRpc

UNIT = demo.UNIT
NOBODY = "0x" + "00" * 20
STRANGER = "0x000000000000000000000000000000000000dEaD"
NOW = 1_800_000_000
SHORT_SECONDS = 0.6


@pytest.fixture(scope="module", autouse=True)
def contracts() -> None:
    for folder in ([], ["test"]):
        command = ["node", str(demo.ROOT / "contracts" / "compile.mjs"), *folder]
        subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def running() -> Iterator[demo.DemoChain]:
    with demo.start() as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(running: demo.DemoChain) -> demo.DemoToken:
    return demo.prepare(running.rpc_url)


@pytest.fixture
def node(running: demo.DemoChain, deployed: demo.DemoToken) -> Iterator[demo.DemoChain]:
    """A chain on which nothing has happened yet but the token: what a test does there is taken back."""
    before = demo.rpc(running.rpc_url, "evm_snapshot")
    yield running
    assert demo.rpc(running.rpc_url, "evm_revert", [before])


@pytest.fixture
def token(node: demo.DemoChain, deployed: demo.DemoToken) -> demo.DemoToken:
    return deployed


@pytest.fixture
def chain(node: demo.DemoChain) -> ChainClient:
    return ChainClient(node.rpc_url, expected_chain_id=demo.CHAIN_ID)


@pytest.fixture
def liar(node: demo.DemoChain) -> Iterator[LyingRpc]:
    with LyingRpc(node.rpc_url) as running:
        yield running


@pytest.fixture
def people(token: demo.DemoToken) -> dict[str, str]:
    return {member.name: member.address for member in token.members}


def accounts(node: demo.DemoChain) -> list[str]:
    return [eip712.checksum_address(account) for account in demo.rpc(node.rpc_url, "eth_accounts")]


def everybody(source: PowerSource, snapshot: Snapshot) -> set[str]:
    """Take every step, each with a new source as after a crash, and each one twice."""
    found: set[str] = set()
    start: int | None = 0
    while start is not None:
        again = power_source(source.name, source._chain)  # type: ignore[attr-defined]
        step = again.candidates(snapshot, start)
        assert step == power_source(source.name, source._chain).candidates(snapshot, start)  # type: ignore[attr-defined]
        assert list(step.addresses) == sorted(set(step.addresses))
        found.update(step.addresses)
        assert step.next_start is None or start < step.next_start <= snapshot.block_number
        start = step.next_start
    return found


# --- delegating ---


def test_a_member_delegates_by_a_transaction_and_power_follows_at_the_next_snapshot(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str]
) -> None:
    source = Erc20Votes(chain)
    before = source.snapshot({"token": token.address})
    assert chain.delegate_of(token.address, people["Emma"]) == people["Chloé"]
    transaction = delegations.transaction(token.address, token.chain_id, people["Bob"].lower())
    assert delegations.is_delegation(transaction["data"])
    demo.send_transaction(node.rpc_url, {"from": people["Emma"], **transaction})
    demo.finalize(node.rpc_url)
    after = source.snapshot({"token": token.address})
    assert chain.delegate_of(token.address, people["Emma"]) == people["Bob"]
    for snapshot, chloe, bob in ((before, 230_000, 250_000), (after, 180_000, 300_000)):
        powers = source.powers_of([people["Chloé"], people["Bob"]], snapshot)
        assert powers == {people["Chloé"]: chloe * UNIT, people["Bob"]: bob * UNIT}


def test_the_zero_address_takes_a_delegation_back(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str]
) -> None:
    transaction = delegations.transaction(token.address, token.chain_id, NOBODY)
    demo.send_transaction(node.rpc_url, {"from": people["Emma"], **transaction})
    assert chain.delegate_of(token.address, people["Emma"]) == ""
    assert chain.delegate_of(token.address, STRANGER) == ""


def signed(node: demo.DemoChain, chain: ChainReader, token: str, delegator: str, delegatee: str) -> SignedDelegation:
    """Sign what is offered, as the delegator's wallet does."""
    typed_data = delegations.offer(chain, token, delegator, delegatee, NOW)
    message = typed_data["message"]
    signature = demo.sign_typed_data(node.rpc_url, delegator, typed_data)
    return SignedDelegation(token, delegator, delegatee, int(message["nonce"]), int(message["expiry"]), signature)


@pytest.fixture
def relaying(node: demo.DemoChain, settings: Any) -> str:
    settings.CHAIN_RPC = node.rpc_url
    settings.CHAIN_RELAYER = accounts(node)[8]
    return accounts(node)[8]


def test_a_member_delegates_by_a_signature_that_somebody_else_sends(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str], relaying: str
) -> None:
    statement = signed(node, chain, token.address, people["Emma"], people["Daouda"])
    balance = demo.rpc(node.rpc_url, "eth_getBalance", [people["Emma"], "latest"])
    receipt = demo.wait_for(node.rpc_url, relay.relay(token.chain_id, statement, NOW))
    assert receipt["from"] == relaying
    assert chain.delegate_of(token.address, people["Emma"]) == people["Daouda"]
    assert demo.rpc(node.rpc_url, "eth_getBalance", [people["Emma"], "latest"]) == balance
    demo.finalize(node.rpc_url)
    source = Erc20Votes(chain)
    assert source.power_of(people["Daouda"], source.snapshot({"token": token.address})) == 170_000 * UNIT
    # Any wallet may send it too; the second signature carries the next nonce.
    again = signed(node, chain, token.address, people["Emma"], people["Emma"])
    assert again.nonce == 1
    transaction = delegations.transaction_by_signature(chain, again, NOW)
    assert delegations.is_delegation(transaction["data"])
    demo.send_transaction(node.rpc_url, {"from": people["Bob"], **transaction})
    assert chain.delegate_of(token.address, people["Emma"]) == people["Emma"]


def test_what_the_token_would_refuse_is_refused_before_anything_is_sent(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str], relaying: str
) -> None:
    good = signed(node, chain, token.address, people["Emma"], people["Bob"])
    other = demo.deploy(node.rpc_url, json.loads(demo.BUILD.read_bytes()), [(people["Emma"], UNIT)])
    r, s = good.signature[2:66], int(good.signature[66:130], 16)
    mirrored = f"0x{r}{eip712.ORDER - s:064x}{'1b' if good.signature.endswith('1c') else '1c'}"
    refusals: list[tuple[dict[str, Any], type[Exception], str, int]] = [
        ({}, Invalid, "delegation_expired", good.expiry + 1),
        ({"nonce": 1}, Conflict, "delegation_nonce", NOW),
        ({"delegator": people["Alice"]}, eip712.SignatureError, "signature_invalid", NOW),
        ({"delegatee": people["Alice"]}, eip712.SignatureError, "signature_invalid", NOW),
        ({"expiry": good.expiry + 1}, eip712.SignatureError, "signature_invalid", NOW),
        ({"token": other}, eip712.SignatureError, "signature_invalid", NOW),
        ({"signature": mirrored}, eip712.SignatureError, "signature_not_canonical", NOW),
        ({"signature": "0x"}, eip712.SignatureError, "malformed_field", NOW),
        ({"delegatee": "emma.eth"}, eip712.AddressError, "malformed_field", NOW),
    ]
    newest = demo.rpc(node.rpc_url, "eth_blockNumber")
    for changes, kind, code, now in refusals:
        with pytest.raises(kind) as refusal:
            relay.relay(token.chain_id, dataclasses.replace(good, **changes), now)
        assert refusal.value.code == code, changes  # type: ignore[attr-defined]
    assert demo.rpc(node.rpc_url, "eth_blockNumber") == newest
    demo.wait_for(node.rpc_url, relay.relay(token.chain_id, good, NOW))
    with pytest.raises(Conflict) as replay:
        relay.relay(token.chain_id, good, NOW)
    assert (replay.value.code, replay.value.found, replay.value.allowed) == ("delegation_nonce", 0, 1)


def test_a_relay_that_would_fail_on_chain_costs_nothing(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str], relaying: str
) -> None:
    # The chain's clock is ahead of ours: the token would call this expired, and we would not.
    good = signed(node, chain, token.address, people["Emma"], people["Bob"])
    demo.rpc(node.rpc_url, "evm_setNextBlockTimestamp", [good.expiry + 1])
    demo.rpc(node.rpc_url, "anvil_mine", ["0x1"])
    newest = demo.rpc(node.rpc_url, "eth_blockNumber")
    with pytest.raises(ChainAnswerInvalid):
        relay.relay(token.chain_id, good, NOW)
    assert demo.rpc(node.rpc_url, "eth_blockNumber") == newest


def test_without_a_relayer_nothing_is_sent_and_on_another_chain_neither(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, people: dict[str, str], settings: Any
) -> None:
    good = signed(node, chain, token.address, people["Emma"], people["Bob"])
    settings.CHAIN_RPC, settings.CHAIN_RELAYER = node.rpc_url, ""
    with pytest.raises(Conflict) as refusal:
        relay.relay(token.chain_id, good, NOW)
    assert refusal.value.code == "relay_not_offered"
    settings.CHAIN_RELAYER = accounts(node)[8]
    newest = demo.rpc(node.rpc_url, "eth_blockNumber")
    with pytest.raises(ChainAnswerInvalid):
        relay.relay(1, good, NOW)
    with pytest.raises(ChainAnswerInvalid):
        ChainClient(node.rpc_url, expected_chain_id=1).send(accounts(node)[8], token.address, "0x")
    assert demo.rpc(node.rpc_url, "eth_blockNumber") == newest


@pytest.mark.parametrize("lie", ["null", "empty", "short word", "long word", "not hex", "wrong chain", "error"])
def test_a_lie_about_a_delegation_is_not_offered_for_signing(
    liar: LyingRpc, token: demo.DemoToken, people: dict[str, str], lie: str
) -> None:
    liar.lie = lie
    chain = ChainClient(liar.url, expected_chain_id=demo.CHAIN_ID)
    for read in (chain.nonce_of, chain.delegate_of):
        with pytest.raises(ChainAnswerInvalid):
            read(token.address, people["Emma"])
    with pytest.raises(ChainAnswerInvalid):
        chain.domain_of(token.address)


# --- who may have power ---


@pytest.mark.parametrize("seed", [1, 2])
def test_the_census_over_a_random_history_of_delegations_is_the_truth(
    node: demo.DemoChain, token: demo.DemoToken, chain: ChainClient, liar: LyingRpc, seed: int
) -> None:
    source = random.Random(seed)
    holders = accounts(node)
    delegatees = [*holders, *(eip712.checksum_address("0x" + source.randbytes(20).hex()) for _ in range(5)), NOBODY]
    named: set[str] = set()
    snapshots: list[tuple[Snapshot, set[str]]] = []
    for step in range(40):
        if source.random() < 0.6:
            demo.delegate(node.rpc_url, token.address, source.choice(holders), source.choice(delegatees))
        else:
            data = f"0xa9059cbb{int(source.choice(holders), 16):064x}{source.randrange(1000 * UNIT):064x}"
            sender = source.choice(holders[:5])
            demo.send_transaction(node.rpc_url, {"from": sender, "to": token.address, "data": data})
        if step % 13 == 12:
            demo.finalize(node.rpc_url)
            pinned = Erc20Votes(chain).snapshot({"token": token.address})
            found = {"address": token.address, "fromBlock": "0x0", "toBlock": hex(pinned.block_number)}
            topics = [[lying_rpc.EVENT]]
            logs = demo.rpc(node.rpc_url, "eth_getLogs", [found | {"topics": topics}])
            named = {eip712.checksum_address("0x" + log["topics"][1][26:]) for log in logs}
            snapshots.append((pinned, named))
    for pinned, expected in snapshots:
        candidates = everybody(Erc20Votes(chain), pinned)
        assert candidates == expected
        everywhere = Erc20Votes(chain).powers_of([*delegatees, STRANGER], pinned)
        assert {who for who, power in everywhere.items() if power} <= candidates
        powers = Erc20Votes(chain).powers_of(sorted(candidates), pinned)
        assert sum(powers.values()) == sum(everywhere.values()) <= pinned.total_supply
        # A node that answers for a few blocks only gives the same, in more steps.
        for blocks_max in (1, 2, 7):
            liar.blocks_max = blocks_max
            assert everybody(Erc20Votes(ChainClient(liar.url)), pinned) == candidates
    assert len({frozenset(expected) for _, expected in snapshots}) > 1


def test_the_search_begins_where_the_token_began(node: demo.DemoChain, liar: LyingRpc) -> None:
    demo.rpc(node.rpc_url, "anvil_mine", [hex(400)])
    token = demo.prepare(node.rpc_url)
    liar.blocks_max = 30
    source = Erc20Votes(ChainClient(liar.url))
    pinned = source.snapshot({"token": token.address})
    asked = liar.asked
    step = source.candidates(pinned)
    assert step.next_start is None
    assert set(step.addresses) == {member.address for member in token.members if member.name != "Emma"}
    # 400 blocks are 14 ranges; two questions for each halving find that only the last of them matters.
    assert liar.asked - asked < 40


def test_a_node_that_refuses_every_range_stops_the_census_for_now(
    token: demo.DemoToken, chain: ChainClient, liar: LyingRpc
) -> None:
    pinned = Erc20Votes(chain).snapshot({"token": token.address})
    liar.blocks_max = 0
    with pytest.raises(RangeRefused) as refusal:
        Erc20Votes(ChainClient(liar.url)).candidates(pinned)
    assert not refusal.value.permanent


@pytest.mark.parametrize("lie", [*lying_rpc.LOG_LIES, "http 404", "html", "one answer short"])
def test_a_lie_about_logs_is_never_taken_for_a_census(
    token: demo.DemoToken, chain: ChainClient, liar: LyingRpc, lie: str
) -> None:
    pinned = Erc20Votes(chain).snapshot({"token": token.address})
    source = Erc20Votes(ChainClient(liar.url))
    start = pinned.block_number - 5
    assert source.candidates(pinned, start).addresses
    liar.lie = lie
    with pytest.raises(ChainAnswerInvalid):
        source.candidates(pinned, start)


def test_a_dead_node_is_not_asked_again_and_again_for_less(token: demo.DemoToken, node: demo.DemoChain) -> None:
    with LyingRpc(node.rpc_url) as liar:
        source = Erc20Votes(ChainClient(liar.url, SHORT_SECONDS))
        pinned = source.snapshot({"token": token.address})
        liar.lie, before = "hang", liar.asked
        with pytest.raises(ChainUnavailable):
            source.candidates(pinned, 1)
        assert liar.asked - before == 2


def test_a_chain_that_reorganises_between_two_steps_is_noticed() -> None:
    with demo.start() as own:  # a reorganisation cannot be taken back
        token = demo.prepare(own.rpc_url)
        source = Erc20Votes(ChainClient(own.rpc_url))
        pinned = source.snapshot({"token": token.address})
        first = source.candidates(pinned)
        assert first.next_start is None
        newest = int(demo.rpc(own.rpc_url, "eth_blockNumber"), 16)
        demo.rpc(own.rpc_url, "anvil_reorg", [newest - pinned.block_number + 1, []])
        for read in (lambda: source.candidates(pinned, 3), lambda: source.powers_of(first.addresses, pinned)):
            with pytest.raises(SnapshotReorged) as refusal:
                read()
            assert refusal.value.expected == pinned.block_hash


def test_membership_tokens_vote_by_the_same_interface(node: demo.DemoChain, chain: ChainClient) -> None:
    build = json.loads(demo.BUILD.with_name("MembershipToken.json").read_bytes())
    alice, bob, carol, *_ = accounts(node)
    token = demo.deploy(node.rpc_url, build, [(alice, 2), (bob, 1), (carol, 4)], name="Members", symbol="MEM")
    demo.delegate(node.rpc_url, token, alice, bob)
    demo.delegate(node.rpc_url, token, bob, bob)
    demo.finalize(node.rpc_url)
    source = power_source("erc721_votes", chain)
    pinned = source.snapshot({"token": token})
    assert pinned.total_supply == 7
    assert everybody(source, pinned) == {bob}
    assert source.powers_of([alice, bob, carol], pinned) == {alice: 0, bob: 3, carol: 0}
    # And delegate by signature, in the token's own domain.
    statement = signed(node, chain, token, carol, alice)
    transaction = delegations.transaction_by_signature(chain, statement, NOW)
    demo.send_transaction(node.rpc_url, {"from": bob, **transaction})
    assert chain.delegate_of(token, carol) == alice
    assert (chain.domain_of(token).name, chain.nonce_of(token, carol)) == ("Members", 1)


# --- two nodes ---


@pytest.fixture
def reads(
    token: demo.DemoToken, chain: ChainClient, people: dict[str, str]
) -> dict[str, Callable[[ChainReader], object]]:
    """Every kind of question."""
    pinned = Erc20Votes(chain).snapshot({"token": token.address})
    number, block_hash = pinned.block_number, pinned.block_hash
    return {
        "chain id": lambda reader: reader.chain_id(),
        "finalized": lambda reader: reader.finalized_block(),
        "block": lambda reader: reader.block_hash(number),
        "votes": lambda reader: reader.votes_at(token.address, [people["Alice"]], number, block_hash),
        "supply": lambda reader: reader.total_supply_at(token.address, number, block_hash),
        "clock": lambda reader: reader.clock_at(token.address, block_hash),
        "logs": lambda reader: reader.delegates_named(token.address, 1, number, number, block_hash),
        "nonce": lambda reader: reader.nonce_of(token.address, people["Emma"]),
        "delegate": lambda reader: reader.delegate_of(token.address, people["Emma"]),
        "domain": lambda reader: reader.domain_of(token.address),
    }


def both(node: demo.DemoChain, liar: LyingRpc) -> Iterator[AgreeingChain]:
    """Two nodes in both orders: an honest one and the liar."""
    honest = ChainClient(node.rpc_url, expected_chain_id=demo.CHAIN_ID)
    other = ChainClient(liar.url, SHORT_SECONDS, expected_chain_id=demo.CHAIN_ID)
    yield AgreeingChain([honest, other])
    yield AgreeingChain([other, honest])


def test_two_nodes_that_agree_are_one(
    node: demo.DemoChain, chain: ChainClient, liar: LyingRpc, reads: dict[str, Callable[[ChainReader], object]]
) -> None:
    for agreeing, (what, read) in itertools.product(both(node, liar), reads.items()):
        assert read(agreeing) == read(chain), what
    with pytest.raises(ValueError, match="2 readers or more"):
        AgreeingChain([chain])


@pytest.mark.parametrize(
    ("what", "lie"),
    [
        ("votes", "no power"), ("votes", "more power"), ("supply", "no power"), ("supply", "more power"),
        ("clock", "no power"), ("nonce", "more power"), ("delegate", "no power"), ("logs", "no logs"),
        ("logs", "another delegate"), ("block", "other hash"), ("finalized", "other hash"),
        # A liar alone cannot end a vote by calling it reorganised.
        ("votes", "other hash"), ("supply", "other hash"), ("logs", "other hash"),
    ],
)  # fmt: skip
def test_two_nodes_that_disagree_hold_and_never_count_zero(
    node: demo.DemoChain, liar: LyingRpc, reads: dict[str, Callable[[ChainReader], object]], what: str, lie: str
) -> None:
    for agreeing in both(node, liar):
        liar.lie = lie
        with pytest.raises(ChainError) as refusal:
            reads[what](agreeing)
        assert not refusal.value.permanent
        assert isinstance(refusal.value, ChainDisagreement), refusal.value
        assert refusal.value.code == "chain_disagreement"


@pytest.mark.parametrize("lie", ["hang", "http 500", "busy"])
def test_one_node_down_means_wait_and_never_the_other_alone(
    node: demo.DemoChain, liar: LyingRpc, reads: dict[str, Callable[[ChainReader], object]], lie: str
) -> None:
    liar.lie = lie
    for agreeing, what in itertools.product(both(node, liar), ("votes", "supply", "finalized", "block", "nonce")):
        with pytest.raises(ChainUnavailable):
            reads[what](agreeing)


def test_one_node_of_another_chain_is_refused(
    node: demo.DemoChain, liar: LyingRpc, reads: dict[str, Callable[[ChainReader], object]]
) -> None:
    liar.lie = "wrong chain"
    for agreeing, read in itertools.product(both(node, liar), reads.values()):
        with pytest.raises(ChainAnswerInvalid) as refusal:
            read(agreeing)
        assert refusal.value.permanent


def test_a_reorganisation_that_both_have_seen_is_one(node: demo.DemoChain, token: demo.DemoToken) -> None:
    chain = AgreeingChain([ChainClient(node.rpc_url), ChainClient(node.rpc_url)])
    with pytest.raises(SnapshotReorged):
        chain.votes_at(token.address, [STRANGER], 2, "0x" + "11" * 32)


def test_the_finalized_block_is_the_lower_one_of_two_nodes(node: demo.DemoChain, chain: ChainClient) -> None:
    demo.finalize(node.rpc_url)
    lower = chain.finalized_block()

    class Behind(ChainClient):
        def finalized_block(self) -> Any:
            return lower

    behind = Behind(node.rpc_url)
    demo.finalize(node.rpc_url)
    assert chain.finalized_block().number > lower.number
    for readers in ([chain, behind], [behind, chain]):
        assert AgreeingChain(readers).finalized_block() == lower


def test_several_addresses_in_the_settings_must_agree(
    node: demo.DemoChain, token: demo.DemoToken, liar: LyingRpc, people: dict[str, str], settings: Any
) -> None:
    settings.CHAIN_RPC = f"{node.rpc_url},{liar.url}"
    source = power_source("erc20_votes", chain_for(token.chain_id))
    pinned = source.snapshot({"token": token.address})
    assert source.power_of(people["Alice"], pinned) == 400_000 * UNIT
    assert set(source.candidates(pinned).addresses) >= {people["Alice"], people["Chloé"]}
    liar.lie = "more power"
    with pytest.raises(ChainDisagreement):
        source.power_of(people["Alice"], pinned)
    liar.lie, liar.blocks_max = None, 3
    assert set(source.candidates(pinned).addresses) >= {people["Alice"], people["Chloé"]}
    settings.CHAIN_RPC = node.rpc_url
    assert isinstance(chain_for(token.chain_id), ChainClient)
