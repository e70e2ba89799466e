"""Digests of votes written down on a chain, exactly once: transactions get lost, stuck, overtaken, taken back by the chain.

And what a stranger finds with the address of the contract and a node.
"""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from config import sweeper
from config.demo import chain as demo
from governance import audit_bundle, fsck
from governance.anchoring import posting
from governance.anchoring.check import CODE_HASH, code_hash
from governance.anchoring.planning import plan_votes
from governance.anchoring.steps import REPLACE_SECONDS
from governance.models import Anchor, Event, Proposal
from governance.recount.__main__ import main as recount_main
from models_registry.anchor_check import wanted_of
from models_registry.provenance.__main__ import alone
from models_registry.provenance.case import load
from tests.integration.commons import Commons, end_of
from tests.integration.exports import there_and_back
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY
from tests.vectors.governor_chain import Contract, accounts_of, deploy_contract

OWNER, POSTER = 0, 6
BALLOTS = b"ballots".ljust(32, b"\0")
REST = timedelta(seconds=posting.REST_SECONDS)
TOO_LONG = timedelta(seconds=REPLACE_SECONDS)


@pytest.fixture(scope="module")
def running() -> Iterator[demo.DemoChain]:
    subprocess.run(["node", str(demo.ROOT / "contracts" / "compile.mjs")], check=True, capture_output=True)
    with demo.start() as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(running: demo.DemoChain) -> Contract:
    accounts = accounts_of(running.rpc_url)
    contract = deploy_contract(running.rpc_url, "CommonsAnchor", accounts[OWNER], accounts[OWNER], accounts[POSTER])
    demo.finalize(running.rpc_url)
    return contract


@pytest.fixture
def contract(deployed: Contract) -> Iterator[Contract]:
    """The anchor, on which nothing was posted yet."""
    before = demo.rpc(deployed.rpc_url, "evm_snapshot")
    yield deployed
    demo.rpc(deployed.rpc_url, "anvil_dropAllTransactions")
    demo.rpc(deployed.rpc_url, "evm_setAutomine", [True])
    assert demo.rpc(deployed.rpc_url, "evm_revert", [before])


@pytest.fixture
def anchoring(contract: Contract, settings: Any, tmp_path: Path) -> Contract:
    """The settings of a site that anchors, with the poster's key in a file."""
    Account.enable_unaudited_hdwallet_features()
    key = Account.from_mnemonic(demo.UNSAFE_MNEMONIC, account_path=f"m/44'/60'/0'/0/{POSTER}")
    settings.ANCHOR_KEY_FILE = tmp_path / "poster"
    settings.ANCHOR_KEY_FILE.write_text(bytes(key.key).hex())
    settings.ANCHOR_CONTRACT, settings.ANCHOR_POSTER = contract.address, key.address
    settings.ANCHOR_RPC, settings.ANCHOR_SIGNER_COMMAND = contract.rpc_url, []
    settings.ANCHOR_FEE_GWEI_MAX = 1_000
    return contract


@pytest.fixture
def gardens(list_community: Any) -> Commons:
    return list_community()


@pytest.fixture
def counted(gardens: Commons) -> Proposal:
    """A vote that was counted."""
    return count(gardens)


@pytest.fixture
def start(counted: Proposal) -> datetime:
    """The moment after the count, when its digest was planned."""
    now = end_of(counted)
    plan_votes(now)
    return now


def count(gardens: Commons) -> Proposal:
    proposal = gardens.propose()
    gardens.vote(proposal, "Alice", 1)
    gardens.vote(proposal, "Bob", 0)
    return gardens.queued(proposal)


def posts(contract: Contract) -> list[str]:
    """Return every digest that the chain's logs say was posted."""
    where = {"address": contract.address, "fromBlock": "0x0", "toBlock": "latest"}
    logs = demo.rpc(contract.rpc_url, "eth_getLogs", [where])
    return [log["data"][2:] for log in logs if len(log["topics"]) == 2]


def mine(contract: Contract) -> None:
    demo.rpc(contract.rpc_url, "evm_mine")


def finalized(contract: Contract, now: datetime) -> Anchor:
    """Let what was sent become final, look again, and return the row."""
    demo.rpc(contract.rpc_url, "evm_setAutomine", [True])
    mine(contract)
    demo.finalize(contract.rpc_url)
    posting.post(now)
    return Anchor.objects.get()


def pooled(contract: Contract) -> list[dict[str, Any]]:
    """Return the transactions that wait for a block."""
    pending = demo.rpc(contract.rpc_url, "txpool_content")["pending"]
    return [sent for account in pending.values() for sent in account.values()]


def test_the_ballots_of_a_counted_vote_are_posted_once_and_their_place_is_told(
    anchoring: Contract, counted: Proposal, start: datetime, tmp_path: Path
) -> None:
    root = counted.tally_record.body["ballots_root"]
    assert posting.post(start) == 0
    assert posts(anchoring) == [root]
    posting.post(start + REST)
    assert Anchor.objects.get().posted_at is None, "a block that may go is no date"

    row = finalized(anchoring, start + 2 * REST)

    assert int(row.posted_at.timestamp()) == anchoring.read("postedAt", BALLOTS, bytes.fromhex(root))
    assert (row.chain_id, row.contract, row.next_at) == (demo.CHAIN_ID, anchoring.address, None)
    block = demo.rpc(anchoring.rpc_url, "eth_getBlockByNumber", [hex(row.block_number), False])
    assert block["hash"] == row.block_hash
    (event,) = Event.objects.filter(kind="anchored")
    assert event.data["digest"] == root
    assert event.data["record"] == counted.tally_record_id
    for later in range(3, 6):
        plan_votes(start + later * REST)
        assert posting.post(start + later * REST) == 0
    assert posts(anchoring) == [root]
    there_and_back(counted.community.slug, tmp_path / "moved", start)


def test_a_lost_transaction_is_sent_again_under_its_own_number(anchoring: Contract, start: datetime) -> None:
    demo.rpc(anchoring.rpc_url, "evm_setAutomine", [False])
    posting.post(start)
    first = Anchor.objects.get()
    demo.rpc(anchoring.rpc_url, "anvil_dropTransaction", [first.transaction])

    posting.post(start + REST)
    assert Anchor.objects.get().transaction == first.transaction, "too early to call it lost"
    posting.post(start + REST + TOO_LONG)

    again = Anchor.objects.get()
    assert again.transaction != first.transaction
    assert (again.nonce, again.fee_wei > first.fee_wei) == (first.nonce, True)
    assert finalized(anchoring, start + 2 * REST + TOO_LONG).posted_at
    assert len(posts(anchoring)) == 1


def test_a_transaction_that_no_block_takes_is_replaced_by_a_dearer_one(anchoring: Contract, start: datetime) -> None:
    demo.rpc(anchoring.rpc_url, "evm_setAutomine", [False])
    posting.post(start)
    posting.post(start + REST + TOO_LONG)

    (waiting,) = pooled(anchoring)
    assert waiting["hash"] == Anchor.objects.get().transaction
    assert finalized(anchoring, start + 2 * REST + TOO_LONG).posted_at
    assert len(posts(anchoring)) == 1


def test_a_number_that_something_else_used_up_is_left_behind(anchoring: Contract, start: datetime) -> None:
    demo.rpc(anchoring.rpc_url, "evm_setAutomine", [False])
    posting.post(start)
    first = Anchor.objects.get()
    demo.rpc(anchoring.rpc_url, "anvil_dropTransaction", [first.transaction])
    other = {"from": first_sender(anchoring), "to": anchoring.address, "data": "0x", "gas": hex(100_000)}
    demo.rpc(anchoring.rpc_url, "eth_sendTransaction", [other])
    mine(anchoring)

    posting.post(start + REST)

    assert Anchor.objects.get().nonce == first.nonce + 1
    assert finalized(anchoring, start + 2 * REST).posted_at
    assert len(posts(anchoring)) == 1


def first_sender(contract: Contract) -> str:
    return accounts_of(contract.rpc_url)[POSTER]


def test_a_post_that_the_chain_takes_back_is_made_again(anchoring: Contract, start: datetime) -> None:
    before = demo.rpc(anchoring.rpc_url, "evm_snapshot")
    posting.post(start)
    mine(anchoring)
    posting.post(start + REST)
    assert Anchor.objects.get().nonce is None, "seen in a block"
    assert demo.rpc(anchoring.rpc_url, "evm_revert", [before])
    assert posts(anchoring) == []

    posting.post(start + 2 * REST)

    assert finalized(anchoring, start + 3 * REST).posted_at
    assert len(posts(anchoring)) == 1


def test_a_process_that_dies_before_it_sends_finds_its_transaction_again(
    anchoring: Contract, start: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as dying, pytest.raises(Died):
        dying.setattr(posting, "_sent_to", die)
        posting.post(start)
    assert (Anchor.objects.get().nonce is not None, posts(anchoring)) == (True, [])

    posting.post(start + REST + TOO_LONG)

    assert finalized(anchoring, start + 2 * REST + TOO_LONG).posted_at
    assert len(posts(anchoring)) == 1


def test_of_two_sweepers_one_takes_a_digest(anchoring: Contract, start: datetime) -> None:
    mine_, theirs = Anchor.objects.get(), Anchor.objects.get()
    assert posting._claim(mine_, start)
    assert not posting._claim(theirs, start)
    assert posting.post(start) == 0
    assert posts(anchoring) == []


def test_many_digests_go_one_after_the_other(
    anchoring: Contract, gardens: Commons, counted: Proposal, start: datetime
) -> None:
    others = [count(gardens) for _ in range(2)]
    demo.rpc(anchoring.rpc_url, "evm_setAutomine", [False])
    now = start + timedelta(seconds=1)
    plan_votes(now)
    posting.post(now)
    posting.post(now + REST)
    assert len(pooled(anchoring)) == 1

    demo.rpc(anchoring.rpc_url, "evm_setAutomine", [True])
    mine(anchoring)
    for number in range(2, 6):
        demo.finalize(anchoring.rpc_url)
        posting.post(now + number * REST)
        posting.post(now + number * REST)

    roots = [vote.tally_record.body["ballots_root"] for vote in (counted, *others)]
    assert posts(anchoring) == roots, "oldest first"
    demo.finalize(anchoring.rpc_url)
    posting.post(now + 7 * REST)
    assert Anchor.objects.filter(posted_at__isnull=False).count() == 3


def test_silence_and_a_missing_role_are_kept_as_reasons_and_tried_again_more_rarely(
    anchoring: Contract, start: datetime, settings: Any
) -> None:
    settings.ANCHOR_RPC = "http://127.0.0.1:9"
    posting.post(start)
    row = Anchor.objects.get()
    assert (row.error_code, row.nonce, row.attempts) == ("chain_unavailable", None, 1)

    settings.ANCHOR_RPC = anchoring.rpc_url
    anchoring.send(accounts_of(anchoring.rpc_url)[OWNER], "namePoster", "0x" + "00" * 20)
    posting.post(row.next_at)
    row.refresh_from_db()
    assert "trial" in row.error_detail
    assert (row.nonce, row.attempts, posts(anchoring)) == (None, 2, [])

    anchoring.send(accounts_of(anchoring.rpc_url)[OWNER], "namePoster", settings.ANCHOR_POSTER)
    posting.post(row.next_at)
    row = finalized(anchoring, row.next_at + REST)
    assert (row.error_code, bool(row.posted_at)) == ("", True)


def test_a_fee_above_the_limit_of_the_site_is_not_paid(anchoring: Contract, start: datetime, settings: Any) -> None:
    settings.ANCHOR_FEE_GWEI_MAX = 1
    posting.post(start)
    assert "gwei" in Anchor.objects.get().error_detail
    assert posts(anchoring) == []


SIGN = """
import json, sys
from eth_account import Account
sent = json.load(sys.stdin)
sent["value"] += {value}
print("0x" + Account.from_key({key!r}).sign_transaction(sent).raw_transaction.hex())
"""


@pytest.mark.parametrize("value", [0, 1])
def test_a_command_may_hold_the_key_and_must_sign_what_it_is_asked_to(
    anchoring: Contract, start: datetime, settings: Any, tmp_path: Path, value: int
) -> None:
    script = tmp_path / "sign.py"
    script.write_text(SIGN.format(value=value, key=settings.ANCHOR_KEY_FILE.read_text()))
    settings.ANCHOR_SIGNER_COMMAND = [sys.executable, str(script)]
    settings.ANCHOR_KEY_FILE.unlink()

    posting.post(start)
    mine(anchoring)

    assert len(posts(anchoring)) == 1 - value
    assert Anchor.objects.get().error_code == ("transaction_not_signed" if value else "")


def test_what_was_posted_is_shown_told_and_held_against_record_and_log(
    anchoring: Contract, gardens: Commons, counted: Proposal, start: datetime, client: Any
) -> None:
    page = f"/c/gardens/proposals/{counted.number}/"
    assert "on its way to a chain" in client.get(page).content.decode()
    posting.post(start)
    row = finalized(anchoring, start + REST)

    shown = client.get(page).content.decode()
    assert "Written down on a chain" in shown
    assert f"--anchor {anchoring.address}" in shown
    told = client.get("/api/v1/communities/gardens/anchors").json()
    assert (told["total"], told["pages"]) == (1, 1)
    assert told["results"][0]["digest"] == counted.tally_record.body["ballots_root"]
    assert told["results"][0]["posted_at"].startswith(row.posted_at.strftime("%Y-%m-%dT%H:%M:%S"))

    gardens.community.refresh_from_db()
    assert [*fsck.check_one(gardens.community)] == []
    Anchor.objects.update(posted_at=row.posted_at - timedelta(days=1), digest="ab" * 32)
    found = {(finding.table, finding.what) for finding in fsck.check_one(gardens.community)}
    assert found == {("governance_anchor", column) for column in ("digest", "posted", "row")}


def test_a_site_that_does_not_anchor_plans_nothing_and_one_that_begins_late_posts_the_past(
    counted: Proposal, contract: Contract, settings: Any
) -> None:
    settings.ANCHOR_CONTRACT = ""
    assert sweeper.anchor() == 0
    assert not Anchor.objects.exists()
    settings.ANCHOR_CONTRACT, settings.ANCHOR_RPC = contract.address, "http://127.0.0.1:9"
    sweeper.anchor()
    assert Anchor.objects.get().record_id == counted.tally_record_id


def test_nobody_voted_so_there_is_nothing_to_post(gardens: Commons) -> None:
    empty = gardens.queued(gardens.propose())
    assert empty.tally_record is not None
    assert plan_votes(end_of(empty)) == 0


@pytest.fixture
def bundle(counted: Proposal, tmp_path: Path) -> Path:
    fresh = Proposal.objects.select_related("record", "census_record").get(pk=counted.pk)
    path = tmp_path / "vote.jsonl"
    path.write_bytes(b"".join(audit_bundle.lines(fresh)))
    return path


def test_a_stranger_checks_the_anchor_of_a_vote_with_a_node(
    anchoring: Contract, counted: Proposal, start: datetime, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(bundle), "--rpc", anchoring.rpc_url, "--anchor", anchoring.address]
    assert recount_main(asked) == 1
    assert "NOT anchored" in capsys.readouterr().out

    posting.post(start)
    finalized(anchoring, start + REST)
    assert recount_main([*asked, "--json"]) == 0

    said = json.load(io.StringIO(capsys.readouterr().out))["anchor"]
    assert said["anchored"] is True
    assert said["found"][0]["digest"] == counted.tally_record.body["ballots_root"]
    assert said["found"][0]["posted_at"] == int(Anchor.objects.get().posted_at.timestamp())


def test_a_stranger_checks_the_anchors_of_a_release_and_of_the_votes_behind_it(
    contract: Contract, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden_bundle.build(tmp_path, golden_bundle.plain_story())
    wanted = wanted_of(load(tmp_path, CONSISTENCY))
    assert [one.kind for one in wanted].count("release") == 1
    assert len(wanted) > 2
    asked = [str(tmp_path), "--consistency-only", "--anchor-rpc", contract.rpc_url, "--anchor", contract.address]
    for left, one in reversed([*enumerate(wanted)]):
        assert alone(asked) == 1, f"{left + 1} are not posted"
        place = one.kind.encode().ljust(32, b"\0"), bytes.fromhex(one.digest)
        contract.send(first_sender(contract), "post", *place)
        demo.finalize(contract.rpc_url)
    capsys.readouterr()

    assert alone([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["anchor"]["anchored"] is True
    assert alone([*asked[:-1], "0x12"]) == 2
    assert alone([*asked[:2], *asked[-2:]]) == 2, "without a node"


def test_a_contract_that_says_yes_to_everything_is_not_believed(
    contract: Contract, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # returns the number 1 for every question
    liar = "0x" + "11" * 20
    demo.rpc(contract.rpc_url, "anvil_setCode", [liar, "0x600160005260206000f3"])
    demo.finalize(contract.rpc_url)
    assert recount_main([str(bundle), "--rpc", contract.rpc_url, "--anchor", liar]) == 3
    assert "no CommonsAnchor" in capsys.readouterr().out


def test_the_code_that_verifiers_know_is_that_of_the_contract(contract: Contract) -> None:
    assert code_hash(demo.rpc(contract.rpc_url, "eth_getCode", [contract.address, "latest"])) == CODE_HASH
