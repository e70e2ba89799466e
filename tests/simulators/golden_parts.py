"""What a golden release is made of: keys, wallets, rules, a recipe, measurements and the files of a tiny model."""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coincurve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sha3 import keccak_256

from governance import eip712
from governance.evidence import p256
from governance.evidence.record import Record
from models_registry.hidden_suites.commitment import commit

CURVE = ec.SECP256R1()
START = 1_790_000_000
VOTE = 10**18
RULES = {
    "quorum_bps": 2_000,
    "quorum_basis": "supply",
    "quorum_votes": "0",
    "threshold_bps": 5_000,
    "support_bps": 0,
    "rejection_bps": 0,
    "super_quorum_bps": 0,
    "late_quorum_seconds": 0,
    "objection_bps": 0,
    "proposal_threshold": str(500 * VOTE),
    "voting_delay_seconds": 60,
    "voting_period_seconds": 600,
    "timelock_seconds": 300,
    "execution_window_seconds": 86_400,
    "cool_down_seconds": 0,
}
OBJECTION_BPS = 6_700
POWERS = (400 * VOTE, 250 * VOTE, 100 * VOTE)
# Members who do not vote: they trust somebody else with it.
TRUSTING_POWERS = (40 * VOTE, 30 * VOTE)
TOTAL_SUPPLY = 1_000 * VOTE
SUITE = hashlib.sha256(b"suite").hexdigest()
HIDDEN_ROWS = hashlib.sha256(b"a suite that nobody saw").hexdigest()
SALT = hashlib.sha256(b"a salt that nobody knew").hexdigest()


class KeySigner:
    """A release signer whose key comes from a seed, so that bundles can be built again alike."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key_hex(self) -> str:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class ModelKeySigner:
    """A signer of model files whose P-256 key comes from a seed."""

    def __init__(self, seed: int) -> None:
        self._key = ec.derive_private_key(int.from_bytes(bytes([seed]) * 32, "big") % (p256.ORDER - 1) + 1, CURVE)

    @property
    def public_key_hex(self) -> str:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint).hex()

    def sign(self, data: bytes) -> bytes:
        return p256.with_lower_s(self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))


@dataclass(frozen=True)
class Voter:
    """One member with a wallet."""

    key: coincurve.PrivateKey
    address: str
    power: int

    def sign(self, digest_to_sign: bytes) -> str:
        signed = self.key.sign_recoverable(digest_to_sign, hasher=None)
        text: str = (signed[:64] + bytes([signed[64] + 27])).hex()
        return f"0x{text}"


def voters(powers: tuple[int, ...] = POWERS, first: int = 1) -> list[Voter]:
    """Return members with fixed keys."""
    made = []
    for number, power in enumerate(powers, start=first):
        key = coincurve.PrivateKey(number.to_bytes(32, "big"))
        public = key.public_key.format(compressed=False)[1:]
        address = eip712.checksum_address("0x" + keccak_256(public).digest()[12:].hex())
        made.append(Voter(key, address, power))
    return made


def spec(dataset_digest: str) -> dict[str, Any]:
    """Return a training spec as voted on."""
    return {
        "version": 1,
        "base": {"model": "commons/water-assistant", "revision": "ab" * 20, "manifest_sha256": "cd" * 32},
        "datasets": [{"digest": dataset_digest, "languages": ["en", "fr"]}],
        "method": "full",
        "lora": None,
        "optimizer": "adamw",
        "learning_rate": "0.003",
        "weight_decay": "0",
        "schedule": "cosine",
        "warmup_steps": 10,
        "batch_size": 32,
        "sequence_length": 64,
        "epochs": 3,
        "seed": 7,
        "precision": "float32",
        "strategy": "single",
        "evaluation": {"suite": SUITE},
        "output": "water-assistant",
        "budget": {"device_seconds": 120},
    }


def rule_body(slug: str) -> dict[str, Any]:
    """Return a rule as it is voted on."""
    return {
        "slug": slug,
        "title": "Answers stay right",
        "why": "",
        "metric": "accuracy",
        "suite": None,
        "scope": "all",
        "comparator": "at_least",
        "bound": {"numerator": 3, "denominator": 4},
        "judged": "value",
        "severity": "block",
        "sunset": None,
        "duty": None,
    }


def commitment_body(keeper: str) -> dict[str, Any]:
    """Return what is public of a hidden suite from the beginning."""
    public: dict[str, Any] = {"kind": "dialogue", "records": 10, "languages": ["en", "fr"], "license": "CC-BY-4.0"}
    return {
        "commitment": commit(digest=HIDDEN_ROWS, salt=SALT, **public),
        "title": "Questions that nobody has seen",
        **public,
        "keeper": keeper,
        "opens_within_seconds": 3_600,
        "committed_at": START + 100,
    }


def rights_body(contributor: str) -> dict[str, Any]:
    """Return what the record of a dataset of three rows says of its source and of who gave them."""
    return {
        "sources": [
            {
                "name": "Letters of the waterworks",
                "url": "https://commons.example/letters",
                "license": "CC-BY-4.0",
                "consent": "own_work",
                "collected_from": "2026-01-01",
                "collected_to": "2026-03-31",
                "place": "Valley",
            }
        ],
        "contributors": [
            {
                "contributor": contributor,
                "records": {"en": 1, "fr": 1},
                "share": {"numerator": 2, "denominator": 3},
            },
            {"contributor": None, "records": {"en": 1}, "share": {"numerator": 1, "denominator": 3}},
        ],
        "contributions": hashlib.sha256(b"who gave what").hexdigest(),
        "replaces": None,
    }


def left_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of what is left when the contributor of `rights_body` takes their two rows back."""
    left = hashlib.sha256(b"what is left").hexdigest()
    return {
        **body,
        "files": [{"path": "pairs.jsonl", "size": 3, "sha256": left}],
        "digest": left,
        "records": 1,
        "records_root": "e" * 64,
        "shards": [{"first": 0, "records": 1, "size": 3, "sha256": left}],
        "languages": ["en"],
        "contributors": [{"contributor": None, "records": {"en": 1}, "share": {"numerator": 1, "denominator": 1}}],
        "contributions": None,
        "replaces": body["digest"],
    }


def measured(numerator: int, low: int, high: int) -> dict[str, Any]:
    """Return what was measured on ten questions, with its interval."""
    return {
        "numerator": numerator,
        "denominator": 10,
        "unit": "share",
        "samples": 10,
        "low": {"numerator": low, "denominator": 10},
        "high": {"numerator": high, "denominator": 10},
    }


def write_model(folder: Path, values: tuple[float, ...]) -> None:
    """Write the files of a model that has one tensor of these weights."""
    data = struct.pack(f"<{len(values)}f", *values)
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(data)]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    (folder / "config.json").write_bytes(b'{"model_type":"llama"}\n')
    (folder / "README.md").write_text("# Water assistant\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Apache-2.0\n", encoding="utf-8")


def domain(community: Record) -> dict[str, Any]:
    """Return what every signature in a community names."""
    body = community.body
    return {
        "chain_id": body["chain_id"],
        "token": body["token"],
        "instance": body["instance"],
        "community": body["slug"],
    }
