"""The pages of the site, over a community that was made by the real services with real signatures.

Every page is read without JavaScript, in both languages; the number of queries does not grow with the rows; what strangers
write cannot run; what is refused says why.
"""

import hashlib
import json
import re
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
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from sha3 import keccak_256

from frontend import numbers, words
from frontend.charts import loss_curve
from frontend.text import render as markdown
from governance import eip712, services
from governance.evidence.signing import generate_key
from governance.models import Account, Ballot, Community, Member, Proposal
from models_registry import services as registry
from models_registry.models import Dataset, Model, Version
from training_jobs import selectors as training_selectors
from training_jobs import services as training
from training_jobs.models import Run

TOKEN = 10**18
AGAINST, FOR, ABSTAIN = 0, 1, 2
POWERS = {"Alice": 400_000, "Bob": 250_000, "Chloé": 220_000, "Daouda": 90_000, "Emma": 40_000}
RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": str(10_000 * TOKEN),
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
            "choice": message["choice"],
            "reason": message["reason"],
            "nonce": int(message["nonce"]),
        }
        signed = self.key.sign_recoverable(eip712.ballot_digest(**fields), hasher=None)
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
    community = _found(members, start)
    model = Model.objects.create(
        community=community, namespace="commons", name="water-assistant", title_en="Water assistant",
        title_fr="Assistant de l’eau", license="apache-2.0",
    )  # fmt: skip
    base = registry.register_base(model, _weights("base", (0.1, 0.2)), start)
    dataset = _dataset(community, members, "training", "Questions and answers of the valley", start)
    suite = _dataset(community, members, "evaluation", "Held-out questions", start)

    story = _Teller(community, members)
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


def _found(members: dict[str, Wallet], now: datetime) -> Community:
    """Found a community whose power is a fixed list, so that no chain is needed."""
    key = registry.release_key_path("water-commons")
    key.unlink(missing_ok=True)
    community = services.found_community(
        services.NewCommunity(
            slug="water-commons", name_en="Water commons", name_fr="Communs de l’eau", chain_id=31337,
            token=eip712.checksum_address("0x" + "11" * 20), release_key=generate_key(key), rules={"default": RULES},
            description_en="Farmers and gardeners who share one river own an assistant that answers questions about irrigation.",
            description_fr="Des paysans et des jardiniers qui partagent une rivière possèdent un assistant qui répond aux questions d’irrigation.",
        ), now,
    )  # fmt: skip
    community.power_source = "fixed_list"
    community.power_parameters = {
        "members": {members[name].address: str(power * TOKEN) for name, power in POWERS.items()}
    }
    community.save()
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
    new = registry.NewDataset(f"valley-{role}", title, "CC-BY-4.0", role, "pairs.jsonl")
    return registry.register_dataset(community, members["Alice"].address, new, stream, now)[0]


class _Teller:
    """Puts proposals through their lives."""

    def __init__(self, community: Community, members: dict[str, Wallet]) -> None:
        self.community, self.members = community, members

    def submitted(
        self, kind: str, title: str, payload: dict[str, Any], now: datetime, text: str = "", author: str = "Alice"
    ) -> Proposal:
        draft = services.Draft(kind, title, text or "Because the river is one.", payload, {})
        made = services.create_draft(self.community, self.members[author].address, draft, now)
        return services.submit(made.pk, self.members[author].address, now)

    def vote(self, proposal: Proposal, name: str, choice: int, now: datetime, reason: str = "") -> Ballot:
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
    (folder / "tokenizer.json").write_text("{}\n")
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
        "samples": 120, "samples_sha256": hashlib.sha256(b"samples").hexdigest(),
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


# --- fixtures -----------------------------------------------------------------------------------------------------


@pytest.fixture
def story(db: None, settings: Any) -> Story:
    """Tell the story up to now."""
    cache.clear()
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.OPEN_PROPOSALS_PER_AUTHOR = 20
    return tell(datetime.now(UTC))


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


def pages_of(story: Story) -> dict[str, str]:
    """Return the address of every page."""
    ballot = story.proposals["update"].ballots.first()
    waiting = story.proposals["open"].ballots.first()
    slug = "/c/water-commons"
    return {
        "home": "/",
        "sign in": "/sign-in/",
        "community": f"{slug}/",
        "proposals": f"{slug}/proposals/",
        "propose": f"{slug}/propose/",
        "runs": f"{slug}/runs/",
        "datasets": f"{slug}/datasets/",
        "rules": f"{slug}/rules/",
        "models": f"{slug}/models/",
        "model": "/models/commons/water-assistant/",
        "release": f"/releases/{story.version.revision}/",
        "dataset": f"/datasets/{story.dataset.digest}/",
        "receipt": f"/receipts/{ballot.record_id}/",
        "receipt of an open vote": f"/receipts/{waiting.record_id}/",
        **{f"run {run.pk}": f"/runs/{run.pk}/" for run in (story.accepted, story.rejected, story.at_work)},
        **{f"proposal {name}": f"{slug}/proposals/{item.number}/" for name, item in story.proposals.items()},
    }


# --- every page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_can_be_read_in_both_languages(story: Story, get: Callable[..., str], language: str) -> None:
    for name, path in pages_of(story).items():
        text = get(path, **{"accept-language": language})
        assert f'<html lang="{language}">' in text, name
        assert len(re.findall(r"<h1[ >]", text)) == 1, name
        for landmark in ("<header", "<main", "<footer", 'class="skip"'):
            assert landmark in text, name


def test_no_page_needs_inline_code_or_styles(story: Story, get: Callable[..., str]) -> None:
    for name, path in pages_of(story).items():
        text = get(path)
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), name
        assert not re.search(r"\s(style|onclick|onload|onsubmit)=", text), name
        assert "<style" not in text, name


def test_every_form_control_has_a_label_and_every_id_is_unique(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    paths = [
        *pages_of(story).values(),
        *(f"/c/water-commons/propose/{kind}/" for kind in ("model_update", "ethics_rule")),
    ]
    for path in paths:
        text = client.get(path).content.decode()
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        labelled = set(re.findall(r'<label for="([^"]+)"', text))
        controls = re.findall(r"<(?:input|select|textarea)\b[^>]*>", text)
        for control in controls:
            if 'type="hidden"' in control or 'type="radio"' in control or 'type="checkbox"' in control:
                continue  # hidden, or inside its label
            found = re.search(r'\sid="([^"]+)"', control)
            assert found is not None, (path, control)
            assert found[1] in labelled, (path, control)


def test_the_number_of_queries_does_not_grow_with_the_rows(story: Story, client: Client) -> None:
    teller = _Teller(story.community, story.wallets)
    paths = {name: path for name, path in pages_of(story).items() if name != "release"}

    def counted() -> dict[str, int]:
        found = {}
        for name, path in paths.items():
            with CaptureQueriesContext(connection) as captured:
                client.get(path)
            found[name] = len(captured)
        return found

    before = counted()
    now = datetime.now(UTC)
    for number in range(3):
        teller.open("text_signal", f"Question {number}", {"statement": "Yes."}, now - timedelta(hours=30 + number))
    teller.vote(story.proposals["open"], "Alice", FOR, now)
    after = counted()
    assert after == before
    assert max(after.values()) <= 25


def test_unknown_addresses_are_not_found(get: Callable[..., str]) -> None:
    big = 10**30
    for path in (
        "/nothing/", "/c/nowhere/", "/c/nowhere/proposals/1/", "/c/water-commons/proposals/999/", "/runs/999/",
        f"/runs/{big}/", f"/c/water-commons/proposals/{big}/", "/datasets/ab/", "/releases/ab/", "/receipts/ab/",
        "/models/a/b/",
    ):  # fmt: skip
        assert "There is nothing at this address" in get(path, status=404)


# --- proposals ----------------------------------------------------------------------------------------------------


def test_the_list_can_be_filtered_and_the_filter_stands_in_the_address(get: Callable[..., str]) -> None:
    assert "about wells" in get("/c/water-commons/proposals/?state=active")
    assert "Sell the assistant" not in get("/c/water-commons/proposals/?state=active")
    assert "Sell the assistant" in get("/c/water-commons/proposals/?state=defeated&kind=text_signal")
    assert "1 decision" in get("/c/water-commons/proposals/?search=wells")
    for odd in ("state=nonsense", "kind=nonsense", "search=zzz%00z", "page=0", "page=-1", "page=9999999999", "page=x"):
        get(f"/c/water-commons/proposals/?{odd}")
    assert "No decision matches" in get("/c/water-commons/proposals/?state=nonsense")


def test_a_long_list_has_pages(story: Story, get: Callable[..., str]) -> None:
    teller = _Teller(story.community, story.wallets)
    for number in range(12):
        teller.submitted("text_signal", f"Signal {number}", {"statement": "Yes."}, datetime.now(UTC), author="Daouda")
    first = get("/c/water-commons/proposals/")
    assert "Page 1 of 2" in first
    assert "page=2" in first
    assert "Signal 11" in first
    assert "Include the members" in get("/c/water-commons/proposals/?page=2")


def test_a_proposal_says_what_happens_and_why_it_passed(story: Story, get: Callable[..., str]) -> None:
    text = get(f"/c/water-commons/proposals/{story.proposals['update'].number}/")
    assert "at most 120 device-seconds" in text
    assert "Why it passed" in text
    assert "Quorum: 910,000 votes took part, 200,000 were needed." in text
    assert "Majority: 870,000 votes in favour, 480,000 were needed." in text
    assert f'href="/runs/{story.accepted.pk}/"' in text
    assert f'href="/releases/{story.version.revision}/"' in text
    defeated = get(f"/c/water-commons/proposals/{story.proposals['defeated'].number}/")
    assert "Why it did not pass" in defeated
    assert "Majority: only 220,000 votes in favour of the 435,001 needed." not in defeated  # base units, not tokens
    assert "Majority: only 220,000 votes in favour of the 435,000 needed." in defeated


def test_only_an_open_proposal_offers_a_vote_and_it_shows_ones_own(
    story: Story, client: Client, get: Callable[..., str]
) -> None:
    proposal = story.proposals["open"]
    path = f"/c/water-commons/proposals/{proposal.number}/"
    assert f'data-proposal="{proposal.public_id}"' in get(path)
    assert "You need not sign in first. Choose, then sign with the wallet that holds your votes." in get(path)
    for name in ("update", "pending", "defeated", "queued", "canceled"):
        assert "vote-panel" not in get(f"/c/water-commons/proposals/{story.proposals[name].number}/")
    signed_in(client, story.wallets["Bob"])
    own = proposal.ballots.counting().get(voter=story.wallets["Bob"].address)
    text = get(path)
    assert "Change your vote" in text
    assert "You need not sign in first" not in text
    assert f"/receipts/{own.record_id}/" in text


def test_the_live_part_goes_on_while_a_vote_is_open_and_stops_afterwards(story: Story, get: Callable[..., str]) -> None:
    open_part = get(f"/c/water-commons/proposals/{story.proposals['open'].number}/results/", **{"hx-request": "true"})
    assert 'hx-trigger="every' in open_part
    assert "<html" not in open_part
    done = get(f"/c/water-commons/proposals/{story.proposals['update'].number}/results/", **{"hx-request": "true"})
    assert 'hx-trigger="every' not in done
    assert 'id="vote-slot" hx-swap-oob="true"' in done


# --- what strangers write -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='https://x' onclick='alert(1)'>x</a>",
        "<iframe src='https://x'></iframe>",
        "<style>body{display:none}</style>",
        "<svg><script>alert(1)</script></svg>",
        "![track](https://example.org/pixel.png)",
        "<form action='https://x'><button>Vote</button></form>",
    ],
)
def test_attack_a_proposal_text_cannot_run_load_or_restyle(attack: str) -> None:
    html = markdown(attack).lower()
    for forbidden in (
        "<script",
        "onerror",
        "onclick",
        "javascript:",
        "data:",
        "<iframe",
        "<style",
        "<svg",
        "<img",
        "<form",
    ):
        assert not re.search(rf"<[^>]*{re.escape(forbidden.strip('<'))}", html), html


def test_headings_of_a_text_stand_below_those_of_the_page() -> None:
    assert markdown("# One\n\n## Two\n\n##### Five") == "<h3>One</h3>\n<h4>Two</h4>\n<h6>Five</h6>"


def test_attack_a_name_or_reason_with_markup_is_shown_as_text(story: Story, get: Callable[..., str]) -> None:
    proposal = _Teller(story.community, story.wallets).submitted(
        "text_signal",
        "<b>Bold</b> <script>",
        {"statement": "<script>alert(1)</script>"},
        datetime.now(UTC) - timedelta(days=1),
    )
    _Teller(story.community, story.wallets).vote(
        proposal, "Bob", FOR, datetime.now(UTC), "<img src=x onerror=alert(1)> \u202e reversed"
    )
    text = get(f"/c/water-commons/proposals/{proposal.number}/")
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


# --- runs, releases, receipts -------------------------------------------------------------------------------------


def test_a_rejected_run_says_at_the_top_which_rule_it_breaks(story: Story, get: Callable[..., str]) -> None:
    text = get(f"/runs/{story.rejected.pk}/")
    head = text[: text.index("Loss during training")]
    assert "equal-service" in head
    assert "39.17% (47/120)" in head
    assert "at most 10% (1/10)" in head
    assert "Nothing was published" in head
    french = get(f"/runs/{story.rejected.pk}/", **{"accept-language": "fr"})
    assert "39,17\u00a0% (47/120)" in french
    assert "au plus 10\u00a0% (1/10)" in french


def test_a_run_at_work_draws_its_curve_and_asks_again(story: Story, get: Callable[..., str]) -> None:
    part = get(f"/runs/{story.at_work.pk}/live/", **{"hx-request": "true"})
    assert 'hx-trigger="every 2s"' in part
    assert 'class="chart__line"' in part
    assert "Step 73 of 180" in part
    assert 'hx-trigger="every 2s"' not in get(f"/runs/{story.accepted.pk}/live/", **{"hx-request": "true"})


def test_a_long_run_is_thinned_evenly_and_keeps_both_ends() -> None:
    newest_first = [(1, {"step": step, "loss": "1.5"}) for step in range(5000, 0, -1)]
    points = training_selectors._points(newest_first)
    assert len(points) == training_selectors.POINTS_SHOWN_MAX
    assert (points[0].step, points[-1].step) == (1, 5000)


def test_odd_losses_do_not_break_the_curve() -> None:
    odd = [
        (1, {"step": 3, "loss": "NaN"}),
        (1, {"step": 2, "loss": "x"}),
        (1, {"loss": "1"}),
        (1, {"step": 1, "loss": "0"}),
    ]
    points = training_selectors._points(odd)
    assert [point.step for point in points] == [1]
    assert loss_curve(points, 0) is not None
    assert loss_curve((), 10) is None


def test_a_release_walks_to_the_ballots_and_is_verified_with_the_strangers_own_check(
    story: Story, get: Callable[..., str]
) -> None:
    text = get(f"/releases/{story.version.revision}/")
    assert "Not verified" not in text
    assert text.count("5 signed ballots") == 4
    assert "10 checks hold" in text
    assert "2 need more than the files and were not made here" in text
    totals = re.findall(r'<span class="nowrap">(\w+) [\d,.]+</span>', text)
    assert totals == ["For", "Against", "Abstain"] * 4
    assert "Ballots are signed by their voters" in text
    assert f"--revision {story.version.revision}" in text
    assert f"--community-key \\\n  {story.community.release_key} \\\n" in text


def test_attack_a_changed_weight_is_seen_on_the_page(story: Story, get: Callable[..., str]) -> None:
    get(f"/releases/{story.version.revision}/")  # the answer is kept, under the sizes and times of the files
    weights = registry.version_folder(story.version) / "model.safetensors"
    content = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    text = get(f"/releases/{story.version.revision}/")
    assert "Not verified" in text
    assert "model.safetensors" in text
    assert re.search(r"\d+ (does|do) not hold</b>", text)


def test_a_receipt_proves_inclusion_once_voting_has_closed(story: Story, get: Callable[..., str]) -> None:
    counted = story.proposals["update"].ballots.first()
    assert "Counted, and proven" in get(f"/receipts/{counted.record_id}/")
    document = json.loads(get(f"/receipts/{counted.record_id}/receipt.json"))
    assert document["digest"] == counted.record_id
    assert document["inclusion"]["root"] == story.proposals["update"].tally_record.body["ballots_root"]
    replaced = story.proposals["open"].ballots.filter(superseded_at__isnull=False).get()
    assert "Replaced by a later ballot" in get(f"/receipts/{replaced.record_id}/")
    waiting = story.proposals["open"].ballots.counting().first()
    assert "this page shows the proof" in get(f"/receipts/{waiting.record_id}/")


# --- proposing ----------------------------------------------------------------------------------------------------


def test_proposing_needs_a_sign_in_and_leads_back(story: Story, client: Client) -> None:
    response = client.get("/c/water-commons/propose/text_signal/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/c/water-commons/propose/text_signal/"
    signed_in(client, story.wallets["Alice"])
    assert client.get("/sign-in/?next=/c/water-commons/").headers["Location"] == "/c/water-commons/"
    assert client.get("/sign-in/?next=https://evil.example/").headers["Location"] == "/"


def test_a_draft_is_written_edited_and_submitted(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Count the wells", "proposal_text": "*Why not.*", "statement": "We count."}
    created = client.post("/c/water-commons/propose/text_signal/", written)
    assert created.status_code == 302
    preview = client.get(created.headers["Location"]).content.decode()
    assert "Count the wells" in preview
    assert "<em>Why not.</em>" in preview
    edit = f"{created.headers['Location']}edit/"
    assert 'value="We count."' in client.get(edit).content.decode()
    client.post(edit, {**written, "statement": "We count twice."})
    submitted = client.post(f"{created.headers['Location']}submit/")
    assert submitted.status_code == 302
    assert "We count twice." in client.get(submitted.headers["Location"]).content.decode()


def test_a_refused_form_says_so_beside_the_field_and_keeps_the_answers(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = {"proposal_title": "", "proposal_text": "Kept.", "statement": "Also kept."}
    response = client.post("/c/water-commons/propose/text_signal/", answers)
    text = response.content.decode()
    assert response.status_code == 422
    assert re.search(r'id="field-proposal_title"[^>]*aria-invalid="true"', text)
    assert "This is needed." in text
    assert "Kept." in text
    assert 'value="Also kept."' in text


def test_the_form_of_a_model_update_comes_back_with_the_answers_it_was_made_from(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    base = Version.objects.get(number=0)
    answers = {
        "proposal_title": "Another update", "proposal_text": "", "base": base.revision, "datasets": [story.dataset.digest],
        "languages": ["fr"], "suite": Dataset.objects.get(role="evaluation").digest, "method": "lora", "lora_rank": "4",
        "learning_rate": "0.001", "epochs": "2", "batch_size": "16", "sequence_length": "32", "seed": "11",
        "device_seconds": "300",
    }  # fmt: skip
    created = client.post("/c/water-commons/propose/model_update/", answers)
    assert created.status_code == 302, created.content.decode()
    text = client.get(f"{created.headers['Location']}edit/").content.decode()
    for name in ("lora_rank", "learning_rate", "epochs", "batch_size", "sequence_length", "seed", "device_seconds"):
        assert re.search(rf'name="{name}" value="{re.escape(str(answers[name]))}"', text), name
    assert re.search(rf'value="{base.revision}" selected', text)
    assert re.search(rf'name="datasets" value="{story.dataset.digest}" checked', text)
    assert re.search(r'name="languages" value="fr" checked', text)
    assert not re.search(r'name="languages" value="en" checked', text)


def test_somebody_elses_draft_does_not_exist(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    signed_in(client, story.wallets["Bob"])
    for address in (path, f"{path}edit/"):
        assert client.get(address).status_code == 404
    assert client.post(f"{path}submit/").status_code == 404
    number = Proposal.objects.get(title="Mine").number
    assert client.get(f"/c/water-commons/proposals/{number}/").status_code == 404


def test_a_draft_can_be_thrown_away_and_a_proposal_withdrawn_by_its_author(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    assert client.post(f"{path}discard/").status_code == 302
    assert client.get(path).status_code == 404
    pending = f"/c/water-commons/proposals/{story.proposals['pending'].number}/"
    assert "Withdraw this proposal" in client.get(pending).content.decode()
    assert client.post(f"{pending}withdraw/", {"reason": " "}).status_code == 422
    assert client.post(f"{pending}withdraw/", {"reason": "Too early."}).status_code == 302
    assert "Too early." in client.get(pending).content.decode()
    again = client.post(f"{pending}withdraw/", {"reason": "Again."})
    assert again.status_code == 409
    assert "has moved on" in again.content.decode()
    signed_in(client, story.wallets["Bob"])
    queued = f"/c/water-commons/proposals/{story.proposals['queued'].number}/"
    assert "Withdraw this proposal" not in client.get(queued).content.decode()
    assert client.post(f"{queued}withdraw/", {"reason": "Not mine."}).status_code == 403


def test_a_submission_that_is_refused_says_how_much_power_is_missing(story: Story, client: Client) -> None:
    story.community.rules = {"default": {**RULES, "proposal_threshold": str(100_000 * TOKEN)}}
    story.community.save()
    signed_in(client, story.wallets["Emma"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    response = client.post(f"{path}submit/")
    assert response.status_code == 403
    assert "you had 40,000 at the snapshot, 100,000 are needed" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(story: Story) -> None:
    strict = Client(enforce_csrf_checks=True)
    signed_in(strict, story.wallets["Alice"])
    response = strict.post("/c/water-commons/propose/text_signal/", {"proposal_title": "x"})
    assert response.status_code == 403
    assert "This form was too old" in response.content.decode()


def test_attack_a_character_that_cannot_be_kept_is_refused_in_the_readers_language(
    story: Story, client: Client
) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = {"proposal_title": "Wells\0", "proposal_text": "", "statement": "We."}
    withdraw = f"/c/water-commons/proposals/{story.proposals['pending'].number}/withdraw/"
    for path, data in {"/c/water-commons/propose/text_signal/": answers, withdraw: {"reason": "\0"}}.items():
        response = client.post(path, data, headers={"accept-language": "fr"})
        assert response.status_code == 400
        assert "Un caractère ne peut pas être conservé" in response.content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_refusal_is_a_sentence_in_both_languages(language: str) -> None:
    with translation.override(language):
        for code in words.REFUSALS:
            said = words.refusal(code, "the detail of a developer", "1", "2")
            assert said[0].isupper(), code
            assert said.endswith("."), code
            assert "developer" not in said, code
    with translation.override("fr"):
        french = {str(said) for said in words.REFUSALS.values()}
    with translation.override("en"):
        assert not french & {str(said) for said in words.REFUSALS.values()}


# --- frame --------------------------------------------------------------------------------------------------------


def test_the_demo_wallet_is_on_the_page_only_in_the_demo(story: Story, get: Callable[..., str], settings: Any) -> None:
    assert "demo-wallet.js" not in get("/")
    settings.DEMO = True
    text = get("/")
    assert "demo-wallet.js" in text
    assert f'data-demo-account="{story.wallets["Chloé"].address}"' in text


def test_an_empty_site_says_what_to_do(db: None, client: Client) -> None:
    assert "No community lives here yet" in client.get("/").content.decode()


def test_an_empty_community_says_what_to_do(db: None, client: Client, settings: Any) -> None:
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    _found(wallets(), datetime.now(UTC))
    for path, expected in {
        "": "Nothing is up for a vote right now",
        "proposals/": "The first proposal can be yours",
        "runs/": "Nothing has been trained yet",
        "datasets/": "No dataset has been registered yet",
        "rules/": "No rule binds the models yet",
        "models/": "This community owns no model yet",
    }.items():
        response = client.get(f"/c/water-commons/{path}")
        assert response.status_code == 200
        assert expected in response.content.decode()


def test_the_server_error_page_needs_nothing() -> None:
    from frontend.views.errors import server_error

    with translation.override("en"):
        assert b"Something broke on our side" in server_error(None).content  # type: ignore[arg-type]


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "english", "french"),
    [
        (0, "0", "0"),
        (1, "less than 0.01", "moins de 0,01"),
        (10**16, "0.01", "0,01"),
        (TOKEN, "1", "1"),
        (1_234_567 * TOKEN + 5 * 10**17, "1,234,567.5", "1\u202f234\u202f567,5"),
        (999 * 10**15, "0.99", "0,99"),
        (2**256 - 1, None, None),
    ],
)
def test_powers_are_cut_never_rounded_up(units: int, english: str | None, french: str | None) -> None:
    with translation.override("en"):
        found = numbers.power(units)
        assert found == english or (english is None and found.replace(",", "").startswith(str((2**256 - 1) // TOKEN)))
    if french is not None:
        with translation.override("fr"):
            assert numbers.power(units).replace("\u00a0", "\u202f") == french


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (1, "in 1 second"),
        (59, "in 59 seconds"),
        (60, "in 1 minute"),
        (7200, "in 2 hours"),
        (-86_400 * 3, "3 days ago"),
    ],
)
def test_moments_are_said_relative_to_now(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    with translation.override("en"):
        assert numbers.relative(now + timedelta(seconds=seconds), now) == words


def test_a_step_that_is_held_up_says_so_and_why(story: Story, get: Callable[..., str]) -> None:
    proposal = Proposal.objects.submitted().select_related("community").order_by("number").first()
    assert proposal is not None
    address = f"/c/{proposal.community.slug}/proposals/{proposal.number}/"
    assert "held up" not in get(address)
    services.note(
        "step_refused", datetime.now(UTC), proposal=proposal, code="already_included", detail="it is included already"
    )
    page = get(address)
    assert "The next step is held up" in page
    assert "A vote has included this dataset already." in page
