"""DiLoCo (arXiv 2311.08105): many local steps with AdamW, then one outer step from everybody's pseudo-gradients.

The pseudo-gradient of a round is where it started minus where it ended. Every member computes the same average from the
same payloads in the same order, and so holds the same global weights, bit for bit, on machines of one class. Members
meet through files (`lowcomm.exchange`); one that is left out of a round, or comes late, replays the closed rounds
(outer steps only, no training) and goes on with the open one: the steps in between are skipped. It may begin with
another seat's checkpoint: that holds the global state, and only that is taken from it, with the optimizer's moments.

A member that was left out asks less of itself: it ends its rounds after fewer steps, skips the rest, and asks a little
more again after each round that it was in time for. Averages are weighted by tokens, so nobody else needs to know.

With a delay (`dilocox`) an average is applied while the next round trains. Until then a member keeps its own progress
("eager": arXiv 2502.12996 has a similar idea); when the average lands, own progress gives way to it:

    weights <- weights + (G - start)        start <- G        start = G_before - own progress on its way
"""

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from training_jobs.exchange import payload
from training_jobs.spec import Topology, TrainingSpec
from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.failures import PermanentFailure, Stopped
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.lowcomm.compression import Compressor
from training_jobs.trainer.lowcomm.exchange import Exchange
from training_jobs.trainer.lowcomm.history import History
from training_jobs.trainer.lowcomm.quantise import PLAIN_BITS, NotFiniteError
from training_jobs.trainer.strategies.base import OneProcess, never
from training_jobs.trainer.strategies.single import Single

# Left out after n steps, a member asks this share of them of itself; in time, so many steps of a round more.
LESS_PERCENT = 80
MORE_PERCENT = 10


class Diloco(OneProcess):
    """One member's side of the rounds; what is inside a local step is `single`'s."""

    name: ClassVar[str] = "diloco"
    label: ClassVar[str] = "Several sites, seldom exchanging"
    description: ClassVar[str] = "Each site trains alone for many steps; then all average what they learned."

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Read the topology, and who we are."""
        self.topology = spec.topology or Topology(workers=1)
        self.seed = spec.seed
        self.exchange = Exchange(run_dir, self.topology.workers)
        self.local = Single(spec, run_dir)
        self.should_stop = should_stop
        self.total = 0
        self.seen = 0  # steps taken or skipped
        self.round = 0
        self.in_round = 0  # where in the round we are; `taken` of these steps were our own
        self.taken = self.tokens = 0
        self.lag = 0
        self.flight: int | None = None  # the round that was sent and not yet applied
        self.sent = b""  # what we sent in it; nothing when it was another seat's
        self.quota: int | None = None  # after how many steps we end a round; None: when all do
        self.has_arrived = False
        self.is_whole = True  # nothing interrupted us since the round began

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield every step that falls to our place: of each `workers` steps one, drawn anew from the seed each time.

        What is left when the plan does not divide is left out, so that all members take equally many steps.
        """
        together: list[StepRows] = []
        number = 0
        for rows in plan:
            together.append(rows)
            if len(together) == self.topology.workers:
                yield together[place_in(self.seed, number, self.topology.workers, self.exchange.slot)]
                together = []
                number += 1

    def steps(self, total: int) -> int:
        """Return how many steps each member takes."""
        self.total = total // self.topology.workers
        return self.total

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to the device and take its trained weights as the first global ones."""
        model = self.local.place(model)
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.history = History(self.topology, self.weights, self.exchange)
        seed = int.from_bytes(f"{self.seed} {self.exchange.slot}".encode(), "big") % 2**63
        self.compressor = Compressor(self.history.shapes, self.topology.bits or PLAIN_BITS, seed)
        self.start = self.history.outer.weights
        return model

    def step(
        self,
        model: Any,  # noqa: ANN401
        batch: Batch,
        optimizer: torch.optim.Optimizer,
        learning: Learning,
    ) -> float | None:
        """Learn from one batch; None when the others are past this step already.

        1. Catch up when our round was closed without us. 2. One local step. 3. Apply the average on its way when it is
        due. 4. At the end of the round, send what was learned.
        """
        if not self.has_arrived:
            self._arrive()
        if self.seen >= self.history.begun(self.round) and self.exchange.is_closed(self.round):
            self._catch_up()  # 1
        self.seen += 1
        if self.seen <= self.history.begun(self.round):
            return None
        loss = self.local.step(model, batch, optimizer, learning)  # 2
        if not math.isfinite(loss):
            return loss  # never sent to others; the run ends here
        self.in_round += 1
        self.taken += 1
        self.tokens += batch.token_count
        self._look_at_flight()  # 3
        is_over = self.in_round == self.history.pace(self.round).local_steps or self.seen == self.total
        if is_over or self.taken == self.quota:
            self._end_round()  # 4
        return loss

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Apply what is still on its way; then all members hold the same weights."""
        if self.flight is not None:
            self._apply(self.flight)
            self.flight = None
        self._set_weights(self.history.outer.weights)

    def state(self) -> dict[str, torch.Tensor]:
        """Return global state, start of the round, errors and bases of the compression, and the counters."""
        facts = {
            "slot": self.exchange.slot,
            "seen": self.seen,
            "round": self.round,
            "in_round": self.in_round,
            "taken": self.taken,
            "quota": self.quota,
            "tokens": self.tokens,
            "lag": self.lag,
            "flight": self.flight,
            "history": self.history.facts(),
        }
        tensors = {
            **{f"outer/{name}": tensor for name, tensor in self.history.state().items()},
            **{f"compressor/{name}": tensor for name, tensor in self.compressor.state().items()},
            "facts": torch.frombuffer(bytearray(json.dumps(facts, sort_keys=True).encode()), dtype=torch.uint8),
        }
        if self.flight is not None and self.sent:
            tensors["sent"] = torch.frombuffer(bytearray(self.sent), dtype=torch.uint8)
        if self.start is not self.history.outer.weights:
            tensors |= {f"start/{index:05d}": tensor for index, tensor in enumerate(self.start)}
        return tensors

    def restore(self, state: dict[str, torch.Tensor]) -> bool:
        """Take back what `state` returned; what happened meanwhile is found at the next step.

        Another seat's progress is not ours: of its checkpoint we take the global state, and its place in the round. The
        round on its way may be known to nobody else: what we sent in it is sent again, in our present name.
        """
        facts = json.loads(state["facts"].numpy().tobytes())
        self.seen, self.round, self.in_round = facts["seen"], facts["round"], facts["in_round"]
        self.flight = facts["flight"]
        self.history.restore(_below("outer/", state), facts["history"])
        self.is_whole = False
        if facts["slot"] != self.exchange.slot:
            self.start = [weight.clone() for weight in self.history.outer.weights]
            self._set_weights(self.start)
            # The average on its way arrived who knows when: nobody is to fit the pace to that.
            self.lag = self.history.pace(self.round).apply_after if self.flight is not None else 0
            return False
        self.taken, self.quota, self.tokens, self.lag = (facts[name] for name in ("taken", "quota", "tokens", "lag"))
        if "sent" in state and self.flight is not None:
            header, body = payload.split(state["sent"].numpy().tobytes())
            self._send(self.flight, payload.join(replace(header, member=self.exchange.member), body))
        self.compressor.load_state(_below("compressor/", state))
        start = _below("start/", state)
        self.start = [start[name].clone() for name in sorted(start)] if start else self.history.outer.weights
        return True

    def _arrive(self) -> None:
        """Ask for the rounds that we lack, and wait for those that were closed before we came."""
        self.has_arrived = True
        self.exchange.begin_at(self.history.applied)
        missing = self.exchange.open_at_first - 1
        if missing >= self.history.applied and not self.exchange.wait(missing, self.should_stop):
            raise Stopped(self.seen)

    def _catch_up(self) -> None:
        """Replay all closed rounds and go to the beginning of the open one; our unsent progress is given up."""
        if self.is_whole and self.taken:
            self._ask_less(self.taken)
        while self.exchange.is_closed(self.history.applied):
            self.history.apply(self.history.applied)
        self.flight, self.sent = None, b""
        self._begin(self.history.applied, self.history.outer.weights)
        self._set_weights(self.start)

    def _look_at_flight(self) -> None:
        """Note when the exchange of the round before is complete, and apply it at the step that the pace says."""
        if self.flight is None:
            return
        if self.lag == 0 and self.exchange.is_closed(self.flight):
            self.lag = self.in_round
        pace = self.history.pace(self.round)
        if self.in_round == pace.apply_after < pace.local_steps:
            self._apply(self.flight)
            self.flight = None
            self.lag = self.lag or self.in_round
            for weight, start, target in zip(self.weights, self.start, self.history.outer.weights, strict=True):
                weight.data.add_((target - start).to(weight.device, weight.dtype))
            self.start = self.history.outer.weights

    def _end_round(self) -> None:
        """Send this round's progress; then take the average at once, or the last one's, and begin the next round."""
        progress = [
            start - weight.detach().to("cpu", torch.float32)
            for start, weight in zip(self.start, self.weights, strict=True)
        ]
        self._send(self.round, self._payload(progress))
        if not self.history.delay:
            self._apply(self.round)
            self._begin(self.round + 1, self.history.outer.weights)
            self._set_weights(self.start)
            return
        if self.flight is None:
            ended = [start - moved for start, moved in zip(self.start, progress, strict=True)]
        else:
            self._apply(self.flight)
            ended = [start - moved for start, moved in zip(self.history.outer.weights, progress, strict=True)]
            self._set_weights(ended)
        self.flight = self.round
        self._begin(self.round + 1, ended)

    def _payload(self, progress: list[torch.Tensor]) -> bytes:
        pace = self.history.pace(self.round)
        header = payload.Header(
            round=self.round,
            member=self.exchange.member,
            tokens=self.tokens,
            steps=self.taken,
            rank=pace.rank,
            bits=self.topology.bits or PLAIN_BITS,
            lag=self.lag or (pace.apply_after if self.flight is None else self.in_round),
            start=self.history.start_digest(self.round),
        )
        try:
            return payload.join(header, self.compressor.encode(progress, pace.rank))
        except NotFiniteError as error:
            raise PermanentFailure("loss_not_finite", f"the weights after {self.seen} steps: {error}") from error

    def _begin(self, number: int, start: list[torch.Tensor]) -> None:
        self.round, self.start = number, start
        self.in_round = self.taken = self.tokens = self.lag = 0
        self.is_whole = True

    def _send(self, number: int, data: bytes) -> None:
        self.sent = data
        self.exchange.send(number, data)

    def _apply(self, number: int) -> None:
        """Wait for a round and apply it, unless catching up did so; note whether we were in time for it."""
        if not self.exchange.wait(number, self.should_stop):
            raise Stopped(self.seen)
        if self.history.applied == number:
            if self.sent and self.is_whole:
                self._note_whether_in_time(number)
            self.history.apply(number)

    def _note_whether_in_time(self, number: int) -> None:
        if self.exchange.member not in {entry.member for entry in self.exchange.entries(number)}:
            header, _body = payload.split(self.sent)
            self._ask_less(header.steps)
        elif self.quota is not None:
            most = self.history.pace(self.round).local_steps
            more = self.quota + max(1, most * MORE_PERCENT // 100)
            self.quota = more if more < most else None

    def _ask_less(self, taken: int) -> None:
        self.quota = max(1, taken * LESS_PERCENT // 100)

    def _set_weights(self, values: list[torch.Tensor]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.data.copy_(value)


def place_in(seed: int, number: int, workers: int, slot: int) -> int:
    """Return which of `workers` consecutive steps a place takes, in the draw with this number."""
    places = list(range(workers))
    random.Random(f"{seed} {number}").shuffle(places)  # noqa: S311 - a fixed draw, not a secret
    return places[slot]


def _below(prefix: str, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
