"""How owners of a shared wallet hand on what they signed: the page's own scripts against the rules of the site."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from governance import eip712
from governance.wallets import safes
from tests.simulators.wallets import NAMES, wallet

PEER = Path(__file__).with_name("shared_signing_peer.mjs")
NODE = shutil.which("node")
CHAIN_ID = 31337
SAFE = eip712.checksum_address("0x" + "5a" * 20)
PLACE = {"chain_id": CHAIN_ID, "token": "0x" + "70" * 20, "instance": "site", "community": "town"}
OWNERS = [wallet(name) for name in NAMES[:5]]

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


def ask(*questions: tuple[str, list[Any]]) -> list[Any]:
    """Call functions of the page's scripts, all in one process."""
    lines = "".join(json.dumps({"name": name, "args": args}) + "\n" for name, args in questions)
    done = subprocess.run([str(NODE), str(PEER)], input=lines, check=True, capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def messages() -> list[tuple[dict[str, Any], bytes]]:
    """Return a message of each kind as the API offers it, and what its wallet is asked about."""
    lent = {"delegator": SAFE, "delegate": OWNERS[0].address, "topic": "", "share_bps": 4_000, "expires_at": 2**53}
    backed = {"draft": "0x" + "ab" * 32, "sponsor": SAFE}
    digests = {name: "0x" + name[0].encode().hex() * 32 for name in ("rule", "candidate", "report", "drawn")}
    found = {**digests, "reviewer": SAFE, "finding": "objects", "reason": "L’eau d’abord — 水。", "at": 1_700_000_000}
    return [
        (eip712.delegation_message(**PLACE, **lent, nonce=7), eip712.delegation_digest(**PLACE, **lent, nonce=7)),
        (eip712.sponsorship_message(**PLACE, **backed), eip712.sponsorship_digest(**PLACE, **backed)),
        (eip712.review_message(**PLACE, **found), eip712.review_digest(**PLACE, **found)),
    ]


def held(**changes: Any) -> dict[str, Any]:
    """Return what a link of a delegation holds."""
    fields = {"delegate": OWNERS[0].address, "topic": "", "share_bps": 4_000, "expires_at": 0, "nonce": 1}
    signature = "0x" + "0f" * 65
    whole = {"kind": "delegation", "wallet": SAFE, "fields": fields, "digest": "0x" + "ab" * 32}
    return {**whole, "signatures": [signature], **changes}


def link(content: Any) -> str:
    return "#signing=" + quote(json.dumps(content))


def test_owners_sign_the_message_that_the_wallet_is_asked_about_whatever_it_is() -> None:
    known = messages()
    assert ask(*(("digestOf", [typed]) for typed, _ in known)) == [f"0x{digest.hex()}" for _, digest in known]
    asked = [("ownersMessage", [CHAIN_ID, SAFE, f"0x{digest.hex()}"]) for _, digest in known]
    assert ask(*asked) == [safes.safe_message(CHAIN_ID, SAFE, digest) for _, digest in known]


def test_a_signature_names_its_owner_for_this_wallet_and_message_and_for_no_other() -> None:
    digest, other = (f"0x{each.hex()}" for _, each in messages()[:2])
    signatures = [owner.sign(safes.safe_message(CHAIN_ID, SAFE, bytes.fromhex(digest[2:]))) for owner in OWNERS]
    found = ask(*(("signerOf", [CHAIN_ID, SAFE, digest, signature]) for signature in signatures))
    assert found == [owner.address.lower() for owner in OWNERS]

    twin = "0x" + "5b" * 20
    replays = [(1, SAFE, digest), (CHAIN_ID, twin, digest), (CHAIN_ID, SAFE, other)]
    for chain_id, of, message in replays:
        (signer,) = ask(("signerOf", [chain_id, of, message, signatures[0]]))
        assert signer != found[0]
    assert ask(("signerOf", [CHAIN_ID, SAFE, digest, "0x" + "00" * 65])) == [None]


def test_the_wallet_gets_as_many_signatures_as_it_needs_by_ascending_owner_whoever_signed_first() -> None:
    digest = messages()[0][1]
    signed = {owner.address: owner.sign(safes.safe_message(CHAIN_ID, SAFE, digest)) for owner in OWNERS}
    pairs = list(signed.items())
    for threshold in range(1, len(pairs) + 1):
        needed = dict(sorted(signed.items(), key=lambda pair: pair[0].lower())[:threshold])
        expected = safes.put_together(needed)
        assert ask(("joined", [pairs, threshold]), ("joined", [pairs[::-1], threshold])) == [expected] * 2
    assert ask(("joined", [pairs[:1], 2])) == [None]


def test_wallets_that_spell_a_signature_otherwise_are_understood() -> None:
    body = "ab" * 64
    spellings = {f"0x{body}1b": "1b", f"0x{body}00": "1b", f"0x{body}01": "1c", f"0x{body.upper()}1C": "1c"}
    assert ask(*(("spelled", [text]) for text in spellings)) == [f"0x{body}{v}" for v in spellings.values()]
    assert ask(("spelled", ["0x00"])) == ["0x00"]


def test_a_link_holds_what_was_signed_and_is_read_as_it_was_written() -> None:
    reviewed = {"run": 3, "rule": "members-look", "finding": "objects", "reason": "“#” & 水 %", "at": 1_700_000_000}
    for content in (
        held(),
        held(signatures=[]),
        held(kind="sponsorship", fields={"draft": 12}),
        held(kind="attestation", fields=reviewed),
    ):
        (made,) = ask(("collectedLink", [content]))
        assert made.startswith("#signing=")
        assert "#" not in made[1:]
        assert ask(("collectedIn", [made])) == [content]


def test_a_link_of_any_other_form_is_none() -> None:
    fields = held()["fields"]
    wrong = [
        "",
        "#says=%7B%7D",
        "#signing=",
        "#signing=%7B",
        "#signing=%",
        link(None),
        link([]),
        link(held(kind="ballot")),
        link(held(kind="toString")),
        link(held(wallet="0x12")),
        link(held(wallet=None)),
        link(held(digest="0x" + "AB" * 32)),
        link(held(fields=None)),
        link(held(fields={**fields, "nonce": "1"})),
        link(held(fields={**fields, "nonce": 1.5})),
        link(held(fields={**fields, "nonce": -1})),
        link(held(fields={**fields, "more": 1})),
        link(held(fields={name: fields[name] for name in fields if name != "nonce"})),
        link(held(fields={**fields, "delegate": "javascript:alert(1)"})),
        link(held(signatures=["0x"])),
        link(held(signatures="0x" + "0f" * 65)),
        link(held(signatures=["0x" + "0f" * 65] * 51)),
        ask(("collectedLink", [held()]))[0][:-9],
    ]
    assert ask(*(("collectedIn", [text]) for text in wrong)) == [None] * len(wrong)


def test_a_delegation_is_too_late_once_its_number_is_used_and_a_review_after_an_hour() -> None:
    now = 1_700_000_000
    assert ask(("pin", ["delegation", {"nonce": 4}, 4]), ("pin", ["delegation", {"nonce": 5}, 4])) == [
        ["", {"nonce": 4}],
        ["message_used", {"nonce": 5}],
    ]
    later = [("pin", ["attestation", {"at": now + seconds}, now]) for seconds in (0, 3_600, 3_601)]
    assert ask(*later) == [["", {"at": now}], ["", {"at": now}], ["message_expired", {"at": now + 3_601}]]


def test_what_is_handed_in_has_the_fields_that_the_api_asks_for() -> None:
    lent = held()["fields"]
    (offered, delegation, sponsorship, attestation) = ask(
        ("offer", ["delegation", SAFE, lent]),
        ("handIn", ["delegation", SAFE, lent, "0x01"]),
        ("handIn", ["sponsorship", SAFE, {"draft": 12}, "0x01"]),
        ("handIn", ["attestation", SAFE, {"run": 3, "rule": "r", "finding": "f", "reason": "", "at": 9}, "0x01"]),
    )
    assert offered["url"].startswith(f"/api/v1/communities/town/delegation-message?delegator={SAFE}&delegate=0x")
    assert "nonce" not in offered["url"]
    assert delegation["body"] == {"delegator": SAFE, **lent, "signature": "0x01"}
    assert sponsorship == {"url": "/api/v1/drafts/12/sponsors", "body": {"sponsor": SAFE, "signature": "0x01"}}
    assert attestation["url"] == "/api/v1/runs/3/review/attestations"
    assert set(attestation["body"]) == {"rule", "finding", "reason", "reviewer", "at", "signature"}
