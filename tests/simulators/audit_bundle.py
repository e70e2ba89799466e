"""Complete audit bundles with real signatures, of any voting method and size, honest by default.

`Poll` holds the facts of one vote. `edit(kind, body)` may change the body of any record before it is made and signed
for, so that everything that rests on it is rebuilt: what a forger can do who holds neither wallets nor the release key.
`lines()` streams the bundle; a test that wants a splice or a flipped byte changes those bytes.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import coincurve
from sha3 import keccak_256

from governance import eip712
from governance.charter import Charter
from governance.counting import Cast, Roll, Terms, closing_time, count_votes, edges_of, tally_body
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.checkpoint import Checkpoint, log_origin, sign
from governance.evidence.record import Record
from governance.recount import Report, recount
from governance.tally import METHODS
from tests.simulators.golden_parts import KeySigner

SUBMITTED = 1_790_000_000
RULES = {
    "quorum_bps": 100,
    "quorum_basis": "supply",
    "quorum_votes": "0",
    "threshold_bps": 5_000,
    "support_bps": 0,
    "rejection_bps": 0,
    "super_quorum_bps": 0,
    "late_quorum_seconds": 0,
    "objection_bps": 0,
    "proposal_threshold": "1",
    "voting_delay_seconds": 60,
    "voting_period_seconds": 600,
    "timelock_seconds": 300,
    "execution_window_seconds": 86_400,
    "cool_down_seconds": 0,
}
COMMUNITY = {
    "slug": "water",
    "name": {"en": "Water commons", "fr": "Commun de l’eau"},
    "instance": "https://commons.example",
    "chain_id": 31337,
    "token": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
}
NAMES = ("Spring", "River", "Well", "Rain", "Lake")
# What the voter of each number chooses, by method.
CHOICES: dict[str, Callable[[int], Any]] = {
    "governor": lambda number: (1, 1, 0, 1, 2)[number % 5],
    "basic": lambda number: (1, 1, 2, 1, 3)[number % 5],
    "single-choice": lambda number: number % 3 + 1,
    "approval": lambda number: [1, 3] if number % 3 else [2],
    "weighted": lambda number: {"1": 2, "3": 1} if number % 3 else {"2": 1},
    "quadratic": lambda number: {"1": 2, "2": 1} if number % 3 else {"4": 5},
    "ranked-choice": lambda number: [1, 2, 3, 4, 5] if number % 3 else [5, 4, 3, 2, 1],
    "copeland": lambda number: [2, 1, 3, 4, 5] if number % 3 else [5, 2, 4, 3, 1],
    "fractional": lambda number: {"0": "1", "1": "2"} if number % 3 else 1,
    "stv": lambda number: [1, 2, 3] if number % 3 else [4, 1],
}


@dataclass(frozen=True)
class Wallet:
    """A key and its address."""

    key: coincurve.PrivateKey
    address: str

    def sign(self, digest: bytes) -> str:
        signed = self.key.sign_recoverable(digest, hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()


@lru_cache(maxsize=256)
def wallet(number: int) -> Wallet:
    """Return the wallet of this number, from 1."""
    key = coincurve.PrivateKey(number.to_bytes(32, "big"))
    public = key.public_key.format(compressed=False)[1:]
    return Wallet(key, eip712.checksum_address("0x" + keccak_256(public).digest()[12:].hex()))


@dataclass(frozen=True)
class Vote:
    """One ballot as it was cast: by which wallet, for what, by which nonce, how long after the opening."""

    wallet: int
    choice: Any
    nonce: int = 1
    after_seconds: int = 10
    reason: str = ""


@dataclass(frozen=True)
class Delegating:
    """One delegation between two wallets."""

    giver: int
    receiver: int
    share_bps: int = 10_000
    topic: str = ""
    expires_at: int = 0
    nonce: int = 1


# A quorum that is reached one second before the end keeps the vote open, and somebody votes in the time added.
LATE = {"quorum_bps": 5_000, "late_quorum_seconds": 120}
LATE_VOTES = [Vote(1, 1, after_seconds=10), Vote(2, 1, after_seconds=599), Vote(3, 0, after_seconds=700)]


@dataclass
class Poll:
    """The facts of one vote; each wallet `number` in `powers` has that power, and maybe some of the second house."""

    method: str = "governor"
    powers: dict[int, int] = field(default_factory=lambda: {number: 10 + number for number in range(1, 8)})
    house_powers: dict[int, int] = field(default_factory=dict)
    votes: list[Vote] | None = None  # everybody once, if not given
    delegations: list[Delegating] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)
    fixed_list: bool = True
    closed: bool = True
    closed_early: bool = False
    with_decision: bool = True
    with_census: bool = True
    edit: Callable[[str, dict[str, Any]], None] = lambda _kind, _body: None
    release_key: KeySigner = field(default_factory=lambda: KeySigner(7))

    def record(self, kind: str, subject: str, body: dict[str, Any], parents: tuple[str, ...] = ()) -> Record:
        """Make one record after `edit` has had its way with it."""
        self.edit(kind, body)
        return Record.make(kind, subject, body, parents)

    # --- before the vote ---

    @cached_property
    def charter(self) -> Record:
        house = {"name": {"en": "Keepers", "fr": "Gardiens"}, "source": "fixed_list", "parameters": {}}
        body = {
            "tiers": {"ordinary": RULES | self.rules, "light": RULES},
            "kinds": {"default": "ordinary", "note": "light"},
            "power": {"source": "fixed_list" if self.fixed_list else "erc20_votes", "parameters": {}},
            "house": house if self.house_powers else None,
            "council": {"pause_seconds_max": 0},
        }
        Charter.from_body(body)
        return self.record("charter", "charter:water", body)

    @cached_property
    def community(self) -> Record:
        release_key = {"algorithm": "ed25519", "public_key": self.release_key.public_key_hex}
        parents = (self.charter.digest,)
        return self.record("community", "community:water", {**COMMUNITY, "release_key": release_key}, parents)

    @cached_property
    def proposal(self) -> Record:
        method, rules = METHODS[self.method], RULES | self.rules
        members = {wallet(number).address: str(power) for number, power in self.powers.items()}
        house_total = str(sum(self.house_powers.values()))
        listed = {"name": "fixed_list", "version": "1", "parameters": {"members": members}}
        source = listed if self.fixed_list else {"name": "erc20_votes", "version": "1", "parameters": {}}
        house = {"total": house_total, "block_number": 0, "block_hash": "0x" + "00" * 32, "source": listed}
        opens_at = SUBMITTED + rules["voting_delay_seconds"]
        names = ("against", "for", "abstain") if method.name in ("governor", "fractional") else NAMES
        body = {
            "number": 1,
            "kind": "model_update",
            "tier": "ordinary",
            "title": "Questions about water",
            "text": "Because of the drought.",
            "payload": {},
            "author": wallet(1).address,
            "sponsors": [],
            "nonce": 7,
            "method": self.method,
            "method_version": method.version,
            "choices": list(names if method.name != "basic" else ("for", "against", "abstain")),
            "seats": 2 if method.elects_many else 1,
            "tie_rule": method.tie_rule,
            "rules": rules,
            "snapshot": {
                "block_number": 100,
                "block_hash": "0x" + "ab" * 32,
                "total_supply": str(sum(self.powers.values())),
                "source": source,
                "house": house if self.house_powers and rules["objection_bps"] else None,
            },
            "submitted_at": SUBMITTED,
            "opens_at": opens_at,
            "closes_at": opens_at + rules["voting_period_seconds"],
        }
        return self.record("proposal", "proposal:water/1", body, (self.charter.digest, self.community.digest))

    @cached_property
    def signed_delegations(self) -> list[Record]:
        records = [self._delegation(delegating) for delegating in self.delegations]
        return sorted(records, key=lambda record: record.digest)

    def _delegation(self, delegating: Delegating) -> Record:
        giver = wallet(delegating.giver)
        said = {
            "delegator": giver.address,
            "delegate": wallet(delegating.receiver).address,
            "topic": delegating.topic,
            "share_bps": delegating.share_bps,
            "expires_at": delegating.expires_at,
            "nonce": delegating.nonce,
        }
        signature = giver.sign(eip712.delegation_digest(**self._domain, **said))
        body = {**said, "signature": signature, "made_at": SUBMITTED - 100}
        return self.record("delegation", f"delegation:water/{giver.address}", body, (self.community.digest,))

    @property
    def _domain(self) -> dict[str, Any]:
        body = self.community.body
        names = {name: body[name] for name in ("chain_id", "token", "instance")}
        return {**names, "community": body["slug"]}

    @cached_property
    def census_entries(self) -> list[bytes]:
        entries = []
        for number in self.powers | self.house_powers:
            own, house = self.powers.get(number, 0), self.house_powers.get(number, 0)
            body = {"voter": wallet(number).address, "power": str(own), "house_power": str(house)}
            self.edit("entry", body)
            entries.append(body)
        return [canonical_bytes(body) for body in sorted(entries, key=lambda body: body["voter"].lower())]

    @cached_property
    def census(self) -> Record:
        body = {
            "root": merkle.root(self.census_entries),
            "count": len(self.census_entries),
            "total": str(sum(self.powers.values())),
            "house_total": str(sum(self.house_powers.values())),
            "delegations_root": merkle.root(record.canonical() for record in self.signed_delegations),
            "delegation_count": len(self.signed_delegations),
            "opens_at": self.proposal.body["opens_at"],
            "closes_at": self.proposal.body["closes_at"],
            "computed_at": SUBMITTED + 1,
        }
        return self.record("census", f"census:{self.proposal.digest}", body, (self.proposal.digest,))

    # --- the vote ---

    @cached_property
    def ballots(self) -> list[Record]:
        everybody = [Vote(number, CHOICES[self.method](number)) for number in self.powers]
        return [self.ballot(vote) for vote in (everybody if self.votes is None else self.votes)]

    def ballot(self, vote: Vote) -> Record:
        """Sign one ballot; its power is what `powers` says."""
        voter = wallet(vote.wallet)
        said = {"voter": voter.address, "choice": vote.choice, "reason": vote.reason, "nonce": vote.nonce}
        digest = eip712.ballot_digest(**self._domain, proposal=f"0x{self.proposal.digest}", **said)
        body = {
            **said,
            "power": str(self.powers.get(vote.wallet, 0)),
            "house_power": str(self.house_powers.get(vote.wallet, 0)),
            "signature": voter.sign(digest),
            "cast_at": self.census.body["opens_at"] + vote.after_seconds,
        }
        subject = f"ballot:{self.proposal.digest}/{voter.address}"
        return self.record("ballot", subject, body, (self.proposal.digest,))

    # --- after the vote ---

    @cached_property
    def terms(self) -> Terms:
        return Terms.from_body(self.proposal.body)

    @cached_property
    def roll(self) -> Roll:
        edges = edges_of((record.body for record in self.signed_delegations), self.terms)
        powers = {wallet(number).address: power for number, power in self.powers.items()}
        givers = {edge.delegator for edge in edges}
        own = {voter: power for voter, power in powers.items() if voter in givers}
        return Roll(sum(self.powers.values()), sum(self.house_powers.values()), edges, own)

    def finish(self) -> list[Record]:
        """Return tally and decision."""
        newest = {ballot.body["voter"]: ballot for ballot in self.ballots}
        counting = [newest[voter] for voter in sorted(newest, key=str.lower)]
        accepted = [(ballot.body["cast_at"], cast(ballot)) for ballot in self.ballots]
        closes_at, position = closing_time(self.terms, self.roll, accepted, self.census.body["closes_at"])
        result = count_votes(self.terms, self.roll, [cast(ballot) for ballot in counting])
        latest = max((moment for moment, _ in accepted), default=0)
        body = {
            **tally_body(self.terms, result),
            "ballot_count": len(counting),
            "ballots_root": merkle.root(ballot.canonical() for ballot in counting),
            "closes_at": latest + 1 if self.closed_early else closes_at,
            "extended_by": None if position is None else self.ballots[position].digest,
            "closed_early": self.closed_early,
            "closed_at": latest + 1 if self.closed_early else closes_at + 1,
        }
        proposal = self.proposal.digest
        tally = self.record("tally", f"tally:{proposal}", body, (proposal, self.census.digest))
        queued_at = tally.body["closed_at"] + 1
        eta = queued_at + self.terms.rules.timelock_seconds
        passed = result.outcome.passed
        body = {
            "passed": passed,
            "conditions": [condition.to_body() for condition in result.outcome.conditions],
            "decided_at": tally.body["closed_at"],
            "queued_at": queued_at if passed else None,
            "eta": eta if passed else None,
            "expires_at": eta + self.terms.rules.execution_window_seconds if passed else None,
        }
        decision = self.record("decision", f"decision:{proposal}", body, (proposal, tally.digest))
        return [tally, decision] if self.with_decision else [tally]

    def checkpoint(self) -> str:
        """Return a signed checkpoint of some log of this community."""
        leaves = [ballot.canonical() for ballot in self.ballots]
        origin = log_origin(COMMUNITY["instance"], "water")
        return sign(Checkpoint(origin, len(leaves), merkle.root(leaves)), self.release_key)

    def lines(self) -> Iterator[bytes]:
        """Stream the bundle, one canonical line after the other, with their ends."""
        header = {"bundle": "commonweights-audit", "version": 1, "proposal": self.proposal.digest}
        yield canonical_bytes(header) + b"\n"
        for record in (self.charter, self.community, self.proposal, *self.signed_delegations):
            yield record.canonical() + b"\n"
        if self.with_census:
            yield from (entry + b"\n" for entry in self.census_entries)
            for record in (self.census, *self.ballots, *(self.finish() if self.closed else [])):
                yield record.canonical() + b"\n"
        yield canonical_bytes({"checkpoint": self.checkpoint() if self.ballots else None}) + b"\n"


def everyone_once() -> list[bytes]:
    """Return a small bundle that holds: three voters, two delegations of people without power, sixteen lines."""
    return list(Poll(powers={1: 30, 2: 20, 3: 10}, delegations=[Delegating(4, 1), Delegating(5, 3)]).lines())


def forged(edit: Callable[[str, dict[str, Any]], None], **facts: Any) -> list[bytes]:
    """Return the lines of a bundle in which everything is rebuilt around one change."""
    return list(Poll(edit=edit, **facts).lines())


def on(kind: str, change: Any) -> Callable[[str, dict[str, Any]], None]:
    """Return the edit that changes bodies of one kind; `change` is new values, or a function of the body."""

    def edit(found: str, body: dict[str, Any]) -> None:
        if found == kind:
            change(body) if callable(change) else body.update(change)

    return edit


def run(data: bytes | Iterable[bytes], **options: Any) -> Report:
    """Recount a bundle that is in memory."""
    data = data if isinstance(data, bytes) else b"".join(data)
    return recount(io.BufferedReader(io.BytesIO(data)), **options)


def bad(data: bytes | Iterable[bytes], **options: Any) -> tuple[int, str]:
    """Return line and code of the first bad entry."""
    report = run(data, **options)
    assert report.bad is not None, "it holds"
    return report.bad.line, report.bad.code


def line_of(lines: list[bytes], kind: str, nth: int = 0) -> int:
    """Return the place in `lines`, from 0, of the nth record of a kind."""
    return [place for place, line in enumerate(lines) if f'"kind":"{kind}",'.encode() in line][nth]


def cast(ballot: Record) -> Cast:
    """Return a ballot record as it enters the count."""
    body = ballot.body
    return Cast(body["voter"], body["choice"], int(body["power"]), int(body["house_power"]))
