"""A community of listed members, one vote each or as many as the list says: fast, because no chain is needed."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from governance import audit_bundle, services
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Community, Council, Delegation, Member, Proposal
from governance.recount.check import recount
from governance.recount.report import Report
from tests.simulators.wallets import Wallet, wallet

RULES: dict[str, Any] = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": "1",
    "voting_delay_seconds": 10,
    "voting_period_seconds": 100,
    "timelock_seconds": 20,
    "execution_window_seconds": 14 * 24 * 3600,
}
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SECOND = timedelta(seconds=1)


def listed(powers: Mapping[str, int]) -> dict[str, Any]:
    """Return a source of power in which members by name have so much."""
    members = {wallet(name).address: str(power) for name, power in powers.items()}
    return {"source": "fixed_list", "parameters": {"members": members}}


def charter_of_members(
    powers: Mapping[str, int],
    tiers: Mapping[str, Mapping[str, Any]] | None = None,
    kinds: Mapping[str, str] | None = None,
    house: Mapping[str, int] | None = None,
    pause_seconds_max: int = 7 * 24 * 3600,
) -> dict[str, Any]:
    """Return a charter as people write it. `tiers` say what differs from `RULES`; the first one is the default."""
    complete = {name: {**RULES, **rules} for name, rules in (tiers or {"standard": {}}).items()}
    second = None if house is None else {"name": {"en": "Contributors", "fr": "Contributeurs"}, **listed(house)}
    return {
        "tiers": complete,
        "kinds": {"default": next(iter(complete)), **(kinds or {})},
        "power": listed(powers),
        "house": second,
        "council": {"pause_seconds_max": pause_seconds_max},
    }


@dataclass
class Commons:
    """A community and the wallets of its members by name, with what they do in tests."""

    community: Community
    founded_at: datetime
    members: dict[str, Wallet] = field(default_factory=dict)

    def wallet(self, name: str) -> Wallet:
        """Return the wallet of a member, or of a stranger."""
        return self.members.get(name) or wallet(name)

    def address(self, name: str) -> str:
        """Return the address of a member, or of a stranger."""
        return self.wallet(name).address

    def draft(
        self,
        kind: str = "text_signal",
        payload: dict[str, Any] | None = None,
        author: str = "Alice",
        now: datetime | None = None,
        method: str = "",
        seats: int = 1,
        **timing: int,
    ) -> Proposal:
        """Write a draft; by default a text signal of Alice."""
        content = payload or {"statement": "Yes."}
        new = services.Draft(kind, f"A {kind}", "Because.", content, timing, method, seats)
        fresh = Community.objects.get(pk=self.community.pk)
        return services.create_draft(fresh, self.address(author), new, now or self.founded_at)

    def propose(self, *args: Any, author: str = "Alice", now: datetime | None = None, **values: Any) -> Proposal:
        """Write a draft and submit it."""
        drafted = self.draft(*args, author=author, now=now, **values)
        return services.submit(drafted.pk, self.address(author), now or self.founded_at)

    def sign_ballot(
        self, proposal: Proposal, name: str, choice: Any, now: datetime, reason: str = ""
    ) -> services.BallotRequest:
        """Return a ballot that a member signed, not cast yet."""
        voter = self.wallet(name)
        offer = services.offer_ballot(Proposal.objects.get(pk=proposal.pk), voter.address, choice, reason, now)
        signature = voter.sign(offer.typed_data)
        return services.BallotRequest(proposal.public_id, voter.address, choice, reason, offer.nonce, signature)

    def vote(self, proposal: Proposal, name: str, choice: Any, now: datetime | None = None) -> Any:
        """Cast a ballot; by default five seconds after voting has opened. Return it."""
        if now is None:
            assert proposal.opens_at is not None
            now = proposal.opens_at + 5 * SECOND
        return services.cast_ballot(self.sign_ballot(proposal, name, choice, now), now)[0]

    def sign_delegation(
        self, giver: str, receiver: str, share: int = 10_000, topic: str = "", expires: int = 0, **other: Any
    ) -> services.DelegationRequest:
        """Return a delegation that a member signed. `other` may name now, nonce, and a signer who is somebody else."""
        now = other.get("now", self.founded_at)
        who, to = self.address(giver), self.address(receiver)
        offer = services.offer_delegation(self.community, who, to, topic, share, expires, now)
        message = {**offer.typed_data["message"], "nonce": other.get("nonce", offer.nonce)}
        signature = self.wallet(other.get("signer", giver)).sign({**offer.typed_data, "message": message})
        return services.DelegationRequest(who, to, topic, share, expires, message["nonce"], signature)

    def delegate(self, giver: str, receiver: str, share: int = 10_000, **other: Any) -> Delegation:
        """Sign a delegation and hand it in."""
        request = self.sign_delegation(giver, receiver, share, **other)
        return services.delegate(self.community, request, other.get("now", self.founded_at))[0]

    def sponsor(self, draft: Proposal, name: str, now: datetime | None = None) -> Proposal:
        """Sign for a draft."""
        backer = self.wallet(name)
        signature = backer.sign(services.sponsorship_offer(Proposal.objects.get(pk=draft.pk), backer.address))
        return services.sponsor(draft.pk, backer.address, signature, now or self.founded_at)

    def queued(self, proposal: Proposal) -> Proposal:
        """Close a vote at its end and queue what passed."""
        closed = services.close_voting(proposal.pk, end_of(proposal))
        return services.queue(proposal.pk, end_of(proposal)) if closed.passed else closed

    def executed(self, proposal: Proposal) -> Proposal:
        """Close, queue and execute as soon as it may be."""
        eta = self.queued(proposal).eta
        assert eta is not None
        return services.execute(proposal.pk, eta)[0]

    def elect(self, *candidates: str, seats: int, now: datetime, term_days: int = 30) -> Council:
        """Elect a council: every member ranks the candidates in the order given, the first `seats` of them win."""
        named = [{"address": self.address(name), "name": name} for name in candidates]
        payload = {"seats": seats, "term_days": term_days, "candidates": named}
        election = self.propose("council_election", payload, now=now)
        for name in self.members:
            self.vote(election, name, list(range(1, seats + 1)))
        self.executed(election)
        return Council.objects.latest("pk")


def end_of(proposal: Proposal) -> datetime:
    """Return when voting closes, as it stands now."""
    closes_at = Proposal.objects.values_list("closes_at", flat=True).get(pk=proposal.pk)
    assert closes_at is not None
    return closes_at


def recounted(proposal: Proposal) -> Report:
    """Recount the audit bundle of a proposal, as a stranger would; fail with the first bad entry."""
    fresh = Proposal.objects.select_related("record", "census_record").get(pk=proposal.pk)
    bundle = io.BytesIO(b"".join(audit_bundle.lines(fresh)))
    report = recount(io.BufferedReader(bundle))  # type: ignore[arg-type]  # a raw stream is all that it needs
    assert report.bad is None, report.bad
    return report


def found(
    now: datetime, powers: Mapping[str, int], slug: str = "gardens", charter: dict[str, Any] | None = None, **rules: Any
) -> Commons:
    """Found a community of these members; `rules` are those of `charter_of_members`."""
    key = release_key_path(slug)
    key.unlink(missing_ok=True)
    community = services.found_community(
        services.NewCommunity(
            slug=slug,
            name_en="Gardens",
            name_fr="Jardins",
            chain_id=31337,
            token=TOKEN,
            release_key=generate_key(key),
            charter=charter or charter_of_members(powers, **rules),
        ),
        now,
    )
    members = {name: wallet(name) for name in powers}
    for name, member in members.items():
        Member.objects.create(community=community, address=member.address, name=name)
    return Commons(community, now, members)
