"""What can be found of models, releases, datasets, rules and incidents (`settings.SEARCHABLE`).

Only what everybody may read, as it stands now: versions that were withdrawn, datasets that were removed and reports
whose text is withheld leave the index. How to reach somebody, sources and contributors are never in it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from governance.models import Community, Event
from governance.search.subjects import Found, named, numbers
from models_registry.models import Dataset, EthicsRule, Incident, Model, Version

_RELEASES = frozenset(
    {
        "version_released",
        "release_withdrawn",
        "release_held",
        "release_paused",
        "release_pause_ended",
        "release_rolled_back",
        "base_registered",
    }
)


@dataclass(frozen=True)
class Models:
    """Models by their names in both languages."""

    kind: str = "model"
    weight: int = 5
    events: frozenset[str] = frozenset({"base_registered", "version_released"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return all models."""
        return set(self.keys(community))

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return names, the address and the licence."""
        for row in Model.objects.filter(community=community):
            if str(row) in keys:
                more = f"{row.namespace} {row.name} {row.license}"
                yield Found(str(row), row.title_en, community.created_at, row.title_fr, more=more)

    def keys(self, community: Community) -> Iterator[str]:
        """Return the hub addresses."""
        yield from map(str, Model.objects.filter(community=community))


@dataclass(frozen=True)
class Releases:
    """Published versions that were not withdrawn."""

    kind: str = "release"
    weight: int = 4
    events: frozenset[str] = _RELEASES

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the revisions."""
        return named(events, "revision", "left")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return model and number; what was decided says what is new in it."""
        found = Version.objects.filter(
            model__community=community, revision__in=list(keys), release_record__isnull=False, withdrawn_at__isnull=True
        )
        for row in found.select_related("model", "proposal"):
            title, title_fr = (f"{name} v{row.number}" for name in (row.model.title_en, row.model.title_fr))
            text = row.proposal.title if row.proposal else ""
            more = f"{row.model} {row.revision} {row.manifest_sha256}"
            yield Found(row.revision, title, row.created_at, title_fr, text, more)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all revisions."""
        found = Version.objects.filter(model__community=community, release_record__isnull=False)
        yield from found.values_list("revision", flat=True)


@dataclass(frozen=True)
class Datasets:
    """Datasets that were registered and not removed."""

    kind: str = "dataset"
    weight: int = 3
    events: frozenset[str] = frozenset(
        {"dataset_registered", "dataset_included", "dataset_removed", "dataset_removed_by_rule", "suite_opened"}
    )

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the digests."""
        return named(events, "dataset", "successor", "digest")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return title, name, licence and languages."""
        rows = Dataset.objects.filter(community=community, digest__in=list(keys), removal__isnull=True)
        for row in rows:
            more = f"{row.slug} {row.license} {row.role} {' '.join(row.languages)} {row.digest}"
            yield Found(row.digest, row.title, row.registered_at, more=more)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all digests."""
        yield from Dataset.objects.filter(community=community).values_list("digest", flat=True)


@dataclass(frozen=True)
class Rules:
    """Ethics rules in force, by their short names."""

    kind: str = "rule"
    weight: int = 3
    events: frozenset[str] = frozenset({"rule_adopted", "rule_changed", "rule_repealed"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the names."""
        return named(events, "rule")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return title, and why it was adopted."""
        rows = EthicsRule.objects.filter(community=community, slug__in=list(keys), revoked_at__isnull=True)
        for row in rows:
            more = f"{row.slug} {row.metric} {row.metric.replace('_', ' ')} {row.scope}"
            yield Found(row.slug, row.title, row.adopted_at, text=row.why, more=more)

    def keys(self, community: Community) -> Iterator[str]:
        """Return the names of those in force."""
        in_force = EthicsRule.objects.filter(community=community, revoked_at__isnull=True)
        yield from in_force.values_list("slug", flat=True)


@dataclass(frozen=True)
class Incidents:
    """Incidents. What was reported can be found once everybody may read it, and as long as they may."""

    kind: str = "incident"
    weight: int = 2
    events: frozenset[str] = frozenset(
        {"incident_reported", "incident_triaged", "incident_answered", "incident_withheld", "contact_erased"}
    )

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the numbers."""
        return named(events, "incident")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return category and version, and of a readable report its text and the answer."""
        rows = Incident.objects.filter(community=community, number__in=numbers(keys)).select_related("version__model")
        for row in rows:
            told = f"{row.prompt}\n{row.expected}\n{row.seen}\n{row.answer}" if row.readable else ""
            names = [
                f"{name} v{row.version.number}" for name in (row.version.model.title_en, row.version.model.title_fr)
            ]
            category = row.category.replace("_", " ")
            title, title_fr = (f"{row.number} · {category} · {name}" for name in names)
            yield Found(str(row.number), title, row.reported_at, title_fr, told)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all numbers."""
        yield from map(str, Incident.objects.filter(community=community).values_list("number", flat=True))
