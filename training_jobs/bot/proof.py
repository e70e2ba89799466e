"""The bot's own check that a run was voted for, before it runs anything: the site is not believed. Pure but for files.

The proof is made of the files that a release carries as evidence, as far as they exist before there is a release, and
it is held against the same checks (`models_registry.provenance.checks`): nine findings, the first failure ends it.

What it does not show: that the powers of the census are those on the chain, that nothing was withheld before the tally
was signed, and that the community has not canceled the run since; the site says that with each heartbeat.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry.hidden_suites.commitment import name_of, opens
from models_registry.provenance import bundle, checks, lineage, shapes
from models_registry.provenance.case import Answer, Case, TrustRoots, load
from models_registry.provenance.manifest import PROVENANCE_FOLDER
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.scorers import naming

PARTS = (bundle.RECORDS, bundle.BALLOTS, bundle.CENSUS, bundle.DELEGATIONS)
MARK_BYTES_MAX = 300


class ProofRefused(Exception):
    """A run that must not be run. `code` is stable; `finding` is the number and title of the check that failed."""

    def __init__(self, code: str, finding: str, detail: str) -> None:
        """Keep the parts beside the message."""
        super().__init__(f"{finding}: {code}: {detail}")
        self.code = code
        self.finding = finding
        self.detail = detail


class ProofBroken(Exception):
    """A proof that ends before its end."""


@dataclass(frozen=True)
class Approved:
    """What the votes say: the specification, word for word, and where it stands."""

    spec: dict[str, Any]
    spec_record: str
    proposal: Record
    eta: int
    suites: frozenset[str]  # of the rules that judge the result, by digest
    classifiers: frozenset[str] = frozenset()  # likewise
    # to the hidden ones among the suites: bodies of their records, by name
    commitments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def opened(self, openings: Mapping[str, Mapping[str, str] | None]) -> frozenset[str]:
        """Return the digests of the rows that hidden suites were opened with; what was not committed is left out."""
        return frozenset(
            given["digest"]
            for name, given in openings.items()
            if given is not None
            and name in self.commitments
            and opens(self.commitments[name], given["digest"], given["salt"])
        )


@dataclass(frozen=True)
class Demand:
    """What a proof is held against: the bot's own knowledge and clock, and what the site offered."""

    trust: TrustRoots
    spec_record: str
    proposal: str
    decision: str
    now: int


def write(lines: Iterable[bytes], folder: Path, limit_bytes: int) -> None:
    """Write the lines of a proof into the files of `folder`/provenance; raise ProofRefused for what is no proof.

    One that breaks off may be a broken connection, and raises ProofBroken: asking again can help.

    `lines` keep their line feeds. Only the names of PARTS become files, once each, in their order.
    """
    target = folder / PROVENANCE_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    target.mkdir(parents=True)
    reader = _limited(lines, limit_bytes)
    first = next(reader, b"")
    if not first:
        raise ProofBroken("it is empty")
    header = _mark(first) or {}
    if header.get("proof") != "commonweights-run" or header.get("version") != 1:
        raise _unreadable("the first line is not its header")
    line = next(reader, b"")
    for name in PARTS:
        if _mark(line) != {"part": name}:
            raise _unreadable(f"{name} does not begin where it should")
        with (target / name).open("wb") as file:
            for line in reader:
                if _mark(line) is not None:
                    break
                file.write(line)
            else:
                raise ProofBroken(f"it breaks off in {name}")
    if "end" not in (_mark(line) or {}) or next(reader, None) is not None:
        raise _unreadable("it does not end as it should")


def check(folder: Path, demand: Demand) -> Approved:
    """Make the nine checks on a written proof; return what was approved, or raise ProofRefused with the first finding.

    1. the community is the one that this bot was set up for    2. the records are canonical, and exactly the lineage
    of one specification    3. each rests on what it must    4. ballots, delegations and sponsors are signed, each in
    time    5. tallies recount    6. decisions follow from them    7. times were kept, and the timelock is over by this
    machine's clock    8. specification, datasets and rules are the approved ones    9. it is the run that was offered
    """
    case = load(folder, demand.trust)
    for number, (title, make) in enumerate(_CHECKS, start=1):
        answer = Answer()
        make(case, answer, demand)
        if answer.problems:
            first = answer.problems[0]
            raise ProofRefused(first.code, f"check {number} ({title})", f"{first.place}: {first.detail}")
    spec = _spec(case)
    decision = parent_of(parent_of(spec, "execution", case.records), "decision", case.records)
    proposal = parent_of(decision, "proposal", case.records)
    rules = parents_of(spec, "rule", case.records)
    suites = frozenset(rule.body["suite"] for rule in rules if rule.body["suite"])
    classifiers = frozenset(naming.classifiers_in(rule.body["metric"] for rule in rules))
    bodies = [each.body for each in case.of_kind("commitment")]
    committed = {name_of(body["commitment"]): body for body in bodies if name_of(body["commitment"]) in suites}
    return Approved(dict(spec.body), spec.digest, proposal, int(decision.body["eta"]), suites, classifiers, committed)


def _check_trust(case: Case, answer: Answer, demand: Demand) -> None:
    community = case.community
    if community is None or shapes.body_problem(community):
        answer.fail("community_wrong", bundle.place_of(bundle.RECORDS), "there is not exactly one community record")
        return
    trust, key = demand.trust, community.body["release_key"]["public_key"]
    if trust.community is None and trust.release_key is None:
        answer.fail("nothing_trusted", case.place(community), "no community is trusted")
    if trust.community is not None and trust.community != community.digest:
        answer.fail("community_untrusted", case.place(community), f"{community.digest}, trusted is {trust.community}")
    if trust.release_key is not None and trust.release_key not in (key, fingerprint(key)):
        answer.fail("key_untrusted", case.place(community), f"the key is {key}, trusted is {trust.release_key}")


def _check_records(case: Case, answer: Answer, _demand: Demand) -> None:
    answer.problems += case.record_problems
    place = bundle.place_of(bundle.RECORDS)
    specs = case.of_kind("spec")
    if len(specs) != 1:
        answer.fail("spec_missing", place, f"{len(specs)} specifications, expected exactly one")
    if answer.problems:
        return
    reached, missing = lineage.reachable(specs[0].digest, case.records)
    for digest, needed_by in missing.items():
        answer.fail("parent_missing", place, f"{digest} is missing; {needed_by} rests on it")
    for record in case.records.values():
        if record.digest not in reached:
            answer.fail("record_foreign", case.place(record), "the specification does not rest on this record")
    if answer.problems:
        return
    ordered = lineage.closure(specs[0].digest, case.records)
    if [record.digest for record in ordered] != list(case.records):
        answer.fail("order_wrong", place, "the records are not in their one order (depth, then digest)")


def _check_timelock(case: Case, answer: Answer, demand: Demand) -> None:
    checks.check_times(case, answer)
    for execution in case.of_kind("execution"):
        decision = parent_of(execution, "decision", case.records)
        eta = decision.body["eta"]
        if eta is None or demand.now < eta:
            detail = f"the timelock runs until {eta}, this machine's clock says {demand.now}"
            answer.fail("timelock_not_over", case.place(decision), detail)
        if demand.now < execution.body["executed_at"]:
            detail = f"executed at {execution.body['executed_at']}, this machine's clock says {demand.now}"
            answer.fail("timelock_not_over", case.place(execution), detail)


def _check_offer(case: Case, answer: Answer, demand: Demand) -> None:
    spec = _spec(case)
    decision = parent_of(parent_of(spec, "execution", case.records), "decision", case.records)
    proposal = parent_of(decision, "proposal", case.records)
    for record, offered in ((spec, demand.spec_record), (proposal, demand.proposal), (decision, demand.decision)):
        if record.digest != offered:
            answer.fail("another_run", case.place(record), f"{record.digest}, the site offered {offered[:64]}")


def _spec(case: Case) -> Record:
    return case.of_kind("spec")[0]


_Check = Callable[[Case, Answer, Demand], None]
_CHECKS: tuple[tuple[str, _Check], ...] = (
    ("the community is the trusted one", _check_trust),
    ("records are canonical, complete and in order", _check_records),
    ("every record rests on the records that it must", lambda case, answer, _: checks.check_parents(case, answer)),
    ("ballots are signed by their voters", lambda case, answer, _: checks.check_ballots(case, answer)),
    ("tallies recount", lambda case, answer, _: checks.check_tallies(case, answer)),
    ("decisions follow from the rules", lambda case, answer, _: checks.check_decisions(case, answer)),
    ("the timelock is over", _check_timelock),
    ("spec, datasets and rules are the approved ones", lambda case, answer, _: checks.check_spec(case, answer)),
    ("it is the run that was offered", _check_offer),
)


def _limited(lines: Iterable[bytes], limit_bytes: int) -> Iterator[bytes]:
    taken = 0
    for line in lines:
        taken += len(line)
        if taken > limit_bytes:
            raise _unreadable(f"it has more than {limit_bytes} bytes")
        yield line


def _mark(line: bytes) -> dict[str, Any] | None:
    """Return what a line says between the parts; None for a line of a part."""
    if len(line) > MARK_BYTES_MAX or not line.startswith((b'{"end":', b'{"part":', b'{"proof":')):
        return None
    try:
        value = strict_loads(line, max_bytes=MARK_BYTES_MAX)
    except CanonicalError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(value, dict) or canonical_bytes(value) + b"\n" != line:
        raise _unreadable("a line is not in its canonical form")
    return value


def _unreadable(detail: str) -> ProofRefused:
    return ProofRefused("proof_unreadable", "reading the proof", detail)
