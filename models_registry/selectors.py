"""Questions that pages and the API ask about models and releases. Reads only.

What a release rests on is read from its published bundle, the same bytes that a stranger downloads, so that the page
can never tell a better story than the download does. The verification is the stranger's own `verify.check`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Prefetch

from governance import clock
from governance.errors import NotFound, Unavailable
from governance.evidence.record import Record
from governance.models import Community, Proposal
from models_registry import lineage_graph
from models_registry.deliveries import told
from models_registry.descent import Built, Ground, built_on, ground_of
from models_registry.models import Dataset, EthicsRule, Model, Publication, Version
from models_registry.promises import Delivered, delivered
from models_registry.provenance import bundle, verify
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.shapes import parent_of
from models_registry.release_keys import SignedWith, signed_with
from models_registry.release_status import passed_over
from models_registry.responsibility import Responsibility, promised, responsibility
from models_registry.services import version_folder
from models_registry.withdrawals import Stop, stop_of

VERIFICATION_SECONDS = 3600


@dataclass(frozen=True)
class Measure:
    """One metric of an evaluation, exact: the parent version's value before, the candidate's after.

    `low` and `high` are the ends of the interval around `after`; `suite` is the digest of a rule's own suite.
    """

    metric: str
    before: Fraction | None
    after: Fraction | None
    unit: str
    samples: int
    low: Fraction | None = None
    high: Fraction | None = None
    suite: str = ""


@dataclass(frozen=True)
class VersionRow:
    """A version with what was measured when it was accepted."""

    version: Version
    measures: tuple[Measure, ...]
    headline: Measure | None
    stop: Stop | None
    ground: Ground | None = None

    @property
    def passed_over(self) -> tuple[str, ...]:
        """The rules that it breaks and that a vote passed over."""
        return passed_over(self.version)

    @property
    def in_use(self) -> bool:
        """Whether the hub may hand it out as the current one: neither stopped nor left for an earlier version."""
        return self.stop is None and self.version.set_back_at is None


@dataclass(frozen=True)
class ModelCard:
    """A model with its newest versions first."""

    model: Model
    versions: tuple[VersionRow, ...]

    @property
    def newest(self) -> VersionRow | None:
        """Return the newest version that is handed out; where none is, the newest."""
        handed_out = (row for row in self.versions if row.in_use and row.version.published_at is not None)
        return next(handed_out, self.versions[0] if self.versions else None)


@dataclass(frozen=True)
class Effects:
    """What an executed proposal made, in this app."""

    datasets: tuple[Dataset, ...]
    rules: tuple[EthicsRule, ...]
    versions: tuple[Version, ...]

    def __bool__(self) -> bool:
        """Say whether there is anything."""
        return bool(self.datasets or self.rules or self.versions)


@dataclass(frozen=True)
class Step:
    """One record of a lineage, with the records that it rests on and how many ballots stand behind it."""

    record: Record
    ballots: int

    @property
    def proposal_number(self) -> int | None:
        """Return the number, for a proposal."""
        return self.record.body.get("number") if self.record.kind == "proposal" else None


@dataclass(frozen=True)
class Strand:
    """One decision of a lineage with all that follows from it, and the first of its ballots."""

    proposal: Step
    steps: tuple[Step, ...]
    ballots: tuple[lineage_graph.Ballot, ...]


@dataclass(frozen=True)
class Lineage:
    """The walk from a release back to the ballots, read from its bundle."""

    strands: tuple[Strand, ...]
    graph: lineage_graph.Graph
    record_count: int
    ballot_count: int
    files: tuple[Mapping[str, Any], ...]
    records: tuple[Record, ...]


@dataclass(frozen=True)
class ReleaseDetail:
    """All that the page of a release shows. `problem` says why the bundle cannot be read, when it cannot.

    `instead` is the newest version that is handed out, where this one is not. `built_on` are the versions that were
    built on this one. `promises` and `answers` come from the records of the bundle.
    """

    version: Version
    row: VersionRow
    publications: tuple[Publication, ...]
    deliveries: tuple[dict[str, Any], ...]
    lineage: Lineage | None
    problem: str
    signed_with: SignedWith
    instead: Version | None
    built_on: tuple[Built, ...]
    accountability: "Accountability | None"


@dataclass(frozen=True)
class Accountability:
    """Who answers for a release, and what its proposal promised with what was measured; from its records alone."""

    responsibility: Responsibility
    promises: tuple[Delivered, ...]


def models_of(community: Community) -> list[ModelCard]:
    """Return the models of a community with their versions."""
    found = Model.objects.filter(community=community).order_by("id").prefetch_related(_versions())
    return [_card(model) for model in found]


def model_counts() -> dict[int, int]:
    """Return how many models each community owns, by its id."""
    counted = Model.objects.order_by().values("community_id").annotate(rows=Count("pk"))
    return dict(counted.values_list("community_id", "rows"))


def model_named(namespace: str, name: str) -> ModelCard:
    """Return a model with its versions, or raise NotFound."""
    found = (
        Model.objects.select_related("community")
        .filter(namespace=namespace, name=name)
        .prefetch_related(_versions())
        .first()
    )
    if found is None:
        raise NotFound("model_not_found", "there is no model with this name", found=f"{namespace}/{name}")
    card = _card(found)
    ground = ground_of([row.version for row in card.versions], clock.now())
    return replace(card, versions=tuple(replace(row, ground=ground.get(row.version.pk)) for row in card.versions))


def release_detail(revision: str) -> ReleaseDetail:
    """Return a release by its revision, or raise NotFound."""
    version = (
        Version.objects.select_related(
            "model", "model__community", "proposal", "evaluation_record", "release_record", "parent"
        )
        .filter(revision=revision, release_record__isnull=False)
        .first()
    )
    if version is None:
        raise NotFound("release_not_found", "there is no release with this revision", field="revision", found=revision)
    lineage, problem = None, ""
    try:
        lineage = read_lineage(version_folder(version))
    except (BundleError, OSError) as error:
        problem = str(error)
    publications = tuple(version.publications.order_by("published_at"))
    rows = version.deliveries.select_related("publication").order_by("pk")
    open_deliveries = tuple(told(row, clock.now()) for row in rows if row.publication_id is None)
    now = clock.now()
    row = replace(version_row(version), ground=ground_of([version], now).get(version.pk))
    return ReleaseDetail(
        version=version,
        row=row,
        publications=publications,
        deliveries=open_deliveries,
        lineage=lineage,
        problem=problem,
        signed_with=signed_with(version),
        instead=None if row.in_use else _handed_out(version),
        built_on=built_on(version, now),
        accountability=_accountability(lineage.records) if lineage else None,
    )


def accountability_of(revision: str) -> Accountability:
    """Return who answers for a release; raise NotFound, or Unavailable if its bundle cannot be read."""
    found = release_detail(revision).accountability
    if found is None:
        raise Unavailable("bundle_unreadable", "the bundle of this release cannot be read just now")
    return found


def _accountability(records: Sequence[Record]) -> Accountability | None:
    """Read the two from the records of a bundle; nothing where they do not hold together."""
    by_digest = {record.digest: record for record in records}
    release = next((record for record in records if record.kind == "release"), None)
    try:
        if release is None:
            return None
        run, evaluation = parent_of(release, "run", by_digest), parent_of(release, "evaluation", by_digest)
        spec = parent_of(run, "spec", by_digest)
        found = delivered(promised(by_digest, run), evaluation.body, spec.body["output"])
        return Accountability(responsibility(by_digest, run, evaluation), found)
    except (KeyError, IndexError, TypeError, ValueError):  # a damaged bundle, which the verification names
        return None


def read_lineage(folder: Path) -> Lineage:
    """Read the bundle of a release and order its records by the decision that they follow from."""
    found = bundle.read(folder)
    ballots = bundle.strict(bundle.read_lines(folder, bundle.BALLOTS, Record.from_bytes))
    graph = lineage_graph.draw_up(found.records, ballots)
    counts = {node.number: node for node in graph.nodes if node.kind == lineage_graph.BALLOTS}
    records = [node for node in graph.nodes if node.kind != lineage_graph.BALLOTS and node.number is not None]
    strands = [
        Strand(
            Step(votes.record, votes.ballot_count),
            tuple(
                Step(node.record, votes.ballot_count)
                for node in records
                if node.number == number and node.record is not votes.record
            ),
            votes.ballots,
        )
        for number, votes in sorted(counts.items(), reverse=True)
    ]
    return Lineage(
        strands=tuple(strands),
        graph=graph,
        record_count=len(found.records),
        ballot_count=sum(votes.ballot_count for votes in counts.values()),
        files=tuple(found.manifest["files"]),
        records=found.records,
    )


def release_graph(revision: str) -> lineage_graph.Graph:
    """Return the lineage of a release as a graph; raise NotFound, or Unavailable if its bundle cannot be read."""
    shown = release_detail(revision)
    if shown.lineage is None:
        raise Unavailable("bundle_unreadable", "the bundle of this release cannot be read just now")
    return shown.lineage.graph


def verification(version: Version) -> verify.Report | None:
    """Verify a release with the community's key as the trust root; nothing when its folder is gone.

    The answer is kept for an hour under the size and time of every file, so that a change of any file is checked anew.
    """
    folder = version_folder(version)
    key = f"verification:{version.revision}:{version.model.community.release_key}"
    try:
        fingerprint = _fingerprint(folder)
        kept = cache.get(key)
        if kept is not None and kept[0] == fingerprint:
            report: verify.Report = kept[1]
            return report
        report = verify.check(folder, verify.TrustRoots(release_key=version.model.community.release_key))
    except (verify.Unreadable, OSError):
        return None
    cache.set(key, (fingerprint, report), VERIFICATION_SECONDS)
    return report


def effects_of(proposal: Proposal) -> Effects:
    """Return what a proposal made in this app: nothing before it was carried out."""
    if proposal.executed_at is None:
        return Effects((), (), ())
    return Effects(
        tuple(Dataset.objects.filter(proposal=proposal)),
        tuple(EthicsRule.objects.filter(proposal=proposal)),
        tuple(Version.objects.filter(proposal=proposal).select_related("model")),
    )


def measures_of(evaluation: Mapping[str, Any]) -> tuple[Measure, ...]:
    """Return the metrics of an evaluation's body, by name: of the run's suite, then of those that rules name."""
    parts = {"": evaluation, **evaluation.get("further", {})}
    return tuple(measure for suite in sorted(parts) for measure in _measures_on(suite, parts[suite]))


def _measures_on(suite: str, part: Mapping[str, Any]) -> Iterator[Measure]:
    candidate, parent = part.get("candidate", {}), part.get("parent", {})
    for metric in sorted({*candidate, *parent}):
        after = candidate.get(metric) or {}
        yield Measure(
            metric,
            _ratio(parent.get(metric)),
            _ratio(after),
            str((after or parent.get(metric) or {}).get("unit", "")),
            int(after.get("samples", 0)),
            _ratio(after.get("low")),
            _ratio(after.get("high")),
            suite,
        )


def version_row(version: Version) -> VersionRow:
    """Return a version with its measures."""
    if version.evaluation_record is None:
        return VersionRow(version, (), None, stop_of(version, clock.now()))
    measures = measures_of(version.evaluation_record.body)
    headline = next((measure for measure in measures if measure.metric == "answer_accuracy"), None)
    headline = headline or next((measure for measure in measures if "accuracy" in measure.metric), None)
    return VersionRow(version, measures, headline or (measures[0] if measures else None), stop_of(version, clock.now()))


def _handed_out(stopped: Version) -> Version | None:
    """Return the newest release of the same model that is handed out, or None."""
    now = clock.now()
    others = stopped.model.versions.filter(release_record__isnull=False, set_back_at__isnull=True)
    others = others.exclude(pk=stopped.pk).order_by("-number")
    return next((version for version in others.select_related("model") if stop_of(version, now) is None), None)


def _versions() -> "Prefetch[Any]":
    return Prefetch(
        "versions",
        Version.objects.select_related("model", "proposal", "evaluation_record", "release_record").order_by("-number"),
    )


def _card(model: Model) -> ModelCard:
    versions = {version.pk: version for version in model.versions.all()}
    for version in versions.values():
        if version.parent_id in versions:
            version.parent = versions[version.parent_id]  # no question to the database for each
    return ModelCard(model, tuple(version_row(version) for version in versions.values()))


def _ratio(value: object) -> Fraction | None:
    if not isinstance(value, Mapping):
        return None
    numerator, denominator = value.get("numerator"), value.get("denominator")
    if type(numerator) is not int or type(denominator) is not int or denominator <= 0:
        return None
    return Fraction(numerator, denominator)


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of every file below a folder: it changes when a file does."""
    stats = [(path.relative_to(folder).as_posix(), path.lstat()) for path in folder.rglob("*")]
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))
