"""How long a round is, how much of it is sent, and when its average is applied: adapted to what the rounds show.

DiLoCoX (arXiv 2506.21263, adaptive gradient compression) lowers the rank with the rank of the averaged pseudo-gradient,
measured over a window of rounds, and the number of local steps with it. That much is recalled from the paper; these
are ours: the rank is the one that holds 90 % of the average's energy, in the mean over a sample of matrices and over
five rounds, at least a quarter of the first; local steps shrink as the payload does, so the bytes per step stay. Where
no low rank is sent, neither changes.

The paper applies an average one whole round later. Where rounds are long and the link is not that slow, most of that
delay is for nothing, so `apply_after` follows the exchange: members say in their payloads after how many local steps
the last one was complete. Whoever sent last waited for the link alone, the others for slower members too; so the
least of these numbers is the link's, and with a margin the average is applied there. A faster member waits at that step
for the others, as it would have to at the end of the round: being ahead gains nothing, and an average that comes late
costs loss. All of it is computed from payloads of closed rounds alone, so every member, and everyone who checks one,
gets the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch

from training_jobs.spec import Topology
from training_jobs.trainer.lowcomm.compression import Layout
from training_jobs.trainer.lowcomm.quantise import PLAIN_BITS

WINDOW = 5
ENERGY = 0.9
SMALLEST_SHARE = 4
# Before anybody has measured an exchange, an average is applied after this part of a round.
FIRST_SHARE = 4
MATRICES_MEASURED = 8
LAG_MARGIN = 1.5


@dataclass(frozen=True)
class Pace:
    """Of one round: local steps, rank sent (0: full), and after how many local steps the average before is applied."""

    local_steps: int
    rank: int
    apply_after: int


def first(topology: Topology) -> Pace:
    """Return the pace that the specification says."""
    steps = topology.local_steps or 1
    if not topology.delay:
        return Pace(steps, topology.rank or 0, 0)
    return Pace(steps, topology.rank or 0, -(-steps // FIRST_SHARE) if topology.adaptive else steps)


def adapted(
    topology: Topology, shapes: tuple[tuple[int, ...], ...], pace: Pace, ranks: Sequence[int], lags: Sequence[int]
) -> Pace:
    """Return the next pace, from the ranks measured in all rounds so far and the lags of the last round's members."""
    start = first(topology)
    if not topology.adaptive:
        return start
    if ranks and len(ranks) % WINDOW == 0:
        lowest = -(-start.rank // SMALLEST_SHARE)
        rank = min(start.rank, max(lowest, round(fmean(ranks[-WINDOW:]))))
        share = payload_bytes(shapes, rank, topology) / payload_bytes(shapes, start.rank, topology)
        pace = replace(pace, rank=rank, local_steps=max(1, math.ceil(start.local_steps * share)))
    if topology.delay and lags:
        pace = replace(pace, apply_after=min(pace.local_steps, 1 + int(LAG_MARGIN * min(lags))))
    return pace


def payload_bytes(shapes: tuple[tuple[int, ...], ...], rank: int, topology: Topology) -> int:
    """Return how long a payload's body is at a rank."""
    return Layout(shapes, rank, topology.bits or PLAIN_BITS).body_bytes()


def measured_rank(averages: Sequence[torch.Tensor]) -> int:
    """Return the rank that holds ENERGY of the averaged pseudo-gradient, in the mean over some of its matrices."""
    matrices = [tensor for tensor in averages if tensor.dim() == 2 and bool(tensor.any())]  # noqa: PLR2004
    if not matrices:
        return 1
    ranks = []
    for matrix in matrices[:: -(-len(matrices) // MATRICES_MEASURED)]:
        wide = matrix.double() if matrix.shape[0] <= matrix.shape[1] else matrix.double().T
        energies = torch.linalg.eigvalsh(wide @ wide.T).flip(0).clamp_(min=0)
        ranks.append(int((energies.cumsum(0) < ENERGY * energies.sum()).sum()) + 1)
    return round(fmean(ranks))
