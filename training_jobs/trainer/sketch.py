"""A short summary of weights that keeps distances: a count sketch, by a seed that was not known when they were made.

Each weight is added to one of BUCKETS numbers, with a sign; bucket and sign are drawn from the seed. The Euclidean
distance of two sketches is that of the weights, give or take a tenth. Two machines of different classes can so be
compared without sending either's weights. NumPy and no torch: trainer and platform compute the same.
"""

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

BUCKETS = 256
DIGITS = 9
_CHUNK = 1 << 20


def of_file(file: Path, seed: str, prefix: str = "") -> tuple[str, ...] | None:
    """Return the sketch of the tensors whose names begin with a prefix; None if they cannot be read as numbers."""
    total = np.zeros(BUCKETS)
    try:
        with safe_open(file, framework="numpy") as tensors:
            names = sorted(name for name in tensors.keys() if name.startswith(prefix))  # noqa: SIM118 - no mapping
            for name in names:
                flat = np.asarray(tensors.get_tensor(name), dtype=np.float64).reshape(-1)
                for start in range(0, flat.size, _CHUNK):
                    total += _of_chunk(flat[start : start + _CHUNK], f"{seed} {name} {start}")
    except (OSError, SafetensorError, TypeError, ValueError):
        return None
    return tuple(f"{float(value):.{DIGITS}g}" for value in total) if names else None


def _of_chunk(values: np.ndarray, seed: str) -> np.ndarray:
    draw = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()))
    buckets = draw.integers(0, BUCKETS, values.size)
    signs = draw.integers(0, 2, values.size) * 2 - 1
    return np.bincount(buckets, weights=values * signs, minlength=BUCKETS)
