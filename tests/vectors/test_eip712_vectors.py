"""Our EIP-712, EIP-191 and EIP-55 against golden vectors, and against viem, ethers and eth_account live."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct, encode_typed_data

from governance import eip712
from tests.vectors.peer import Peer

GOLDEN = json.loads(Path(__file__).with_name("eip712.json").read_bytes())


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


def random_fields(source: random.Random) -> dict[str, Any]:
    def text(length: int) -> str:
        alphabet = 'abc ZÀé’水💧\n"\\{}%\x01'
        return "".join(source.choice(alphabet) for _ in range(length))

    return {
        "chain_id": source.choice([1, 10, 31337, source.randrange(1, 2**53)]),
        "token": "0x" + source.randbytes(20).hex(),
        "instance": text(source.randrange(30)),
        "community": text(source.randrange(30)),
        "proposal": "0x" + source.randbytes(32).hex(),
        "voter": "0x" + source.randbytes(20).hex(),
        "choice": source.randrange(256),
        "reason": text(source.randrange(300)),
        "nonce": source.choice([0, source.randrange(2**53), source.randrange(2**64), 2**64 - 1]),
    }


def test_golden_ballots_have_the_digests_of_the_independent_implementation() -> None:
    assert len(GOLDEN["ballots"]) == 60
    for vector in GOLDEN["ballots"]:
        assert "0x" + eip712.ballot_digest(**fields_of(vector)).hex() == vector["digest"]


def test_golden_signatures_recover_to_their_voters() -> None:
    for vector in GOLDEN["ballots"]:
        eip712.verify(bytes.fromhex(vector["digest"][2:]), vector["signature"], vector["voter"])


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
