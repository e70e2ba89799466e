"""The chain for real: our token on anvil, power at a pinned block, reorganisations, and nodes that lie."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.demo import chain as demo
from governance import eip712, siwe
from governance.chain import ChainAnswerInvalid, ChainError, ChainUnavailable, SnapshotReorged
from governance.chain.client import FUNCTIONS, ChainClient
from governance.power import SOURCES, PowerError, Snapshot, power_source
from governance.power.erc20_votes import Erc20Votes
from tests.faults.runs_site import until
from tests.integration import governed
from tests.simulators import lying_rpc
from tests.simulators.lying_rpc import LyingRpc

UNIT = demo.UNIT
STRANGER = "0x000000000000000000000000000000000000dEaD"
# Short where nothing will ever be answered, long where only a busy machine could delay the answer.
SHORT_SECONDS, LONG_SECONDS = 0.6, 10.0
NEVER_ANSWERED = {"hang", "trickle"}


@pytest.fixture(scope="module", autouse=True)
def contracts() -> None:
    subprocess.run(["node", str(demo.ROOT / "contracts" / "compile.mjs")], check=True, capture_output=True)


@pytest.fixture(scope="module")
def chain() -> Iterator[demo.DemoChain]:
    with demo.start() as running:
        yield running


@pytest.fixture(scope="module")
def token(chain: demo.DemoChain) -> demo.DemoToken:
    return demo.prepare(chain.rpc_url)


@pytest.fixture
def reader(chain: demo.DemoChain) -> ChainClient:
    return ChainClient(chain.rpc_url, expected_chain_id=demo.CHAIN_ID)


@pytest.fixture
def pinned(reader: ChainClient, token: demo.DemoToken) -> Snapshot:
    return Erc20Votes(reader).snapshot({"token": token.address})


@pytest.fixture
def liar(chain: demo.DemoChain) -> Iterator[LyingRpc]:
    with LyingRpc(chain.rpc_url) as running:
        yield running


def transfer(chain: demo.DemoChain, token: demo.DemoToken, sender: str, to: str, amount: int) -> None:
    data = f"0xa9059cbb{int(to, 16):064x}{amount:064x}"  # transfer(address,uint256)
    demo.send_transaction(chain.rpc_url, {"from": sender, "to": token.address, "data": data})


def call(chain: demo.DemoChain, to: str, data: str) -> int:
    """Call a contract with bytes written by hand, as the standards say, past every library."""
    return int(demo.rpc(chain.rpc_url, "eth_call", [{"to": to, "data": data}, "latest"]), 16)


# --- power at the snapshot ---


def test_members_have_the_power_that_was_delegated_to_them(
    reader: ChainClient, token: demo.DemoToken, pinned: Snapshot
) -> None:
    powers = Erc20Votes(reader).powers_of([member.address for member in token.members], pinned)
    by_name = {member.name: powers[member.address] // UNIT for member in token.members}
    assert by_name == {"Alice": 400_000, "Bob": 250_000, "Chloé": 230_000, "Daouda": 120_000, "Emma": 0}
    assert pinned.total_supply == 1_000_000 * UNIT
    assert Erc20Votes(reader).power_of(STRANGER.lower(), pinned) == 0


def test_a_snapshot_is_a_finalized_block_and_not_the_newest(
    chain: demo.DemoChain, reader: ChainClient, pinned: Snapshot
) -> None:
    newest = int(demo.rpc(chain.rpc_url, "eth_blockNumber"), 16)
    assert pinned.block_number < newest
    assert reader.block_hash(pinned.block_number) == pinned.block_hash
    block = reader.finalized_block()
    assert abs(block.timestamp - time.time()) < 3600


def test_tokens_bought_after_the_snapshot_count_for_nothing(
    chain: demo.DemoChain, reader: ChainClient, token: demo.DemoToken, pinned: Snapshot
) -> None:
    buyer = eip712.checksum_address(demo.rpc(chain.rpc_url, "eth_accounts")[7])
    transfer(chain, token, token.members[0].address, buyer, 300_000 * UNIT)
    demo.delegate(chain.rpc_url, token.address, buyer, buyer)
    demo.finalize(chain.rpc_url)
    source = Erc20Votes(reader)
    later = source.snapshot({"token": token.address})
    assert source.power_of(buyer, pinned) == 0
    assert source.power_of(token.members[0].address, pinned) == 400_000 * UNIT
    assert source.power_of(buyer, later) == 300_000 * UNIT
    assert later.block_number > pinned.block_number
    transfer(chain, token, buyer, token.members[0].address, 300_000 * UNIT)
    demo.finalize(chain.rpc_url)


def test_many_voters_are_read_in_few_requests(liar: LyingRpc, pinned: Snapshot) -> None:
    source = random.Random(5)
    voters = [eip712.checksum_address("0x" + source.randbytes(20).hex()) for _ in range(250)]
    through = ChainClient(liar.url)
    votes = through.votes_at(pinned.parameters["token"], voters, pinned.block_number, pinned.block_hash)
    assert votes == dict.fromkeys(voters, 0)
    assert liar.asked == 3


def test_our_reading_is_that_of_calls_written_by_hand(
    chain: demo.DemoChain, reader: ChainClient, token: demo.DemoToken, pinned: Snapshot
) -> None:
    # The first four bytes are those of the Keccak-256 of each signature.
    votes, supply, clock = "0x3a46b1a8", "0x8e539e8c", "0x91ddadf4"
    number, block_hash = pinned.block_number, pinned.block_hash
    accounts = [eip712.checksum_address(account) for account in demo.rpc(chain.rpc_url, "eth_accounts")]
    read = reader.votes_at(token.address, accounts, number, block_hash)
    assert read == {who: call(chain, token.address, f"{votes}{int(who, 16):064x}{number:064x}") for who in accounts}
    assert sum(read.values()) == 1_000_000 * UNIT
    assert reader.total_supply_at(token.address, number, block_hash) == call(
        chain, token.address, f"{supply}{number:064x}"
    )
    newest = demo.rpc(chain.rpc_url, "eth_getBlockByNumber", ["latest", False])
    assert reader.clock_at(token.address, newest["hash"]) == call(chain, token.address, clock)
    assert demo.rpc(chain.rpc_url, "eth_getBlockByNumber", [hex(number), False])["hash"] == block_hash


def test_the_functions_that_we_ask_are_those_of_the_contracts() -> None:
    """Of the token, and of a Governor with its anchor and the library's timelock."""
    ours = [demo.BUILD, *(demo.BUILD.with_name(f"{name}.json") for name in ("CommunityGovernor", "CommonsAnchor"))]
    library = demo.ROOT / "node_modules" / "@openzeppelin" / "contracts" / "build" / "contracts"
    offered: dict[str, set[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for path in (*ours, library / "TimelockController.json"):
        for entry in json.loads(path.read_bytes())["abi"]:
            if entry["type"] == "function" and entry["stateMutability"] in {"view", "pure"}:
                types = tuple(tuple(each["type"] for each in entry[side]) for side in ("inputs", "outputs"))
                offered.setdefault(entry["name"], set()).add((types[0], types[1]))
    for name, types in FUNCTIONS.items():
        assert types in offered.get(name, set()), name
    token = {entry.get("name") for entry in json.loads(demo.BUILD.read_bytes())["abi"] if entry["type"] == "function"}
    assert not token & {"mint", "burn", "pause", "owner", "upgradeTo"}


# --- what is absent raises ---


def test_an_address_without_a_contract_is_refused_and_not_read_as_zero(reader: ChainClient, pinned: Snapshot) -> None:
    with pytest.raises(ChainAnswerInvalid):
        reader.votes_at(STRANGER, [STRANGER], pinned.block_number, pinned.block_hash)
    with pytest.raises(ChainAnswerInvalid):
        Erc20Votes(reader).snapshot({"token": STRANGER})


def test_a_block_that_does_not_exist_yet_is_refused(reader: ChainClient, token: demo.DemoToken) -> None:
    with pytest.raises(ChainAnswerInvalid):
        reader.block_hash(10**9)
    with pytest.raises(ChainAnswerInvalid):
        reader.votes_at(token.address, [STRANGER], 10**9, "0x" + "11" * 32)


def test_the_newest_block_cannot_be_a_snapshot(
    chain: demo.DemoChain, reader: ChainClient, token: demo.DemoToken
) -> None:
    newest = int(demo.rpc(chain.rpc_url, "eth_blockNumber"), 16)
    with pytest.raises(ChainAnswerInvalid):
        reader.votes_at(token.address, [STRANGER], newest, reader.block_hash(newest))


def test_another_hash_for_the_same_number_is_a_reorganisation(
    reader: ChainClient, token: demo.DemoToken, pinned: Snapshot
) -> None:
    with pytest.raises(SnapshotReorged) as refusal:
        reader.votes_at(token.address, [STRANGER], pinned.block_number, "0x" + "11" * 32)
    assert refusal.value.found == pinned.block_hash
    with pytest.raises(SnapshotReorged):
        reader.total_supply_at(token.address, pinned.block_number, "0x" + "11" * 32)


@pytest.mark.parametrize(
    "address",
    ["ftp://127.0.0.1/", "127.0.0.1:8545", "http://", "http://user:secret@127.0.0.1/", "file:///etc/passwd"],
)
def test_an_rpc_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="RPC address"):
        ChainClient(address)


# --- reorganisations ---


def test_a_reorganised_snapshot_is_noticed_and_never_reweighed() -> None:
    with demo.start() as own:
        token = demo.prepare(own.rpc_url)
        source = Erc20Votes(ChainClient(own.rpc_url))
        pinned = source.snapshot({"token": token.address})
        alice = token.members[0].address
        assert source.power_of(alice, pinned) == 400_000 * UNIT
        demo.rpc(own.rpc_url, "anvil_mine", ["0x5"])
        source.confirm(pinned)
        newest = int(demo.rpc(own.rpc_url, "eth_blockNumber"), 16)
        demo.rpc(own.rpc_url, "anvil_reorg", [newest - pinned.block_number + 1, []])
        for read in (lambda: source.power_of(alice, pinned), lambda: source.confirm(pinned)):
            with pytest.raises(SnapshotReorged) as refusal:
                read()
            assert refusal.value.permanent
            assert refusal.value.expected == pinned.block_hash


def test_a_shorter_chain_without_the_block_is_refused() -> None:
    with demo.start() as own:
        token = demo.prepare(own.rpc_url)
        before = demo.rpc(own.rpc_url, "evm_snapshot")
        demo.rpc(own.rpc_url, "anvil_mine", ["0x9"])
        source = Erc20Votes(ChainClient(own.rpc_url))
        pinned = source.snapshot({"token": token.address})
        demo.rpc(own.rpc_url, "evm_revert", [before])
        with pytest.raises(ChainAnswerInvalid):
            source.confirm(pinned)


# --- lies ---


@pytest.mark.parametrize("lie", [*lying_rpc.LIES, *lying_rpc.TRANSPORT])
def test_a_lie_is_never_taken_for_power(liar: LyingRpc, pinned: Snapshot, token: demo.DemoToken, lie: str) -> None:
    liar.lie = lie
    limit = SHORT_SECONDS if lie in NEVER_ANSWERED else LONG_SECONDS
    client = ChainClient(liar.url, limit, expected_chain_id=demo.CHAIN_ID)
    read = lambda: client.votes_at(  # noqa: E731 - the same call twice
        token.address, [token.members[0].address, STRANGER], pinned.block_number, pinned.block_hash
    )
    start = time.monotonic()
    if lie == "slow start":
        assert read()[token.members[0].address] == 400_000 * UNIT
        return
    with pytest.raises(ChainError) as refusal:
        read()
    assert time.monotonic() - start < limit + 1
    passing = {"busy", "http 500", "http 429", "hang", "trickle", "close"}
    expected = SnapshotReorged if lie == "other hash" else ChainUnavailable if lie in passing else ChainAnswerInvalid
    assert type(refusal.value) is expected, refusal.value
    assert refusal.value.permanent == (lie in {"wrong chain", "other hash"})
    assert liar.asked == 1


@pytest.mark.parametrize("harmless", [None, *lying_rpc.HARMLESS])
def test_the_truth_in_another_order_is_read(
    liar: LyingRpc, pinned: Snapshot, token: demo.DemoToken, harmless: str | None
) -> None:
    liar.lie = harmless
    client = ChainClient(liar.url, expected_chain_id=demo.CHAIN_ID)
    member = token.members[1]
    votes = client.votes_at(token.address, [STRANGER, member.address], pinned.block_number, pinned.block_hash)
    assert votes == {STRANGER: 0, member.address: 250_000 * UNIT}


@pytest.mark.parametrize("lie", ["wrong chain", "chain null", "chain as number", "html", "error", "nothing"])
def test_the_chain_id_and_blocks_are_checked_too(liar: LyingRpc, lie: str) -> None:
    liar.lie = lie
    client = ChainClient(liar.url, LONG_SECONDS, expected_chain_id=demo.CHAIN_ID)
    for read in (client.chain_id, client.finalized_block, lambda: client.block_hash(1)):
        with pytest.raises(ChainAnswerInvalid):
            read()


def test_a_node_that_is_not_there_is_unavailable_and_worth_another_try() -> None:
    with demo.start() as own:
        client = ChainClient(f"{own.rpc_url}/secret-key", SHORT_SECONDS)
    with pytest.raises(ChainUnavailable) as refusal:
        client.chain_id()
    assert not refusal.value.permanent
    assert "secret-key" not in "".join(traceback.format_exception(refusal.value))


def test_a_stopped_process_is_noticed_in_time() -> None:
    with demo.start() as own:
        client = ChainClient(own.rpc_url, 2)
        assert client.chain_id() == demo.CHAIN_ID
        os.kill(own.pid, signal.SIGSTOP)
        try:
            until(lambda: Path(f"/proc/{own.pid}/stat").read_text().rpartition(") ")[2].startswith("T"))
            start = time.monotonic()
            with pytest.raises(ChainUnavailable):
                client.chain_id()
            assert time.monotonic() - start < 3
        finally:
            os.kill(own.pid, signal.SIGCONT)
        assert client.chain_id() == demo.CHAIN_ID


def test_a_token_with_another_clock_is_refused(liar: LyingRpc, token: demo.DemoToken) -> None:
    class TimestampClock(ChainClient):
        def clock_at(self, token: str, block_hash: str) -> int:
            return super().clock_at(token, block_hash) + 1_700_000_000

    with pytest.raises(PowerError) as refusal:
        Erc20Votes(TimestampClock(liar.url)).snapshot({"token": token.address})
    assert refusal.value.code == "token_clock_unsupported"


# --- the demo wallet and the demo chain ---


def test_an_unlocked_account_signs_ballots_and_sign_ins_as_a_wallet_does(
    chain: demo.DemoChain, token: demo.DemoToken
) -> None:
    voter = token.members[2].address
    fields = {
        "chain_id": token.chain_id,
        "token": token.address,
        "instance": chain.rpc_url,
        "community": "water",
        "proposal": "0x" + "ab" * 32,
        "voter": voter,
        "choice": 1,
        "reason": "L’eau d’abord — 水",
        "nonce": 2**60,
    }
    signature = demo.sign_typed_data(chain.rpc_url, voter, eip712.ballot_message(**fields))
    eip712.verify(eip712.ballot_digest(**fields), signature, voter)
    text = siwe.render(
        siwe.SiweMessage(
            domain="127.0.0.1:8000",
            address=voter,
            uri="http://127.0.0.1:8000/",
            chain_id=token.chain_id,
            nonce="abcdefgh12345678",
            issued_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
        )
    )
    eip712.verify(eip712.personal_message_digest(text), demo.personal_sign(chain.rpc_url, voter, text), voter)


def test_the_chain_and_its_past_survive_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "chain" / "state.json"
    with demo.start(state=state) as first:
        token = demo.prepare(first.rpc_url)
        pinned = Erc20Votes(ChainClient(first.rpc_url)).snapshot({"token": token.address})
        demo.rpc(first.rpc_url, "anvil_mine", ["0x20"])
    assert not first.is_running()
    with demo.start(state=state, block_seconds=60) as second:
        assert demo.has_code(second.rpc_url, token.address)
        source = Erc20Votes(ChainClient(second.rpc_url))
        assert source.power_of(token.members[1].address, pinned) == 250_000 * UNIT
        source.confirm(pinned)
        start = time.monotonic()
        demo.delegate(second.rpc_url, token.address, token.members[4].address, token.members[4].address)
        assert time.monotonic() - start < 8
    assert second.pid != first.pid


def test_a_chain_that_cannot_start_says_why(chain: demo.DemoChain) -> None:
    with pytest.raises(demo.DemoChainError):
        demo.start(port=chain.port)
    with pytest.raises(demo.DemoChainError):
        demo.start(anvil=Path("/bin/false"))


def test_stopping_one_chain_leaves_the_other_alone(chain: demo.DemoChain) -> None:
    other = demo.start()
    other.stop()
    other.stop()
    assert not other.is_running()
    assert chain.is_running()


def test_a_refused_transaction_is_an_error(chain: demo.DemoChain, token: demo.DemoToken) -> None:
    with pytest.raises(demo.DemoChainError):
        transfer(chain, token, token.members[4].address, STRANGER, 10**30)
    for holders in ([], [(STRANGER, 1), (STRANGER, 2**208)]):
        with pytest.raises(demo.DemoChainError):
            demo.deploy(chain.rpc_url, json.loads(demo.BUILD.read_bytes()), holders)


# --- the table of sources ---


@pytest.fixture(scope="module")
def pair(chain: demo.DemoChain, token: demo.DemoToken) -> dict[str, str]:
    """A Governor with its anchor, on a token that counts seconds; the same members hold it."""
    made = governed.deploy(chain.rpc_url)
    return {"governor": made.governor.address, "anchor": made.anchor.address, "token": made.token.address}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_pins_integers_and_explains_itself(
    name: str, reader: ChainClient, token: demo.DemoToken, pair: dict[str, str]
) -> None:
    parameters = {
        "erc20_votes": {"token": token.address},
        # Any token with the same four functions will do; test_delegation_chain.py reads a real ERC-721.
        "erc721_votes": {"token": token.address},
        "fixed_list": {"members": {member.address: "1" for member in token.members}},
        "contribution_credits": {"credits": {member.address: "1" for member in token.members}},
        "governor_votes": pair,
    }[name]
    source = power_source(name, reader)
    assert (source.name, bool(source.label), bool(source.description)) == (name, True, True)
    pinned = source.snapshot(parameters)
    assert pinned == source.snapshot(pinned.parameters)
    assert len(pinned.block_hash) == 66
    addresses = [member.address for member in token.members]
    powers = source.powers_of(addresses, pinned)
    assert all(type(power) is int for power in [*powers.values(), pinned.total_supply, pinned.block_number])
    assert 0 < sum(powers.values()) <= pinned.total_supply
    assert source.power_of(addresses[0].lower(), pinned) == powers[addresses[0]]
    assert source.power_of(STRANGER, pinned) == 0
    source.confirm(pinned)
    for wrong in ({}, {**parameters, "extra": 1}):
        with pytest.raises(PowerError):
            source.snapshot(wrong)


def test_the_chain_dies_with_a_parent_that_is_killed() -> None:
    program = "import time; from config.demo import chain; print(chain.start().pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=demo.ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in _state(pid):
        assert time.monotonic() < deadline, "anvil has outlived its parent"
        time.sleep(0.05)


def _state(pid: int) -> str:
    """Return the state letter of a process; a zombie is dead, and only waits for somebody to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
