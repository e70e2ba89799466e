"""What can be found of training runs (`settings.SEARCHABLE`)."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from governance.models import Community, Event
from governance.search.subjects import Found, named, numbers
from training_jobs.models import Run


@dataclass(frozen=True)
class Runs:
    """Runs by the decision that ordered them."""

    kind: str = "run"
    weight: int = 2
    events: frozenset[str] = frozenset({"run_created", "run_judged", "run_failed", "run_canceled"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the numbers."""
        return named(events, "run")

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return the decision's title and the model."""
        rows = Run.objects.filter(community=community, pk__in=numbers(keys)).select_related("proposal", "model")
        for row in rows:
            more = f"{row.pk} {row.model} {row.model.title_en} {row.model.title_fr}"
            yield Found(str(row.pk), row.proposal.title, row.created_at, more=more)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all numbers."""
        yield from map(str, Run.objects.filter(community=community).values_list("pk", flat=True))
