"""Contract wallets that vote, on anvil: the real Safe with its owners, wallets of one key, and wallets that misbehave."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.demo import chain as demo
from governance import audit_bundle, fsck, lifecycle, log, selectors, services
from governance.charter import Charter
from governance.eip712 import checksum_address
from governance.eip712.errors import SignatureError
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Account, Ballot, Community, PendingBallot, Proposal
from governance.receipts.verify import verify_receipt
from governance.recount.__main__ import main as recount_main
from governance.sealed import box, casting
from governance.sealed.facts import keys_of
from governance.sealed.opening import content_of
from governance.services.communities import adopt_charter
from governance.wallets import pending, safes
from governance.wallets.asking import Asked
from governance.wallets.creation_code import WALLET_CHECK
from tests.integration.commons import RULES, Commons, recounted
from tests.integration.conftest import FOR, NOON, charter_with, opened
from tests.integration.sealed_votes import KEYHOLDERS, SealedVote, sealed_charter

UNIT = demo.UNIT
SAFE = demo.ROOT / "node_modules" / "@safe-global" / "safe-smart-account" / "build" / "artifacts" / "contracts"
NOBODY = "0x" + "00" * 20
HONEST, SAYS_TRUE, ALL_ONES, REVERTS, TEN_MEGABYTES, BURNS_GAS, LONG_ANSWER, SHORT_ANSWER = range(8)
UNDEPLOYED = "6492" * 16
POLL = 0.02


@dataclass
class Wallets:
    """The local chain, its token, and the wallets that hold it."""

    chain: demo.DemoChain
    token: demo.DemoToken
    people: list[str]
    factory: Any
    safe: str
    odd: dict[int, str]
    twin: str
    undeployed: str
    delegated: str

    def sign(self, person: str, typed_data: dict[str, Any]) -> str:
        return demo.sign_typed_data(self.chain.rpc_url, person, typed_data)


def contract(web3: Any, abi: Any, address: str) -> Any:
    return web3.eth.contract(checksum_address(address), abi=abi)


def deploy(web3: Any, built: dict[str, Any], *arguments: Any) -> str:
    made = web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"]).constructor(*arguments)
    return str(
        web3.eth.wait_for_transaction_receipt(made.transact({"from": web3.eth.accounts[9]}), poll_latency=POLL)[
            "contractAddress"
        ]
    )


def artifact(path: str) -> dict[str, Any]:
    return dict(json.loads((SAFE / f"{path}.json").read_bytes()))


@pytest.fixture(scope="module")
def wallets() -> Iterator[Wallets]:
    """Deploy a Safe of three owners that needs two, wallets of every kind, and a token whose power lies with them."""
    from web3 import HTTPProvider, Web3

    for folder in ([], ["test"]):
        subprocess.run(["node", str(demo.ROOT / "contracts" / "compile.mjs"), *folder], check=True, capture_output=True)
    with demo.start() as running:
        web3 = Web3(HTTPProvider(running.rpc_url))
        people = [checksum_address(str(account)) for account in web3.eth.accounts]

        def send(call: Any, sender: str = people[9]) -> Any:
            return web3.eth.wait_for_transaction_receipt(
                call.transact({"from": sender, "gas": 9_000_000}), poll_latency=POLL
            )

        singleton, handler = (
            deploy(web3, artifact("Safe.sol/Safe")),
            artifact("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler"),
        )
        proxies = artifact("proxies/SafeProxyFactory.sol/SafeProxyFactory")
        maker = contract(web3, proxies["abi"], deploy(web3, proxies))
        safe_abi = artifact("Safe.sol/Safe")["abi"]
        arguments = [people[:3], 2, NOBODY, b"", deploy(web3, handler), NOBODY, 0, NOBODY]
        setup = contract(web3, safe_abi, singleton).encode_abi("setup", arguments)
        safe = maker.functions.createProxyWithNonce(singleton, bytes.fromhex(setup[2:]), 1).call()
        send(maker.functions.createProxyWithNonce(singleton, bytes.fromhex(setup[2:]), 1))
        built = json.loads((demo.ROOT / "contracts" / "build" / "WalletFactory.json").read_bytes())
        factory = contract(web3, built["abi"], deploy(web3, built))
        odd = {}
        for mode in range(8):
            odd[mode] = factory.functions.addressOf(people[3], mode, bytes(32)).call()
            send(factory.functions.make(people[3], mode, bytes(32)))
        twin = factory.functions.addressOf(people[3], HONEST, b"2".ljust(32)).call()
        send(factory.functions.make(people[3], HONEST, b"2".ljust(32)))
        undeployed = factory.functions.addressOf(people[4], HONEST, b"3".ljust(32)).call()
        delegated = people[5]
        demo.rpc(running.rpc_url, "anvil_setCode", [delegated, "0xef0100" + odd[HONEST][2:]])
        powers = [safe, *odd.values(), twin, delegated, people[3]]
        token_build = json.loads(demo.BUILD.read_bytes())
        token = demo.deploy(
            running.rpc_url, token_build, [(each, 100_000 * UNIT) for each in [*powers, people[0], people[4]]]
        )
        votes = contract(web3, token_build["abi"], token)
        send(votes.functions.delegate(people[0]), people[0])
        # A wallet that does not exist can send nothing; its owner's tokens give it power.
        send(votes.functions.delegate(undeployed), people[4])
        for each in powers:  # what a wallet would do by a transaction of its own
            demo.rpc(running.rpc_url, "anvil_setBalance", [each, hex(10**20)])
            demo.rpc(running.rpc_url, "anvil_impersonateAccount", [each])
            send(votes.functions.delegate(each), each)
        demo.finalize(running.rpc_url)
        deployed = demo.DemoToken(token, demo.CHAIN_ID, ())
        yield Wallets(running, deployed, people, factory, safe, odd, twin, undeployed, delegated)


@pytest.fixture
def proposal(db: None, wallets: Wallets, settings: Any) -> Proposal:
    """A vote in a community whose token these wallets hold."""
    draft = submitted(founded(wallets, settings), wallets)
    return services.take_census(draft.pk, NOON)


def founded(wallets: Wallets, settings: Any, **charter: Any) -> Community:
    settings.CHAIN_RPC, settings.VOTING_PERIOD_SECONDS_MIN = wallets.chain.rpc_url, 1
    key = release_key_path("wallets")
    key.unlink(missing_ok=True)
    return services.found_community(
        services.NewCommunity(
            slug="wallets",
            name_en="Wallets",
            name_fr="Portefeuilles",
            chain_id=wallets.token.chain_id,
            token=wallets.token.address,
            release_key=generate_key(key),
            charter={**charter_with(wallets.token, {"standard": RULES}), **charter},
        ),
        NOON,
    )


def submitted(community: Community, wallets: Wallets) -> Proposal:
    draft = services.Draft("text_signal", "A signal", "Because.", {"statement": "Yes."}, {}, "", 1)
    author = wallets.people[0]
    return services.submit(services.create_draft(community, author, draft, NOON).pk, author, NOON)


def ballot_of(proposal: Proposal, voter: str, now: datetime, reason: str = "") -> tuple[services.BallotRequest, Any]:
    offer = services.offer_ballot(proposal, voter, FOR, reason, now)
    return services.BallotRequest(proposal.public_id, voter, FOR, reason, offer.nonce, ""), offer.typed_data


def cast(proposal: Proposal, voter: str, signer: str, wallets: Wallets, wrap: Any = str) -> Ballot:
    now = opened(proposal)
    request, typed_data = ballot_of(proposal, voter, now)
    signature = wrap(wallets.sign(signer, typed_data))
    return services.cast_ballot(services.BallotRequest(**{**vars(request), "signature": signature}), now)[0]


def test_the_creation_code_in_python_is_what_the_contract_compiles_to(wallets: Wallets) -> None:
    built = json.loads((demo.ROOT / "contracts" / "build" / "WalletCheck.json").read_bytes())
    assert built["bytecode"] == f"0x{WALLET_CHECK.hex()}"


def test_a_wallet_of_one_key_votes_and_its_record_says_where_it_was_asked(wallets: Wallets, proposal: Proposal) -> None:
    ballot = cast(proposal, wallets.odd[HONEST], wallets.people[3], wallets)

    asked = ballot.record.body["wallet"]
    assert asked["kind"] == "erc1271"
    block = demo.rpc(wallets.chain.rpc_url, "eth_getBlockByNumber", [hex(asked["block_number"]), False])
    assert block["hash"] == asked["block_hash"]


def test_a_signature_for_one_wallet_of_an_owner_is_refused_for_the_other(wallets: Wallets, proposal: Proposal) -> None:
    now = opened(proposal)
    mine, typed_data = ballot_of(proposal, wallets.odd[HONEST], now)
    signature = wallets.sign(wallets.people[3], typed_data)
    other = {**vars(mine), "voter": wallets.twin, "signature": signature}

    with pytest.raises(SignatureError, match="signature_invalid"):
        services.cast_ballot(services.BallotRequest(**{**other, "voter": wallets.people[3]}), now)
    with pytest.raises(Invalid, match="wallet_refuses"):
        services.cast_ballot(services.BallotRequest(**other), now)
    assert services.cast_ballot(services.BallotRequest(**{**vars(mine), "signature": signature}), now)[1]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (SAYS_TRUE, "wallet_refuses"),
        (ALL_ONES, "wallet_refuses"),
        (LONG_ANSWER, "wallet_refuses"),
        (SHORT_ANSWER, "wallet_refuses"),
        (REVERTS, "wallet_failed"),
        (TEN_MEGABYTES, "wallet_failed"),
        (BURNS_GAS, "wallet_failed"),
    ],
)
def test_a_wallet_that_answers_anything_else_is_refused_clearly(
    wallets: Wallets, proposal: Proposal, mode: int, code: str
) -> None:
    with pytest.raises(Invalid, match=code) as refusal:
        cast(proposal, wallets.odd[mode], wallets.people[3], wallets)
    assert refusal.value.status == 422
    assert not Ballot.objects.exists()


def test_a_wallet_that_does_not_exist_yet_votes_by_what_would_make_it(wallets: Wallets, proposal: Proposal) -> None:
    from eth_abi import encode

    making = wallets.factory.encode_abi("make", [wallets.people[4], HONEST, b"3".ljust(32)])

    def wrapped(signature: str, call: str = making) -> str:
        parts = (wallets.factory.address, bytes.fromhex(call[2:]), bytes.fromhex(signature[2:]))
        return f"0x{encode(('address', 'bytes', 'bytes'), parts).hex()}{UNDEPLOYED}"

    with pytest.raises(Invalid, match="wallet_not_made"):
        cast(proposal, wallets.undeployed, wallets.people[4], wallets, lambda signed: wrapped(signed, "0xdeadbeef"))
    with pytest.raises(Invalid, match="signature_invalid"):
        cast(proposal, wallets.undeployed, wallets.people[4], wallets, lambda signed: f"{signed}{UNDEPLOYED}")
    with pytest.raises(Invalid, match="wallet_unknown"):
        cast(proposal, wallets.undeployed, wallets.people[4], wallets, lambda signed: f"{signed}00")

    ballot = cast(proposal, wallets.undeployed, wallets.people[4], wallets, wrapped)

    assert ballot.record.body["wallet"]["kind"] == "erc6492"
    assert demo.has_code(wallets.chain.rpc_url, wallets.undeployed) is False


def test_an_account_that_runs_a_contract_votes_by_its_key_without_any_chain_or_by_the_contract(
    wallets: Wallets, proposal: Proposal, settings: Any
) -> None:
    by_contract = cast(proposal, wallets.delegated, wallets.people[3], wallets)
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    by_key = cast(proposal, wallets.delegated, wallets.delegated, wallets)

    assert by_contract.record.body["wallet"]["kind"] == "eip7702"
    assert "wallet" not in by_key.record.body


def test_while_the_node_is_silent_nothing_is_counted_and_nothing_is_lost(
    wallets: Wallets, proposal: Proposal, settings: Any, client: Client, at: Any
) -> None:
    at(opened(proposal))
    request, typed_data = ballot_of(proposal, wallets.odd[HONEST], opened(proposal))
    body = {**vars(request), "signature": wallets.sign(wallets.people[3], typed_data)}
    settings.CHAIN_RPC = "http://127.0.0.1:9"

    silent = client.post("/api/v1/ballots", body, content_type="application/json")

    assert (silent.status_code, silent.json()["code"], silent["Retry-After"]) == (503, "chain_unavailable", "5")
    assert not Ballot.objects.exists()
    settings.CHAIN_RPC = wallets.chain.rpc_url
    assert client.post("/api/v1/ballots", body, content_type="application/json").status_code == 201
    # The same ballot again is answered as before, and nobody has to be asked for it.
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    assert client.post("/api/v1/ballots", body, content_type="application/json").status_code == 200


def test_a_wrong_signature_of_a_stranger_never_reaches_the_chain(
    wallets: Wallets, proposal: Proposal, settings: Any
) -> None:
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    now = opened(proposal)
    request, typed_data = ballot_of(proposal, wallets.odd[HONEST], now)
    stranger = {**vars(request), "voter": wallets.people[8], "signature": wallets.sign(wallets.people[3], typed_data)}
    with pytest.raises(SignatureError, match="signature_invalid"):
        services.cast_ballot(services.BallotRequest(**stranger), now)


def test_a_wallet_votes_in_secret_and_everything_is_checked_but_what_only_its_chain_can_say(
    db: None, wallets: Wallets, settings: Any, tmp_path: Path, capsys: Any
) -> None:
    secret = sealed_charter()
    community = founded(wallets, settings, **{name: secret[name] for name in ("tiers", "kinds", "sealing")})
    vote = SealedVote(Commons(community, NOON), submitted(community, wallets))
    for name in KEYHOLDERS:
        vote.publish_key(name)
    voter, during = wallets.odd[HONEST], vote.during
    sealed = box.seal(content_of(FOR, "Because."), keys_of(vote.fresh()).context(voter), bytes(32))
    offer = casting.offer_sealed_ballot(vote.proposal, voter, box.digest_of(sealed), during)
    fields = (vote.proposal.public_id, voter, box.to_text(sealed), offer.nonce)
    stolen = casting.SealedRequest(*fields, wallets.sign(wallets.people[8], offer.typed_data))
    with pytest.raises(Invalid, match="wallet_refuses"):
        casting.cast_sealed_ballot(stolen, during)
    request = casting.SealedRequest(*fields, wallets.sign(wallets.people[3], offer.typed_data))
    ballot, _ = casting.cast_sealed_ballot(request, during)
    assert ballot.record.body["wallet"]["kind"] == "erc1271"
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    assert casting.cast_sealed_ballot(request, during) == (ballot, False), "the same again needs no chain"
    settings.CHAIN_RPC = wallets.chain.rpc_url
    for name in KEYHOLDERS[:2]:
        vote.publish_secret(name)
    vote.close()
    report = recounted(vote.proposal)
    assert (report.totals["for"], [each.wallet for each in report.wallets]) == (str(100_000 * UNIT), [voter])
    assert list(fsck.check()) == []
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(audit_bundle.lines(Proposal.objects.get(pk=vote.proposal.pk))))
    assert recount_main([str(path), "--rpc", wallets.chain.rpc_url]) == 0
    assert "1 ballots of contract wallets asked again" in capsys.readouterr().out


def lend(wallets: Wallets, community: Community, signer: str, share_bps: int = 10_000) -> services.DelegationRequest:
    """Return a delegation of the wallet of one key to its owner, signed by somebody."""
    of, to = wallets.odd[HONEST], wallets.people[3]
    offer = services.offer_delegation(community, of, to, "", share_bps, 0, NOON)
    signature = wallets.sign(signer, offer.typed_data)
    return services.DelegationRequest(of, to, "", share_bps, 0, offer.nonce, signature)


def test_a_wallet_lends_its_votes_backs_a_draft_and_takes_its_votes_back(
    db: None, wallets: Wallets, settings: Any, tmp_path: Path, capsys: Any
) -> None:
    community, owner, wallet = founded(wallets, settings), wallets.people[3], wallets.odd[HONEST]
    with pytest.raises(Invalid, match="wallet_refuses"):
        services.delegate(community, lend(wallets, community, wallets.people[8]), NOON)
    request = lend(wallets, community, owner)
    lent, _ = services.delegate(community, request, NOON)
    assert lent.record.body["wallet"]["kind"] == "erc1271"
    author, draft = wallets.people[0], services.Draft("text_signal", "Another", "", {"statement": "No."}, {}, "", 1)
    shown = services.seek_sponsors(services.create_draft(community, author, draft, NOON).pk, author, NOON)
    typed_data = services.sponsorship_offer(shown, wallet)
    with pytest.raises(Invalid, match="wallet_refuses"):
        services.sponsor(shown.pk, wallet, wallets.sign(wallets.people[8], typed_data), NOON)
    services.sponsor(shown.pk, wallet, wallets.sign(owner, typed_data), NOON)
    settings.CHAIN_RPC = "http://127.0.0.1:9"  # the same again needs no chain
    assert services.delegate(community, request, NOON) == (lent, False)
    assert services.sponsor(shown.pk, wallet, wallets.sign(owner, typed_data), NOON) == shown
    settings.CHAIN_RPC = wallets.chain.rpc_url

    proposal = services.take_census(services.submit(shown.pk, author, NOON).pk, NOON)
    (backer,) = proposal.record.body["sponsors"]
    assert (backer["address"], backer["wallet"]) == (wallet, lent.record.body["wallet"])
    cast(proposal, owner, owner, wallets)
    services.close_voting(proposal.pk, proposal.closes_at)
    report = recounted(proposal)
    assert report.totals["for"] == str(200_000 * UNIT), "their own votes, and those of the wallet"
    assert [each.what for each in report.wallets] == ["delegation"]
    assert not list(fsck.check(signatures=True))
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(audit_bundle.lines(Proposal.objects.get(pk=proposal.pk))))
    assert recount_main([str(path)]) == 0
    assert "that contract wallets stood by 1 delegations that carry no signature" in capsys.readouterr().out
    assert recount_main([str(path), "--rpc", wallets.chain.rpc_url]) == 0
    assert "1 signatures of contract wallets asked again at the block of each" in capsys.readouterr().out

    back, _ = services.delegate(community, lend(wallets, community, owner, 0), NOON)
    assert (back.share_bps, "wallet" in back.record.body) == (0, True)
    assert not submitted(community, wallets).delegations.exists()


def test_a_delegation_that_its_wallet_never_stood_by_is_found_once_the_chain_is_asked(
    db: None, wallets: Wallets, settings: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: an operator who writes down that a wallet said yes."""
    community = founded(wallets, settings)
    block = demo.rpc(wallets.chain.rpc_url, "eth_getBlockByNumber", ["finalized", False])
    yes = Asked("erc1271", int(block["number"], 16), block["hash"])
    with monkeypatch.context() as lying:
        lying.setattr("governance.wallets.checking.stands_by", lambda *_: yes)
        services.delegate(community, lend(wallets, community, wallets.people[8]), NOON)
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(audit_bundle.lines(submitted(community, wallets))))

    assert recount_main([str(path)]) == 0
    assert recount_main([str(path), "--rpc", wallets.chain.rpc_url]) == 1
    assert "wallet_wrong" in capsys.readouterr().out


def test_what_wallets_signed_ends_where_power_is_no_longer_read_from_a_chain(
    db: None, wallets: Wallets, settings: Any
) -> None:
    community, wallet, author = founded(wallets, settings), wallets.odd[HONEST], wallets.people[0]
    services.delegate(community, lend(wallets, community, wallets.people[3]), NOON)
    draft = services.Draft("text_signal", "A signal", "", {"statement": "Yes."}, {}, "", 1)
    shown = services.seek_sponsors(services.create_draft(community, author, draft, NOON).pk, author, NOON)
    services.sponsor(shown.pk, wallet, wallets.sign(wallets.people[3], services.sponsorship_offer(shown, wallet)), NOON)
    assert (len(services.sponsors_of(shown)), submitted(community, wallets).delegations.count()) == (1, 1)
    listed = {"source": "fixed_list", "parameters": {"members": {author: "1"}}}
    charter = Charter.from_body({**community.charter.body, "power": listed})
    adopt_charter(community, charter, community.record, NOON)

    assert services.sponsors_of(Proposal.objects.get(pk=shown.pk)) == []
    assert not submitted(community, wallets).delegations.exists()
    with pytest.raises(SignatureError, match="signature_invalid"):
        services.delegate(community, lend(wallets, community, wallets.people[3], 0), NOON)


def test_a_contract_signs_in_on_its_chain_and_a_stranger_or_another_contract_does_not(
    wallets: Wallets, proposal: Proposal, client: Client, settings: Any
) -> None:
    def signing_in(address: str, signer: str) -> Any:
        asked = client.post("/api/v1/auth/nonce", {"address": address}, content_type="application/json").json()
        signature = demo.rpc(wallets.chain.rpc_url, "personal_sign", [f"0x{asked['message'].encode().hex()}", signer])
        body = {"message": asked["message"], "signature": signature}
        return client.post("/api/v1/auth/verify", body, content_type="application/json")

    owner, wallet = wallets.people[3], wallets.odd[HONEST]
    assert signing_in(wallet, wallets.people[8]).json()["code"] == "wallet_refuses"
    assert signing_in(wallets.odd[SAYS_TRUE], owner).json()["code"] == "wallet_refuses"
    assert signing_in(wallets.people[8], owner).json()["code"] == "siwe_rejected"
    assert client.get("/api/v1/auth/session").json() == {"address": None}
    assert signing_in(wallet, owner).json() == {"address": wallet}
    assert signing_in(owner, owner).json() == {"address": owner}
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    assert signing_in(wallet, owner).json()["code"] == "chain_unavailable", "only the chain could tell"
    assert signing_in(wallets.people[8], owner).json()["code"] == "siwe_rejected", "it told a moment ago"
    assert signing_in(owner, wallets.people[8]).json()["code"] == "siwe_rejected", "the account has a key"
    assert signing_in(wallets.people[7], owner).json()["code"] == "chain_unavailable"


# --- several owners -----------------------------------------------------------------------------------------------


def sign_as_owner(
    proposal: Proposal, wallets: Wallets, owner: str, reason: str = "", signer: str = ""
) -> tuple[PendingBallot, bool]:
    now = opened(proposal)
    offer = pending.offer_to_owners(proposal, wallets.safe, FOR, reason, now)
    return pending.sign(
        pending.OwnerRequest(
            proposal=proposal.public_id,
            wallet=wallets.safe,
            choice=FOR,
            reason=reason,
            nonce=offer.ballot.nonce,
            owner=owner,
            signature=wallets.sign(signer or owner, offer.typed_data),
        ),
        now,
    )


def test_a_ballot_waits_for_the_owners_that_the_wallet_needs_and_is_then_cast(
    wallets: Wallets, proposal: Proposal
) -> None:
    now = opened(proposal)
    first, second, third = wallets.people[:3]
    waiting, created = sign_as_owner(proposal, wallets, third)

    assert created
    assert pending.standing(waiting, now) is pending.Standing.WAITING
    assert (waiting.threshold, set(waiting.owners)) == (2, {first, second, third})
    assert set(pending.missing(waiting, [third])) == {first, second}
    assert pending.standing(waiting, proposal.closes_at) is pending.Standing.EXPIRED
    assert not Ballot.objects.exists()
    assert sign_as_owner(proposal, wallets, third) == (waiting, False), "the same owner again counts once"

    done, created = sign_as_owner(proposal, wallets, first)

    assert (done, created) == (waiting, False)
    assert pending.standing(PendingBallot.objects.get(), now) is pending.Standing.CAST
    ballot = Ballot.objects.get()
    assert (ballot.voter, ballot.power, len(ballot.signature)) == (wallets.safe, 100_000 * UNIT, 2 + 2 * 130)
    assert ballot.record.body["wallet"]["kind"] == "erc1271"


def test_only_an_owner_signs_and_only_their_own_signature_counts(wallets: Wallets, proposal: Proposal) -> None:
    with pytest.raises(Forbidden, match="not_an_owner"):
        sign_as_owner(proposal, wallets, wallets.people[4])
    with pytest.raises(SignatureError, match="signature_invalid"):
        sign_as_owner(proposal, wallets, wallets.people[0], signer=wallets.people[1])
    with pytest.raises(Invalid, match="not_shared"):
        pending.offer_to_owners(proposal, wallets.odd[HONEST], FOR, "", opened(proposal))
    told = pending.OwnerRequest(proposal.public_id, wallets.safe, FOR, "", 0, wallets.people[0], "0x", "c2VhbGVk")
    with pytest.raises(Invalid, match="ballots_are_sealed"):  # what is sealed must not be said beside it
        pending.sign(told, opened(proposal))
    with pytest.raises(Conflict, match="ballots_are_open"):
        pending.sign(replace(told, choice=None), opened(proposal))
    assert not PendingBallot.objects.exists()


def test_an_owner_may_approve_on_the_chain_and_the_sweep_casts_the_ballot(wallets: Wallets, proposal: Proposal) -> None:
    now = opened(proposal)
    waiting, _ = sign_as_owner(proposal, wallets, wallets.people[1], reason="On the chain.")
    hashed = safes.safe_digest(demo.CHAIN_ID, wallets.safe, bytes.fromhex(waiting.digest))
    approval = {"from": wallets.people[0], "to": wallets.safe, "data": safes.approval_call(hashed)}
    demo.send_transaction(wallets.chain.rpc_url, approval)
    demo.finalize(wallets.chain.rpc_url)

    assert pending.look_at_all(now) == 0, "it was looked at within the minute"
    assert pending.look_at_all(now + pending.LOOK_AGAIN_AFTER) == 1
    assert Ballot.objects.get().voter == wallets.safe


def test_owners_sign_through_the_api_and_everybody_sees_who_is_missing(
    wallets: Wallets, proposal: Proposal, client: Client, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(opened(proposal))
    for view in ("proposals", "shared_wallets"):
        monkeypatch.setattr(f"frontend.views.{view}.now", lambda: opened(proposal))
    first, second, third = wallets.people[:3]
    name = f"/api/v1/proposals/{proposal.public_id}"
    offer = client.get(f"{name}/wallet-ballot-message", {"wallet": wallets.safe, "choice": "1"}).json()
    assert (offer["threshold"], set(offer["owners"]), offer["power"]) == (2, {first, second, third}, str(10**23))
    body = {
        "proposal": proposal.public_id,
        "wallet": wallets.safe,
        "choice": 1,
        "nonce": offer["nonce"],
        "owner": second,
        "signature": wallets.sign(second, offer["typed_data"]),
    }

    begun = client.post("/api/v1/wallet-ballots", body, content_type="application/json")
    assert begun.status_code == 201, begun.content
    waiting = begun.json()
    assert (waiting["state"], waiting["signed"], set(waiting["missing"])) == ("waiting", [second], {first, third})
    assert client.get(f"/api/v1/wallet-ballots/{waiting['digest']}").json() == waiting
    assert client.get(f"{name}/wallet-ballots").json()["results"] == [waiting]
    again = client.post(f"/api/v1/wallet-ballots/{waiting['digest']}/look")
    assert (again.status_code, again.json()["code"]) == (429, "looked_just_now")

    page = f"/c/wallets/proposals/{proposal.number}/"
    assert "1 ballot of a shared wallet waits" in client.get(page).content.decode()
    shown = client.get(f"{page}wallets/").content.decode()
    assert "1 signature missing" in shown
    assert (shown.count("has not signed"), shown.count("data-shared-sign=")) == (2, 1)
    assert "data-shared-withdraw=" not in shown

    there = f"/api/v1/wallet-ballots/{waiting['digest']}"
    assert client.delete(there).json()["code"] == "not_signed_in"
    client.force_login(Account.objects.get_or_create(address=first)[0])
    assert client.delete(there).json()["code"] == "not_your_signature"
    client.force_login(Account.objects.get_or_create(address=second)[0])
    assert "data-shared-withdraw=" in client.get(f"{page}wallets/").content.decode()
    assert client.delete(there).status_code == 204
    assert client.get(there).status_code == 404
    assert client.post("/api/v1/wallet-ballots", body, content_type="application/json").status_code == 201
    client.logout()

    body |= {"owner": first, "signature": wallets.sign(first, waiting["typed_data"])}
    done = client.post("/api/v1/wallet-ballots", body, content_type="application/json").json()
    assert (done["state"], done["missing"]) == ("cast", [third])
    assert "data-shared-sign=" not in client.get(f"{page}wallets/").content.decode()
    assert client.get(done["receipt"]).status_code == 200
    assert client.get("/api/v1/wallet-ballots/nothing").status_code == 400


def test_attack_one_owner_takes_all_the_places_of_a_wallet_and_the_others_begin_theirs_all_the_same(
    wallets: Wallets, proposal: Proposal
) -> None:
    first, second = wallets.people[:2]
    for number in range(pending.WAITING_PER_OWNER_MAX):
        sign_as_owner(proposal, wallets, first, reason=f"Reason {number}.")
    with pytest.raises(Conflict, match="too_many_waiting"):
        sign_as_owner(proposal, wallets, first, reason="One more.")
    _, created = sign_as_owner(proposal, wallets, second, reason="Ours.")
    assert created
    _, created = sign_as_owner(proposal, wallets, first, reason="Ours.")
    assert not created, "signing what another began is no beginning"
    assert Ballot.objects.get().reason == "Ours."


def test_an_owner_withdraws_what_they_signed_and_the_place_is_free_again(wallets: Wallets, proposal: Proposal) -> None:
    now = opened(proposal)
    first, second, third = wallets.people[:3]
    begun = [sign_as_owner(proposal, wallets, first, reason=f"Reason {number}.")[0] for number in range(5)]
    with pytest.raises(Forbidden, match="not_your_signature"):
        pending.withdraw(begun[0].digest, second, now)
    with pytest.raises(lifecycle.NotAllowed):
        pending.withdraw(begun[0].digest, first, proposal.closes_at)

    pending.withdraw(begun[0].digest, first, now)

    with pytest.raises(NotFound, match="unknown_pending_ballot"):
        pending.withdraw(begun[0].digest, first, now)
    with pytest.raises(NotFound, match="unknown_pending_ballot"):  # withdrawn while the sweep was at it
        pending.look(begun[0], now + pending.LOOK_AGAIN_AFTER)
    _, created = sign_as_owner(proposal, wallets, first, reason="In its place.")
    assert created
    assert not Ballot.objects.exists()
    sign_as_owner(proposal, wallets, third, reason="Reason 1.")
    with pytest.raises(Conflict, match="ballot_cast"):
        pending.withdraw(begun[1].digest, third, now)


# --- verifiers ----------------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(wallets: Wallets, proposal: Proposal, tmp_path: Path) -> Path:
    """A bundle with a ballot of a Safe, one of a wallet of one key, and one of a key."""
    for owner in wallets.people[:2]:
        sign_as_owner(proposal, wallets, owner)
    cast(proposal, wallets.odd[HONEST], wallets.people[3], wallets)
    cast(proposal, wallets.people[3], wallets.people[3], wallets)
    services.close_voting(proposal.pk, proposal.closes_at)
    log.publish_checkpoint(proposal.community_id, proposal.closes_at)
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(audit_bundle.lines(Proposal.objects.get(pk=proposal.pk))))
    return path


def test_a_recount_says_what_it_could_not_see_and_asks_the_chain_when_told_to(
    wallets: Wallets, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount_main([str(bundle)]) == 0
    offline = capsys.readouterr().out
    assert "1 of 3 ballots, each signed by its voter" in offline
    assert "not checked  that 2 contract wallets stood by" in offline

    assert recount_main([str(bundle), "--rpc", wallets.chain.rpc_url]) == 0
    online = capsys.readouterr().out
    assert "2 ballots of contract wallets asked again at the block of each" in online
    assert "that 2 contract wallets" not in online

    assert recount_main([str(bundle), "--rpc", "http://127.0.0.1:9"]) == 3


def flipped(line: bytes, before: bytes) -> bytes:
    """Return the line with another digit where `before` ends."""
    at = line.index(before) + len(before)
    return line[:at] + (b"1" if line[at : at + 1] == b"0" else b"0") + line[at + 1 :]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda line: flipped(line, b'"signature":"0x'), "wallet_wrong"),
        (lambda line: flipped(line, b'"block_hash":"0x'), "wallet_wrong"),
        (lambda line: line.replace(b'"kind":"erc1271"', b'"kind":"erc9999"'), "wallet_wrong"),
        (lambda line: re.sub(rb',"wallet":\{[^}]*\}', b"", line), "signature_wrong"),
    ],
)
def test_a_ballot_that_its_wallet_never_stood_by_is_found(
    wallets: Wallets, bundle: Path, capsys: pytest.CaptureFixture[str], change: Any, code: str
) -> None:
    """The tally is left out, which would name the ballots' root: what is left to see is the ballot alone."""
    kept = []
    for line in bundle.read_bytes().splitlines(keepends=True):
        if b'"kind":"tally"' in line or b'"kind":"decision"' in line:
            continue
        kept.append(change(line) if f"/{wallets.safe}".encode() in line else line)
    bundle.write_bytes(b"".join(kept))

    assert recount_main([str(bundle), "--rpc", wallets.chain.rpc_url]) == 1
    assert code in capsys.readouterr().out


def test_a_receipt_leaves_open_what_only_the_chain_can_say(wallets: Wallets, bundle: Path) -> None:
    receipt = selectors.receipt_document(selectors.receipt(Ballot.objects.get(voter=wallets.safe).record_id))
    report = verify_receipt(json.loads(json.dumps(receipt)), Community.objects.get().release_key)

    assert report.ok, [(each.code, each.evidence) for each in report.findings if each.holds is False]
    assert report.findings[2].holds is None
    assert "contract wallet stood by this ballot at block" in report.findings[2].evidence


def test_the_database_check_knows_ballots_of_wallets(wallets: Wallets, bundle: Path) -> None:
    assert not list(fsck.check(signatures=True))
