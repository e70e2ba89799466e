"""Sealed votes and votes of a Governor in both verifiers: what is good verifies, and the same check finds what is not.

The codes are those that docs/verification.md names. And what opens a sealed ballot in the browser against OpenSSL.
"""

import copy
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from governance.sealed import box
from models_registry.anchor_check import wanted_of
from models_registry.provenance import bundle
from models_registry.provenance.case import load
from models_registry.provenance.summary import summarise
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing, changing_with, refit
from tests.simulators.golden_bundle import Edit, Story
from tests.simulators.golden_modes import KEYHOLDERS, PAIR, WAIT_SECONDS, ContractStory, SealedStory
from tests.simulators.golden_parts import VOTE
from tests.vectors.batch import ask_all

PEER = "verifier_peer.mjs"
Codes = Mapping[int, str]  # number of a check → one of the codes that it fails with


@dataclass(frozen=True)
class Case:
    """A story, what is done to it when it is told, and what is wrong then: nothing, where it is good."""

    story: Callable[[], Story]
    codes: Codes = field(default_factory=dict)
    damage: Callable[[Path], None] = lambda _folder: None


def sealed(edit: Edit = lambda _kind, _body: None, **facts: Any) -> Callable[[], Story]:
    return lambda: SealedStory(**{"plain": True, "edit": edit, **facts})


def by_contract(edit: Edit = lambda _kind, _body: None, **facts: Any) -> Callable[[], Story]:
    return lambda: ContractStory(**{"plain": True, "edit": edit, **facts})


def refitted(kind: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Return what changes all records of a kind, which no story could be told with, and what rests on them."""

    def damage(folder: Path) -> None:
        read = bundle.read(folder)
        bodies = {record.digest: copy.deepcopy(dict(record.body)) for record in read.records if record.kind == kind}
        for body in bodies.values():
            change(body["sealing"])
        refit(folder, read, bodies)

    return damage


def waiting(seconds: int) -> Edit:
    """Return a charter in which voting goes on without the keys that did not come; in the stories, 5 seconds pass."""
    return changing_with("sealed rules", lambda body: body["sealing"].update(keys_wait_seconds=seconds))


def first_key(body: dict[str, Any]) -> None:
    """Claim a key of the second keyholder for the first one."""
    body["keys"][0]["public_key"] = body["keys"][1]["public_key"]


def signed_by_another(body: dict[str, Any]) -> None:
    body["keys"][0]["signature"] = body["keys"][1]["signature"]


def of_no_key(body: dict[str, Any]) -> None:
    body["secrets"][0]["secret"] = hashlib.sha256(b"another").hexdigest()


def too_early(body: dict[str, Any]) -> None:
    body["opened_at"] -= 1


def turned(body: dict[str, Any]) -> None:
    """Change a byte in the middle of a sealed ballot."""
    data = bytearray(box.from_text(body["sealed"]))
    data[700] ^= 1
    body["sealed"] = box.to_text(bytes(data))


def respelled(body: dict[str, Any]) -> None:
    """Spell the same bytes in a second way: the last letter carries bits that mean nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    body["sealed"] = body["sealed"][:-1] + letters[letters.index(body["sealed"][-1]) + 1]


def opened_all_along(body: dict[str, Any]) -> None:
    """Take the seal off a ballot."""
    del body["sealed"]
    body.update(choice=1, reason="")


ASKED = {"block_hash": "0x" + "ab" * 32, "block_number": 1, "kind": "erc1271"}


def contract_wallets() -> Edit:
    """Return an edit by which contract wallets stand by one member's ballots, and by what was lent and sponsored."""
    voters: list[str] = []

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "ballot":
            voters.append(body["voter"])
        signed = body["sponsors"] if kind == "sponsors" else [body]
        if kind in ("delegation", "sponsors") or (kind == "ballot" and body["voter"] == voters[0]):
            for each in signed:
                each.update(signature="0x", wallet=dict(ASKED))

    return edit


def where_no_chain_is_read(edit: Edit) -> Edit:
    """Return the edit in a community whose powers come from no chain."""

    def elsewhere(kind: str, body: dict[str, Any]) -> None:
        edit(kind, body)
        if kind == "sealed rules":
            body["power"]["source"] = "contribution_credits"
        elif kind == "proposal":
            body["snapshot"]["source"]["name"] = "contribution_credits"

    return elsewhere


SEALED = {
    "good": Case(sealed()),
    "contract wallets stood by a ballot, a delegation and a sponsorship, keys by the rest": Case(
        sealed(contract_wallets())
    ),
    "contract wallets where no chain is read": Case(
        sealed(where_no_chain_is_read(contract_wallets())), {3: "wallet_wrong"}
    ),
    "a delegation that does not say which wallet was asked": Case(
        sealed(changing("delegation", wallet={"kind": "erc1271"})), {3: "delegation_malformed"}
    ),
    "a sponsor who calls a signature of nobody a wallet's": Case(
        sealed(changing_with("sponsors", lambda body: body["sponsors"][0].update(wallet={"kind": "erc1271"}))),
        {1: "record_malformed"},
    ),
    "a ballot of nonsense is void": Case(sealed(contents={2: b"nothing"})),
    "so is one in a second spelling": Case(sealed(contents={2: b'{"reason":"","choice":1}'})),
    "so is one that says what cannot be chosen": Case(sealed(contents={2: b'{"choice":"1","reason":""}'})),
    "whoever comes opens the same": Case(sealed(came=(2, 3), contents={2: b"nothing"})),
    "all three came": Case(sealed(came=(1, 2, 3))),
    "a contract wallet stood by the ballots": Case(sealed(changing("ballot", signature="0x", wallet=ASKED))),
    "a key did not come within the wait": Case(sealed(waiting(5), publishing=(1, 3), came=(1, 3))),
    "a key did not come, and was not waited for": Case(
        sealed(waiting(6), publishing=(1, 3), came=(1, 3)), {3: "unsealing_wrong", 4: "totals_wrong"}
    ),
    "a key did not come, and the charter waits for all": Case(
        sealed(publishing=(1, 3), came=(1, 3)), {3: "unsealing_wrong"}
    ),
    "too few came": Case(sealed(came=(1,)), {5: "not_passed"}),
    "a key twice": Case(sealed(changing_with("sealing", first_key)), {3: "unsealing_wrong"}),
    "a key that its keyholder did not sign": Case(
        sealed(changing_with("sealing", signed_by_another)), {3: "unsealing_wrong"}
    ),
    "a secret of no key": Case(
        sealed(changing_with("unsealing", of_no_key)), {3: "unsealing_wrong", 4: "totals_wrong"}
    ),
    "opened before the end": Case(sealed(changing_with("unsealing", too_early)), {3: "unsealing_wrong"}),
    "no secrets": Case(
        sealed(parents_edit=lambda kind, parents: parents[:2] if kind == "tally" else parents), {3: "unsealing_wrong"}
    ),
    "a ballot of which a byte changed": Case(
        sealed(changing_with("ballot", turned)), {3: "signature_wrong", 4: "totals_wrong"}
    ),
    "a ballot in a second spelling": Case(sealed(changing_with("ballot", respelled)), {3: "ballot_malformed"}),
    "a ballot without its seal": Case(sealed(changing_with("ballot", opened_all_along)), {3: "ballot_malformed"}),
    "another threshold than the charter's": Case(
        sealed(changing_with("proposal", lambda body: body["sealing"].update(threshold=3)), came=(1, 2, 3)),
        {5: "sealing_changed"},
    ),
    "one keyholder alone could open": Case(
        sealed(),
        {3: "unsealing_wrong", 4: "rules_malformed", 5: "sealing_changed"},
        refitted("proposal", lambda sealing: sealing.update(threshold=1)),
    ),
    "a longer wait than the charter's": Case(
        sealed(changing_with("proposal", lambda body: body["sealing"].update(wait_seconds=WAIT_SECONDS + 1))),
        {5: "sealing_changed"},
    ),
    "the charter itself is sealed": Case(
        sealed(changing_with("sealed rules", lambda body: body["kinds"].pop("governance_rules"))),
        {5: "charter_malformed"},
    ),
    "a keyholder twice": Case(
        sealed(),
        {5: "charter_malformed"},
        refitted("charter", lambda sealing: sealing.update(keyholders=[KEYHOLDERS[0].address] * 3)),
    ),
    "numbers that changed, though no Governor decides": Case(
        sealed(changing("decision", timelock_seconds=300)), {6: "rules_malformed"}
    ),
    "a count that leaves the void ballot out": Case(
        sealed(changing("tally", invalid_count=0), contents={2: b"nothing"}), {4: "count_wrong"}
    ),
}


def one_event_twice() -> Edit:
    """Return an edit by which all ballots name the event of the first one."""
    found: list[str] = []

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "ballot":
            found.append(body["signature"])
            body["signature"] = found[0]

    return edit


def one_block_at_two_times() -> Edit:
    """Return an edit by which the ballots of a vote stand in one block, at different seconds."""
    seen: list[str] = []

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "ballot":
            seen.append(body["signature"])
            body["signature"] = f"{seen[0][:66]}{body['signature'][66:]}"
            body["cast_at"] += len(seen)

    return edit


def another(name: str) -> Edit:
    return changing_with(
        "proposal", lambda body: body["snapshot"]["source"]["parameters"].update({name: "0x" + "d4" * 20})
    )


def changed_numbers(kind: str, body: dict[str, Any]) -> None:
    """Let supply and quorum, and later the timelock, be others than when the proposal was submitted."""
    if kind == "census":
        body["governor"] = {"total_supply": str(2_000 * VOTE), "quorum_bps": 3_000}
    if kind == "tally":
        body["late_quorum_seconds"] = 60
    if kind == "decision":
        body["conditions"][0]["needed"] = str(600 * VOTE)
        body["timelock_seconds"] = 900
        body["eta"] += 600
        body["expires_at"] += 600


WEIGHTLESS = golden_bundle.voters((900 * VOTE, VOTE, VOTE))


def weightless(quorum_bps: int) -> Callable[[], Story]:
    """Return a vote in which somebody who is not in the census voted, under a Governor's quorum."""
    nobody = WEIGHTLESS[-1].address

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "census":
            body["governor"] = {"total_supply": str(2_000 * VOTE), "quorum_bps": quorum_bps}
        if kind == "ballot" and body["voter"] == nobody:
            body["power"] = "0"
        if kind == "decision":
            body["conditions"][0]["needed"] = str(max(1, 2_000 * VOTE * quorum_bps // 10_000))

    def known(_number: int, census: list[Any]) -> list[Any]:
        return [entry for entry in census if entry.voter != nobody]

    return by_contract(edit, members=WEIGHTLESS, choices=(1, 0, 1), census_edit=known)


BY_CONTRACT = {
    "good": Case(by_contract()),
    "addresses of the pair in another case": Case(
        by_contract(
            changing_with(
                "proposal",
                lambda body: body["snapshot"]["source"]["parameters"].update(governor=PAIR["governor"].lower()),
            )
        )
    ),
    "a vote without its place": Case(
        by_contract(changing("ballot", signature="0x" + "00" * 65)), {3: "reference_wrong"}
    ),
    "a vote with a nonce": Case(by_contract(changing("ballot", nonce=1)), {3: "reference_wrong"}),
    "one event for every ballot": Case(by_contract(one_event_twice()), {3: "reference_twice"}),
    "one block at two times": Case(by_contract(one_block_at_two_times()), {3: "reference_wrong"}),
    "a wallet beside the place": Case(
        by_contract(changing("ballot", wallet=ASKED)),
        {3: "reference_wrong"},
    ),
    "a census of another second": Case(
        by_contract(changing_with("census", lambda body: body.update(computed_at=body["computed_at"] - 1))),
        {3: "census_wrong"},
    ),
    "a delegation of ours": Case(
        by_contract(trusting=golden_bundle.voters((10**18,), first=101), trusts=((3, 0, 10_000),)),
        {3: "delegations_wrong"},
    ),
    "the Governor's numbers changed before the vote": Case(by_contract(changed_numbers)),
    "numbers that no Governor can have": Case(
        by_contract(changing("census", governor={"total_supply": "1", "quorum_bps": 10_001})),
        {4: "rules_malformed", 5: "rules_malformed"},
    ),
    "a vote of nothing where the quorum is nothing": Case(weightless(0)),
    "a vote of nothing where there is a quorum": Case(weightless(100), {3: "power_wrong"}),
    "another power than that of the census": Case(by_contract(changing("ballot", power="1")), {3: "power_wrong"}),
    **{f"another {name} than the charter's": Case(by_contract(another(name)), {5: "source_changed"}) for name in PAIR},
}


def statuses(report: dict[str, Any]) -> dict[int, str]:
    return {finding["number"]: finding["status"] for finding in report["findings"]}


def codes(report: dict[str, Any], number: int) -> set[str]:
    return {problem["code"] for problem in report["findings"][number - 1]["problems"]}


@pytest.mark.parametrize("cases", [SEALED, BY_CONTRACT], ids=["sealed", "by contract"])
def test_both_verifiers_find_the_same_in_the_same_check(tmp_path: Path, cases: dict[str, Case]) -> None:
    folders = {name: tmp_path / str(at) for at, name in enumerate(cases)}
    for name, case in cases.items():
        golden_bundle.build(folders[name], case.story())
        case.damage(folders[name])
    asked = [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders.values()]
    for (name, folder), theirs in zip(folders.items(), ask_all(PEER, asked), strict=True):
        ours = check(folder, TrustRoots(consistency_only=True)).to_dict()
        assert statuses(theirs) == statuses(ours), name
        assert ours["consistent"] is theirs["consistent"] is (not cases[name].codes), (name, ours["findings"])
        for number, code in cases[name].codes.items():
            assert code in codes(ours, number), (name, codes(ours, number))
            assert code in codes(theirs, number), (name, codes(theirs, number))


def test_both_name_what_only_a_chain_can_tell_alike(tmp_path: Path) -> None:
    golden_bundle.build(tmp_path, ContractStory(plain=True))
    asked = {"op": "check", "folder": str(tmp_path), "consistency_only": True, "chain": True}
    (theirs,) = ask_all(PEER, [asked])
    case = load(tmp_path, TrustRoots(consistency_only=True))
    summary, wanted = summarise(case), wanted_of(case)
    assert summary is not None
    governors = [(decided.number, *(decided.contract or ())) for decided in reversed(summary.decided)]
    found = theirs["chain"]
    assert [(each["number"], each["governor"], each["proposal"]) for each in found["governors"]] == governors
    assert {found["release"], *(each["root"] for each in found["ballots"])} == {one.digest for one in wanted}
    assert len(governors) == len(found["ballots"]) == len(wanted) - 1 == 3


def test_what_opens_a_ballot_in_the_browser_computes_what_openssl_does() -> None:
    source = random.Random(8)
    low = ["00" * 32, "01" + "00" * 31, "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f", "ff" * 32, "00" * 31 + "80"]
    given = [bytes.fromhex(text) for text in low] + [source.randbytes(32) for _ in range(20)]
    questions, expected = [], []
    for number, key in enumerate(given):
        secret, data, bound = source.randbytes(32), source.randbytes(number * 41), source.randbytes(number)
        private = X25519PrivateKey.from_private_bytes(secret)
        try:
            shared: str | None = private.exchange(X25519PublicKey.from_public_bytes(key)).hex()
        except ValueError:
            shared = None
        questions.append(
            {"op": "box", "secret": secret.hex(), "key": key.hex(), "data": data.hex(), "bound": bound.hex()}
        )
        expected.append(
            {
                "public": private.public_key().public_bytes_raw().hex(),
                "shared": shared,
                "usable": box.is_usable_public_key(key),
                "derived": HKDF(SHA256(), 33 + number, bound, data).derive(secret).hex(),
                "encrypted": ChaCha20Poly1305(key).encrypt(bytes(12), data, bound).hex(),
                "decrypted": data.hex(),
                "turned": None,
            }
        )
    assert ask_all(PEER, questions) == expected
    assert {answer["usable"] for answer in expected} == {True, False}
