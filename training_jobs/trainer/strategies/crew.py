"""The processes of one member among sites: what each holds of a round, and how the first has the others do their part.

A member is one process with the whole model, or one process for each pipeline stage. Each holds the trained weights of
its layers, where they started, and what the compression remembers of them. All else is the first one's (`diloco`): it
meets the other members, holds the global state G, and decides; the others wait for its word.

    LEARN     take a local step                        ENCODE   compress the progress, hand it to the first
    RESTART   weights <- G - E      start <- G - E     KEEP                                  start <- start - progress
    SHIFT     weights <- weights + (G - E - start),    MOVE     weights <- G - E - progress, start <- weights
              start <- G - E                           WAIT     for others: go on listening
    END       weights <- G                             DONE     the step is over             STOP     leave

E is what the compression has not let this member say so far (with MOVE: before the round that just ended). Training
goes on from G less E, so what was learned stays learned. From G alone it would be learned again in each round until it
was said, and then taken by everybody several times over; that costs more than the compression (benchmarks/RESULTS.md).

Each process compresses its own tensors, which is the dear part of a round, and keeps their errors; what goes to the
first is compressed. Members are averaged by the first: lengths, distances between members and digests are of whole
updates, and a sum over stages would be another one than a member of one process computes. G comes back from it tensor
by tensor. Where a weight is in two stages (embeddings that are the head's too), both move it, and the first tells it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto

import torch
from torch import distributed

from training_jobs.trainer.failures import PermanentFailure, Stopped
from training_jobs.trainer.lowcomm.compression import Compressor, Layout
from training_jobs.trainer.lowcomm.quantise import NotFiniteError
from training_jobs.trainer.strategies.together import to_first

# torch.distributed gives up after half an hour of silence, and waiting for other members may take longer.
WAIT_SECONDS = 60.0


class Order(IntEnum):
    """What the first process can say."""

    LEARN = auto()
    ENCODE = auto()
    RESTART = auto()
    SHIFT = auto()
    KEEP = auto()
    MOVE = auto()
    END = auto()
    WAIT = auto()
    DONE = auto()
    STOP = auto()


class Crew:
    """One process of a member. All but `follow`, `state` and `restore` are for the first; it speaks, then does it too.

    `trained`: all trained weights of the model, in its order, which the cut has left as they were or made empty and
    frozen. `whole`: on the first process the global weights, float32 on the CPU, in the same order; None elsewhere.
    """

    def __init__(
        self,
        trained: Sequence[torch.nn.Parameter],
        whole: Sequence[torch.Tensor] | None,
        rank: int,
        count: int,
        compressor_for: Callable[[list[tuple[int, ...]]], Compressor],
    ) -> None:
        """Find out who holds what; `count` is the number of processes."""
        self.rank, self.count = rank, count
        self.numbers = [number for number, weight in enumerate(trained) if weight.requires_grad]
        self.weights = [trained[number] for number in self.numbers]
        self._held = [self.numbers]
        if count > 1:
            self._held = [[] for _ in range(count)]
            distributed.all_gather_object(self._held, self.numbers)
        told_before = {number for numbers in self._held[:rank] for number in numbers}
        self._told = [place for place, number in enumerate(self.numbers) if number not in told_before]
        self._compressor = compressor_for([tuple(self.weights[place].shape) for place in self._told])
        self._start = [
            weight.detach().to("cpu", torch.float32, copy=True) if whole is None else whole[number]
            for number, weight in zip(self.numbers, self.weights, strict=True)
        ]
        self._starts_from_whole = True  # and so a checkpoint has it already
        self._progress: list[torch.Tensor] = []
        self._unsaid_before = self._compressor.errors
        self._said_at = time.monotonic()

    def learn(self) -> None:
        """Have a local step taken; the first takes its own."""
        self._say(Order.LEARN)

    def encode(self, rank: int) -> bytes:
        """Return the body for the progress since the start, at a rank of the compression.

        PermanentFailure when it is not finite, on the process whose weights these are.
        """
        self._say(Order.ENCODE, rank)
        return self._encode(rank)

    def restart(self, whole: Sequence[torch.Tensor]) -> None:
        """Give up what was learned since the start, and begin with the global weights less what was not said."""
        self._order(Order.RESTART, whole)

    def shift(self, whole: Sequence[torch.Tensor]) -> None:
        """Move start and weights by what the global weights, less what was not said, differ from the start."""
        self._order(Order.SHIFT, whole)

    def keep(self) -> None:
        """Begin where the round ended."""
        self._order(Order.KEEP, None)

    def move(self, whole: Sequence[torch.Tensor]) -> None:
        """Begin at the global weights with the progress of the round that ended."""
        self._order(Order.MOVE, whole)

    def end(self, whole: Sequence[torch.Tensor]) -> None:
        """Take the global weights as they are."""
        self._order(Order.END, whole)

    def wait(self) -> None:
        """Let the others know now and then that the first is busy with what other members do."""
        if time.monotonic() - self._said_at > WAIT_SECONDS:
            self._say(Order.WAIT)

    def done(self) -> None:
        """Let the others end this step."""
        self._say(Order.DONE)

    def stop(self, step: int) -> None:
        """Let the others leave; `step` is the last that counts."""
        self._say(Order.STOP, step)

    def follow(self, learn: Callable[[], float]) -> float | None:
        """Do what the first says until the step is done; return the loss of the step if one was taken."""
        loss = None
        while True:
            said = torch.empty(2, dtype=torch.int64)
            distributed.broadcast(said, 0)
            order, argument = Order(int(said[0])), int(said[1])
            if order is Order.DONE:
                return loss
            if order is Order.STOP:
                raise Stopped(argument)
            if order is Order.LEARN:
                loss = learn()
            elif order is Order.ENCODE:
                self._encode(argument)
            elif order is not Order.WAIT:
                self._move(order, self._received())

    def state(self) -> dict[str, torch.Tensor]:
        """Return what this process has to remember, weights by their number in the model, whoever holds them."""
        tensors: dict[str, torch.Tensor] = {}
        for name, tensor in self._compressor.state().items():
            kind, dot, index = name.rpartition(".")
            number = f"{kind}.{self.numbers[self._told[int(index)]]:05d}" if dot else f"{name}{self._mark}"
            tensors[f"compressor/{number}"] = tensor
        if not self._starts_from_whole:
            tensors |= {f"start/{n:05d}": start for n, start in zip(self.numbers, self._start, strict=True)}
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor], whole: Sequence[torch.Tensor] | None, *, is_own: bool) -> None:
        """Take back what concerns us of a member's state; where it is another one's, begin with the global weights.

        `state` may be of another number of processes; `whole` is as when the crew was made, and meanwhile restored.
        """
        self._starts_from_whole = is_own and not any(name.startswith("start/") for name in state)
        if is_own and not self._starts_from_whole:
            self._start = [state[f"start/{number:05d}"].clone() for number in self.numbers]
        else:
            self._start = [
                (state[f"outer/weight.{number:05d}"] if whole is None else whole[number]).clone()
                for number in self.numbers
            ]
        if is_own and self._starts_from_whole:
            for number, start in zip(self.numbers, self._start, strict=True):
                start.sub_(state[f"compressor/error.{number:05d}"])
        if is_own:
            self._compressor.load_state({**self._compressor.state(), **self._compressor_state(state)})
            return
        for weight, value in zip(self.weights, self._start, strict=True):
            weight.data.copy_(value)

    @property
    def _mark(self) -> str:
        """What tells our names from those of other processes, where no number of a weight does."""
        return f"/{self.rank}" if self.rank else ""

    def _compressor_state(self, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return of a member's state what our compressor remembers."""
        indexes = {self.numbers[place]: index for index, place in enumerate(self._told)}
        found: dict[str, torch.Tensor] = {}
        for path in state:
            kind, dot, number = path.removeprefix("compressor/").rpartition(".")
            if not path.startswith("compressor/"):
                continue
            if dot and int(number) in indexes:
                found[f"{kind}.{indexes[int(number)]:05d}"] = state[path]
            elif not dot and number == f"{number.partition('/')[0]}{self._mark}":
                found[number.partition("/")[0]] = state[path]
        return found

    def _say(self, order: Order, argument: int = 0) -> None:
        self._said_at = time.monotonic()
        if self.count > 1:
            distributed.broadcast(torch.tensor([order, argument]), 0)

    def _order(self, order: Order, whole: Sequence[torch.Tensor] | None) -> None:
        self._say(order)
        if whole is None:
            self._move(order, ())
            return
        for receiver in range(1, self.count):
            for number in self._held[receiver]:
                distributed.send(self._less(order, number, whole[number]), receiver)
        self._move(order, (whole[number] for number in self.numbers))

    def _less(self, order: Order, number: int, whole: torch.Tensor) -> torch.Tensor:
        """Return a global weight less what we, whose word on it counts, have not said of it."""
        place = self.numbers.index(number) if number in self.numbers else -1
        if order is Order.END or place not in self._told:
            return whole
        errors = self._unsaid_before if order is Order.MOVE else self._compressor.errors
        return whole - errors[self._told.index(place)]

    def _received(self) -> Iterator[torch.Tensor]:
        """Yield what the first sends of the global weights, for each weight of ours."""
        for weight in self.weights:
            into = torch.empty(weight.shape)
            distributed.recv(into, 0)
            yield into

    def _move(self, order: Order, whole: Iterable[torch.Tensor]) -> None:
        """Set starts and weights, one after the other, so that no more than one is there twice."""
        coming = iter(whole)
        for place, weight in enumerate(self.weights):
            start = self._start[place]
            if order is Order.END:
                weight.data.copy_(next(coming))
            elif order is Order.RESTART:
                self._start[place] = self._less(order, self.numbers[place], next(coming))
                weight.data.copy_(self._start[place])
            elif order is Order.SHIFT:
                self._start[place] = self._less(order, self.numbers[place], next(coming))
                weight.data.add_((self._start[place] - start).to(weight.device, weight.dtype))
            elif order is Order.KEEP:
                self._start[place] = start - self._progress[place]
            else:
                self._start[place] = self._less(order, self.numbers[place], next(coming)) - self._progress[place]
                weight.data.copy_(self._start[place])
        self._starts_from_whole = order in {Order.RESTART, Order.SHIFT}
        self._progress = []

    def _encode(self, rank: int) -> bytes:
        """Compress our part of the progress; return the whole body on the first process, nothing elsewhere."""
        self._progress = [
            start - weight.detach().to("cpu", torch.float32)
            for start, weight in zip(self._start, self.weights, strict=True)
        ]
        self._unsaid_before = self._compressor.errors
        try:
            body = self._compressor.encode([self._progress[place] for place in self._told], rank)
        except NotFiniteError as error:
            raise PermanentFailure("loss_not_finite", f"what was learned in this round: {error}") from error
        if self.count == 1:
            return body
        pieces: dict[str, torch.Tensor] = {}
        end = 0
        for place in self._told:
            begin, end = end, end + self._size(place, rank)
            piece = torch.frombuffer(bytearray(body[begin:end]), dtype=torch.uint8)
            pieces[f"{self.numbers[place]:05d}"] = piece
        whole = to_first(pieces, self.rank, self.count)
        return b"".join(whole[name].numpy().tobytes() for name in sorted(whole))

    def _size(self, place: int, rank: int) -> int:
        """Return how many bytes the body has of one weight."""
        return Layout((tuple(self.weights[place].shape),), rank, self._compressor.bits).body_bytes()
