"""What a run writes down step by step: events, trace, checkpoints; and how it finds its place again after a break.

Where several processes are one run, each keeps these books, for each judges the loss; checkpoints are the first one's.
"""

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training_jobs.trainer import outputs
from training_jobs.trainer.checkpoint import Checkpoints
from training_jobs.trainer.failures import Stopped
from training_jobs.trainer.loop import Step, Training, learning_rate
from training_jobs.trainer.slice import Slice
from training_jobs.trainer.watch import LossWatch


class Bookkeeping:
    """Goes with one training from where it is resumed to its end; a `with` statement closes its files."""

    def __init__(
        self,
        run_dir: Path,
        training: Training,
        events: outputs.Events,
        identity: dict[str, Any],
        should_stop: Callable[[], bool] = lambda: False,
        part: Slice | None = None,
    ) -> None:
        """Resume `training` from the newest checkpoint that verifies and is of the same `identity`, if there is one.

        Of another worker's checkpoint the training goes on, but its tokens and its trace stay that worker's. A `part`
        of a run is done again from a checkpoint of any machine, and ends with one unless it ends with the model.
        """
        self._training = training
        self._events = events
        self._should_stop = should_stop
        self._until = part.last if part and not part.final else None
        self._watch = LossWatch(training.spec.warmup_steps)
        believed = ("spec",) if part else tuple(identity)
        self._checkpoints = Checkpoints(run_dir, identity, believed, first=training.strategy.rank == 0)
        checkpoint = self._checkpoints.newest(
            lambda name, reason: events.emit("checkpoint_passed_over", checkpoint=name, reason=reason)
        )
        is_own = training.restore(checkpoint.step, checkpoint.tensors()) if checkpoint else False
        self.meter = Meter(checkpoint.tokens, checkpoint.loss) if checkpoint and is_own else Meter()
        self.trace = outputs.Trace(run_dir, checkpoint.trace if checkpoint and is_own else None)
        if checkpoint:
            for line in self.trace.lines():
                self._watch.recall(line["step"], line["loss"])
            events.emit("resumed", step=checkpoint.step)

    def __enter__(self) -> Self:
        """Begin; a stop may have been asked for while the model was loaded."""
        if self._training.strategy.agreed(self._should_stop()):
            self.trace.close()
            raise Stopped(self._training.done)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the trace."""
        self.trace.close()

    def on_step(self, step: Step) -> None:
        """Write down one step: 1. judge the loss, 2. trace and event, 3. a checkpoint when it is due or the last act.

        After the last step there is nothing left to stop or to come back to: the artifact follows at once.
        """
        self._watch.look(step.number, step.loss)  # 1
        self.meter.add(step)  # 2
        self.trace.add(step)
        rate = learning_rate(self._training.spec, step.number - 1, self._training.steps)
        self._events.step(step, self._training.steps, rate, self.meter.tokens_per_second)
        if step.number == self._training.steps:
            return
        stop = self._training.strategy.agreed(self._should_stop()) or step.number == self._until
        if stop or step.number % self._training.spec.checkpoint_steps == 0:  # 3
            self.checkpoint()
        if stop:
            raise Stopped(step.number)

    def checkpoint(self) -> None:
        """Write a checkpoint of where the training is; all processes of a site take part."""
        tensors = self._training.tensors()
        if self._training.strategy.rank > 0:
            return
        state = {"step": self._training.done, "tokens": self.meter.tokens, "loss": self.meter.last_loss}
        seconds = self._checkpoints.save(state, tensors, self.trace.path())
        self._events.emit("checkpoint", step=self._training.done, seconds=f"{seconds:.3f}")


class Meter:
    """Counts tokens and time."""

    def __init__(self, tokens: int = 0, last_loss: str = "") -> None:
        """Start the clock, with what was counted before a checkpoint."""
        self.tokens = tokens
        self.last_loss = last_loss
        self._tokens_before = tokens
        self._started = time.monotonic()

    def add(self, step: Step) -> None:
        """Count one step."""
        self.tokens += step.tokens
        self.last_loss = outputs.loss_text(step.loss)

    def tokens_per_second(self) -> int:
        """Return the mean speed since this process started, in whole tokens."""
        return int((self.tokens - self._tokens_before) / max(time.monotonic() - self._started, 0.001))
