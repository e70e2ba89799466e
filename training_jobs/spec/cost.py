"""What a run takes at most, before it starts, in integers; and whether the approved budget pays for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from training_jobs.spec.reading import SpecError
from training_jobs.spec.shape import TrainingSpec

# What the estimate assumes of one device-second (one second of a two-core machine). The estimate is an upper bound in
# tokens, and this constant is a lower bound in speed, so that an approved budget is enough on a busy machine too.
TOKENS_PER_DEVICE_SECOND = 2_500
# Preference tuning reads two answers for each record, and the frozen base reads them too: its forward pass is a third
# of what a forward and a backward pass cost.
ANSWERS_COMPARED = 2
REFERENCE_THIRDS = 4


@dataclass(frozen=True)
class Estimate:
    """An upper bound of what a run does and takes. Steps are those of one worker, the rest is of all together."""

    steps: int
    tokens: int
    device_seconds: int


def estimate(
    spec: TrainingSpec, records_by_digest: Mapping[str, int], bytes_by_digest: Mapping[str, int] | None = None
) -> Estimate:
    """Return an upper bound of steps, tokens and device-seconds, from the number of records in each dataset.

    Every record counts as often as its dataset is weighted, whatever its language, and every sequence at full length.
    A row is never longer than one sequence (the trainer refuses it), so packing can only lower what is counted here.
    Only plain text is cut into pieces: there `bytes_by_digest`, the sizes of the files, bound the tokens. Workers
    divide the batches among them; the stages of a pipeline wait for each other, at worst all but one. A dataset without
    a count raises KeyError: absent data never becomes zero.
    """
    sequences = _sequences(spec, records_by_digest, bytes_by_digest)
    batches = _ceiling(sequences, spec.batch_size)
    steps = spec.epochs * _ceiling(batches, spec.accumulation * spec.batches_at_once)
    tokens = spec.epochs * sequences * spec.sequence_length
    computed = tokens
    if spec.objective == "preference":
        tokens *= ANSWERS_COMPARED
        computed = _ceiling(tokens * REFERENCE_THIRDS, 3)
    seconds_of_a_worker = _ceiling(computed, TOKENS_PER_DEVICE_SECOND * spec.batches_at_once)
    return Estimate(steps, tokens, spec.workers * spec.stages * seconds_of_a_worker)


def require_within_budget(
    spec: TrainingSpec, records_by_digest: Mapping[str, int], bytes_by_digest: Mapping[str, int] | None = None
) -> Estimate:
    """Return the estimate, or raise SpecError when the budget, the deadline or the records do not suffice.

    Carbon and money are limits that the author wrote; what a device-second emits and costs depends on where a run lands
    (`training_jobs.before_vote`).
    """
    needed = estimate(spec, records_by_digest, bytes_by_digest)
    if needed.device_seconds > spec.device_seconds:
        raise SpecError(
            "budget_exceeded",
            "budget.device_seconds",
            spec.device_seconds,
            f"at least {needed.device_seconds} for {needed.steps} steps",
        )
    seconds = needed.device_seconds // (spec.workers * spec.stages)
    if spec.deadline_seconds is not None and spec.deadline_seconds < seconds:
        raise SpecError(
            "value_out_of_range", "deadline_seconds", spec.deadline_seconds, f"at least {seconds} for the work alone"
        )
    _require_enough_batches(spec, _ceiling(_sequences(spec, records_by_digest, bytes_by_digest), spec.batch_size))
    return needed


def _require_enough_batches(spec: TrainingSpec, batches: int) -> None:
    """Refuse a step that wants more batches than an epoch has, and workers that would never exchange."""
    if spec.accumulation > batches:
        raise SpecError(
            "value_out_of_range", "accumulation", spec.accumulation, f"at most {batches}, the batches of an epoch"
        )
    if spec.topology is None:
        return
    steps = spec.epochs * batches // (spec.accumulation * spec.batches_at_once)
    if steps < 1:
        allowed = f"at most {spec.epochs * batches // spec.accumulation}, so that each takes a step"
        raise SpecError("value_out_of_range", "topology.workers", spec.workers, allowed)
    if spec.topology.local_steps is not None and spec.topology.local_steps > steps:
        allowed = f"at most {steps}, the steps that each of {spec.workers} workers takes"
        raise SpecError("value_out_of_range", "topology.local_steps", spec.topology.local_steps, allowed)


def _sequences(
    spec: TrainingSpec, records_by_digest: Mapping[str, int], bytes_by_digest: Mapping[str, int] | None
) -> int:
    """Return how many sequences an epoch has at most. A token of text is at least a byte of its file."""
    sequences = sum(use.weight * records_by_digest[use.digest] for use in spec.datasets)
    if spec.objective == "continued":
        sizes = bytes_by_digest or {}
        # A piece begins with the last token of the one before.
        sequences += sum(use.weight * _ceiling(sizes[use.digest], spec.sequence_length - 1) for use in spec.datasets)
    return sequences


def _ceiling(amount: int, unit: int) -> int:
    return -(-amount // unit)
