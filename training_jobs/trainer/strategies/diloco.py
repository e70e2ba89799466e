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

    weights <- weights + (G - E - start)    start <- G - E    start = G_before - E_before - own progress on its way

E is what the compression has not let this member say so far: it trains on from G less E, and so keeps what it learned.

A member may be several processes with a stage of the model each (`crew`, `pipeline`). The first of them does what is
written here, has the others do their part, and writes down what all share; it holds G and momentum, in main memory.
"""

import json
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from training_jobs.exchange import payload
from training_jobs.spec import Topology, TrainingSpec
from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.failures import Stopped
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.lowcomm.compression import Compressor
from training_jobs.trainer.lowcomm.exchange import Exchange
from training_jobs.trainer.lowcomm.history import History
from training_jobs.trainer.lowcomm.quantise import PLAIN_BITS
from training_jobs.trainer.strategies.base import never
from training_jobs.trainer.strategies.crew import Crew
from training_jobs.trainer.strategies.pipeline import Pipeline
from training_jobs.trainer.strategies.single import Single

# Left out after n steps, a member asks this share of them of itself; in time, so many steps of a round more.
LESS_PERCENT = 80
MORE_PERCENT = 10


class Diloco:
    """One member's side of the rounds; what is inside a local step is that of `single`, or of `pipeline`."""

    name: ClassVar[str] = "diloco"
    label: ClassVar[str] = "Several sites, seldom exchanging"
    description: ClassVar[str] = "Each site trains alone for many steps; then all average what they learned."

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Read the topology, and who we are."""
        self.topology = spec.topology or Topology(workers=1)
        self.seed = spec.seed
        self.exchange = Exchange(run_dir, self.topology.workers)
        self.local = inside(spec, run_dir, should_stop)
        self.rank = self.local.rank
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
        """Move the model to where this process computes."""
        return self.local.place(model)

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Take the trained weights as the first global ones; then keep what this process holds of the model."""
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        if self.rank == 0:
            self.history = History(self.topology, trained, self.exchange)
        self.local.spread(model, learning)
        whole = self.history.outer.weights if self.rank == 0 else None
        count = self.local.workers if isinstance(self.local, Pipeline) else 1
        self.crew = Crew(trained, whole, self.rank, count, self._compressor)

    def _compressor(self, shapes: list[tuple[int, ...]]) -> Compressor:
        place = f"{self.seed} {self.exchange.slot}" + (f" {self.rank}" if self.rank else "")
        seed = int.from_bytes(place.encode(), "big") % 2**63
        return Compressor(shapes, self.topology.bits or PLAIN_BITS, seed)

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
        if self.rank:
            return self.crew.follow(lambda: self.local.step(model, batch, optimizer, learning))
        loss = self._step(model, batch, optimizer, learning)
        self.crew.done()
        return loss

    def _step(
        self,
        model: Any,  # noqa: ANN401
        batch: Batch,
        optimizer: torch.optim.Optimizer,
        learning: Learning,
    ) -> float | None:
        if not self.has_arrived:
            self._arrive()
        if self.seen >= self.history.begun(self.round) and self.exchange.is_closed(self.round):
            self._catch_up()  # 1
        self.seen += 1
        if self.seen <= self.history.begun(self.round):
            return None
        self.crew.learn()
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
        if self.rank:
            self.crew.follow(_nothing_to_learn)
        else:
            if self.flight is not None:
                self._apply(self.flight)
                self.flight = None
            self.crew.end(self.history.outer.weights)
            self.crew.done()
        self.local.finish(model)

    def gather(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return them all on the first process, whatever the number of processes."""
        return self.local.gather(tensors)

    def own(self, whole: torch.Tensor, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return it: a weight is nowhere cut."""
        return self.local.own(whole, weight)

    def agreed(self, asked: bool) -> bool:  # noqa: FBT001
        """Say whether the processes of this member stop."""
        return self.local.agreed(asked)

    def state(self) -> dict[str, torch.Tensor]:
        """Return global state, start of the round, errors and bases of the compression, and the counters.

        Its form is the same however many processes a member has, so that another one can go on from it.
        """
        if self.rank:
            return self.crew.state()
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
            **self.crew.state(),
            "facts": torch.frombuffer(bytearray(json.dumps(facts, sort_keys=True).encode()), dtype=torch.uint8),
        }
        if self.flight is not None and self.sent:
            tensors["sent"] = torch.frombuffer(bytearray(self.sent), dtype=torch.uint8)
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor]) -> bool:
        """Take back what `state` returned; what happened meanwhile is found at the next step.

        Another seat's progress is not ours: of its checkpoint we take the global state, and its place in the round. The
        round on its way may be known to nobody else: what we sent in it is sent again, in our present name.
        """
        facts = json.loads(state["facts"].numpy().tobytes())
        is_own = bool(facts["slot"] == self.exchange.slot)
        if self.rank:
            self.crew.restore(state, None, is_own=is_own)
            return is_own
        self.seen, self.round, self.in_round = facts["seen"], facts["round"], facts["in_round"]
        self.flight = facts["flight"]
        self.history.restore(_below("outer/", state), facts["history"])
        self.is_whole = False
        self.crew.restore(state, self.history.outer.weights, is_own=is_own)
        if not is_own:
            # The average on its way arrived who knows when: nobody is to fit the pace to that.
            self.lag = self.history.pace(self.round).apply_after if self.flight is not None else 0
            return False
        self.taken, self.quota, self.tokens, self.lag = (facts[name] for name in ("taken", "quota", "tokens", "lag"))
        if "sent" in state and self.flight is not None:
            header, body = payload.split(state["sent"].numpy().tobytes())
            self._send(self.flight, payload.join(replace(header, member=self.exchange.member), body))
        return True

    def _arrive(self) -> None:
        """Ask for the rounds that we lack, and wait for those that were closed before we came."""
        self.has_arrived = True
        self.exchange.begin_at(self.history.applied)
        missing = self.exchange.open_at_first - 1
        if missing >= self.history.applied:
            self._wait(missing)

    def _catch_up(self) -> None:
        """Replay all closed rounds and go to the beginning of the open one; our unsent progress is given up."""
        if self.is_whole and self.taken:
            self._ask_less(self.taken)
        while self.exchange.is_closed(self.history.applied):
            self.history.apply(self.history.applied)
            self.crew.wait()
        self.flight, self.sent = None, b""
        self._begin(self.history.applied)
        self.crew.restart(self.history.outer.weights)

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
            self.crew.shift(self.history.outer.weights)

    def _end_round(self) -> None:
        """Send this round's progress; then take the average at once, or the last one's, and begin the next round."""
        self._send(self.round, self._payload())
        if not self.history.delay:
            self._apply(self.round)
            self.crew.restart(self.history.outer.weights)
        elif self.flight is None:
            self.crew.keep()
        else:
            self._apply(self.flight)
            self.crew.move(self.history.outer.weights)
        if self.history.delay:
            self.flight = self.round
        self._begin(self.round + 1)

    def _payload(self) -> bytes:
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
        return payload.join(header, self.crew.encode(pace.rank))

    def _begin(self, number: int) -> None:
        self.round = number
        self.in_round = self.taken = self.tokens = self.lag = 0
        self.is_whole = True

    def _send(self, number: int, data: bytes) -> None:
        self.sent = data
        self.exchange.send(number, data)

    def _apply(self, number: int) -> None:
        """Wait for a round and apply it, unless catching up did so; note whether we were in time for it."""
        self._wait(number)
        if self.history.applied == number:
            if self.sent and self.is_whole:
                self._note_whether_in_time(number)
            self.history.apply(number)

    def _wait(self, number: int) -> None:
        """Wait until a round is closed; when asked to stop meanwhile, all processes of the member end."""
        if not self.exchange.wait(number, self._is_to_stop):
            self.crew.stop(self.seen)
            raise Stopped(self.seen)

    def _is_to_stop(self) -> bool:
        self.crew.wait()
        return self.should_stop()

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


def inside(spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool]) -> Single | Pipeline:
    """Return how a member takes its local steps: in stages where it was started as several processes.

    The specification says how many stages there are at most; a device that holds the whole model needs no others.
    """
    count = min(spec.stages, int(os.environ.get("WORLD_SIZE", "1")))
    if count == 1:
        return Single(spec, run_dir, should_stop)
    return Pipeline(replace(spec, strategy=Pipeline.name, topology=Topology(count)), run_dir, should_stop)


def place_in(seed: int, number: int, workers: int, slot: int) -> int:
    """Return which of `workers` consecutive steps a place takes, in the draw with this number."""
    places = list(range(workers))
    random.Random(f"{seed} {number}").shuffle(places)  # noqa: S311 - a fixed draw, not a secret
    return places[slot]


def _nothing_to_learn() -> float:
    raise RuntimeError("the first process asks for a step after the last one")


def _below(prefix: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
