"""Which versions learnt from a dataset: through the specs of their runs, and what they were built on. Pure.

Works on records alone, so a stranger can answer it from the bundles of the releases, without this site. It finds what
the records say was trained on; a model that read the same text elsewhere is not found.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from governance.evidence.record import Record


@dataclass(frozen=True)
class Learnt:
    """One release that learnt from what was asked for.

    `datasets` are those of the asked ones that it or its ancestors trained on. `through` names the revisions from the
    version that it was built on to the one whose own run trained on them; it is empty where its own run did.
    """

    release: str
    model: str
    version: int
    revision: str
    datasets: tuple[str, ...]
    through: tuple[str, ...]


@dataclass(frozen=True)
class Blast:
    """The releases that learnt, by model and version; and the bases that no record here explains, so nobody can say."""

    learnt: tuple[Learnt, ...]
    unexplained: tuple[str, ...]

    @property
    def revisions(self) -> frozenset[str]:
        """The revisions of all releases that learnt."""
        return frozenset(each.revision for each in self.learnt)


@dataclass(frozen=True)
class _Made:
    """What a release was made of: its own datasets, and the revision that training started from."""

    record: Record
    datasets: frozenset[str]
    base: str


def blast_radius(datasets: Collection[str], records: Mapping[str, Record]) -> Blast:
    """Return which releases among `records` (by digest) learnt from any of these datasets (by their digests).

    Records of several bundles may be put together; a release whose run or spec is missing raises KeyError.
    """
    asked = frozenset(datasets)
    made = _releases(records)
    learnt = [found for revision in made if (found := _learnt(revision, asked, made))]
    bases = {each.base for each in made.values()}
    return Blast(
        tuple(sorted(learnt, key=lambda each: (each.model, each.version, each.revision))),
        tuple(sorted(bases - made.keys())),
    )


def holding_shard(shard: str, datasets: Iterable[Record]) -> set[str]:
    """Return the datasets one of whose shards or files has this SHA-256, by their records."""
    return {
        str(record.body["digest"])
        for record in datasets
        if shard in {part["sha256"] for part in (*record.body["shards"], *record.body["files"])}
    }


def of_source(name: str, datasets: Iterable[Record]) -> set[str]:
    """Return the datasets that name a source by this name or address, by their records."""
    return {
        str(record.body["digest"])
        for record in datasets
        if any(name in (source["name"], source["url"]) for source in record.body["sources"])
    }


def _releases(records: Mapping[str, Record]) -> dict[str, _Made]:
    """Return every release among the records, by its revision."""
    made = {}
    for record in records.values():
        if record.kind != "release":
            continue
        spec = _parent(_parent(record, "run", records), "spec", records).body
        trained_on = frozenset(str(use["digest"]) for use in spec["datasets"])
        made[str(record.body["revision"])] = _Made(record, trained_on, str(spec["base"]["revision"]))
    return made


def _parent(record: Record, kind: str, records: Mapping[str, Record]) -> Record:
    """Return the one parent of this kind; what else the record rests on need not be there."""
    for parent in record.parents:
        if parent in records and records[parent].kind == kind:
            return records[parent]
    raise KeyError(f"{record.kind} {record.digest} rests on a {kind} that is not there")


def _learnt(revision: str, asked: frozenset[str], made: Mapping[str, _Made]) -> Learnt | None:
    """Walk from a release down to where its weights began; a base that was walked already ends it."""
    found: set[str] = set()
    through: tuple[str, ...] = ()
    walked: list[str] = []
    at = revision
    while at in made and at not in walked:
        walked.append(at)
        trained_on = made[at].datasets & asked
        if trained_on and not found:
            through = tuple(walked[1:])
        found |= trained_on
        at = made[at].base
    if not found:
        return None
    body = made[revision].record.body
    return Learnt(
        release=made[revision].record.digest,
        model=str(body["model"]),
        version=int(body["version"]),
        revision=revision,
        datasets=tuple(sorted(found)),
        through=through,
    )
