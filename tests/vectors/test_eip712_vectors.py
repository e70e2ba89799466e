"""Our EIP-712, EIP-191 and EIP-55 against golden vectors, and against viem, ethers and eth_account live."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct, encode_typed_data

from governance import eip712
from tests.vectors.peer import Peer

GOLDEN = json.loads(Path(__file__).with_name("eip712.json").read_bytes())
MESSAGES = [
    message
    for name in ("eip712_messages.json", "eip712_reviews.json")
    for message in json.loads(Path(__file__).with_name(name).read_bytes())["messages"]
]
# What wallets sign besides a plain ballot: our functions for the typed data and for its digest.
SIGNED: dict[str, tuple[Callable[..., dict[str, Any]], Callable[..., bytes]]] = {
    "ChoicesBallot": (eip712.ballot_message, eip712.ballot_digest),
    "VoteDelegation": (eip712.delegation_message, eip712.delegation_digest),
    "Sponsorship": (eip712.sponsorship_message, eip712.sponsorship_digest),
    "Delegation": (eip712.token_delegation_message, eip712.token_delegation_digest),
    "Review": (eip712.review_message, eip712.review_digest),
}
INTEGERS = ("chain_id", "nonce", "share_bps", "expires_at", "expiry", "at")


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


def fields_of(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        "chain_id": vector["chainId"],
        "nonce": int(vector["nonce"]),
        **{key: vector[key] for key in ("token", "instance", "community", "proposal", "voter", "choice", "reason")},
    }


def random_text(source: random.Random, length: int) -> str:
    alphabet = 'abc ZÀé’水💧\n"\\{}%\x01'
    return "".join(source.choice(alphabet) for _ in range(length))


def random_whole(source: random.Random, bits: int) -> int:
    return source.choice([0, source.randrange(2 ** min(bits, 53)), source.randrange(2**bits), 2**bits - 1])


def random_fields(source: random.Random) -> dict[str, Any]:
    return {
        "chain_id": source.choice([1, 10, 31337, source.randrange(1, 2**53)]),
        "token": "0x" + source.randbytes(20).hex(),
        "instance": random_text(source, source.randrange(30)),
        "community": random_text(source, source.randrange(30)),
        "proposal": "0x" + source.randbytes(32).hex(),
        "voter": "0x" + source.randbytes(20).hex(),
        "choice": source.randrange(256),
        "reason": random_text(source, source.randrange(300)),
        "nonce": random_whole(source, 64),
    }


def random_choice(source: random.Random) -> Any:
    """A ranking, an approval, weights, or amounts as text; its canonical text is for the encoder to find."""
    places = source.sample(range(1, 130), source.randrange(12))
    if source.random() < 0.5:
        return places
    if source.random() < 0.5:
        return {str(place): source.randrange(1, 2**53) for place in places}
    return {code: str(random_whole(source, 128)) for code in source.sample("012", source.randint(1, 3))}


def random_message(source: random.Random, kind: str) -> dict[str, Any]:
    """Return random arguments of our functions for this type of message."""
    fields = random_fields(source)
    someone = "0x" + source.randbytes(20).hex()
    domain = {name: fields[name] for name in ("chain_id", "token")}
    place = {**domain, "instance": fields["instance"], "community": fields["community"]}
    by_kind: dict[str, dict[str, Any]] = {
        "ChoicesBallot": {**fields, "choice": random_choice(source)},
        "VoteDelegation": {
            **place,
            "delegator": fields["voter"],
            "delegate": someone,
            "topic": random_text(source, source.randrange(20)),
            "share_bps": random_whole(source, 16),
            "expires_at": random_whole(source, 64),
            "nonce": fields["nonce"],
        },
        "Sponsorship": {**place, "draft": fields["proposal"], "sponsor": fields["voter"]},
        "Delegation": {
            **domain,
            "name": random_text(source, source.randrange(40)),
            "version": random_text(source, source.randrange(5)),
            "delegatee": someone,
            "nonce": random_whole(source, 256),
            "expiry": random_whole(source, 256),
        },
        "Review": {
            **place,
            **{name: "0x" + source.randbytes(32).hex() for name in ("rule", "candidate", "report", "drawn")},
            "reviewer": someone,
            "finding": random_text(source, source.randrange(20)),
            "reason": fields["reason"],
            "at": random_whole(source, 64),
        },
    }
    return by_kind[kind]


def test_golden_ballots_have_the_digests_of_the_independent_implementation() -> None:
    assert len(GOLDEN["ballots"]) == 60
    for vector in GOLDEN["ballots"]:
        assert "0x" + eip712.ballot_digest(**fields_of(vector)).hex() == vector["digest"]


def test_golden_signatures_recover_to_their_voters() -> None:
    for vector in GOLDEN["ballots"]:
        eip712.verify(bytes.fromhex(vector["digest"][2:]), vector["signature"], vector["voter"])


@pytest.mark.parametrize("kind", SIGNED)
def test_golden_messages_have_the_digests_and_signatures_of_the_independent_implementations(kind: str) -> None:
    vectors = [vector for vector in MESSAGES if vector["type"] == kind]
    assert len(vectors) == 24
    message, digest = SIGNED[kind]
    for vector in vectors:
        fields = {name: int(value) if name in INTEGERS else value for name, value in vector["fields"].items()}
        assert "0x" + digest(**fields).hex() == vector["digest"]
        assert message(**fields)["primaryType"] == kind
        eip712.verify(digest(**fields), vector["signature"], vector["signer"])


def test_golden_texts_and_addresses() -> None:
    for vector in GOLDEN["personal"]:
        assert "0x" + eip712.personal_message_digest(vector["text"]).hex() == vector["digest"]
    for vector in GOLDEN["addresses"]:
        assert eip712.parse_address(vector["lower"]) == vector["checksummed"]


def test_random_ballots_have_the_digest_that_viem_ethers_and_eth_account_compute(peer: Peer) -> None:
    source = random.Random(7)
    for _ in range(150):
        fields = random_fields(source)
        ours = "0x" + eip712.ballot_digest(**fields).hex()
        typed = json.loads(json.dumps(eip712.ballot_message(**fields)))
        assert peer.ask("digest", typed=typed) == {"viem": ours, "ethers": ours}
        typed["message"]["nonce"] = fields["nonce"]  # eth_account takes numbers only
        assert "0x" + _hash_eip191_message(encode_typed_data(full_message=typed)).hex() == ours


def test_a_wallet_signs_exactly_what_we_offer(peer: Peer) -> None:
    source = random.Random(8)
    for _ in range(40):
        key = "0x" + source.randbytes(32).hex()
        fields = random_fields(source) | {"voter": Account.from_key(key).address}
        answer = peer.ask("sign", key=key, typed=eip712.ballot_message(**fields))
        eip712.verify(eip712.ballot_digest(**fields), answer["signature"], fields["voter"])


@pytest.mark.parametrize("kind", SIGNED)
def test_random_messages_have_the_digest_and_the_signature_of_both_peers(kind: str, peer: Peer) -> None:
    source = random.Random(kind)
    message, digest = SIGNED[kind]
    for number in range(100):
        fields = random_message(source, kind)
        ours = "0x" + digest(**fields).hex()
        typed = json.loads(json.dumps(message(**fields)))
        assert peer.ask("digest", typed=typed) == {"viem": ours, "ethers": ours}
        if number % 4 == 0:
            answer = peer.ask("sign", key="0x" + source.randbytes(32).hex(), typed=typed)
            assert answer["signature"] == answer["ethers"]
            eip712.verify(bytes.fromhex(ours[2:]), answer["signature"], answer["address"])


def test_the_peers_recover_the_same_address_as_we_do(peer: Peer) -> None:
    source = random.Random(9)
    for _ in range(60):
        account, digest = Account.from_key(source.randbytes(32)), source.randbytes(32)
        signature = "0x" + account.unsafe_sign_hash(digest).signature.hex()
        ours = eip712.recover(digest, eip712.parse_signature(signature))
        assert ours == account.address
        assert peer.ask("recover", digest="0x" + digest.hex(), signature=signature) == {
            "viem": ours,
            "ethers": ours,
        }


def test_personal_texts_and_checksums_agree_with_the_peers(peer: Peer) -> None:
    source = random.Random(10)
    for length in (0, 1, 9, 10, 99, 100, 999, 1000):
        text = "".join(source.choice("ab\né’💧") for _ in range(length))
        ours = "0x" + eip712.personal_message_digest(text).hex()
        assert peer.ask("personal_digest", text=text) == {"viem": ours, "ethers": ours}
        assert "0x" + _hash_eip191_message(encode_defunct(text=text)).hex() == ours
    for _ in range(60):
        address = "0x" + source.randbytes(20).hex()
        ours = eip712.checksum_address(address)
        assert peer.ask("checksum", address=address) == {"viem": ours, "ethers": ours}
