"""Watches the loss: tells a run that came apart from one that is merely noisy.

After WARM_UP steps (or the specification's warm-up, if that is longer), a loss is far out when it is above both
RATIO times the median of the last WINDOW losses and that median plus MARGIN nats; PATIENCE of them in a row are a
spike. A median does not move with single bad batches, and losses far out do not enter it; the ratio alone would call
0.04 after 0.01 a spike, the margin alone 9 after 8. A loss that climbs slowly is for the people who watch the run.

It is a function of the losses as the trace records them, so a resumed run watches as an uninterrupted one would.
"""

import math
from collections import deque
from decimal import Decimal
from statistics import median

from training_jobs.trainer.failures import PermanentFailure

WARM_UP = 50
WINDOW = 51
RATIO = 3
MARGIN = 2
PATIENCE = 5


class LossWatch:
    """Takes each loss in turn, and raises `loss_not_finite` or `loss_spike`; the same losses would come again."""

    def __init__(self, warmup_steps: int) -> None:
        """Start before the first step."""
        self._quiet_until = max(WARM_UP, warmup_steps)
        self._usual: deque[Decimal] = deque(maxlen=WINDOW)
        self._far_out = 0

    def look(self, step: int, loss: float) -> None:
        """Take the loss of one step."""
        if not math.isfinite(loss):
            raise PermanentFailure("loss_not_finite", f"the loss is {loss} at step {step}")
        self.recall(step, f"{loss:.6f}")
        if self._far_out == PATIENCE:
            usual = median(self._usual)
            raise PermanentFailure("loss_spike", f"the loss is {loss:.6f} at step {step}, after a usual {usual}")

    def recall(self, step: int, loss: str) -> None:
        """Take a loss as the trace records it, without a verdict: it was not the end of the run."""
        value = Decimal(loss)
        # A worker that joins late begins in the middle, with no losses seen yet.
        usual = median(self._usual) if self._usual else value
        if step > self._quiet_until and value > max(RATIO * usual, usual + MARGIN):
            self._far_out += 1
        else:
            self._far_out = 0
            self._usual.append(value)
