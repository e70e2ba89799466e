"""Pseudo-gradients made small: low rank (warm-started power iteration) and few bits, with error feedback.

The low rank follows PowerSGD (Vogels and others, arXiv 1905.13727, Algorithms 1 and 2: one power iteration from the
last round's basis, error feedback); rounds are rare, so we take two iterations. DiLoCoX (arXiv 2506.21263) joins low
rank and quantisation; in which order and with which error terms is our reading of its abstract:

    u = update + error         A = orthonormal(u Q), twice         A' = what the receiver will read of A
    B = u^T A' (A'^T A')^-1    (best answer to A', so that A's rounding is not paid twice)      Q <- B
    error <- u - decoded

The error is what a member has not said yet; it trains on from the global weights less its error (`strategies.crew`).
Vectors, and matrices that a low rank would not make smaller, go whole. The layout of a body is the list of shapes, the
rank and the bits: nothing in it is self-describing, so its length is known before it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from training_jobs.trainer.lowcomm.quantise import PLAIN_BITS, dequantise, payload_bytes, quantise

POWER_ITERATIONS = 2
ORTHONORMAL_WITHIN = 1e-3
SMALLEST_PIVOT = 1e-3


@dataclass(frozen=True)
class Layout:
    """How the tensors of one payload lie: shapes in order, rank (0: full) and bits."""

    shapes: tuple[tuple[int, ...], ...]
    rank: int
    bits: int

    def rank_of(self, shape: tuple[int, ...]) -> int:
        """Return the rank at which a tensor of `shape` is sent; 0 when it goes whole."""
        if len(shape) != 2 or self.rank == 0:  # noqa: PLR2004 - matrices only
            return 0
        rows, columns = shape
        return self.rank if self.rank * (rows + columns) < rows * columns else 0

    def part_counts(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return how many numbers each part of a tensor holds: (A, B) at low rank, else all."""
        rank = self.rank_of(shape)
        return (shape[0] * rank, shape[1] * rank) if rank else (_count(shape),)

    def body_bytes(self) -> int:
        """Return the exact length of a body."""
        return sum(payload_bytes(count, self.bits) for shape in self.shapes for count in self.part_counts(shape))


class Compressor:
    """Encodes one member's updates; remembers what was lost and the bases that worked."""

    def __init__(self, shapes: Sequence[tuple[int, ...]], bits: int, seed: int) -> None:
        """Start with no error; the first bases are drawn from `seed`."""
        self.shapes = tuple(tuple(shape) for shape in shapes)
        self.bits = bits
        self.errors = [torch.zeros(shape) for shape in self.shapes]
        self.bases: dict[int, torch.Tensor] = {}
        self._generator = torch.Generator().manual_seed(seed)

    def encode(self, updates: Sequence[torch.Tensor], rank: int) -> bytes:
        """Return the body for `updates` (float32, CPU) and keep in `errors` what it does not say.

        NotFiniteError when an update is not finite; then nothing is changed.
        """
        layout = Layout(self.shapes, rank, self.bits)
        parts: list[bytes] = []
        errors: list[torch.Tensor] = []
        bases: dict[int, torch.Tensor] = {}
        for index, (update, error) in enumerate(zip(updates, self.errors, strict=True)):
            wanted = update + error
            if layout.rank_of(self.shapes[index]):
                left, right, bases[index] = self._factors(index, wanted, rank)
                parts += [left, right]
                decoded = _product(left, right, self.shapes[index], rank, self.bits)
            else:
                parts.append(quantise(wanted, self.bits))
                decoded = dequantise(parts[-1], wanted.numel(), self.bits).view(wanted.shape)
            errors.append(wanted - decoded)
        self.errors, self.bases = errors, bases
        return b"".join(parts)

    def state(self) -> dict[str, torch.Tensor]:
        """Return errors, bases and the state of the draw by name."""
        return {
            "draw": self._generator.get_state(),
            **{f"error.{index:05d}": error for index, error in enumerate(self.errors)},
            **{f"basis.{index:05d}": basis for index, basis in self.bases.items()},
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what `state` returned."""
        self._generator.set_state(state["draw"])
        self.errors = [state[f"error.{index:05d}"].clone() for index in range(len(self.shapes))]
        self.bases = {int(name[6:]): basis.clone() for name, basis in state.items() if name.startswith("basis.")}

    def _factors(self, index: int, wanted: torch.Tensor, rank: int) -> tuple[bytes, bytes, torch.Tensor]:
        """Return A and B as bytes, and the next round's basis."""
        basis = self._basis(index, wanted.shape[1], rank)
        left = orthonormal(wanted @ basis)
        for _ in range(POWER_ITERATIONS - 1):
            left = orthonormal(wanted @ (wanted.T @ left))
        left_bytes = quantise(left, self.bits)
        received = dequantise(left_bytes, left.numel(), self.bits).view(left.shape)
        right = _fitted(received, wanted)
        return left_bytes, quantise(right, self.bits), right

    def _basis(self, index: int, rows: int, rank: int) -> torch.Tensor:
        """Return the basis to start from: last round's, cut or filled up with fresh directions to `rank` columns."""
        known = self.bases.get(index, torch.zeros(rows, 0))[:, :rank]
        missing = rank - known.shape[1]
        if missing == 0:
            return known
        fresh = torch.randn(rows, missing, generator=self._generator)
        scale = known.norm(dim=0).min() / fresh.norm(dim=0) if known.shape[1] else 1.0
        return torch.cat((known, fresh * scale), dim=1)


def decode(body: bytes, layout: Layout) -> list[torch.Tensor]:
    """Return the tensors of a body; ValueError (NotFiniteError among them) for one that does not fit its layout."""
    if len(body) != layout.body_bytes():
        raise ValueError(f"{len(body)} bytes where the layout has {layout.body_bytes()}")
    tensors = []
    start = 0
    for shape in layout.shapes:
        pieces = []
        for count in layout.part_counts(shape):
            size = payload_bytes(count, layout.bits)
            pieces.append(body[start : start + size])
            start += size
        rank = layout.rank_of(shape)
        if rank:
            tensors.append(_product(pieces[0], pieces[1], shape, rank, layout.bits))
        else:
            tensors.append(dequantise(pieces[0], _count(shape), layout.bits).view(shape))
    return tensors


def orthonormal(matrix: torch.Tensor) -> torch.Tensor:
    """Return an orthonormal basis of the columns: by Cholesky in float64, which is fast, and by QR where that fails."""
    wide = matrix.double()
    factor, failed = torch.linalg.cholesky_ex(wide.T @ wide)
    if not bool(failed):
        basis: torch.Tensor = torch.linalg.solve_triangular(factor, wide.T, upper=False).T
        off = basis.T @ basis - torch.eye(basis.shape[1], dtype=torch.float64)
        if float(off.abs().max()) < ORTHONORMAL_WITHIN:
            return basis.to(torch.float32)
    exact: torch.Tensor = torch.linalg.qr(matrix).Q
    return exact


def _fitted(left: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return B [columns, rank] with `left` B^T closest to `wanted`, also where columns of `left` were rounded away."""
    gram, answers = left.T @ left, left.T @ wanted
    factor, failed = torch.linalg.cholesky_ex(gram)
    fitted: torch.Tensor
    if bool(failed) or float(factor.diagonal().min()) < SMALLEST_PIVOT:
        fitted = torch.linalg.pinv(gram, hermitian=True) @ answers
    else:
        fitted = torch.cholesky_solve(answers, factor)
    return fitted.T


def _product(left: bytes, right: bytes, shape: tuple[int, ...], rank: int, bits: int) -> torch.Tensor:
    rows, columns = shape
    one = dequantise(left, rows * rank, bits).view(rows, rank)
    other = dequantise(right, columns * rank, bits).view(columns, rank)
    product = one @ other.T
    # What few bits say is small enough for any product of it.
    if bits == PLAIN_BITS and not bool(torch.isfinite(product).all()):
        raise ValueError("a product of factors is not finite")
    return product


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
