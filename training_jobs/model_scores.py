"""What was measured of a model's releases over time: when each was released, and each time it was measured again.

Everything is read from records: the evaluation that a release rests on, and the measurements that name it. Values are
exact. A base that a community started from was never measured here by itself and has no line.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.models import Record
from models_registry import metrics
from models_registry.models import Version
from models_registry.watch import MEASUREMENT
from training_jobs.version_measures import Value, measured_in

AT_RELEASE, AGAIN = "release", "measurement"
OCCASIONS = (AT_RELEASE, AGAIN)


@dataclass(frozen=True)
class Score:
    """One metric on one suite at one time. `record` is the digest of what says so."""

    version: Version
    at: datetime
    occasion: str
    record: str
    suite: str
    metric: str
    unit: str
    higher_is_better: bool | None
    value: Value


def scores_of(versions: Iterable[Version]) -> tuple[Score, ...]:
    """Return all that was measured of these versions, the oldest first."""
    released = {version.revision: version for version in versions if version.evaluation_record is not None}
    subjects = {f"{MEASUREMENT}:{revision}": version for revision, version in released.items()}
    found = [
        score
        for version in released.values()
        for score in _scores(version, version.created_at, AT_RELEASE, version.evaluation_record)
    ]
    again = Record.objects.filter(kind=MEASUREMENT, subject__in=list(subjects)).order_by("created_at", "pk")
    for record in again:
        found += _scores(subjects[record.subject], record.created_at, AGAIN, record)
    return tuple(sorted(found, key=lambda score: (score.at, score.version.number, score.suite, score.metric)))


def _scores(version: Version, at: datetime, occasion: str, record: Record | None) -> Iterator[Score]:
    body: Mapping[str, Any] = record.body if record is not None else {}
    for suite, metric, unit, value in measured_in(body):
        known = metrics.find(metric)
        higher = known.higher_is_better if known else None
        digest = str(record.pk) if record is not None else ""
        yield Score(version, at, occasion, digest, suite, metric, unit, higher, value)
