"""Golden releases of two other ways to vote: ballots that are sealed until voting has closed, and votes that a Governor took.

Both are told as `golden_bundle.Story` tells. Where ballots are sealed, the rules themselves are decided openly; secrets
and seeds follow from the proposal, so that bundles can be built again alike. Where a Governor takes the votes, nobody
delegates here, for its token says who votes with whose power.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from governance import eip712
from governance.counting import Cast
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from governance.onchain.approvals import Reference
from governance.sealed import box
from governance.sealed.opening import Keys
from governance.tally import METHODS
from tests.simulators.golden_bundle import Story, Trust, Voter, voters
from tests.simulators.golden_parts import RULES, VOTE, domain

OPEN_TIER = "charter"
WAIT_SECONDS = 3_600
KEYHOLDERS = voters((1, 1, 1), first=201)
NONSENSE = b"nothing that anybody could choose"
PAIR = {name: eip712.checksum_address("0x" + digits * 20) for name, digits in
        (("governor", "a1"), ("anchor", "b2"), ("token", "c3"))}  # fmt: skip


def secret_of(place: int, proposal: str) -> bytes:
    """Return a keyholder's secret for one proposal, always the same one."""
    return hashlib.sha256(f"{place} {proposal}".encode()).digest()


@dataclass
class SealedStory(Story):
    """Every vote but those on the charter is sealed, and two of three keyholders open it.

    `publishing` are the places of those who published a key, `came` of those who opened; `contents` what members seal in
    the place of their choice, by their place.
    """

    publishing: tuple[int, ...] = (1, 2, 3)
    came: tuple[int, ...] = (1, 2)
    contents: dict[int, bytes] = field(default_factory=dict)
    said: dict[str, object] = field(default_factory=dict)  # by digest of the ballot: what it was found to say
    published: dict[str, Record] = field(default_factory=dict)  # by digest of the proposal: the keys

    def charter(self) -> dict[str, Any]:
        """Return rules under which all tiers but one are sealed."""
        body = super().charter()
        tiers = list(body["tiers"])
        body["tiers"][OPEN_TIER] = dict(RULES)
        body["kinds"]["governance_rules"] = OPEN_TIER
        keyholders = [keyholder.address for keyholder in KEYHOLDERS]
        body["sealing"] = {"keyholders": keyholders, "threshold": 2, "wait_seconds": WAIT_SECONDS, "tiers": tiers}
        self.edit("sealed rules", body)
        return body

    def frozen(self, charter: Record, tier: str) -> dict[str, Any]:
        """Return who opens the ballots, where they are sealed."""
        sealed = charter.body["sealing"]
        frozen = {name: value for name, value in sealed.items() if name != "tiers"}
        return {"sealing": frozen} if tier in sealed["tiers"] else {}

    def cast(self, community: Record, proposal: Record) -> list[Record]:
        """Let the keyholders publish their keys, and then the members vote."""
        if "sealing" in proposal.body:
            self.publish_keys(community, proposal)
        return super().cast(community, proposal)

    def publish_keys(self, community: Record, proposal: Record) -> None:
        rows = []
        for place in self.publishing:
            keyholder = KEYHOLDERS[place - 1]
            key = box.public_key_of(secret_of(place, proposal.digest)).hex()
            names = {"proposal": f"0x{proposal.digest}", "keyholder": keyholder.address, "key": f"0x{key}"}
            signed = keyholder.sign(eip712.sealing_key_digest(**domain(community), **names))
            rows.append({"keyholder": keyholder.address, "public_key": key, "signature": signed})
        subject = f"sealing:{proposal.digest}"
        self.published[proposal.digest] = self.record("sealing", subject, {"keys": rows}, (proposal.digest,))

    def keys_of(self, proposal: Record) -> Keys:
        """Return what the ballots of a proposal are sealed for and opened with."""
        secrets = [secret_of(place, proposal.digest) for place in self.publishing]
        keyholders = tuple(KEYHOLDERS[place - 1].address for place in self.publishing)
        # A share's place is that among the keys that there are.
        came = {at: secrets[at - 1] for at, place in enumerate(self.publishing, 1) if place in self.came}
        return Keys(proposal.digest, 2, tuple(map(box.public_key_of, secrets)), came, keyholders)

    def ballot(self, community: Record, proposal: Record, voter: Voter, choice: object) -> Record:
        """Let a member vote: sealed, but on the rules themselves."""
        if "sealing" not in proposal.body:
            return super().ballot(community, proposal, voter, choice)
        place, keys = self.members.index(voter), self.keys_of(proposal)
        content = self.contents.get(place, canonical_bytes({"choice": choice, "reason": f"Reason {place}, été"}))
        seed = hashlib.sha256(f"{proposal.digest} {place}".encode()).digest()
        sealed = box.seal(content, keys.context(voter.address), seed)
        names = {"proposal": f"0x{proposal.digest}", "voter": voter.address, "nonce": 1}
        signed = voter.sign(eip712.sealed_ballot_digest(**domain(community), **names, sealed=box.digest_of(sealed)))
        body = {
            "voter": voter.address,
            "sealed": box.to_text(sealed),
            "nonce": 1,
            "power": str(voter.power),
            "house_power": str(int(proposal.body["snapshot"]["house"] is not None)),
            "signature": signed,
            "cast_at": proposal.body["opens_at"] + 10,
        }
        made = self.record("ballot", f"ballot:{proposal.digest}/{voter.address}", body, (proposal.digest,))
        method = METHODS[proposal.body["method"]]
        self.said[made.digest] = keys.opened(voter.address, sealed, method, len(proposal.body["choices"]))[0]
        return made

    def casts(self, proposal: Record, ballots: Iterable[Record]) -> list[Cast]:
        """Return the ballots as they were opened."""
        opened = [
            replace(ballot, body={**ballot.body, "choice": self.said[ballot.digest]})
            if ballot.digest in self.said
            else ballot
            for ballot in ballots
        ]
        return super().casts(proposal, opened)

    def opened(self, proposal: Record, closes_at: int) -> tuple[Record, ...]:
        """Let the keyholders who came publish their secrets."""
        published = self.published.get(proposal.digest)
        if published is None:
            return ()
        secrets = [
            {"keyholder": KEYHOLDERS[place - 1].address, "secret": secret_of(place, proposal.digest).hex()}
            for place in self.came
        ]
        enough = len(secrets) >= proposal.body["sealing"]["threshold"]
        body = {"secrets": secrets, "opened_at": closes_at + (0 if enough else WAIT_SECONDS)}
        parents = (proposal.digest, published.digest)
        return (self.record("unsealing", f"unsealing:{proposal.digest}", body, parents),)


@dataclass
class ContractStory(Story):
    """A Governor took every vote: a ballot names its block, its transaction and the place of its event."""

    trusting: list[Voter] = field(default_factory=list)
    trusts: tuple[Trust, ...] = ()
    sponsors: tuple[int, ...] = ()

    def charter(self) -> dict[str, Any]:
        """Return rules that name the Governor, its anchor and its token."""
        body = super().charter()
        for rules in body["tiers"].values():
            rules["proposal_threshold"] = "0"
        body["power"] = {"source": "governor_votes", "parameters": dict(PAIR)}
        self.edit("contract rules", body)
        return body

    def source(self, opens: int) -> dict[str, Any]:
        """Return the second at which the token is asked."""
        return {"name": "governor_votes", "version": "1", "parameters": {**PAIR, "timepoint": opens}}

    def record(self, kind: str, subject: str, body: dict[str, Any], parents: tuple[str, ...] = ()) -> Record:
        """Take ballots and census from the chain."""
        if kind == "ballot":
            hashes = [f"0x{hashlib.sha256(f'{what} {subject}'.encode()).hexdigest()}" for what in ("block", "sent")]
            body = {**body, "nonce": 0, "signature": str(Reference(*hashes, len(self.ballots)))}
        elif kind == "census":
            body = {**body, "computed_at": body["opens_at"]}
        return super().record(kind, subject, body, parents)


def sealed_story(**facts: Any) -> SealedStory:
    """Return a short story of sealed votes with a line in every file: one voter, one who seals nonsense, one delegation."""
    short = {"members": voters((900 * VOTE, VOTE)), "choices": (1, 1), "contents": {1: NONSENSE}, "plain": True}
    trusting = {"trusting": voters((1,), first=101), "trusts": ((2, 0, 10_000),), "sponsors": ()}
    return SealedStory(**{**short, **trusting, **facts})


def contract_story(**facts: Any) -> ContractStory:
    """Return a short story of votes that a Governor took."""
    return ContractStory(**{"members": voters((900 * VOTE, VOTE)), "choices": (1, 0), "plain": True, **facts})
