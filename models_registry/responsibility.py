"""Who answers for a release: who proposed, approved, executed and signed it, what was overridden, whom to ask. Pure.

Read from the records of the release alone, so that page, card and API say what a stranger finds in the download. Votes
are named by their power and the number of ballots, never by persons: some methods shield them. Authors and co-signers
put their own names to a proposal, and members to what they attested before the release. Who looked at a release after
it is no record: `attestations` has that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry.duties.tasks import OBJECTS
from models_registry.provenance.shapes import parent_of

FOR = "for"


@dataclass(frozen=True)
class Approved:
    """One vote of the lineage. `support` is the part of all voting power that was for it, where that was asked."""

    number: int
    kind: str
    title: str
    author: str
    sponsors: tuple[str, ...]
    ballots: int
    support: Fraction | None
    executed_at: int


@dataclass(frozen=True)
class Overridden:
    """The vote that released a model although it broke rules, with its reason."""

    vote: Approved
    rules: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Reviewed:
    """What a member attested before the release, under a rule that asked: `objects` or not, with their reason."""

    rule: str
    reviewer: str
    objects: bool
    reason: str
    at: int


@dataclass(frozen=True)
class Responsibility:
    """Who answers for what. `training` is the vote on the update; `approved` are all votes, newest first."""

    training: Approved
    approved: tuple[Approved, ...]
    run: int
    attempt: int
    device: str
    isolation: str
    code_digest: str
    accepted: bool
    reviewed: tuple[Reviewed, ...]
    overridden: Overridden | None
    key_fingerprint: str
    guardians: tuple[str, ...]
    community_page: str
    incidents_page: str


def responsibility(records: Mapping[str, Record], run: Record, evaluation: Record) -> Responsibility:
    """Return who answers for the release of this run. `records` is its lineage by digest; parents were checked."""
    spec = parent_of(run, "spec", records)
    training = _vote_of(spec, records)
    votes = [_approved(each, records) for each in records.values() if each.kind == "execution"]
    community = parent_of(_proposal_of(spec, records), "community", records)
    keys = next(
        (record.body for record in records.values() if record.kind == "keys" and _newest(record, records)), None
    )
    key = (keys or community.body)["release_key"]["public_key"]
    page = f"{community.body['instance']}/c/{community.body['slug']}/"
    body = run.body
    return Responsibility(
        training=training,
        approved=tuple(sorted(votes, key=lambda vote: -vote.number)),
        run=body["run"],
        attempt=body["attempt"],
        device=str(body["environment"].get("device", "")),
        isolation=str(body["isolation"]),
        code_digest=body["code_digest"],
        accepted=evaluation.body["verdict"]["accepted"],
        reviewed=_reviewed(evaluation),
        overridden=_overridden(records),
        key_fingerprint=fingerprint(key),
        guardians=tuple(each["name"] for each in keys["guardians"]) if keys and keys["threshold"] else (),
        community_page=page,
        incidents_page=f"{page}incidents/",
    )


def promised(records: Mapping[str, Record], run: Record) -> Mapping[str, object]:
    """Return the payload that was voted on for the run, which may have promises."""
    payload: Mapping[str, object] = _proposal_of(parent_of(run, "spec", records), records).body["payload"]
    return payload


def _newest(keys: Record, records: Mapping[str, Record]) -> bool:
    """Say whether no other keys of the lineage came into force later."""
    others = [record for record in records.values() if record.kind == "keys"]
    return all(_vote_of(keys, records).executed_at >= _vote_of(other, records).executed_at for other in others)


def _reviewed(evaluation: Record) -> tuple[Reviewed, ...]:
    review = evaluation.body["review"]
    return tuple(
        Reviewed(said["rule"], said["reviewer"], said["finding"] == OBJECTS, said["reason"], said["at"])
        for said in (review["attestations"] if review else ())
    )


def _overridden(records: Mapping[str, Record]) -> Overridden | None:
    override = next((record for record in records.values() if record.kind == "override"), None)
    if override is None:
        return None
    return Overridden(_vote_of(override, records), tuple(override.body["rules"]), override.body["reason"])


def _proposal_of(record: Record, records: Mapping[str, Record]) -> Record:
    """Return the proposal whose execution made this record."""
    decision = parent_of(parent_of(record, "execution", records), "decision", records)
    return parent_of(decision, "proposal", records)


def _vote_of(record: Record, records: Mapping[str, Record]) -> Approved:
    return _approved(parent_of(record, "execution", records), records)


def _approved(execution: Record, records: Mapping[str, Record]) -> Approved:
    decision = parent_of(execution, "decision", records)
    proposal, tally = parent_of(decision, "proposal", records), parent_of(decision, "tally", records)
    body, supply = proposal.body, int(proposal.body["snapshot"]["total_supply"])
    score = tally.body["totals"].get(FOR)
    return Approved(
        number=body["number"],
        kind=body["kind"],
        title=body["title"],
        author=body["author"],
        sponsors=tuple(each["address"] for each in body["sponsors"]),
        ballots=tally.body["ballot_count"],
        support=Fraction(score) / supply if score is not None and supply else None,
        executed_at=execution.body["executed_at"],
    )
