"""A complete, small, valid release with real signatures: secp256k1 for ballots, Ed25519 and P-256 for the release.

`Story` holds the facts from which every record is built, so that a test can change one fact, have everything
that rests on it rebuilt, and see whether the verifier still notices. What a test leaves out of a rebuild (old
signatures, another release key) is exactly what an attacker cannot make.

The story as it is told by default: a dataset comes in by a vote with delegations, rules are adopted with the consent
of a second house, the charter is changed by a vote of its own, and the training is decided under the new charter by a
vote in which power may be split. A `plain` story has none of this but one delegation. `guarded_story` tells that a last
vote put another release key in force, revoked the first one, and named guardians of whom two must sign.
`reviewed_story` tells that members looked at the model before its release, because a rule asks them to.
`overridden_story` tells that the model breaks every rule, and that a vote of the gravest tier released it all the same.
"""

import copy
import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance import eip712
from governance.charter import draft_digest
from governance.counting import Cast, Roll, Terms, closing_time, count_votes, edges_of, tally_body
from governance.evidence import merkle
from governance.evidence.canonical import digest
from governance.evidence.record import Record
from governance.outcome import Outcome
from governance.tally import METHODS
from models_registry import gates
from models_registry.hidden_suites.commitment import name_of, rows_of
from models_registry.provenance import bundle, lineage, manifest, writing
from models_registry.provenance.bundle import AnyLine
from models_registry.provenance.entries import CensusEntry, HeldDelegation, belongs_to
from tests.simulators.golden_parts import (
    HIDDEN_ROWS,
    OBJECTION_BPS,
    POWERS,
    RULES,
    SALT,
    START,
    SUITE,
    TOTAL_SUPPLY,
    TRUSTING_POWERS,
    VOTE,
    KeySigner,
    ModelKeySigner,
    Voter,
    commitment_body,
    domain,
    left_of,
    measured,
    rights_body,
    rule_body,
    spec,
    voters,
    write_model,
)
from tests.simulators.golden_reviews import ATTESTED, DUTY, Said, duty_body, review

__all__ = [
    "POWERS",
    "START",
    "TRUSTING_POWERS",
    "VOTE",
    "KeySigner",
    "ModelKeySigner",
    "Story",
    "build",
    "guarded_story",
    "overridden_story",
    "plain_story",
    "publish",
    "reviewed_story",
    "voters",
    "write_model",
]

TOPIC = "dataset_inclusion"
FIRST_RULE_NUMBER = 2
# Late enough that the run is over when it is put to the vote.
OVERRIDE_NUMBER = 12
Edit = Callable[[str, dict[str, Any]], None]
Trust = tuple[int, int, int]  # who delegates (place among members and trusting), to whom, basis points


@dataclass
class Story:
    """The facts of one release. `edit(kind, body)` may change the body of each record before it is made."""

    release_key: KeySigner = field(default_factory=lambda: KeySigner(7))
    model_key: ModelKeySigner = field(default_factory=lambda: ModelKeySigner(7))
    # the key that a vote put in the place of the release key, which it revoked
    new_release_key: KeySigner | None = None
    guardians: tuple[KeySigner, ...] = ()
    threshold: int = 0
    # who of them signs; by default as many as are needed
    signing: tuple[KeySigner, ...] | None = None
    members: list[Voter] = field(default_factory=voters)
    choices: tuple[int, ...] = (1, 1, 0)
    rules: tuple[str, ...] = ("answers-stay-right",)
    # a vote took two records out of the dataset, and the model learns from what is left
    removing: bool = False
    # the contributor of these two took them back, as the community's rule allows; a vote includes what is left
    taking_back: bool = False
    # a vote changed the first rule before the training was decided
    rule_changed: bool = False
    # the first rule is measured on a suite that was committed before its vote, and opened when the model was fixed
    hidden: bool = False
    # what members attested under the rule `golden_reviews.DUTY`: who, their finding and their reason
    attested: tuple[Said, ...] = ()
    # of ten held-out questions, how many the model answers
    right: int = 9
    # a vote released the model although it breaks every rule; its tier is the gravest
    overridden: bool = False
    weights: tuple[float, ...] = (0.5, -0.25)
    # a folder whose files are released, in the place of a model of one tensor
    model: Path | None = None
    edit: Edit = lambda _kind, _body: None
    # two trust the first member, all and half of their power; the third does too, but votes and so overrides it
    trusting: list[Voter] = field(default_factory=lambda: voters(TRUSTING_POWERS, first=101))
    trusts: tuple[Trust, ...] = ((3, 0, 10_000), (4, 0, 5_000), (2, 0, 10_000))
    topic: str = TOPIC
    sponsors: tuple[int, ...] = (1,)
    plain: bool = False
    # the number, and so the time, of the vote that changes the charter before all others are told
    charter_number: int | None = None
    # proposal number, its census → the census that the operator publishes instead
    census_edit: Callable[[int, list[CensusEntry]], list[CensusEntry]] = lambda _number, census: census
    # proposal number, charters so far → the one that the proposal rests on
    charter_edit: Callable[[int, list[Record]], Record] = lambda _number, charters: charters[-1]
    # proposal number, voter → signature of another telling, for attackers who hold no wallet
    signatures: dict[tuple[int, str], str] = field(default_factory=dict)
    parents_edit: Callable[[str, tuple[str, ...]], tuple[str, ...]] = lambda _kind, parents: parents
    records: dict[str, Record] = field(default_factory=dict)
    ballots: list[Record] = field(default_factory=list)
    census: list[CensusEntry] = field(default_factory=list)
    delegations: list[HeldDelegation] = field(default_factory=list)
    charters: list[Record] = field(default_factory=list)

    def record(self, kind: str, subject: str, body: dict[str, Any], parents: tuple[str, ...] = ()) -> Record:
        """Make one record and keep it."""
        body = copy.deepcopy(body)
        self.edit(kind, body)
        made = Record.make(kind, subject, body, self.parents_edit(kind, parents))
        if kind == "ballot":
            self.ballots.append(made)
        elif kind != "delegation":
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
        if self.model is None:
            write_model(folder, self.weights)
        else:
            shutil.copytree(self.model, folder, dirs_exist_ok=True)
        self.charters.append(self.record("charter", "charter:water", self.charter()))
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
            (self.charters[0].digest,),
        )
        if self.charter_number is not None:
            self.change_charter(community, self.charter_number)
        dataset_digest = hashlib.sha256(b"dataset").hexdigest()
        dataset = self.dataset(community, 1, dataset_digest)
        commitment = self.commitment(community) if self.hidden else None
        rules = [
            self.rule(community, number, slug, commitment if number == FIRST_RULE_NUMBER else None)
            for number, slug in enumerate(self.rules, start=FIRST_RULE_NUMBER)
        ]
        number = 2 + len(rules)
        if self.removing:
            dataset = self.removal(community, number, dataset)
            number += 1
        if self.taking_back:
            dataset = self.taken_back(community, number, dataset)
            number += 2
        if self.rule_changed:
            rules[0] = self.change_rule(community, number, rules[0])
            number += 1
        if not self.plain and self.charter_number is None:
            self.change_charter(community, number)
            number += 1
        spec_body = spec(dataset.body["digest"])
        spec_execution = self.vote(community, number, "model_update", {"spec": dict(spec_body)})
        spec_parents = (spec_execution.digest, dataset.digest, *(rule.digest for rule in rules))
        spec_record = self.record("spec", "spec:water-assistant", spec_body, spec_parents)
        run = self.run(folder, spec_record)
        openings = [self.opening(run, commitment)] if commitment else []
        evaluation = self.evaluation(run, rules, openings)
        keys = self.keys(community, number + 1) if self.new_release_key or self.guardians else None
        override = self.override(community, run, evaluation) if self.overridden else None
        return self.release(folder, run, evaluation, keys, override)

    @property
    def signer(self) -> KeySigner:
        """Return the release key in force."""
        return self.new_release_key or self.release_key

    @property
    def signing_guardians(self) -> tuple[KeySigner, ...]:
        return self.guardians[: self.threshold] if self.signing is None else self.signing

    def keys(self, community: Record, number: int) -> Record:
        """Let the community vote on who signs releases."""
        body: dict[str, Any] = {
            "guardians": [
                {"name": f"Guardian {place}", "public_key": guardian.public_key_hex}
                for place, guardian in enumerate(self.guardians, start=1)
            ],
            "release_key": {"algorithm": "ed25519", "public_key": self.signer.public_key_hex},
            "revoked": [],
            "threshold": self.threshold,
        }
        if self.new_release_key:
            body["revoked"] = [{"public_key": self.release_key.public_key_hex, "reason": "the laptop was stolen"}]
        execution = self.vote(community, number, "release_keys", {"keys": copy.deepcopy(body)})
        return self.record("keys", "keys:water", body, (execution.digest,))

    def dataset(self, community: Record, number: int, dataset_digest: str) -> Record:
        body = {
            "slug": "water-pairs",
            "title": "Questions about water",
            "license": "CC-BY-4.0",
            "role": "training",
            "kind": "dialogue",
            "files": [{"path": "pairs.jsonl", "size": 7, "sha256": dataset_digest}],
            "digest": dataset_digest,
            "records": 3,
            "records_root": "d" * 64,
            "shards": [{"first": 0, "records": 3, "size": 7, "sha256": dataset_digest}],
            "languages": ["en", "fr"],
            "scans": [{"scan": "licence", "passed": True, "found": 0, "detail": ""}],
            **rights_body(self.members[0].address),
        }
        voted = ("slug", "title", "license", "role", "digest", "sources", "contributors", "contributions")
        payload = {key: copy.deepcopy(body[key]) for key in voted}
        execution = self.vote(community, number, "dataset_inclusion", payload)
        return self.record("dataset", "dataset:water-pairs", body, (execution.digest,))

    def removal(self, community: Record, number: int, dataset: Record) -> Record:
        """Let the community take two records out of the dataset; return the record of what is left."""
        left = left_of(dict(dataset.body))
        follow_up = {"action": "retrain", "days": 90, "because": ""}
        body = {
            "digest": dataset.body["digest"],
            "records": ["1" * 64, "2" * 64],
            "successor": left["digest"],
            "why": "Two letters name a neighbour.",
            "follow_up": follow_up,
            "request": "",
            "taken_back": None,
        }
        self.edit("removal payload", body)
        successor = {"digest": left["digest"], "records": 1, "size": 3, "languages": ["en"]}
        payload = {**copy.deepcopy(body), "successor": successor}
        del payload["taken_back"]
        execution = self.vote(community, number, "dataset_removal", payload)
        subject = f"removal:{dataset.body['digest']}"
        removal = self.record("removal", subject, body, (execution.digest, dataset.digest))
        self.edit("left", left)
        return self.record("dataset", "dataset:water-pairs", left, (execution.digest, removal.digest))

    def taken_back(self, community: Record, number: int, dataset: Record) -> Record:
        """Let the first member take their two records back, by a rule that was voted; return what is left, included."""
        allowed = {"allowed": True, "days": 90}
        self.edit("taking_back payload", allowed)
        execution = self.vote(community, number, "taking_back", dict(allowed))
        rule = self.record("taking_back", "taking_back:water", allowed, (execution.digest,))
        left = left_of(dict(dataset.body))
        body = {
            "digest": dataset.body["digest"],
            "records": ["1" * 64, "2" * 64],
            "successor": left["digest"],
            "why": "A contributor took their records back, as the community's rule allows.",
            "follow_up": {"action": "retrain", "days": 90, "because": ""},
            "request": "0123456789abcdef",
            "taken_back": {"by": self.members[0].address, "at": execution.body["executed_at"] + 60},
        }
        subject = f"removal:{dataset.body['digest']}"
        removal = self.record("removal", subject, body, (rule.digest, dataset.digest))
        self.edit("left", left)
        voted = ("slug", "title", "license", "role", "digest", "sources", "contributors", "contributions", "replaces")
        payload = {key: copy.deepcopy(left[key]) for key in voted}
        included = self.vote(community, number + 1, "dataset_inclusion", payload)
        return self.record("dataset", "dataset:water-pairs", left, (included.digest, removal.digest))

    def commitment(self, community: Record) -> Record:
        """Let the second member commit to a suite that they keep to themselves."""
        body = commitment_body(self.members[1].address)
        return self.record("commitment", f"commitment:{body['commitment']}", body, (community.digest,))

    def opening(self, run: Record, commitment: Record) -> Record:
        """Let the keeper open the suite, now that the model is fixed."""
        body = {
            "commitment": commitment.body["commitment"],
            "digest": HIDDEN_ROWS,
            "salt": SALT,
            "opened_at": run.body["finished_at"] + 10,
        }
        return self.record("opening", f"opening:{run.digest}", body, (commitment.digest, run.digest))

    def rule(self, community: Record, number: int, slug: str, commitment: Record | None = None) -> Record:
        body = duty_body() if slug == DUTY else rule_body(slug)
        if commitment:
            body["suite"] = name_of(commitment.body["commitment"])
        self.edit("rule payload", body)
        execution = self.vote(community, number, "ethics_rule", dict(body))
        committed = (commitment.digest,) if commitment else ()
        return self.record("rule", f"rule:{slug}", body, (execution.digest, *committed))

    def change_rule(self, community: Record, number: int, earlier: Record) -> Record:
        """Let the community vote for a rule in the place of an earlier one."""
        body = {**earlier.body, "why": "One season showed that three quarters are too few."}
        payload = {"rule": copy.deepcopy(body), "replaces": earlier.digest}
        execution = self.vote(community, number, "rule_change", payload)
        committed = (parent for parent in earlier.parents if self.records[parent].kind == "commitment")
        return self.record("rule", earlier.subject, body, (execution.digest, earlier.digest, *committed))

    def override(self, community: Record, run: Record, evaluation: Record) -> Record:
        """Let the community vote to release the model although it breaks rules."""
        body = {
            "run": run.body["run"],
            "evaluation": evaluation.digest,
            "rules": sorted(self.rules),
            "reason": "The wells are poisoned, and no other model is there.",
        }
        self.edit("override payload", body)
        execution = self.vote(community, OVERRIDE_NUMBER, "verdict_override", copy.deepcopy(body))
        return self.record("override", f"override:run:{run.body['run']}", body, (execution.digest, evaluation.digest))

    def charter(self) -> dict[str, Any]:
        """Return the rules that the community begins with."""
        if self.plain:
            tiers, kinds, house = {"standard": RULES}, {"default": "standard"}, None
        else:
            tiers = {"standard": RULES, "careful": {**RULES, "objection_bps": OBJECTION_BPS}}
            kinds = {"default": "standard", "ethics_rule": "careful"}
            house = {"name": {"en": "Contributors", "fr": "Contributeurs"}, **self.house_source()}
        if self.overridden:
            tiers["gravest"] = {**tiers.get("careful", RULES), "threshold_bps": 6_000, "timelock_seconds": 500}
            kinds["verdict_override"] = "gravest"
        body = {
            "tiers": {name: dict(rules) for name, rules in tiers.items()},
            "kinds": kinds,
            "power": {"source": "erc20_votes", "parameters": {}},
            "house": house,
            "council": {"pause_seconds_max": 0},
        }
        self.edit("rules", body)
        return body

    def house_source(self) -> dict[str, Any]:
        return {"source": "fixed_list", "parameters": {"members": {voter.address: "1" for voter in self.members}}}

    def change_charter(self, community: Record, number: int) -> None:
        """Let the community vote for a charter with a longer timelock."""
        body = self.charter()
        body["tiers"]["standard"]["timelock_seconds"] = 400
        execution = self.vote(community, number, "governance_rules", {"charter": body})
        self.charters.append(self.record("charter", "charter:water", body, (execution.digest,)))

    def vote(self, community: Record, number: int, kind: str, payload: dict[str, Any]) -> Record:
        """Put one proposal through its whole life; return its execution."""
        charter = self.charter_edit(number, self.charters)
        tier = charter.body["kinds"].get(kind, charter.body["kinds"]["default"])
        rules: dict[str, Any] = charter.body["tiers"][tier]
        method = METHODS["fractional" if kind == "model_update" and not self.plain else "governor"]
        submitted = START + number * 10_000
        opens = submitted + rules["voting_delay_seconds"]
        body = {
            "number": number,
            "kind": kind,
            "tier": tier,
            "title": f"Proposal {number}",
            "text": "Because of the drought.",
            "payload": payload,
            "author": self.members[0].address,
            "nonce": number,
            "method": method.name,
            "method_version": method.version,
            "choices": ["against", "for", "abstain"],
            "seats": 1,
            "tie_rule": method.tie_rule,
            "rules": dict(rules),
            "snapshot": {
                "block_number": 100 + number,
                "block_hash": "0x" + hashlib.sha256(b"block %d" % number).hexdigest(),
                "total_supply": str(TOTAL_SUPPLY),
                "source": self.source(opens),
                "house": self.house() if rules["objection_bps"] else None,
            },
            "submitted_at": submitted,
            "opens_at": opens,
            "closes_at": opens + rules["voting_period_seconds"],
            **self.frozen(charter, tier),
        }
        self.edit("proposal", body)
        body["sponsors"] = self.sponsorships(community, body)
        parents = self.parents_edit("proposal", (community.digest, charter.digest))
        proposal = Record.make("proposal", f"proposal:water/{number}", body, parents)
        self.records[proposal.digest] = proposal
        return self.close(proposal, self.count_members(community, proposal))

    def source(self, _opens: int) -> dict[str, Any]:
        """Return where a proposal that opens then takes its power from."""
        return {"name": "erc20_votes", "version": "1", "parameters": {}}

    def frozen(self, _charter: Record, _tier: str) -> dict[str, Any]:
        """Return what else a proposal of this tier freezes of its charter."""
        return {}

    def opened(self, _proposal: Record, _closes_at: int) -> tuple[Record, ...]:
        """Return what opened the ballots, where they were sealed."""
        return ()

    def house(self) -> dict[str, Any]:
        """Return the snapshot of the second house: a member is a voice."""
        source = self.house_source()
        return {
            "total": str(len(self.members)),
            "block_number": 0,
            "block_hash": f"0x{digest(source['parameters'])}",
            "source": {"name": source["source"], "version": "1", "parameters": source["parameters"]},
        }

    def sponsorships(self, community: Record, body: dict[str, Any]) -> list[dict[str, str]]:
        draft = f"0x{draft_digest(body)}"
        backers = [self.members[place] for place in self.sponsors if place < len(self.members)]
        signed = [
            {
                "address": backer.address,
                "signature": backer.sign(
                    eip712.sponsorship_digest(**domain(community), draft=draft, sponsor=backer.address)
                ),
            }
            for backer in backers
        ]
        self.edit("sponsors", {"sponsors": signed})
        return signed

    def count_members(self, community: Record, proposal: Record) -> Record:
        """Find out who can vote, and who votes for whom; return the census record."""
        number, body = proposal.body["number"], proposal.body
        has_house = body["snapshot"]["house"] is not None
        entries = [
            CensusEntry(proposal.digest, voter.address, voter.power, int(has_house and voter in self.members))
            for voter in self.everybody
        ]
        census = self.census_edit(number, sorted(entries, key=lambda entry: entry.voter.lower()))
        held = [
            HeldDelegation(proposal.digest, self.delegation(community, proposal, trust))
            for trust in self.trusts
            if self.topic in ("", body["kind"])
        ]
        held.sort(key=lambda delegation: delegation.record.digest)
        self.census += census
        self.delegations += held
        return self.record(
            "census",
            f"census:{proposal.digest}",
            {
                "root": merkle.root(entry.leaf() for entry in census),
                "count": len(census),
                "total": str(sum(entry.power for entry in census)),
                "house_total": str(sum(entry.house_power for entry in census)),
                "delegations_root": merkle.root(delegation.record.canonical() for delegation in held),
                "delegation_count": len(held),
                "opens_at": body["opens_at"],
                "closes_at": body["closes_at"],
                "computed_at": body["submitted_at"] + 5,
            },
            (proposal.digest,),
        )

    @property
    def everybody(self) -> list[Voter]:
        return [*self.members, *self.trusting]

    def delegation(self, community: Record, proposal: Record, trust: Trust) -> Record:
        delegator, delegate, share = self.everybody[trust[0]], self.everybody[trust[1]], trust[2]
        signed: dict[str, Any] = {
            "delegator": delegator.address,
            "delegate": delegate.address,
            "topic": self.topic,
            "share_bps": share,
            "expires_at": 0,
            "nonce": trust[1] + 1,
        }
        self.edit("signed delegation", signed)
        body = {
            **signed,
            "signature": delegator.sign(eip712.delegation_digest(**domain(community), **signed)),
            "made_at": START,
        }
        return self.record("delegation", f"delegation:water/{delegator.address}", body, (community.digest,))

    def ballot(self, community: Record, proposal: Record, voter: Voter, choice: object) -> Record:
        message = {
            **domain(community),
            "proposal": f"0x{proposal.digest}",
            "voter": voter.address,
            "choice": choice,
            "reason": "",
            "nonce": 1,
        }
        number, has_house = proposal.body["number"], proposal.body["snapshot"]["house"] is not None
        signature = self.signatures.get((number, voter.address))
        return self.record(
            "ballot",
            f"ballot:{proposal.digest}/{voter.address}",
            {
                "voter": voter.address,
                "choice": choice,
                "reason": "",
                "nonce": 1,
                "power": str(voter.power),
                "house_power": str(int(has_house)),
                "signature": signature or voter.sign(eip712.ballot_digest(**message)),
                "cast_at": proposal.body["opens_at"] + 10,
            },
            (proposal.digest,),
        )

    def cast(self, community: Record, proposal: Record) -> list[Record]:
        """Let every member vote; where power may be split, the second one abstains with a hundred of theirs."""
        ballots = []
        for place, (voter, code) in enumerate(zip(self.members, self.choices, strict=True)):
            choice: object = code
            if proposal.body["method"] == "fractional" and place == 1:
                choice = {str(code): str(voter.power - 100 * VOTE), "2": str(100 * VOTE)}
            ballots.append(self.ballot(community, proposal, voter, choice))
        return ballots

    def roll(self, terms: Terms, proposal: Record) -> Roll:
        """Return the electorate as an honest operator finds it."""
        entries = [entry for entry in self.census if entry.proposal == proposal.digest]
        held = [held.record.body for held in self.delegations if held.proposal == proposal.digest]
        return Roll(
            total=sum(entry.power for entry in entries),
            house_total=sum(entry.house_power for entry in entries),
            edges=edges_of(held, terms),
            powers={entry.voter: entry.power for entry in entries},
        )

    def casts(self, proposal: Record, ballots: Iterable[Record]) -> list[Cast]:
        """Return the ballots with the power that the census gives."""
        powers = {entry.voter: entry for entry in self.census if entry.proposal == proposal.digest}
        nobody = CensusEntry(proposal.digest, "", 0, 0)
        return [
            Cast(body["voter"], body["choice"], entry.power, entry.house_power)
            for body in (ballot.body for ballot in ballots)
            for entry in (powers.get(body["voter"], nobody),)
        ]

    def close(self, proposal: Record, census: Record) -> Record:
        body = proposal.body
        ballots = self.cast(self.records[community_digest(proposal, self.records)], proposal)
        ordered = sorted(ballots, key=lambda ballot: ballot.body["voter"].lower())
        terms = Terms.from_body(body)
        roll = self.roll(terms, proposal)
        opened = self.opened(proposal, census.body["closes_at"])
        secrets = sum(len(record.body["secrets"]) for record in opened)
        result = count_votes(terms, roll, self.casts(proposal, ordered), secrets)
        accepted = [(b.body["cast_at"], cast) for b, cast in zip(ballots, self.casts(proposal, ballots), strict=True)]
        closes_at, extending = closing_time(terms, roll, accepted, census.body["closes_at"])
        extended_by = None if extending is None else ballots[extending].digest
        closing: dict[str, Any] = {"closes_at": closes_at, "extended_by": extended_by, "closed_early": False}
        self.edit("closing", closing)
        tally = self.record(
            "tally",
            f"tally:{proposal.digest}",
            {
                **tally_body(terms, result),
                **closing,
                "ballot_count": len(ordered),
                "ballots_root": merkle.root(ballot.canonical() for ballot in ordered),
                "closed_at": closing["closes_at"] + 1,
            },
            (proposal.digest, census.digest, *(record.digest for record in opened)),
        )
        return self.carry_out(proposal, tally, result.outcome)

    def carry_out(self, proposal: Record, tally: Record, outcome: Outcome) -> Record:
        """Decide by the count, wait, and execute; return the execution."""
        body, closed_at = proposal.body, tally.body["closes_at"]
        queued = closed_at + 2
        eta = queued + body["rules"]["timelock_seconds"]
        decision = self.record(
            "decision",
            f"decision:{proposal.digest}",
            {
                "passed": outcome.passed,
                "conditions": [condition.to_body() for condition in outcome.conditions],
                "decided_at": closed_at + 1,
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

    def evaluation(self, run: Record, rules: list[Record], openings: list[Record]) -> Record:
        body: dict[str, Any] = {
            "suite": SUITE,
            "candidate": {"accuracy": measured(self.right, self.right - 1, 10)},
            "parent": {"accuracy": measured(1, 0, 3)},
            "difference": {"accuracy": measured(self.right - 1, self.right - 2, 10)},
            "samples": 10,
            "samples_sha256": hashlib.sha256(b"samples").hexdigest(),
            "further": {},
            "review": None,
        }
        if openings:
            names = ("candidate", "parent", "difference", "samples", "samples_sha256")
            body["further"] = {HIDDEN_ROWS: {name: copy.deepcopy(body[name]) for name in names}}
        self.edit("report", body)
        asking = [rule for rule in rules if rule.body["slug"] == DUTY]
        if asking and self.attested:
            community = next(record for record in self.records.values() if record.kind == "community")
            body["review"] = review(self.members, self.attested, community, asking[0], run, body, self.edit)
        opened = rows_of(opening.body for opening in openings)
        report = gates.Report.from_record(body, "water-assistant", opened)
        judging = [gates.Rule.from_record(rule.body) for rule in rules]
        body["verdict"] = gates.decide(judging, report, self.approved_at(run)).to_dict()
        parents = [run, *rules, *openings]
        return self.record("evaluation", "evaluation:1", body, tuple(parent.digest for parent in parents))

    def approved_at(self, run: Record) -> int:
        """Return when the vote on the training was carried out."""
        spec_record = self.records[run.parents[0]]
        execution = next(p for p in spec_record.parents if self.records[p].kind == "execution")
        return int(self.records[execution].body["executed_at"])

    def release(
        self,
        folder: Path,
        run: Record,
        evaluation: Record,
        keys: Record | None = None,
        override: Record | None = None,
    ) -> Record:
        further = [record.digest for record in (keys, override) if record]
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
                "released_at": START + (10_000 * (OVERRIDE_NUMBER + 1) if override else 90_100),
            },
            (run.digest, evaluation.digest, *further),
        )


def community_digest(proposal: Record, records: dict[str, Record]) -> str:
    return next(parent for parent in proposal.parents if records[parent].kind == "community")


def publish(folder: Path, release: Record, story: Story, signer: KeySigner | None = None) -> None:
    """Write `provenance/` from the facts of a story: what belongs to the release, in order."""
    reached = lineage.closure(release.digest, story.records)
    numbers = bundle.proposal_numbers(reached)

    def in_order(lines: Iterable[AnyLine]) -> list[AnyLine]:
        placed = ((belongs_to(line), line) for line in lines)
        kept = [((numbers[proposal], key), line) for (proposal, key), line in placed if proposal in numbers]
        return [line for _, line in sorted(kept, key=lambda pair: pair[0])]

    writing.write(
        folder,
        release,
        story.records,
        ballots=in_order(story.ballots),
        census=in_order(story.census),
        delegations=in_order(story.delegations),
        signer=signer or story.signer,
        model_signer=story.model_key,
        guardians=story.signing_guardians,
    )


def build(folder: Path, story: Story | None = None, signer: KeySigner | None = None) -> Story:
    """Write a whole bundle, signed by `signer` or else the story's own release key; return the story told."""
    told = story or Story()
    publish(folder, told.write(folder), told, signer)
    return told


def guarded_story(**facts: Any) -> Story:
    """Return a story with a rotated release key and three guardians, of whom two sign."""
    guardians = (KeySigner(21), KeySigner(22), KeySigner(23))
    return Story(**{"new_release_key": KeySigner(8), "guardians": guardians, "threshold": 2, **facts})


def overridden_story(**facts: Any) -> Story:
    """Return a story whose model breaks its rule, and is released by a vote of the gravest tier."""
    return Story(**{"right": 3, "overridden": True, **facts})


def reviewed_story(**facts: Any) -> Story:
    """Return a story in which a rule asks two members to look before the release, and they do."""
    return Story(**{"rules": ("answers-stay-right", DUTY), "attested": ATTESTED, **facts})


def plain_story() -> Story:
    """Return the shortest story that has a line in every file: one voter, and one who trusts them once."""
    return Story(
        members=voters((900 * VOTE,)),
        trusting=voters((1,), first=101),
        trusts=((1, 0, 10_000),),
        choices=(1,),
        plain=True,
    )
