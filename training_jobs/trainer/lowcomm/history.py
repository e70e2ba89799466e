"""The global state as the closed rounds make it: the same at every member that applied the same rounds.

Applying a round: 1. Read its payloads; what is malformed, of another start or pace, not finite, or of a wrong shape is
left out by name. 2. Bring the lengths of the rest into bounds. 3. Average them as the specification says. 4. Take the
outer step. 5. Set the pace of the round that nobody has begun yet.

Without delay, round n starts from the state after rounds 0 … n-1; with delay 1, after rounds 0 … n-2 (round n-1 is on
its way). That is what `start_digest` means, and why round n sets the pace of round n + 1 + delay.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from training_jobs.exchange.payload import BadPayload, Header, split
from training_jobs.spec import Topology
from training_jobs.trainer.failures import TemporaryFailure
from training_jobs.trainer.lowcomm import pace as pacing
from training_jobs.trainer.lowcomm.aggregate import AGGREGATIONS, Update, check_norms
from training_jobs.trainer.lowcomm.compression import Layout, decode
from training_jobs.trainer.lowcomm.exchange import Exchange
from training_jobs.trainer.lowcomm.outer import Outer
from training_jobs.trainer.lowcomm.quantise import PLAIN_BITS

DIGESTS_KEPT = 3


class History:
    """Global weights, outer momentum, paces and beginnings of rounds."""

    def __init__(self, topology: Topology, weights: Sequence[torch.Tensor], exchange: Exchange) -> None:
        """Start before round 0, from `weights`."""
        self.topology = topology
        self.exchange = exchange
        self.delay = topology.delay or 0
        self.shapes = tuple(tuple(weight.shape) for weight in weights)
        self.outer = Outer(weights, float(topology.outer_learning_rate or 1), float(topology.outer_momentum or 0))
        self.applied = 0
        self._digests = {0: self.outer.digest()}
        self._paces = {number: pacing.first(topology) for number in range(1 + self.delay)}
        self._begun = {0: 0}
        self._ranks: list[int] = []
        for number in range(self.delay):
            self._begun[number + 1] = self._begun[number] + self._paces[number].local_steps

    def pace(self, number: int) -> pacing.Pace:
        """Return the pace of a round."""
        return self._paces[number]

    def begun(self, number: int) -> int:
        """Return how many local steps lie before a round."""
        return self._begun[number]

    def start_digest(self, number: int) -> str:
        """Return the digest of the global state from which a round starts."""
        return self._digests[max(0, number - self.delay)]

    def apply(self, number: int) -> None:
        """Apply a closed round, which must be the next one."""
        if number != self.applied:
            raise ValueError(f"round {self.applied} is next, not {number}")
        headers, updates = self._read(number)  # 1
        updates, tokens = self._bounded(number, headers, updates)  # 2
        if updates:
            averages = AGGREGATIONS[self.topology.aggregation or "mean"](updates, tokens)  # 3
            self.outer.step(averages)  # 4
            if self.topology.adaptive and self.topology.rank:
                self._ranks.append(pacing.measured_rank(averages))
        self.applied = number + 1
        self._digests[self.applied] = self.outer.digest()
        self._digests.pop(self.applied - DIGESTS_KEPT, None)
        latest = max(self._paces)  # 5
        following = pacing.adapted(
            self.topology, self.shapes, self._paces[latest], self._ranks, [header.lag for header in headers]
        )
        self._paces[latest + 1] = following
        self._begun[latest + 1] = self._begun[latest] + self._paces[latest].local_steps
        self._paces.pop(self.applied - DIGESTS_KEPT, None)
        self.exchange.has_applied(number)

    def state(self) -> dict[str, torch.Tensor]:
        """Return the tensors of the global state."""
        return self.outer.state()

    def facts(self) -> dict[str, Any]:
        """Return everything else, as JSON."""
        return {
            "applied": self.applied,
            "digests": {str(number): digest for number, digest in self._digests.items()},
            "paces": {str(number): list(vars(pace).values()) for number, pace in self._paces.items()},
            "begun": {str(number): steps for number, steps in self._begun.items()},
            "ranks": self._ranks,
        }

    def restore(self, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
        """Take back what `state` and `facts` returned."""
        self.outer.load_state(tensors)
        self.applied = facts["applied"]
        self._digests = {int(number): digest for number, digest in facts["digests"].items()}
        self._paces = {int(number): pacing.Pace(*pace) for number, pace in facts["paces"].items()}
        self._begun = {int(number): steps for number, steps in facts["begun"].items()}
        self._ranks = list(facts["ranks"])

    def _read(self, number: int) -> tuple[list[Header], list[Update]]:
        """Return headers and tensors of the payloads that can be used, in the order of the round's record."""
        headers: list[Header] = []
        bodies: list[bytes] = []
        for entry in self.exchange.entries(number):
            try:
                header, body = split(self.exchange.payload(number, entry))
                self._require_agreed(header, number, entry.member)
            except BadPayload as refusal:
                self.exchange.note_refusal(number, entry.member, refusal.code)
                continue
            headers.append(header)
            bodies.append(body)
        start = self._agreed_start(number, headers)
        kept: list[Header] = []
        updates: list[Update] = []
        for header, body in zip(headers, bodies, strict=True):
            if header.start != start:
                self.exchange.note_refusal(number, header.member, "start_differs")
                continue
            try:
                updates.append(decode(body, Layout(self.shapes, header.rank, header.bits)))
            except ValueError:
                self.exchange.note_refusal(number, header.member, "body_unusable")
                continue
            kept.append(header)
        return kept, updates

    def _require_agreed(self, header: Header, number: int, member: str) -> None:
        pace = self._paces[number]
        if (header.round, header.member) != (number, member):
            raise BadPayload("payload_of_another", f"it says {header.member}, round {header.round}")
        if (header.rank, header.bits) != (
            pace.rank,
            self.topology.bits or PLAIN_BITS,
        ) or header.steps > pace.local_steps:
            raise BadPayload("pace_differs", f"rank {header.rank}, {header.bits} bits, {header.steps} steps")

    def _agreed_start(self, number: int, headers: Sequence[Header]) -> str:
        """Return the start that most members name; of equally many, the smallest digest.

        Where it is not ours, we computed something else than the others, and going on would be for nothing.
        """
        counts = Counter(header.start for header in headers)
        own = self.start_digest(number)
        if not counts:
            return own
        most = max(counts.values())
        agreed = min(start for start, count in counts.items() if count == most)
        if agreed != own:
            raise TemporaryFailure("diverged", f"round {number} starts from {agreed}, and here from {own}")
        return agreed

    def _bounded(
        self, number: int, headers: Sequence[Header], updates: Sequence[Update]
    ) -> tuple[list[Update], list[int]]:
        """Return the updates with lengths in bounds, and their tokens."""
        kept: list[Update] = []
        tokens: list[int] = []
        for header, update, factor in zip(headers, updates, check_norms(updates) if updates else [], strict=True):
            if factor is None:
                self.exchange.note_refusal(number, header.member, "norm_out_of_bounds")
                continue
            kept.append(update if factor == 1.0 else [tensor * factor for tensor in update])
            tokens.append(header.tokens)
        return kept, tokens
