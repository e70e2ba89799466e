"""From the members' pseudo-gradients to one: a table of averages, and the norm check before them.

Robust averages bound what a few liars can do; they are no guarantee when liars agree among themselves or are many. With
n members, `tolerated(n)` of them may lie. The robust ones count members equally, for a liar also lies about its tokens.

    mean              weighted by tokens; one liar moves it anywhere (within the norm check)
    trimmed_mean      per coordinate without the f largest and f smallest (Yin and others, arXiv 1803.01498)
    centred_clipping  differences from a robust centre, clipped to their median length (arXiv 2012.10333)
    krum              the mean of the n - f updates that lie closest to their neighbours (multi-Krum, 1703.02757)
"""

import math
from collections.abc import Callable, Sequence
from statistics import median_low

import torch

# An update longer than CLIPPED_TIMES the median length is cut to that; one longer than REFUSED_TIMES is left out.
CLIPPED_TIMES = 3.0
REFUSED_TIMES = 100.0
CLIPPING_ROUNDS = 5

Update = Sequence[torch.Tensor]


def tolerated(members: int) -> int:
    """Return how many liars the robust averages bear: the largest f with members >= 2 f + 3."""
    return max(0, (members - 3) // 2)


def norm(update: Update) -> float:
    """Return the Euclidean length of an update over all its tensors."""
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in update))


def check_norms(updates: Sequence[Update]) -> list[float | None]:
    """Return for each update the factor that brings it to an allowed length, or None where it is refused.

    The measure is the lower median of all lengths, so less than half of the members cannot raise it.
    """
    norms = [norm(update) for update in updates]
    middle = median_low(norms)
    if middle == 0:
        return [1.0 if length == 0 else None for length in norms] if len(norms) > 2 else [1.0] * len(norms)  # noqa: PLR2004
    factors: list[float | None] = []
    for length in norms:
        if not math.isfinite(length) or length > REFUSED_TIMES * middle:
            factors.append(None)
        else:
            factors.append(min(1.0, CLIPPED_TIMES * middle / length) if length else 1.0)
    return factors


def mean(updates: Sequence[Update], tokens: Sequence[int]) -> list[torch.Tensor]:
    """Return the average weighted by tokens, summed in the order given."""
    total = sum(tokens)
    result = [torch.zeros_like(tensor) for tensor in updates[0]]
    for update, weight in zip(updates, tokens, strict=True):
        for target, tensor in zip(result, update, strict=True):
            target.add_(tensor, alpha=weight / total)
    return result


def trimmed_mean(updates: Sequence[Update], _tokens: Sequence[int]) -> list[torch.Tensor]:
    """Return per coordinate the mean without the extremes; with three or four members, one on each side."""
    count = len(updates)
    cut = max(tolerated(count), 1) if count > 2 else 0  # noqa: PLR2004 - two have no middle
    result = []
    for tensors in zip(*updates, strict=True):
        ordered = torch.stack(tensors).sort(dim=0).values
        result.append(ordered[cut : count - cut].mean(dim=0))
    return result


def centred_clipping(updates: Sequence[Update], _tokens: Sequence[int]) -> list[torch.Tensor]:
    """Return a centre that each member moves by a bounded length only; it starts from the median per coordinate."""
    centre = [torch.stack(tensors).median(dim=0).values for tensors in zip(*updates, strict=True)]
    for _ in range(CLIPPING_ROUNDS):
        differences = [[tensor - middle for tensor, middle in zip(update, centre, strict=True)] for update in updates]
        lengths = [norm(difference) for difference in differences]
        bound = median_low(lengths)
        for difference, length in zip(differences, lengths, strict=True):
            factor = min(1.0, bound / length) if length else 0.0
            for middle, tensor in zip(centre, difference, strict=True):
                middle.add_(tensor, alpha=factor / len(updates))
    return centre


def krum(updates: Sequence[Update], _tokens: Sequence[int]) -> list[torch.Tensor]:
    """Return the mean of the n - f updates with the smallest squared distances to their n - f - 2 neighbours."""
    count = len(updates)
    liars = tolerated(count)
    neighbours = max(1, count - liars - 2)
    scores = []
    for own in range(count):
        distances = sorted(
            sum(float((one - two).double().square().sum()) for one, two in zip(updates[own], other, strict=True))
            for index, other in enumerate(updates)
            if index != own
        )
        scores.append(sum(distances[:neighbours]))
    kept = sorted(sorted(range(count), key=lambda index: (scores[index], index))[: count - liars])
    return mean([updates[index] for index in kept], [1] * len(kept))


AGGREGATIONS: dict[str, Callable[[Sequence[Update], Sequence[int]], list[torch.Tensor]]] = {
    "mean": mean,
    "trimmed_mean": trimmed_mean,
    "centred_clipping": centred_clipping,
    "krum": krum,
}
