"""Check 11 for real: the census of a release against our token on anvil, and nodes that cannot answer for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from config.demo import chain as demo
from governance.evidence.signing import fingerprint
from models_registry.chain_check import Node, check_powers
from models_registry.provenance.__main__ import main
from models_registry.provenance.report import Finding, Status
from models_registry.provenance.report_words import evidence_in_french
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY
from tests.simulators.golden_bundle import KeySigner, Story, reviewed_story
from tests.simulators.golden_parts import Voter
from tests.simulators.lying_rpc import LIES, LyingRpc

FINGERPRINT = fingerprint(KeySigner(7).public_key_hex)
ALICE, BOB, CHLOE, DAOUDA = (tokens * demo.UNIT for tokens in (400_000, 250_000, 230_000, 120_000))
POWERS = (ALICE, BOB, CHLOE, DAOUDA)


@pytest.fixture(scope="module")
def chain() -> Iterator[demo.DemoChain]:
    subprocess.run(["node", str(demo.ROOT / "contracts" / "compile.mjs")], check=True, capture_output=True)
    with demo.start() as running:
        yield running


@pytest.fixture(scope="module")
def block(chain: demo.DemoChain) -> dict[str, Any]:
    """The token, and a block in which everybody's power stands; more blocks follow."""
    token = demo.prepare(chain.rpc_url)
    at = demo.rpc(chain.rpc_url, "eth_getBlockByNumber", ["finalized", False])
    demo.finalize(chain.rpc_url)
    return {"token": token.address, "number": int(at["number"], 16), "hash": at["hash"]}


def members(powers: tuple[int, ...] = POWERS) -> list[Voter]:
    """Return the demo's members with the wallets of the mnemonic, and the powers that the operator claims."""
    import coincurve

    Account.enable_unaudited_hdwallet_features()
    made = []
    for number, power in enumerate(powers):
        wallet = Account.from_mnemonic(demo.UNSAFE_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
        made.append(Voter(coincurve.PrivateKey(bytes(wallet.key)), wallet.address, power))
    return made


def on_chain(block: dict[str, Any], **changes: Any) -> Any:
    """Return an edit that puts every snapshot on the chain, with `changes` to what it says."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == changes.get("wallets"):
            for signed in body.get("sponsors") or body.get("attestations") or [body]:
                signed["wallet"] = {"block_hash": block["hash"], "block_number": block["number"], "kind": "erc1271"}
        if kind == "community":
            body.update(token=block["token"], chain_id=changes.get("chain_id", demo.CHAIN_ID))
        if kind == "proposal":
            body["snapshot"].update(
                block_number=changes.get("number", block["number"]),
                block_hash=changes.get("hash", block["hash"]),
                total_supply=str(changes.get("supply", 1_000_000 * demo.UNIT)),
                source={"name": "erc20_votes", "version": "1", "parameters": {"token": block["token"]}},
            )

    return edit


@pytest.fixture
def asked(tmp_path: Path, chain: demo.DemoChain, block: dict[str, Any]) -> Any:
    """Tell a story, and return what check 11 finds when this node is asked."""

    def ask(url: str = chain.rpc_url, powers: tuple[int, ...] = POWERS, limit: int = 10_000, **changes: Any) -> Finding:
        tell = reviewed_story if changes.get("wallets") == "review" else Story
        story = tell(
            members=members(powers), choices=(1, 1, 0, 1), trusting=[], edit=on_chain(block, **changes),
            trusts=((3, 0, 10_000),) if changes.get("wallets") == "delegation" else (),
        )  # fmt: skip
        golden_bundle.build(tmp_path, story)
        report = check(tmp_path, CONSISTENCY)
        assert report.ok, [finding for finding in report.findings if finding.problems]
        made = check_powers(report, tmp_path, url, timeout_seconds=1.0, calls_max=limit)
        assert made.ok is (made.findings[10].status is not Status.FAILED)
        return made.findings[10]

    return ask


def test_powers_that_the_chain_confirms_pass(asked: Any) -> None:
    found = asked()

    assert found.status is Status.PASSED
    assert found.evidence.startswith("16 powers asked of 127.0.0.1, chain 31337")
    assert evidence_in_french(found.evidence)


def test_one_unit_more_than_on_the_chain_is_found_with_its_line(asked: Any) -> None:
    found = asked(powers=(ALICE, BOB - 1, CHLOE + 1, DAOUDA))

    assert found.status is Status.FAILED
    assert {problem.code for problem in found.problems} == {"power_not_on_chain"}
    assert len(found.problems) == 8, "two members in each of four votes"
    assert found.problems[0].place.startswith("provenance/census.jsonl line ")
    assert str(BOB) in "".join(problem.detail for problem in found.problems)


def test_a_snapshot_of_an_invented_block_is_found(asked: Any) -> None:
    found = asked(hash="0x" + "ab" * 32)
    assert (found.status, found.code) == (Status.FAILED, "snapshot_not_on_chain")
    assert found.place.startswith("provenance/records.jsonl line ")


@pytest.mark.parametrize(
    ("signed", "number", "called", "file"),
    [
        ("ballot", 3, "ballots", "ballots"),
        ("delegation", 3, "delegations and sponsorships", "delegations"),
        ("sponsors", 3, "delegations and sponsorships", "records"),
        ("review", 9, "attestations", "records"),
    ],
)
def test_what_no_wallet_stood_by_passes_for_what_it_is_until_the_chain_is_asked(
    asked: Any, tmp_path: Path, signed: str, number: int, called: str, file: str
) -> None:
    """The attack: a site that calls a member's account a contract wallet, whose signature nobody offline can check."""
    found = asked(wallets=signed)

    offline = check(tmp_path, CONSISTENCY).findings[number - 1]
    assert offline.evidence.endswith(f"{called} by contract wallets, which only the chain can confirm (check 11)")
    assert evidence_in_french(offline.evidence)
    assert (found.status, {problem.code for problem in found.problems}) == (Status.FAILED, {"wallet_wrong"})
    assert found.place.startswith(f"provenance/{file}.jsonl line ")


def test_an_invented_supply_is_found(asked: Any) -> None:
    assert asked(supply=1_000_001 * demo.UNIT).code == "supply_not_on_chain"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"chain_id": 1}, "is of chain 31337, the community's is 1"),
        ({"number": 10_000_000}, "has no answer to eth_getBlockByNumber"),
        ({"limit": 12}, "more calls would be needed"),
        ({"url": "http://127.0.0.1:9/secret-key"}, "no answer from 127.0.0.1"),
    ],
)
def test_what_cannot_be_asked_is_not_checked_and_says_why(asked: Any, changes: dict[str, Any], why: str) -> None:
    found = asked(**changes)

    assert found.status is Status.NOT_CHECKED
    assert why in found.evidence
    assert "secret" not in found.evidence


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_node_that_answers_strangely_never_makes_the_check_pass(asked: Any, chain: demo.DemoChain, lie: str) -> None:
    with LyingRpc(chain.rpc_url) as liar:
        liar.lie = lie
        found = asked(url=f"{liar.url}/secret-key")

    assert found.status is not Status.PASSED
    assert "secret-key" not in found.evidence


def test_where_no_power_comes_from_the_chain_no_node_is_needed(tmp_path: Path) -> None:
    people = golden_bundle.voters()
    listed = {
        "name": "fixed_list",
        "version": "1",
        "parameters": {"members": {m.address: str(m.power) for m in people}},
    }

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "rules":
            body["power"] = {"source": "fixed_list", "parameters": {}}
        if kind == "proposal":
            body["snapshot"].update(source=listed, total_supply=str(sum(member.power for member in people)))

    golden_bundle.build(tmp_path, Story(trusting=[], trusts=(), edit=edit))
    found = check_powers(check(tmp_path, CONSISTENCY), tmp_path, "http://127.0.0.1:9/").findings[10]

    assert found.status is Status.PASSED
    assert found.evidence.startswith("no vote takes its power from the chain")


def test_a_broken_release_is_not_asked_about(tmp_path: Path) -> None:
    (tmp_path / "provenance").mkdir()
    found = check_powers(check(tmp_path, CONSISTENCY), tmp_path, "http://127.0.0.1:9/").findings[10]
    assert found.evidence == "rests on check 1 and 2 and 3, which did not pass"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1:8545", "http://me:word@host/"])
def test_an_address_that_is_no_node_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="address of a node"):
        Node(url)
    assert main(["verify", str(tmp_path), "--consistency-only", "--rpc", url]) == 2


def test_the_command_asks_the_chain_when_told_to(
    tmp_path: Path, chain: demo.DemoChain, block: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    facts: dict[str, Any] = {"members": members(), "choices": (1, 1, 0, 1), "trusting": [], "trusts": ()}
    golden_bundle.build(tmp_path, Story(edit=on_chain(block), **facts))
    verify = ["verify", str(tmp_path), "--community-key", FINGERPRINT, "--json", "--rpc"]
    assert main([*verify, chain.rpc_url]) == 0
    assert json.loads(capsys.readouterr().out)["findings"][10]["status"] == "passed"
    assert main([*verify, "http://127.0.0.1:9/"]) == 3, "asked for, and not made"
    assert json.loads(capsys.readouterr().out)["findings"][10]["status"] == "not_checked"
