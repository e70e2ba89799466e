"""A real chain, a real community, and members who sign: what the integration tests start from."""

import io
import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from config.demo import chain, corpus, specs
from governance import services
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Community, Member, Proposal
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset, EthicsRule, Model
from tests.integration import commons
from tests.integration.read_once import read_once
from tests.simulators import tiny_model
from training_jobs import runner, spec_words, supervisor
from training_jobs.models import Run

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
VOTING = timedelta(seconds=100)
TIMELOCK = timedelta(seconds=20)
AGAINST, FOR, ABSTAIN = 0, 1, 2


@dataclass(frozen=True)
class Voter:
    """A member with an unlocked account of the local chain."""

    name: str
    address: str
    rpc_url: str

    def sign(self, typed_data: dict[str, Any]) -> str:
        """Sign an EIP-712 message."""
        return chain.sign_typed_data(self.rpc_url, self.address, typed_data)

    def sign_text(self, text: str) -> str:
        """Sign a text (EIP-191)."""
        return chain.personal_sign(self.rpc_url, self.address, text)


@pytest.fixture(scope="session", autouse=True)
def _pages_are_imported() -> None:
    """Import every view before a test sets the clock: what is imported under a set clock would keep it for ever."""
    import config.urls  # noqa: F401


@pytest.fixture(scope="session")
def node() -> Iterator[chain.DemoChain]:
    """A running local chain."""
    with chain.start() as running:
        yield running


@pytest.fixture(scope="session")
def token(node: chain.DemoChain) -> chain.DemoToken:
    """The votes token, held and delegated by five members."""
    return chain.prepare(node.rpc_url)


@pytest.fixture(scope="session")
def voters(node: chain.DemoChain, token: chain.DemoToken) -> dict[str, Voter]:
    """The members by name. Emma has delegated to Chloé and has no power of her own."""
    return {member.name: Voter(member.name, member.address, node.rpc_url) for member in token.members}


def charter_with(token: chain.DemoToken, tiers: dict[str, Any], **kinds: str) -> dict[str, Any]:
    """Return a charter of these tiers, the first of which is for every kind that is not named."""
    return {
        "tiers": tiers,
        "kinds": {"default": next(iter(tiers)), **kinds},
        "power": {"source": "erc20_votes", "parameters": {"token": token.address}},
        "house": None,
        "council": {"pause_seconds_max": 7 * 24 * 3600},
    }


@pytest.fixture
def community(db: None, node: chain.DemoChain, token: chain.DemoToken, settings: Any) -> Community:
    """The water commons, with periods short enough to step through."""
    settings.CHAIN_RPC = node.rpc_url
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    rules = {
        "quorum_bps": 2_000,
        "threshold_bps": 5_000,
        "proposal_threshold": str(10_000 * chain.UNIT),
        "voting_delay_seconds": 10,
        "voting_period_seconds": int(VOTING.total_seconds()),
        "timelock_seconds": int(TIMELOCK.total_seconds()),
        "execution_window_seconds": 14 * 24 * 3600,
    }
    key = release_key_path("water-commons")
    key.unlink(missing_ok=True)
    founded = services.found_community(
        services.NewCommunity(
            slug="water-commons",
            name_en="Water commons",
            name_fr="Communs de l’eau",
            chain_id=token.chain_id,
            token=token.address,
            release_key=generate_key(key),
            charter=charter_with(token, {"standard": rules}),
        ),
        NOON,
    )
    for member in token.members:
        Member.objects.create(community=founded, address=member.address, name=member.name)
    return founded


@pytest.fixture
def list_community(db: None, settings: Any) -> Callable[..., commons.Commons]:
    """Found communities of listed members, with local keys and without a chain; see `commons.found`."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    # Nobody listens there: whoever asked a chain would fail.
    settings.CHAIN_RPC = "http://127.0.0.1:9"

    def found(members: Mapping[str, int] | None = None, **rules: Any) -> commons.Commons:
        return commons.found(NOON, members or {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}, **rules)

    return found


@pytest.fixture
def propose(community: Community, voters: dict[str, Voter]) -> Callable[..., Proposal]:
    """Write and submit a proposal; by default a text signal by Alice at noon."""

    def submit(
        kind: str = "text_signal",
        payload: dict[str, Any] | None = None,
        author: str = "Alice",
        now: datetime = NOON,
        method: str = "",
        seats: int = 1,
        **timing: int,
    ) -> Proposal:
        draft = services.Draft(kind, f"A {kind}", "Because.", payload or {"statement": "Yes."}, timing, method, seats)
        proposal = services.create_draft(community, voters[author].address, draft, now)
        return services.submit(proposal.pk, voters[author].address, now)

    return submit


def opened(proposal: Proposal) -> datetime:
    """Return a moment when voting is open."""
    assert proposal.opens_at is not None
    return proposal.opens_at + timedelta(seconds=5)


def request_from(offer: services.BallotOffer, voter: Voter, signature: str | None = None) -> services.BallotRequest:
    """Return the ballot that a wallet makes of an offered message."""
    message = offer.typed_data["message"]
    return services.BallotRequest(
        proposal=message["proposal"],
        voter=voter.address,
        choice=json.loads(message["choices"]) if "choices" in message else message["choice"],
        reason=message["reason"],
        nonce=int(message["nonce"]),
        signature=signature or voter.sign(offer.typed_data),
    )


def vote(proposal: Proposal, voter: Voter, choice: Any, now: datetime | None = None, reason: str = "") -> Any:
    """Sign and cast a ballot; return it."""
    moment = now or opened(proposal)
    offer = services.offer_ballot(proposal, voter.address, choice, reason, moment)
    return services.cast_ballot(request_from(offer, voter), moment)[0]


def decided(proposal: Proposal) -> Proposal:
    """Close the vote, queue it, let the timelock pass, and execute."""
    assert proposal.closes_at is not None
    services.close_voting(proposal.pk, proposal.closes_at)
    services.queue(proposal.pk, proposal.closes_at)
    return services.execute(proposal.pk, proposal.closes_at + TIMELOCK)[0]


def sign_in(client: Any, voter: Voter) -> None:
    """Sign a test client in with a wallet."""
    invitation = client.post("/api/v1/auth/nonce", {"address": voter.address}, content_type="application/json").json()
    body = {"message": invitation["message"], "signature": voter.sign_text(invitation["message"])}
    answer = client.post("/api/v1/auth/verify", body, content_type="application/json")
    assert answer.status_code == 200, answer.content


def query(**values: object) -> str:
    """Return a query string."""
    return urllib.parse.urlencode(values)


def data_folder() -> Path:
    """Return where the tests keep their files."""
    return Path(django_settings.DATA_DIR)


# --- a model, a dataset and a rule: what a run needs --------------------------------------------------------------


def pass_(proposal, voters):
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    return decided(proposal)


@pytest.fixture
def base(community, tmp_path):
    """Version 0 of the community's model."""
    model = Model.objects.create(
        community=community,
        namespace="commons",
        name="water-assistant",
        title_en="Water assistant",
        title_fr="Assistant de l’eau",
        license="apache-2.0",
    )
    return registry.register_base(model, tiny_model.write(tmp_path / "base"), NOON)


def register(community, rows, role, slug, actor):
    new = registering.NewDataset(slug, slug, "CC-BY-4.0", role, f"{slug}.jsonl")
    with read_once():
        return registering.register_dataset(community, actor.address, new, io.BytesIO(corpus.jsonl(rows)), NOON)[0]


@cache
def corpus_rows(role):
    """Return all rows of the demo's corpus for training or evaluation; nobody changes them."""
    return corpus.training_rows() if role == "training" else corpus.evaluation_rows()


@pytest.fixture
def suite(community, voters):
    """The held-out questions."""
    return register(community, corpus_rows("evaluation")[::12], "evaluation", "held-out", voters["Alice"])


@pytest.fixture
def dataset(community, suite, propose, voters):
    """A dataset that a vote has included."""
    found = register(community, corpus_rows("training")[::50], "training", "pairs", voters["Alice"])
    pass_(propose("dataset_inclusion", {"digest": found.digest}), voters)
    return Dataset.objects.get(pk=found.pk)


RULE = {
    "slug": "equal-service",
    "title": "Equal service",
    "metric": "language_gap",
    "comparator": "at_most",
    "bound": "0.10",
    "scope": "all",
}


@pytest.fixture
def rule(propose, voters):
    """An ethics rule in force."""
    pass_(propose("ethics_rule", RULE, author="Bob"), voters)
    return EthicsRule.objects.get()


@pytest.fixture
def update(base, dataset, suite, rule):
    """The payload of a model update."""
    pinned = {"model": str(base.model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
    return {"spec": specs.good_update(pinned, dataset.digest, suite.digest)}


@pytest.fixture
def run(update, propose, voters):
    """A run that a vote has ordered."""
    pass_(propose("model_update", update), voters)
    return Run.objects.get()


@pytest.fixture
def stand_in(monkeypatch):
    """Let the stand-in train and measure."""
    for name in ("TRAINER", "SITE_TRAINER"):
        monkeypatch.setattr(supervisor, name, "tests.simulators.trainer")
    monkeypatch.setattr(supervisor, "EVALUATOR", "tests.simulators.trainer")
    monkeypatch.setattr(runner, "CODE_FOLDERS", (*runner.CODE_FOLDERS, "tests"))

    def simulate(run, mode):
        config = registry.version_folder(run.base) / "config.json"
        changed = json.dumps({**json.loads(config.read_text()), "simulate": mode})
        config.unlink()  # a name of bytes that other releases and the stored objects share
        config.write_text(changed)

    return simulate


@pytest.fixture
def every_strategy(settings):
    """The machines of this site can do all that a specification can say."""
    settings.RUN_METHODS, settings.RUN_STRATEGIES = list(spec_words.METHODS), list(spec_words.STRATEGIES)
