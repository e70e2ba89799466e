"""A community that was made by the real services with real signatures: what the tests of the pages look at.

`tell` makes decisions in every state, two runs and a release; `polls` adds votes by every method, delegations and a council.
"""

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import coincurve
import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker
from sha3 import keccak_256

from governance import eip712, services
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Account, Ballot, Community, Delegation, Member, Proposal
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset, Model, Version
from tests.integration.read_once import read_once
from training_jobs import services as training
from training_jobs.models import Run
from training_jobs.spec import TEMPLATES

AGAINST, FOR, ABSTAIN = 0, 1, 2
POWERS = {"Alice": 400_000, "Bob": 250_000, "Chloé": 220_000, "Daouda": 90_000, "Emma": 40_000}
RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": "10000",
    "voting_delay_seconds": 3_600,
    "voting_period_seconds": 3 * 86_400,
    "timelock_seconds": 2 * 86_400,
    "execution_window_seconds": 14 * 86_400,
}
WHY = """Over two seasons members wrote down what they ask each other, and the answers that work here.

- Both languages of the valley, English and French.
- No names, no addresses: intake has scanned it.

## What to consider

The pairs come from *five* villages. See the [minutes](https://example.org/minutes).
"""


@dataclass(frozen=True)
class Wallet:
    """A member with a key."""

    name: str
    key: coincurve.PrivateKey
    address: str

    def sign(self, typed: dict[str, Any]) -> str:
        """Sign a ballot message as a wallet does."""
        message = typed["message"]
        fields = {
            "chain_id": typed["domain"]["chainId"],
            "token": typed["domain"]["verifyingContract"],
            "instance": message["instance"],
            "community": message["community"],
            "proposal": message["proposal"],
            "voter": message["voter"],
            "choice": json.loads(message["choices"]) if "choices" in message else message["choice"],
            "reason": message["reason"],
            "nonce": int(message["nonce"]),
        }
        return self.sign_digest(eip712.ballot_digest(**fields))

    def sign_digest(self, digest: bytes) -> str:
        """Sign the digest of any message."""
        signed = self.key.sign_recoverable(digest, hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()


@dataclass
class Story:
    """A community with decisions in every state, two runs, and a release. `start` is when it was founded."""

    start: datetime
    community: Community
    wallets: dict[str, Wallet]
    proposals: dict[str, Proposal]
    accepted: Run
    rejected: Run
    at_work: Run
    version: Version
    dataset: Dataset


def wallets() -> dict[str, Wallet]:
    """Return members with fixed keys."""
    made = {}
    for number, name in enumerate(POWERS, start=1):
        key = coincurve.PrivateKey(number.to_bytes(32, "big"))
        public = key.public_key.format(compressed=False)[1:]
        address = eip712.checksum_address("0x" + keccak_256(public).digest()[12:].hex())
        made[name] = Wallet(name, key, address)
    return made


def tell(now: datetime) -> Story:
    """Make the community through the services, with a past that ends at `now`."""
    members = wallets()
    start = now - timedelta(days=60)
    community = found_one(members, start)
    model = Model.objects.create(
        community=community, namespace="commons", name="water-assistant", title_en="Water assistant",
        title_fr="Assistant de l’eau", license="apache-2.0",
    )  # fmt: skip
    base = registry.register_base(model, _weights("base", (0.1, 0.2)), start)
    dataset = _dataset(community, members, "training", "Questions and answers of the valley", start)
    suite = _dataset(community, members, "evaluation", "Held-out questions", start)

    story = Teller(community, members)
    day = timedelta(days=1)
    proposals = {
        "dataset": story.executed("dataset_inclusion", "Include the members' questions and answers", {"digest": dataset.digest}, start, text=WHY),
        "rule": story.executed("ethics_rule", "Equal service in both languages", {
            "slug": "equal-service", "title": "French and English speakers are served equally well",
            "metric": "language_gap", "comparator": "at_most", "bound": "0.10", "scope": "all"}, start + 6 * day),
        "skill": story.executed("ethics_rule", "Never forget what was learned", {
            "slug": "no-forgetting", "title": "A new version answers at least as well as the one before",
            "metric": "answer_accuracy", "comparator": "not_below_parent", "bound": "0.02", "scope": "all"}, start + 7 * day),
    }  # fmt: skip

    def spec(**changes: Any) -> dict[str, Any]:
        return {"spec": {
            "version": 1,
            "base": {"model": str(model), "revision": base.revision, "manifest_sha256": base.manifest_sha256},
            "datasets": [{"digest": dataset.digest, "languages": ["en", "fr"]}], "method": "full", "lora": None,
            "optimizer": "adamw", "learning_rate": "0.003", "weight_decay": "0", "schedule": "cosine",
            "warmup_steps": 10, "batch_size": 32, "sequence_length": 64, "epochs": 3, "seed": 7,
            "precision": "float32", "strategy": "single", "evaluation": {"suite": suite.digest},
            "output": "water-assistant", "budget": {"device_seconds": 120}, **changes}}  # fmt: skip

    lora = {"method": "lora", "lora": {"rank": 8, "alpha": 16}}
    english = {"datasets": [{"digest": dataset.digest, "languages": ["en"]}]}
    proposals |= {
        "update": story.executed("model_update", "Teach the assistant our own answers", spec(), start + 14 * day),
        "cheap": story.executed("model_update", "A cheaper update, in English only", spec(**english), start + 22 * day),
        "next": story.executed("model_update", "A small adapter for the spring rules", spec(**lora), start + 40 * day),
        "defeated": story.voted("text_signal", "Sell the assistant to the water company", {"statement": "We sell."},
                                start + 30 * day, {"Alice": AGAINST, "Bob": AGAINST, "Chloé": FOR}),
        "queued": story.voted("text_signal", "Meet once a season", {"statement": "We meet once a season."},
                              now - timedelta(days=4), {"Alice": FOR, "Bob": FOR}),
        "canceled": story.canceled("text_signal", "Written too early", {"statement": "Not yet."}, now - timedelta(minutes=30)),
        "pending": story.submitted("text_signal", "Collect pairs about frost", {"statement": "We collect."}, now - timedelta(minutes=5)),
        "open": story.open("text_signal", "Should the assistant also answer questions about wells?",
                           {"statement": "The assistant should also answer questions about wells."}, now - timedelta(days=1)),
    }  # fmt: skip
    accepted = _work(proposals["update"], start + 20 * day, (0.3, 0.4), ((3, 4), (1, 20)), judged=True)
    version = _release(accepted, proposals["update"])
    rejected = _work(proposals["cheap"], start + 28 * day, (0.5, 0.6), ((1, 2), (47, 120)), judged=True)
    at_work = _work(proposals["next"], now - timedelta(seconds=20), (0.7, 0.8), None, judged=False)
    dataset.refresh_from_db()
    return Story(start, community, members, proposals, accepted, rejected, at_work, version, dataset)


def charter(members: dict[str, Wallet], **rules: Any) -> dict[str, Any]:
    """Return a charter with a list of members, so that no chain is needed, and a second house of one vote for each."""
    listed = {members[name].address: str(power) for name, power in POWERS.items()}
    heads = dict.fromkeys(listed, "1")
    return {
        "tiers": {
            "standard": {**RULES, **rules},
            "constitutional": {**RULES, "threshold_bps": 6_666, "support_bps": 4_000, "objection_bps": 5_000},
            "light": {**RULES, "voting_delay_seconds": 60, "timelock_seconds": 60},
        },
        "kinds": {
            "default": "standard",
            "governance_rules": "constitutional",
            "poll": "light",
            "council_election": "light",
        },
        "power": {"source": "fixed_list", "parameters": {"members": listed}},
        "house": {
            "name": {"en": "One person, one vote", "fr": "Une personne, une voix"},
            "source": "fixed_list",
            "parameters": {"members": heads},
        },
        "council": {"pause_seconds_max": 3 * 86_400},
    }


def found_one(members: dict[str, Wallet], now: datetime) -> Community:
    """Found a community whose power is a fixed list, so that no chain is needed."""
    key = release_key_path("water-commons")
    key.unlink(missing_ok=True)
    community = services.found_community(
        services.NewCommunity(
            slug="water-commons", name_en="Water commons", name_fr="Communs de l’eau", chain_id=31337,
            token=eip712.checksum_address("0x" + "11" * 20), release_key=generate_key(key), charter=charter(members),
            description_en="Farmers and gardeners who share one river own an assistant that answers questions about irrigation.",
            description_fr="Des paysans et des jardiniers qui partagent une rivière possèdent un assistant qui répond aux questions d’irrigation.",
        ), now,
    )  # fmt: skip
    for wallet in members.values():
        Member.objects.create(community=community, address=wallet.address, name=wallet.name)
    return community


def _dataset(community: Community, members: dict[str, Wallet], role: str, title: str, now: datetime) -> Dataset:
    """Register a small dataset through intake."""
    rows = []
    for number in range(40):
        language = ("en", "fr")[number % 2]
        question = {
            "en": f"{role}: how much water does field {number} of the {number * 7} river terraces need?",
            "fr": f"{role} : quelle quantité d’eau pour la parcelle {number} sur les {number * 7} terrasses ?",
        }[language]
        rows.append(
            {
                "id": f"{role}-{number}",
                "language": language,
                "question": question,
                "answer": f"{number * 3} litres",
                "topic": "irrigation",
            }
        )
    stream = BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    new = registering.NewDataset(f"valley-{role}", title, "CC-BY-4.0", role, "pairs.jsonl")
    with read_once():
        return registering.register_dataset(community, members["Alice"].address, new, stream, now)[0]


class Teller:
    """Puts proposals through their lives."""

    def __init__(self, community: Community, members: dict[str, Wallet]) -> None:
        self.community, self.members = community, members

    def submitted(
        self, kind: str, title: str, payload: dict[str, Any], now: datetime, text: str = "", author: str = "Alice"
    ) -> Proposal:
        draft = services.Draft(kind, title, text or "Because the river is one.", payload, {})
        made = services.create_draft(self.community, self.members[author].address, draft, now)
        return services.submit(made.pk, self.members[author].address, now)

    def vote(self, proposal: Proposal, name: str, choice: Any, now: datetime, reason: str = "") -> Ballot:
        wallet = self.members[name]
        offer = services.offer_ballot(proposal, wallet.address, choice, reason, now)
        request = services.BallotRequest(
            proposal.public_id, wallet.address, choice, reason, offer.nonce, wallet.sign(offer.typed_data)
        )
        return services.cast_ballot(request, now)[0]

    def open(self, kind: str, title: str, payload: dict[str, Any], now: datetime) -> Proposal:
        proposal = self.submitted(kind, title, payload, now, author="Bob")
        moment = proposal.opens_at + timedelta(minutes=10)
        self.vote(proposal, "Bob", FOR, moment, "Half of our calls are about wells.")
        self.vote(proposal, "Chloé", AGAINST, moment, "The water guard should answer these.")
        self.vote(proposal, "Daouda", AGAINST, moment)
        self.vote(proposal, "Daouda", ABSTAIN, moment, "I changed my mind: I do not know.")
        return proposal

    def voted(
        self, kind: str, title: str, payload: dict[str, Any], now: datetime, choices: dict[str, int], text: str = ""
    ) -> Proposal:
        # Authors take turns: one author may have only so many open at once.
        proposal = self.submitted(kind, title, payload, now, text)
        for name, choice in choices.items():
            self.vote(proposal, name, choice, proposal.opens_at + timedelta(hours=1))
        closed = services.close_voting(proposal.pk, proposal.closes_at)
        return services.queue(closed.pk, closed.closes_at) if closed.passed else closed

    def executed(self, kind: str, title: str, payload: dict[str, Any], now: datetime, text: str = "") -> Proposal:
        choices = {"Alice": FOR, "Bob": FOR, "Chloé": FOR, "Daouda": AGAINST, "Emma": ABSTAIN}
        queued = self.voted(kind, title, payload, now, choices, text)
        return services.execute(queued.pk, queued.eta + timedelta(minutes=1))[0]

    def poll(self, title: str, method: str, now: datetime, choices: list[str], seats: int = 1) -> Proposal:
        """Publish a poll that is voted on in this way."""
        payload = {"question": title, "choices": choices}
        draft = services.Draft("poll", title, "The water board asks.", payload, {}, method, seats)
        made = services.create_draft(self.community, self.members["Alice"].address, draft, now)
        return services.submit(made.pk, self.members["Alice"].address, now)

    def split(self, title: str, now: datetime) -> Proposal:
        """Publish a signal whose voters may split their power."""
        draft = services.Draft(
            "text_signal", title, "Some of us are of two minds.", {"statement": title}, {}, "fractional"
        )
        made = services.create_draft(self.community, self.members["Bob"].address, draft, now)
        return services.submit(made.pk, self.members["Bob"].address, now)

    def delegate(self, giver: str, taker: str, now: datetime, share_bps: int = 10_000, topic: str = "") -> Delegation:
        """Lend power, signed."""
        wallet, to = self.members[giver], self.members[taker].address
        offer = services.offer_delegation(self.community, wallet.address, to, topic, share_bps, 0, now)
        message = offer.typed_data["message"]
        signed = {
            "chain_id": offer.typed_data["domain"]["chainId"],
            "token": offer.typed_data["domain"]["verifyingContract"],
            "instance": message["instance"],
            "community": message["community"],
            "delegator": wallet.address,
            "delegate": to,
            "topic": topic,
            "share_bps": share_bps,
            "expires_at": 0,
            "nonce": offer.nonce,
        }
        signature = wallet.sign_digest(eip712.delegation_digest(**signed))
        request = services.DelegationRequest(wallet.address, to, topic, share_bps, 0, offer.nonce, signature)
        return services.delegate(self.community, request, now)[0]

    def elected(self, now: datetime) -> Proposal:
        """Elect a council of three."""
        candidates = [{"address": wallet.address, "name": name} for name, wallet in self.members.items()]
        payload = {"seats": 3, "term_days": 365, "candidates": candidates}
        draft = services.Draft("council_election", "Our first council", "", payload, {})
        made = services.create_draft(self.community, self.members["Alice"].address, draft, now)
        proposal = services.submit(made.pk, self.members["Alice"].address, now)
        ballots = {"Alice": [1, 2], "Bob": [2, 3], "Chloé": [3, 2], "Daouda": [4, 3], "Emma": [5, 4, 3]}
        for name, choice in ballots.items():
            self.vote(proposal, name, choice, proposal.opens_at + timedelta(hours=1))
        queued = services.queue(services.close_voting(proposal.pk, proposal.closes_at).pk, proposal.closes_at)
        return services.execute(queued.pk, queued.eta + timedelta(minutes=1))[0]

    def canceled(self, kind: str, title: str, payload: dict[str, Any], now: datetime) -> Proposal:
        proposal = self.submitted(kind, title, payload, now, author="Emma")
        return services.cancel(proposal.pk, self.members["Emma"].address, "I want to ask the others first.", now)


def _weights(name: str, values: tuple[float, ...]) -> Path:
    """Write the files of a tiny model."""
    folder = Path(django_settings.DATA_DIR) / "made" / name
    folder.mkdir(parents=True, exist_ok=True)
    data = struct.pack(f"<{len(values)}f", *values)
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(data)]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    (folder / "config.json").write_text('{"model_type":"llama"}\n')
    marks = [{"content": mark, "special": True} for mark in TEMPLATES["plain-turns"].marks]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": marks}) + "\n")
    return folder


def _work(proposal: Proposal, now: datetime, values: tuple[float, ...], result: Any, *, judged: bool) -> Run:
    """Let a machine work on the run of a proposal: to the verdict, or to the middle of its training."""
    run = proposal.run
    lease = training.claim(run.pk, "worker-1@valley", now)
    steps = 180
    done = steps if judged else 75
    curve = [
        {"event": "step", "step": step, "steps": steps, "loss": f"{0.35 + 2.9 / (1 + step / 22):.6f}",
         "tokens_per_second": 6_400, "at": int(now.timestamp())}
        for step in range(1, done + 1, 3)
    ]  # fmt: skip
    training.stream(lease, [{"event": "started", "at": int(now.timestamp())}, *curve], now)
    if not judged:
        training.heartbeat(lease, datetime.now(UTC) + timedelta(hours=1))
        return Run.objects.get(pk=run.pk)
    folder = _weights(f"run-{run.pk}", values)
    artifact = {
        "files": [
            {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in sorted(folder.iterdir())
        ],
        "steps": steps, "tokens": 230_400, "code_digest": hashlib.sha256(b"code").hexdigest(),
        "environment": {"python": "3.11.7", "torch": "2.13.0"}, "trace_sha256": hashlib.sha256(b"trace").hexdigest(),
    }  # fmt: skip
    training.trained(lease, artifact, "bubblewrap", now + timedelta(seconds=40))
    accuracy, gap = result

    def value(part: tuple[int, int]) -> dict[str, Any]:
        return {"numerator": part[0], "denominator": part[1], "unit": "ratio", "samples": 120}

    report = {
        "suite": proposal.payload["spec"]["evaluation"]["suite"],
        "candidate": {"answer_accuracy": value(accuracy), "language_gap": value(gap)},
        "parent": {"answer_accuracy": value((1, 120)), "language_gap": value((0, 1))},
        "difference": {}, "further": {}, "samples": 120, "samples_sha256": hashlib.sha256(b"samples").hexdigest(),
    }  # fmt: skip
    return training.judge(lease, report, now + timedelta(seconds=55))


def _release(run: Run, proposal: Proposal) -> Version:
    """Release an accepted run."""
    version = registry.release(
        registry.Candidate(
            model=run.model, parent=run.base, proposal=proposal,
            artifact=Path(django_settings.DATA_DIR) / "made" / f"run-{run.pk}", run_record=run.run_record,
            evaluation_record=run.evaluation_record, judged_at=run.judged_at,
        )
    )  # fmt: skip
    run.version = version
    run.save()
    return version


BALLOTS: dict[str, list[Any]] = {
    "single-choice": [1, 2, 3, 2],
    "approval": [[1, 2], [2], [], [3, 4]],
    "weighted": [{"1": 3, "2": 1}, {"2": 1}, {"3": 2, "4": 1}, {"1": 1}],
    "quadratic": [{"1": 3, "2": 1}, {"2": 1}, {"3": 2, "4": 1}, {"2": 1}],
    "ranked-choice": [[1, 2, 3, 4], [2, 3, 1, 4], [3, 2, 4, 1], [4, 3, 2, 1]],
    "copeland": [[1, 2, 3, 4], [2, 3, 1, 4], [3, 2, 4, 1], [4, 3, 2, 1]],
    "stv": [[1, 2], [2, 3], [3], [4, 3, 2]],
}
CHOICES = ["The upper spring", "The old well", "The canal", "Rain tanks"]


def polls(story: Story, now: datetime) -> dict[str, Proposal]:
    """Add an open and a closed vote by every method, a council, and delegations; return them by name."""
    teller = Teller(story.community, story.wallets)
    made = {"council": teller.elected(now - timedelta(days=20))}
    teller.delegate("Emma", "Daouda", now - timedelta(days=15))
    teller.delegate("Chloé", "Bob", now - timedelta(days=15), 5_000, "poll")
    voters = ["Alice", "Bob", "Chloé", "Daouda"]
    for method, ballots in BALLOTS.items():
        seats = 2 if method == "stv" else 1
        for state, since in (("closed", timedelta(days=10)), ("open", timedelta(days=1))):
            proposal = teller.poll(f"Which water first, by {method}?", method, now - since, CHOICES, seats)
            for name, choice in zip(voters, ballots, strict=True):
                if name != "Chloé" or state == "closed":
                    teller.vote(proposal, name, choice, proposal.opens_at + timedelta(minutes=5), "So it is fair.")
            if state == "closed":
                services.close_voting(proposal.pk, proposal.closes_at)
                proposal.refresh_from_db()
            made[f"{method} {state}"] = proposal
    split = teller.split("Share the spring with the next valley", now - timedelta(days=1))
    moment = split.opens_at + timedelta(minutes=5)
    teller.vote(split, "Alice", {"1": "300000", "0": "50000"}, moment)
    teller.vote(split, "Bob", {"2": "250000"}, moment)
    made["fractional open"] = split
    story.community.refresh_from_db()
    return made


# --- fixtures -----------------------------------------------------------------------------------------------------


SETTINGS = {"VOTING_PERIOD_SECONDS_MIN": 1, "OPEN_PROPOSALS_PER_AUTHOR": 20}


@pytest.fixture(scope="module")
def told(module_db: None, django_db_blocker: DjangoDbBlocker) -> Story:
    """The story up to now, told once for all tests of a module."""
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        return tell(datetime.now(UTC))


@pytest.fixture
def story(told: Story, db: None, settings: Any) -> Story:
    """The story for one test, which may change it: its own copy of the rows, and a database that is put back."""
    cache.clear()
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    return copy.deepcopy(told, {id(told.wallets): told.wallets})


@pytest.fixture
def get(story: Story, client: Client) -> Callable[..., str]:
    """Fetch a page and return its text."""

    def fetch(path: str, status: int = 200, **headers: str) -> str:
        response = client.get(path, headers=headers)
        assert response.status_code == status, response.content.decode()[:2000]
        return response.content.decode()

    return fetch


def signed_in(client: Client, wallet: Wallet) -> None:
    """Sign a member in, without the ceremony that the sign-in's own tests cover."""
    account, _ = Account.objects.get_or_create(address=wallet.address)
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
