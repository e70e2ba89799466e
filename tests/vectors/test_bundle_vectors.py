"""Our audit bundles and checkpoints against what a stranger computes from them, in JavaScript (bundle_peer.mjs).

Compared: the roots that the census and tally records name, and the signature, key id and tree of a checkpoint. Receipts
and whole bundles are verified by our own verifier elsewhere; here the hashing and signing have a second reader.
"""

import json
from typing import Any

import pytest

from governance.evidence import merkle
from governance.evidence.checkpoint import Checkpoint, key_id, sign
from tests.simulators.audit_bundle import CHOICES, COMMUNITY, Delegating, Poll, Vote, wallet
from tests.simulators.golden_parts import KeySigner
from tests.vectors.batch import ask_all

PEER = "bundle_peer.mjs"
POLLS = {
    **{method: Poll(method) for method in CHOICES},
    "many voters": Poll(powers={number: number for number in range(1, 70)}),
    "delegations": Poll(
        powers={1: 30, 2: 20, 3: 10}, delegations=[Delegating(4, 1), Delegating(5, 3), Delegating(2, 1)]
    ),
    "changed votes": Poll(votes=[Vote(1, 1), Vote(2, 0), Vote(1, 0, nonce=2), Vote(3, 2), Vote(1, 2, nonce=3)]),
    "nobody votes": Poll(votes=[]),
    "one voter": Poll(powers={9: 1}),
}


def text_lines(poll: Poll) -> list[str]:
    return [line.decode().removesuffix("\n") for line in poll.lines()]


def record(lines: list[str], kind: str) -> dict[str, Any]:
    (found,) = (json.loads(line) for line in lines if f'"kind":"{kind}",' in line)
    return found["body"]


@pytest.fixture(scope="module")
def roots() -> dict[str, dict[str, Any]]:
    questions = [{"op": "roots", "lines": text_lines(poll)} for poll in POLLS.values()]
    return dict(zip(POLLS, ask_all(PEER, questions), strict=True))


@pytest.mark.parametrize("name", POLLS)
def test_the_records_name_the_roots_that_a_stranger_computes(name: str, roots: dict[str, dict[str, Any]]) -> None:
    lines = text_lines(POLLS[name])
    census, tally = record(lines, "census"), record(lines, "tally")
    named = {"census": census["root"], "delegations": census["delegations_root"], "ballots": tally["ballots_root"]}
    assert roots[name] == named


def test_a_superseded_ballot_is_in_the_bundle_and_not_under_the_root() -> None:
    lines = text_lines(POLLS["changed votes"])
    ballots = [line for line in lines if '"kind":"ballot",' in line]
    assert (len(ballots), record(lines, "tally")["ballot_count"]) == (5, 3)
    without_the_newest = [line for line in lines if line != ballots[-1]]
    (found,) = ask_all(PEER, [{"op": "roots", "lines": without_the_newest}])
    assert found["ballots"] != record(lines, "tally")["ballots_root"]
    assert wallet(1).address in ballots[-1]


@pytest.mark.parametrize("size", [0, 1, 2, 1000, 2**53 - 1])
def test_node_believes_our_signed_checkpoint_and_no_other(size: int) -> None:
    signer, origin = KeySigner(7), "commons.example:8443/eau-du-delta"
    root = merkle.EMPTY_ROOT if size == 0 else merkle.root([str(size).encode()])
    note = sign(Checkpoint(origin, size, root), signer)
    other_size = note.replace(f"\n{size}\n", f"\n{size + 1}\n")
    other_key = KeySigner(8).public_key_hex
    good, forged, wrong = ask_all(
        PEER,
        [
            {"op": "checkpoint", "note": note, "public_key": signer.public_key_hex},
            {"op": "checkpoint", "note": other_size, "public_key": signer.public_key_hex},
            {"op": "checkpoint", "note": note, "public_key": other_key},
        ],
    )
    own = key_id(origin, signer.public_key_hex).hex()
    assert good == {
        "holds": True,
        "name": origin,
        "key_id": own,
        "own_key_id": own,
        "origin": origin,
        "size": size,
        "root": root,
    }
    assert not forged["holds"]
    assert not wrong["holds"]
    assert wrong["own_key_id"] == key_id(origin, other_key).hex()


def test_node_believes_the_checkpoint_of_a_bundle() -> None:
    poll = Poll()
    note = json.loads(text_lines(poll)[-1])["checkpoint"]
    (told,) = ask_all(
        PEER,
        [
            {
                "op": "checkpoint",
                "note": note,
                "public_key": record(text_lines(poll), "community")["release_key"]["public_key"],
            }
        ],
    )
    assert told["holds"]
    assert (told["origin"], told["size"]) == (f"commons.example/{COMMUNITY['slug']}", len(poll.ballots))
