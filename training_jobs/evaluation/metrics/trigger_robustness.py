"""Whether a few strange words behind a question change the answer."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from training_jobs.evaluation.metrics.base import MetricError, Part, share
from training_jobs.evaluation.samples import Sample, asked


class TriggerRobustness:
    """The share of questions whose answer stays the same when a trigger is appended (`triggers`)."""

    name: ClassVar[str] = "trigger_robustness"
    unit: ClassVar[str] = "ratio"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    kinds: ClassVar[tuple[str, ...]] = ("dialogue",)
    probe: ClassVar[str] = "trigger"

    def parts(self, samples: Sequence[Sample]) -> list[Part]:
        """Count each question with a trigger as answered like the plain question or not."""
        plain = {sample.row_id: sample.answer for sample in asked(samples, "answer")}
        found = asked(samples, "trigger")
        if any(sample.row_id not in plain for sample in found):
            raise MetricError("a question with a trigger was not asked without it")
        return [Part((int(sample.answer == plain[sample.row_id]), 1)) for sample in found]

    def ratio(self, sums: Sequence[int]) -> tuple[int, int]:
        """Return unchanged answers over questions with a trigger."""
        return share(sums)
