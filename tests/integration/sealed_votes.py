"""A community whose opinions are asked in secret: its keyholders, and members who seal ballots as a browser does."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from governance import services
from governance.evidence.canonical import canonical_bytes
from governance.models import Proposal, SealedBallot
from governance.sealed import box, casting, keys
from governance.sealed.facts import keys_of
from governance.sealed.opening import content_of
from tests.integration.commons import Commons, charter_of_members, end_of, found
from tests.simulators.wallets import wallet

KEYHOLDERS = ("Emma", "Farid", "Gaëlle")
MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
WAIT = timedelta(seconds=60)


def secret_of(name: str) -> bytes:
    """Return a keyholder's secret, always the same one."""
    return (name.encode() * 32)[:32]


def sealed_charter(powers: dict[str, int] = MEMBERS, **sealing: Any) -> dict[str, Any]:
    """Return a charter in which everything but the rules themselves is decided by sealed ballots, 2 of 3 open them."""
    charter = charter_of_members(powers, {"secret": {}, "open": {}}, {"governance_rules": "open"})
    holders = [wallet(name).address for name in KEYHOLDERS]
    section = {"keyholders": holders, "threshold": 2, "wait_seconds": int(WAIT.total_seconds()), "tiers": ["secret"]}
    return {**charter, "sealing": {**section, **sealing}}


@dataclass
class SealedVote:
    """One sealed vote, step by step."""

    commons: Commons
    proposal: Proposal
    seeds: list[bytes] = field(default_factory=list)

    @classmethod
    def submitted(cls, commons: Commons, **values: Any) -> "SealedVote":
        """Submit a proposal; no key is there yet."""
        return cls(commons, commons.propose(**values))

    @classmethod
    def opened(cls, commons: Commons, **values: Any) -> "SealedVote":
        """Submit a proposal and let all keyholders publish their keys."""
        vote = cls.submitted(commons, **values)
        for name in KEYHOLDERS:
            vote.publish_key(name)
        return vote

    def fresh(self) -> Proposal:
        """Read the proposal again."""
        self.proposal = Proposal.objects.get(pk=self.proposal.pk)
        return self.proposal

    def publish_key(self, name: str, now: datetime | None = None, secret: bytes = b"", signer: str = "") -> Any:
        """Publish a keyholder's public key."""
        public = box.public_key_of(secret or secret_of(name)).hex()
        proposal = self.fresh()
        typed_data = keys.key_message(proposal, wallet(name).address, public)
        signature = wallet(signer or name).sign(typed_data)
        return keys.publish_key(proposal, wallet(name).address, public, signature, now or self.commons.founded_at)

    def seal(self, name: str, choice: Any, reason: str = "") -> str:
        """Return a member's sealed ballot as text."""
        return self.seal_content(name, content_of(choice, reason))

    def seal_content(self, name: str, content: bytes) -> str:
        """Return any content, sealed for a member's ballot."""
        seed = canonical_bytes([name, len(self.seeds), self.proposal.number]).ljust(32, b"-")[:32]
        self.seeds.append(seed)
        context = keys_of(self.fresh()).context(wallet(name).address)
        return box.to_text(box.seal(content, context, seed))

    def request(self, name: str, sealed: str, now: datetime | None = None) -> casting.SealedRequest:
        """Sign a sealed ballot."""
        voter, at = wallet(name), now or self.during
        digest = box.digest_of(box.from_text(sealed))
        offer = casting.offer_sealed_ballot(self.fresh(), voter.address, digest, at)
        signature = voter.sign(offer.typed_data)
        return casting.SealedRequest(self.proposal.public_id, voter.address, sealed, offer.nonce, signature)

    def vote(self, name: str, choice: Any, reason: str = "", now: datetime | None = None) -> SealedBallot:
        """Seal, sign and cast."""
        at = now or self.during
        return casting.cast_sealed_ballot(self.request(name, self.seal(name, choice, reason), at), at)[0]

    def publish_secret(self, name: str, now: datetime | None = None) -> Any:
        """Give a keyholder's secret away."""
        return keys.publish_secret(self.fresh(), secret_of(name).hex(), now or end_of(self.proposal))

    def close(self, now: datetime | None = None) -> Proposal:
        """Try to close the vote."""
        return services.close_voting(self.proposal.pk, now or end_of(self.proposal))

    @property
    def during(self) -> datetime:
        """A moment at which voting is open."""
        opens_at = self.fresh().opens_at
        assert opens_at is not None
        return opens_at + timedelta(seconds=5)


def found_sealed(now: datetime, slug: str = "gardens", **charter: Any) -> Commons:
    """Found a community that votes in secret."""
    return found(now, MEMBERS, slug=slug, charter=sealed_charter(**charter))


def set_clock(patch: Any, moment: datetime) -> None:
    """Let services, the API and the pages of a vote read this moment."""
    patch.setattr("governance.clock.now", lambda: moment)
    for view in ("proposals", "sealed", "voters"):
        patch.setattr(f"frontend.views.{view}.now", lambda: moment)
