"""A release that was decided by as many ballots, or has as many bytes of weights, as a benchmark asks for.

The vote on the training is the large one: every ballot has its own voter with a key of their own and a real signature.
They are signed on all cores; what is kept of each are its two lines.
"""

import itertools
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from governance import eip712
from governance.counting import Cast, Roll, Terms, count_votes, tally_body
from governance.evidence import merkle
from governance.evidence.record import Record
from models_registry.provenance import bundle, lineage, writing
from models_registry.provenance.entries import CensusEntry, belongs_to
from tests.simulators.audit_bundle import wallet
from tests.simulators.golden_bundle import Story, plain_story
from tests.simulators.golden_parts import domain

PER_TASK = 2_000
POWER = 10**18
FIRST_WALLET = 1_000
REASONS = ("", "", "Because of the drought.", "Je m’en remets aux riverains.")
CHUNK_BYTES = 1 << 20

# The voter in lower case, the choice, and the lines of census and ballots.
Signed = tuple[str, int, bytes, bytes]
Task = tuple[dict[str, Any], str, int, int, int]


def sign_some(task: Task) -> list[Signed]:
    """Sign the ballots of some wallets; runs in a process of its own."""
    names, proposal, opens_at, start, end = task
    signed = []
    for number in range(start, end):
        voter = wallet(FIRST_WALLET + number)
        said = {
            "voter": voter.address,
            "choice": 1 if number % 3 else number // 3 % 3,
            "reason": REASONS[number % len(REASONS)],
            "nonce": 1,
        }
        signature = voter.sign(eip712.ballot_digest(**names, proposal=f"0x{proposal}", **said))
        power = {"power": str(POWER), "house_power": "0"}
        body = {**said, **power, "signature": signature, "cast_at": opens_at + number % 600}
        ballot = Record.make("ballot", f"ballot:{proposal}/{voter.address}", body, [proposal])
        entry = CensusEntry(proposal, voter.address, POWER, 0)
        signed.append((voter.address.lower(), said["choice"], entry.canonical(), ballot.canonical()))
    return signed


@dataclass
class LargeStory(Story):
    """A plain story whose last vote has `electorate` voters more."""

    electorate: int = 0
    signed: list[Signed] = field(default_factory=list)
    weight_bytes: int = 0

    def run(self, folder: Path, spec_record: Record) -> Record:
        """Let the run have made as many weights as were asked for."""
        if self.weight_bytes:
            write_weights(folder / "model.safetensors", self.weight_bytes)
        return super().run(folder, spec_record)

    def count_members(self, community: Record, proposal: Record) -> Record:
        """Sign everything for the vote on the training; count as always for the others."""
        if proposal.body["kind"] != "model_update" or not self.electorate:
            return super().count_members(community, proposal)
        named = (domain(community), proposal.digest, proposal.body["opens_at"])
        steps = range(0, self.electorate, PER_TASK)
        tasks = [(*named, start, min(start + PER_TASK, self.electorate)) for start in steps]
        with Pool() as pool:
            self.signed = [one for part in pool.imap_unordered(sign_some, tasks) for one in part]
        self.signed.append(self.author_signed(community, proposal))
        self.signed.sort()
        body = {
            "root": merkle.root(CensusEntry.from_bytes(entry).leaf() for _, _, entry, _ in self.signed),
            "count": len(self.signed),
            "total": str(self.power),
            "house_total": "0",
            "delegations_root": merkle.EMPTY_ROOT,
            "delegation_count": 0,
            "opens_at": proposal.body["opens_at"],
            "closes_at": proposal.body["closes_at"],
            "computed_at": proposal.body["submitted_at"] + 5,
        }
        return self.record("census", f"census:{proposal.digest}", body, (proposal.digest,))

    def close(self, proposal: Record, census: Record) -> Record:
        """Count what was signed."""
        if not self.signed or proposal.body["kind"] != "model_update":
            return super().close(proposal, census)
        terms = Terms.from_body(proposal.body)
        author = self.members[0].address.lower()
        powers = {author: self.members[0].power}
        casts = [Cast(voter, choice, powers.get(voter, POWER)) for voter, choice, _, _ in self.signed]
        result = count_votes(terms, Roll(self.power, 0), casts)
        closes_at = census.body["closes_at"]
        tally = {
            **tally_body(terms, result),
            "closes_at": closes_at,
            "extended_by": None,
            "closed_early": False,
            "ballot_count": len(self.signed),
            "ballots_root": merkle.root(ballot for _, _, _, ballot in self.signed),
            "closed_at": closes_at + 1,
        }
        counted = self.record("tally", f"tally:{proposal.digest}", tally, (proposal.digest, census.digest))
        return self.carry_out(proposal, counted, result.outcome)

    @property
    def power(self) -> int:
        """Return all power in the large vote."""
        return self.electorate * POWER + self.members[0].power

    def author_signed(self, community: Record, proposal: Record) -> Signed:
        """Return the lines of the author, whose power it took to propose."""
        author = self.members[0]
        ballot = self.ballot(community, proposal, author, 1)
        self.ballots.remove(ballot)
        entry = CensusEntry(proposal.digest, author.address, author.power, 0)
        return author.address.lower(), 1, entry.canonical(), ballot.canonical()


def build(folder: Path, ballots: int = 0, gigabytes: float = 0) -> None:
    """Write a release with so many ballots in its last vote, and weights of so many 10^9 bytes."""
    plain = plain_story()

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "proposal" and body["kind"] == "model_update" and ballots:
            body["snapshot"]["total_supply"] = str(story.power)

    story = LargeStory(
        members=plain.members,
        trusting=plain.trusting,
        trusts=plain.trusts,
        choices=plain.choices,
        plain=True,
        electorate=ballots,
        weight_bytes=int(gigabytes * 10**9) // 4 * 4,
        edit=edit,
    )
    release = story.write(folder)
    numbers = bundle.proposal_numbers(lineage.closure(release.digest, story.records))

    def in_order(lines: list[Any], more: Iterator[Any]) -> Iterator[Any]:
        few = sorted(lines, key=lambda line: (numbers[belongs_to(line)[0]], belongs_to(line)[1]))
        return itertools.chain(few, more)  # the large vote is the last one

    writing.write(
        folder,
        release,
        story.records,
        ballots=in_order(story.ballots, (Record.from_bytes(ballot) for _, _, _, ballot in story.signed)),
        census=in_order(story.census, (CensusEntry.from_bytes(entry) for _, _, entry, _ in story.signed)),
        delegations=in_order(story.delegations, iter(())),
        signer=story.signer,
        model_signer=story.model_key,
        guardians=story.signing_guardians,
    )


def write_weights(path: Path, size: int) -> None:
    """Write a tensor of so many bytes; what is in them does not matter to a verifier."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}).encode()
    chunk = os.urandom(CHUNK_BYTES)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        for start in range(0, size, CHUNK_BYTES):
            stream.write(chunk[: size - start])
