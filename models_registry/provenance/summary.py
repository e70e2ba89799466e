"""Who decided, on what, and what came of it: the lineage of a release in a few values, for people to read. Pure.

It judges nothing and is made only of records whose form and parents were checked; `verify` says what holds.
"""

from dataclasses import dataclass

from governance.evidence.record import Record
from governance.onchain import SOURCE as BY_CONTRACT
from governance.onchain.approvals import approval_of
from models_registry.provenance.case import Case
from models_registry.provenance.checks.common import proposal_of
from models_registry.provenance.forms import address
from models_registry.provenance.shapes import parent_of, parents_of


@dataclass(frozen=True)
class Decided:
    """One vote of the lineage. Powers are whole units; `effect` is the kind of record that its execution made."""

    number: int
    title: str
    kind: str
    proposal: str  # digest
    method: str
    totals: tuple[tuple[str, str], ...]  # choice, power, in the order of the choices
    ballots: int
    members: int
    delegations: int
    passed: bool
    closed_at: int  # UNIX seconds
    executed_at: int
    sealed: bool = False  # the ballots were, until voting had closed
    contract: tuple[str, str] | None = None  # the Governor that took the votes, and what it calls the proposal


@dataclass(frozen=True)
class Summary:
    """What the records of one release tell, newest first where there is an order."""

    community: str  # digest
    community_names: tuple[tuple[str, str], ...]  # language, name
    slug: str
    model: str
    version: int
    released_at: int
    manifest_sha256: str
    base: str
    datasets: tuple[tuple[str, str, int], ...]  # title, licence, number of the vote
    rules: tuple[tuple[str, int], ...]  # title, number of the vote
    overridden: tuple[tuple[str, ...], int, str] | None  # rules broken, number of the vote that passed over them, why
    training: int  # number of the vote on the training
    run: tuple[int, int, int, int]  # number, attempt, started_at, finished_at
    charters: int
    decided: tuple[Decided, ...]


def summarise(case: Case) -> Summary | None:
    """Return what the records tell; nothing unless there is one release of one community. Parents were checked."""
    release, community = case.release, case.community
    if release is None or community is None:
        return None
    run = parent_of(release, "run", case.records)
    spec = parent_of(run, "spec", case.records)
    names = community.body["name"]
    return Summary(
        community=community.digest,
        community_names=tuple((language, str(names[language])) for language in sorted(names)),
        slug=community.body["slug"],
        model=release.body["model"],
        version=release.body["version"],
        released_at=release.body["released_at"],
        manifest_sha256=release.body["manifest_sha256"],
        base=str(spec.body["base"]["model"]),
        datasets=tuple(
            (record.body["title"], record.body["license"], _number(record, case))
            for record in parents_of(spec, "dataset", case.records)
        ),
        rules=tuple((record.body["title"], _number(record, case)) for record in parents_of(spec, "rule", case.records)),
        overridden=_overridden(release, case),
        training=_number(spec, case),
        run=(run.body["run"], run.body["attempt"], run.body["started_at"], run.body["finished_at"]),
        charters=len(case.of_kind("charter")),
        decided=tuple(sorted((_decided(e, case) for e in case.of_kind("execution")), key=lambda d: -d.number)),
    )


def _number(record: Record, case: Case) -> int:
    return int(proposal_of(record, case).body["number"])


def _overridden(release: Record, case: Case) -> tuple[tuple[str, ...], int, str] | None:
    override = next(iter(parents_of(release, "override", case.records)), None)
    if override is None:
        return None
    return tuple(override.body["rules"]), _number(override, case), override.body["reason"]


def _decided(execution: Record, case: Case) -> Decided:
    decision = parent_of(execution, "decision", case.records)
    proposal, tally = parent_of(decision, "proposal", case.records), parent_of(decision, "tally", case.records)
    census = parent_of(tally, "census", case.records)
    totals = tally.body["totals"]
    return Decided(
        number=proposal.body["number"],
        title=proposal.body["title"],
        kind=proposal.body["kind"],
        proposal=proposal.digest,
        method=proposal.body["method"],
        totals=tuple((choice, str(totals[choice])) for choice in proposal.body["choices"] if choice in totals),
        ballots=tally.body["ballot_count"],
        members=census.body["count"],
        delegations=census.body["delegation_count"],
        passed=decision.body["passed"],
        closed_at=tally.body["closed_at"],
        executed_at=execution.body["executed_at"],
        sealed="sealing" in proposal.body,
        contract=_contract(proposal, parent_of(proposal, "community", case.records)),
    )


def _contract(proposal: Record, community: Record) -> tuple[str, str] | None:
    """Return the Governor and its name for a proposal, computed from the records; nothing where none took the votes."""
    source = proposal.body["snapshot"]["source"]
    pair = {name: source["parameters"].get(name) for name in ("governor", "anchor")}
    if source["name"] != BY_CONTRACT or any(address(each) for each in pair.values()):
        return None
    approval = approval_of(community.digest, community.body["instance"], community.body["slug"], proposal.body, pair)
    return approval.governor, str(approval.id)
