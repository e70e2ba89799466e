"""What a preview does otherwise than the run that it is a preview of: it ends early, and one machine does it alone.

RUN_DIR/preview.json is {"steps": N, "samples": K}: at most N steps are taken, with the learning rates of the whole
schedule, and at most K questions are asked. The platform writes it; in the folder of a run there is none. What is made
under it says so ("preview": true), and is never taken for the result of a run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import StepRows
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.strategies.base import never
from training_jobs.trainer.strategies.diloco import place_in
from training_jobs.trainer.strategies.single import Single

FILE = "preview.json"
BYTES_MAX = 1_000


@dataclass(frozen=True)
class Preview:
    """The bounds of a preview."""

    steps: int
    samples: int


def read(run_dir: Path) -> Preview | None:
    """Return the bounds that stand in the folder, or None for a run; PermanentFailure for bounds that are none."""
    try:
        found = strict_loads((run_dir / FILE).read_bytes(), max_bytes=BYTES_MAX)
    except FileNotFoundError:
        return None
    except CanonicalError as error:
        raise PermanentFailure(error.code, f"{FILE}: {error.detail}") from error
    if not isinstance(found, dict) or set(found) != {"steps", "samples"}:
        raise PermanentFailure("malformed_request", f"{FILE} has exactly the keys steps and samples")
    if any(type(value) is not int or value < 1 for value in found.values()):
        raise PermanentFailure("malformed_request", f"the numbers of {FILE} are whole and above zero")
    return Preview(**found)


class Alone(Single):
    """The first of those who would take part, without the others: its share of the steps, on one device.

    Where members exchange seldom, it learns what the lead learns until the first exchange. Where they average every
    step, its batches are smaller than theirs together. For a run of one machine it is `single`.
    """

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Read who would take part."""
        super().__init__(spec, run_dir, should_stop)
        self.workers = spec.batches_at_once
        self.seed = spec.seed
        self.draws = spec.topology is not None and spec.topology.local_steps is not None

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield the first one's share; what does not divide is left out."""
        together = zip(*[iter(plan)] * self.workers, strict=False)
        for number, rows in enumerate(together):
            yield rows[place_in(self.seed, number, self.workers, 0) if self.draws else 0]

    def steps(self, total: int) -> int:
        """Return how many steps each of them would take."""
        return total // self.workers


def chosen(rows: Sequence[dict[str, Any]], samples: int) -> list[dict[str, Any]]:
    """Return about `samples` rows in their order, as many of each language, evenly spread; one of each at least."""
    places: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        places.setdefault(row["language"], []).append(index)
    share = max(1, samples // len(places))
    kept = {
        indexes[number * len(indexes) // count]
        for indexes in places.values()
        for count in [min(share, len(indexes))]
        for number in range(count)
    }
    return [rows[index] for index in sorted(kept)]
