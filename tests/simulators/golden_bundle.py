"""A complete, small, valid release with real signatures: secp256k1 for ballots, Ed25519 for the statement.

`Story` holds the facts from which every record is built, so that a test can change one fact, have everything
that rests on it rebuilt, and see whether the verifier still notices. What a test leaves out of a rebuild (old
signatures, another release key) is exactly what an attacker cannot make.
"""

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coincurve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sha3 import keccak_256

from governance import eip712, outcome
from governance.evidence import merkle
from governance.evidence.canonical import digest
from governance.evidence.record import Record
from governance.tally import METHODS
from models_registry import gates
from models_registry.provenance import bundle, lineage, manifest

START = 1_790_000_000
RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": "1",
    "voting_delay_seconds": 60,
    "voting_period_seconds": 600,
    "timelock_seconds": 300,
    "execution_window_seconds": 86_400,
}
POWERS = (400 * 10**18, 250 * 10**18, 100 * 10**18)
TOTAL_SUPPLY = 1_000 * 10**18
SUITE = hashlib.sha256(b"suite").hexdigest()
Edit = Callable[[str, dict[str, Any]], None]


class KeySigner:
    """A release signer whose key comes from a seed, so that bundles can be built again alike."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key_hex(self) -> str:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


@dataclass(frozen=True)
class Voter:
    """One member with a wallet."""

    key: coincurve.PrivateKey
    address: str
    power: int

    def sign(self, message: dict[str, Any]) -> str:
        signed = self.key.sign_recoverable(eip712.ballot_digest(**message), hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()


def voters(powers: tuple[int, ...] = POWERS) -> list[Voter]:
    """Return members with fixed keys."""
    made = []
    for number, power in enumerate(powers, start=1):
        key = coincurve.PrivateKey(number.to_bytes(32, "big"))
        public = key.public_key.format(compressed=False)[1:]
        address = eip712.checksum_address("0x" + keccak_256(public).digest()[12:].hex())
        made.append(Voter(key, address, power))
    return made


@dataclass
class Story:
    """The facts of one release. `edit(kind, body)` may change the body of each record before it is made."""

    release_key: KeySigner = field(default_factory=lambda: KeySigner(7))
    members: list[Voter] = field(default_factory=voters)
    choices: tuple[int, ...] = (1, 1, 0)
    rules: tuple[str, ...] = ("answers-stay-right",)
    weights: tuple[float, ...] = (0.5, -0.25)
    edit: Edit = lambda _kind, _body: None
    # proposal number, voter → signature of another telling, for attackers who hold no wallet
    signatures: dict[tuple[int, str], str] = field(default_factory=dict)
    parents_edit: Callable[[str, tuple[str, ...]], tuple[str, ...]] = lambda _kind, parents: parents
    records: dict[str, Record] = field(default_factory=dict)
    ballots: list[Record] = field(default_factory=list)

    def record(self, kind: str, subject: str, body: dict[str, Any], parents: tuple[str, ...] = ()) -> Record:
        """Make one record and keep it."""
        body = copy.deepcopy(body)
        self.edit(kind, body)
        made = Record.make(kind, subject, body, self.parents_edit(kind, parents))
        if kind == "ballot":
            self.ballots.append(made)
        else:
            self.records[made.digest] = made
        return made

    def signatures_made(self) -> dict[tuple[int, str], str]:
        """Return the signatures of this telling, for an attacker to use in another one."""
        return {
            (self.records[ballot.parents[0]].body["number"], ballot.body["voter"]): ballot.body["signature"]
            for ballot in self.ballots
        }

    def write(self, folder: Path) -> Record:
        """Write the files and `provenance/` into `folder`; return the release record."""
        folder.mkdir(parents=True, exist_ok=True)
        write_model(folder, self.weights)
        community = self.record(
            "community",
            "community:water",
            {
                "slug": "water",
                "name": {"en": "Water commons", "fr": "Commun de l’eau"},
                "instance": "https://commons.example",
                "chain_id": 31337,
                "token": eip712.checksum_address("0x" + "11" * 20),
                "release_key": {"algorithm": "ed25519", "public_key": self.release_key.public_key_hex},
            },
        )
        dataset_digest = hashlib.sha256(b"dataset").hexdigest()
        dataset = self.dataset(community, 1, dataset_digest)
        rules = [self.rule(community, number, slug) for number, slug in enumerate(self.rules, start=2)]
        spec_body = spec(dataset_digest)
        spec_execution = self.vote(community, 2 + len(rules), "model_update", {"spec": dict(spec_body)})
        spec_parents = (spec_execution.digest, dataset.digest, *(rule.digest for rule in rules))
        spec_record = self.record("spec", "spec:water-assistant", spec_body, spec_parents)
        run = self.run(folder, spec_record)
        evaluation = self.evaluation(run, rules)
        return self.release(folder, run, evaluation)

    def dataset(self, community: Record, number: int, dataset_digest: str) -> Record:
        body = {
            "slug": "water-pairs",
            "title": "Questions about water",
            "license": "CC-BY-4.0",
            "role": "training",
            "files": [{"path": "pairs.jsonl", "size": 7, "sha256": dataset_digest}],
            "digest": dataset_digest,
            "records": 1,
            "languages": ["en", "fr"],
            "scans": [{"scan": "licence", "passed": True, "found": 0, "detail": ""}],
        }
        payload = {key: body[key] for key in ("slug", "title", "license", "role", "digest")}
        execution = self.vote(community, number, "dataset_inclusion", payload)
        return self.record("dataset", "dataset:water-pairs", body, (execution.digest,))

    def rule(self, community: Record, number: int, slug: str) -> Record:
        body = {
            "slug": slug,
            "title": "Answers stay right",
            "metric": "accuracy",
            "comparator": "at_least",
            "bound": {"numerator": 3, "denominator": 4},
            "scope": "all",
            "severity": "block",
        }
        execution = self.vote(community, number, "ethics_rule", dict(body))
        return self.record("rule", f"rule:{slug}", body, (execution.digest,))

    def vote(self, community: Record, number: int, kind: str, payload: dict[str, Any]) -> Record:
        """Put one proposal through its whole life; return its execution."""
        submitted = START + number * 10_000
        opens = submitted + RULES["voting_delay_seconds"]
        closes = opens + RULES["voting_period_seconds"]
        proposal = self.record(
            "proposal",
            f"proposal:water/{number}",
            {
                "number": number,
                "kind": kind,
                "title": f"Proposal {number}",
                "text": "Because of the drought.",
                "payload": payload,
                "author": self.members[0].address,
                "nonce": number,
                "method": "governor",
                "rules": dict(RULES),
                "snapshot": {
                    "block_number": 100 + number,
                    "block_hash": "0x" + hashlib.sha256(b"block %d" % number).hexdigest(),
                    "total_supply": str(TOTAL_SUPPLY),
                    "source": {"name": "erc20_votes", "version": "1", "parameters": {}},
                },
                "submitted_at": submitted,
                "opens_at": opens,
                "closes_at": closes,
            },
            (community.digest,),
        )
        ballots = [
            self.ballot(community, proposal, voter, choice)
            for voter, choice in zip(self.members, self.choices, strict=True)
        ]
        return self.close(proposal, ballots)

    def ballot(self, community: Record, proposal: Record, voter: Voter, choice: int) -> Record:
        message = {
            "chain_id": community.body["chain_id"],
            "token": community.body["token"],
            "instance": community.body["instance"],
            "community": community.body["slug"],
            "proposal": f"0x{proposal.digest}",
            "voter": voter.address,
            "choice": choice,
            "reason": "",
            "nonce": 1,
        }
        number = proposal.body["number"]
        return self.record(
            "ballot",
            f"ballot:{proposal.digest}/{voter.address}",
            {
                "voter": voter.address,
                "choice": choice,
                "reason": "",
                "nonce": 1,
                "power": str(voter.power),
                "signature": self.signatures.get((number, voter.address)) or voter.sign(message),
                "cast_at": proposal.body["opens_at"] + 10,
            },
            (proposal.digest,),
        )

    def close(self, proposal: Record, ballots: list[Record]) -> Record:
        body = proposal.body
        ordered = sorted(ballots, key=lambda ballot: ballot.body["voter"].lower())
        method = METHODS[body["method"]]
        count = method.count((ballot.body["choice"], int(ballot.body["power"], 0)) for ballot in ordered)
        tally = self.record(
            "tally",
            f"tally:{proposal.digest}",
            {
                "method": body["method"],
                "ballot_count": len(ordered),
                "ballots_root": merkle.root([ballot.canonical() for ballot in ordered]),
                "totals": {option: str(power) for option, power in count.totals.items()},
                "closed_at": body["closes_at"] + 1,
            },
            (proposal.digest,),
        )
        decided = outcome.decide(
            method, count, outcome.Rules.from_body(body["rules"]), int(body["snapshot"]["total_supply"])
        )
        queued = body["closes_at"] + 2
        eta = queued + body["rules"]["timelock_seconds"]
        decision = self.record(
            "decision",
            f"decision:{proposal.digest}",
            {
                "passed": decided.passed,
                "conditions": [condition.to_body() for condition in decided.conditions],
                "decided_at": body["closes_at"] + 1,
                "queued_at": queued,
                "eta": eta,
                "expires_at": eta + body["rules"]["execution_window_seconds"],
            },
            (proposal.digest, tally.digest),
        )
        return self.record(
            "execution",
            f"execution:{proposal.digest}",
            {"executed_at": (decision.body["eta"] or eta) + 5, "kind": body["kind"]},
            (decision.digest,),
        )

    def run(self, folder: Path, spec_record: Record) -> Record:
        artifact = [file for file in manifest.build(folder)["files"] if file["path"] not in manifest.DOCUMENTS]
        return self.record(
            "run",
            "run:1",
            {
                "run": 1,
                "attempt": 1,
                "started_at": START + 90_000,
                "finished_at": START + 90_060,
                "steps": 3,
                "tokens": 1_000,
                "artifact": artifact,
                "code_digest": hashlib.sha256(b"code").hexdigest(),
                "environment": {"torch": "2.13.0"},
                "isolation": "none",
                "trace_sha256": hashlib.sha256(b"trace").hexdigest(),
            },
            (spec_record.digest,),
        )

    def evaluation(self, run: Record, rules: list[Record]) -> Record:
        body: dict[str, Any] = {
            "suite": SUITE,
            "candidate": {"accuracy": {"numerator": 9, "denominator": 10, "unit": "share", "samples": 10}},
            "parent": {"accuracy": {"numerator": 1, "denominator": 10, "unit": "share", "samples": 10}},
            "samples": 10,
            "samples_sha256": hashlib.sha256(b"samples").hexdigest(),
        }
        report = gates.Report.from_record(body, model="water-assistant")
        verdict = gates.decide([gates.Rule.from_record(rule.body) for rule in rules], report)
        body["verdict"] = verdict.to_dict()
        return self.record("evaluation", "evaluation:1", body, (run.digest, *(rule.digest for rule in rules)))

    def release(self, folder: Path, run: Record, evaluation: Record) -> Record:
        data = bundle.manifest_bytes(folder)
        return self.record(
            "release",
            "release:commons/water-assistant/1",
            {
                "model": "commons/water-assistant",
                "version": 1,
                "revision": digest("revision")[:40],
                "manifest_sha256": hashlib.sha256(data).hexdigest(),
                "card_sha256": hashlib.sha256((folder / "README.md").read_bytes()).hexdigest(),
                "released_at": START + 90_100,
            },
            (run.digest, evaluation.digest),
        )


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


def write_model(folder: Path, values: tuple[float, ...]) -> None:
    """Write the files of a model that has one tensor of these weights."""
    data = struct.pack(f"<{len(values)}f", *values)
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(data)]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    (folder / "config.json").write_bytes(b'{"model_type":"llama"}\n')
    (folder / "README.md").write_text("# Water assistant\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Apache-2.0\n", encoding="utf-8")


def build(folder: Path, story: Story | None = None, signer: KeySigner | None = None) -> Story:
    """Write a whole bundle, signed by `signer` or else the story's own release key; return the story told."""
    told = story or Story()
    release = told.write(folder)
    reached = {record.digest for record in lineage.closure(release.digest, told.records)}
    ballots = [ballot for ballot in told.ballots if ballot.parents[0] in reached]
    bundle.write(folder, release, told.records, ballots, signer or told.release_key)
    return told
