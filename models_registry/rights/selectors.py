"""Questions that pages and the API ask about rights: requests, removals, contributions. Reads only."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from governance import lifecycle as votes
from governance.errors import Conflict, Invalid, NotFound
from governance.evidence.record import Record as RecordValue
from governance.models import Community, Proposal, Record
from models_registry.models import Dataset, Model, Removal, RemovalRequest, Version
from models_registry.rights import lifecycle
from models_registry.rights.blast import Blast, Learnt, blast_radius, holding_shard, of_source
from models_registry.rights.contributors import credits_of, shares_of_training
from models_registry.rights.leaves import LEAF
from models_registry.rights.lifecycle import Asked, Owed, RequestFacts, Vote
from models_registry.rights.remainder import holds
from models_registry.withdrawals import stop_of

KIND = "dataset_removal"
SEARCHED = ("dataset", "record", "shard", "source")
_FAILED = frozenset({votes.State.DEFEATED, votes.State.VETOED, votes.State.EXPIRED})


@dataclass(frozen=True)
class RequestRow:
    """A request with where it stands, and the newest vote on it."""

    request: RemovalRequest
    state: Asked
    proposal: Proposal | None

    @property
    def open(self) -> bool:
        """Whether somebody can still answer it."""
        return self.state in lifecycle.OPEN


@dataclass(frozen=True)
class Warned:
    """A removal as a model or a version is told of it: who learnt from the data, and whether what follows is done."""

    removal: Removal
    state: Owed
    learnt: tuple[Learnt, ...]


@dataclass(frozen=True)
class Share:
    """What part of a run's rows somebody gave; `contributor` is empty for rows that nobody is named for."""

    contributor: str
    part: Fraction


@dataclass(frozen=True)
class Found:
    """What was searched for, the datasets that hold it, and the versions that learnt from these."""

    by: str
    value: str
    datasets: tuple[Dataset, ...]
    blast: Blast


def requests_of(community: Community, now: datetime) -> list[RequestRow]:
    """Return all requests of a community, newest first."""
    found = list(community.removal_requests.select_related("dataset__removal", "community"))
    on_vote = _votes_on(community)
    return [_row(request, on_vote.get(request.reference), now) for request in found]


def request_named(reference: str, now: datetime) -> RequestRow:
    """Return a request by its reference, or raise NotFound."""
    known = RemovalRequest.objects.select_related("dataset__removal", "community")
    found = known.filter(reference=reference).first()
    if found is None:
        raise NotFound("unknown_request", "there is no such request", field="reference", found=reference)
    return request_of(found, now)


def request_of(request: RemovalRequest, now: datetime) -> RequestRow:
    """Return where a request stands."""
    return _row(request, _votes_on(request.community, request.reference).get(request.reference), now)


def facts_of(request: RemovalRequest, now: datetime) -> RequestFacts:
    """Return what the state of a request is computed from."""
    return _facts(request, _votes_on(request.community, request.reference).get(request.reference), now)


def what_is_left(dataset: Dataset) -> Dataset:
    """Return the dataset itself, or what is left of it after all removals; raise Conflict where nothing is."""
    found, removal = dataset, removal_of(dataset)
    while removal is not None:
        if removal.successor is None:
            detail = f"“{dataset.title}” was removed as a whole on {removal.removed_at:%Y-%m-%d}"
            raise Conflict("dataset_removed", detail, found=dataset.digest)
        found, removal = removal.successor, removal_of(removal.successor)
    return found


def removal_of(dataset: Dataset) -> Removal | None:
    """Return the removal that ended a dataset, or None for one that stands."""
    return getattr(dataset, "removal", None)


def removals_of(community: Community) -> list[Removal]:
    """Return what was removed, newest first."""
    found = Removal.objects.filter(dataset__community=community).select_related(
        "dataset", "successor", "proposal", "request"
    )
    return list(found.order_by("-removed_at"))


def warnings_of(model: Model, now: datetime) -> list[Warned]:
    """Return the removals that some version of a model learnt from, newest first."""
    removals = removals_of(model.community)
    if not removals:
        return []
    records = records_of(model.community)
    rows = model.versions.filter(published_at__isnull=False).order_by("-number").defer("files")
    handed_out = [row.revision for row in rows if stop_of(row, now) is None and row.set_back_at is None]
    warned = []
    for removal in removals:
        found = blast_radius({removal.dataset.digest}, records)
        learnt = tuple(each for each in found.learnt if each.model == str(model))
        if learnt:
            state = lifecycle.owed(
                removal.follow_up, removal.due_at, {each.revision for each in learnt}, handed_out, now
            )
            warned.append(Warned(removal, state, learnt))
    return warned


def warnings_of_version(version: Version, now: datetime) -> list[Warned]:
    """Return the removals of data that this very version learnt from."""
    return [
        warned
        for warned in warnings_of(version.model, now)
        if version.revision in {each.revision for each in warned.learnt}
    ]


def open_warnings(warned: Iterable[Warned]) -> list[Warned]:
    """Return those of which a model page still warns."""
    return [each for each in warned if each.state is not Owed.SETTLED]


def search(community: Community, by: str, value: str) -> Found:
    """Return what learnt from a record, shard, source or dataset; raise Invalid for what cannot be one.

    A record is looked for in the rows of every dataset that was ever included, so this reads them all.
    """
    if by not in SEARCHED:
        raise Invalid("unknown_search", "search by one of these", field="by", found=by, allowed=SEARCHED)
    if by != "source" and not LEAF.fullmatch(value):
        raise Invalid("malformed_field", "a digest is 64 lower-case hex digits", field=by, found=value[:80])
    included = Dataset.objects.included().filter(community=community).select_related("inclusion_record")
    datasets = list(included.order_by("included_at"))
    holding = _holding(by, value, datasets)
    held = tuple(dataset for dataset in datasets if dataset.digest in holding)
    if not held:
        raise NotFound(
            "nothing_holds_it", f"no dataset that was included here has this {by}", field=by, found=value[:80]
        )
    return Found(by, value, held, blast_radius(holding, records_of(community)))


def records_of(community: Community) -> dict[str, RecordValue]:
    """Return the releases of a community with their runs and specs, by digest: what a blast radius is read from."""
    versions = Version.objects.filter(model__community=community, release_record__isnull=False)
    found = _by_digest(Record.objects.filter(pk__in=versions.values("release_record")))
    for kind in ("run", "spec"):
        parents = {parent for record in found.values() for parent in record.parents}
        found |= _by_digest(Record.objects.filter(pk__in=parents, kind=kind))
    return found


def shares_of(version: Version) -> list[Share]:
    """Return who gave which part of the rows that a version's own run learnt from, the largest first."""
    if version.release_record is None:
        return []
    run = Record.objects.filter(pk__in=version.release_record.value.parents, kind="run").first()
    spec = Record.objects.filter(pk__in=run.value.parents, kind="spec").first() if run else None
    if spec is None:
        return []
    learnt = Record.objects.filter(pk__in=spec.value.parents, kind="dataset")
    bodies = {record.body["digest"]: record.body for record in learnt}
    shares = shares_of_training(spec.body, bodies)
    listed = [Share(contributor or "", part) for contributor, part in shares.items()]
    return sorted(listed, key=lambda share: (not share.contributor, -share.part, share.contributor))


def contribution_credits(community: Community) -> dict[str, str]:
    """Return the records that each address gave to datasets in force, as the power source reads its parameter."""
    standing = Dataset.objects.standing().filter(community=community, role="training")
    return credits_of(
        {"contributors": contributors} for contributors in standing.values_list("contributors", flat=True)
    )


def _holding(by: str, value: str, datasets: Collection[Dataset]) -> set[str]:
    records = [dataset.inclusion_record.value for dataset in datasets if dataset.inclusion_record is not None]
    if by == "dataset":
        return {value} & {dataset.digest for dataset in datasets}
    if by == "record":
        return {dataset.digest for dataset in datasets if holds(dataset, value)}
    return holding_shard(value, records) if by == "shard" else of_source(value, records)


def _by_digest(rows: Iterable[Record]) -> dict[str, RecordValue]:
    return {row.digest: row.value for row in rows}


def _votes_on(community: Community, reference: str = "") -> Mapping[str, Proposal]:
    """Return the newest proposal on each request, by its reference; drafts are their authors' own."""
    found = Proposal.objects.filter(community=community, kind=KIND, submitted_at__isnull=False)
    found = found.filter(canceled_at__isnull=True).order_by("number")
    if reference:
        found = found.filter(payload__request=reference)
    return {str(proposal.payload["request"]): proposal for proposal in found if proposal.payload["request"]}


def _standing(proposal: Proposal | None, now: datetime) -> Vote:
    if proposal is None:
        return Vote.NONE
    return Vote.FAILED if votes.state(proposal.facts, now) in _FAILED else Vote.UNDER_WAY


def _row(request: RemovalRequest, proposal: Proposal | None, now: datetime) -> RequestRow:
    return RequestRow(request, lifecycle.state_of(_facts(request, proposal, now), now), proposal)


def _facts(request: RemovalRequest, proposal: Proposal | None, now: datetime) -> RequestFacts:
    removal = removal_of(request.dataset)
    removed = removal is not None and removal.covers(request)
    # Its records may have been taken out of what was left, by a vote that names the request.
    removed = removed or request.removals.exists()
    return request.facts(_standing(proposal, now), removed=removed)
