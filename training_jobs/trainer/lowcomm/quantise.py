"""Numbers as few bits: blocks of signed integers, or of signs alone, with one float16 scale each; or plain float32.

A block of 64 integers is scaled by its largest magnitude (absmax), so one outlier spoils 63 neighbours at most. The
scale is rounded up to float16 before it is used, so no value is clipped: each decoded value is within half a step
(`scale / 2`) of the true one. Bytes: all scales (float16, little-endian), then all integers (int8, or two int4 to a
byte, low half first).

With one bit a value is its sign times the mean magnitude of its block of 512 (Seide and others, Interspeech 2014, with
error feedback; the mean is what loses least). Of values that are spread like a bell that keeps 2/pi of the energy.
Bytes: all scales, then all signs (1: negative), eight to a byte, lowest bit first.
"""

import numpy as np
import torch

BLOCK = 64
SIGN_BLOCK = 512
LEVELS = {8: 127, 4: 7}
SIGN_BITS = 1
PLAIN_BITS = 32
_HALF_MAX = 65_504.0
# The smallest positive float16: below it a block counts as zeros, and error feedback keeps what that loses.
_HALF_TINY = 2.0**-24


class NotFiniteError(ValueError):
    """A tensor holds NaN, infinity, or a value too large to be sent."""


def payload_bytes(count: int, bits: int) -> int:
    """Return how many bytes `count` numbers take."""
    if bits == PLAIN_BITS:
        return 4 * count
    size = SIGN_BLOCK if bits == SIGN_BITS else BLOCK
    blocks = -(-count // size)
    return 2 * blocks + blocks * size * bits // 8


def quantise(values: torch.Tensor, bits: int) -> bytes:
    """Return the bytes of a float32 tensor of any shape, read in row-major order."""
    flat = values.detach().reshape(-1).to("cpu", torch.float32)
    if bits == PLAIN_BITS:
        _require_finite(flat, "a value")
        return flat.numpy().tobytes()
    if bits == SIGN_BITS:
        return _signs(flat)
    levels = LEVELS[bits]
    blocks = torch.nn.functional.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)
    largest = blocks.abs().amax(dim=1)
    _require_finite(largest, "a value")  # a block with NaN or infinity has it as its largest
    scales = _scales(largest / levels)
    steps = scales.to(torch.float32).unsqueeze(1)
    integers = torch.where(steps > 0, blocks / steps, 0.0).round_().clamp_(-levels, levels).to(torch.int8)
    if bits == 4:  # noqa: PLR2004
        halves = (integers & 15).to(torch.uint8).view(-1, 2)
        integers = halves[:, 0] | (halves[:, 1] << 4)
    return scales.numpy().tobytes() + integers.contiguous().numpy().tobytes()


def dequantise(data: bytes, count: int, bits: int) -> torch.Tensor:
    """Return `count` float32 numbers; ValueError for a wrong length, NotFiniteError for scales that are no numbers."""
    if len(data) != payload_bytes(count, bits):
        raise ValueError(f"{len(data)} bytes for {count} numbers of {bits} bits")
    if count == 0:
        return torch.zeros(0)
    buffer = bytearray(data)
    if bits == PLAIN_BITS:
        values = torch.frombuffer(buffer, dtype=torch.float32)
        _require_finite(values, "a decoded value")
        return values
    blocks = -(-count // (SIGN_BLOCK if bits == SIGN_BITS else BLOCK))
    scales = torch.frombuffer(buffer, dtype=torch.float16, count=blocks).to(torch.float32)
    _require_finite(scales, "a decoded value")  # finite times a small integer stays finite in float32
    if bits == SIGN_BITS:
        octets = np.frombuffer(buffer, dtype=np.uint8, offset=2 * blocks)
        negative = torch.from_numpy(np.unpackbits(octets, bitorder="little")).view(blocks, SIGN_BLOCK)
        return (scales.unsqueeze(1) * (1.0 - 2.0 * negative)).view(-1)[:count]
    if bits == 8:  # noqa: PLR2004
        integers = torch.frombuffer(buffer, dtype=torch.int8, offset=2 * blocks)
    else:
        packed = torch.frombuffer(buffer, dtype=torch.uint8, offset=2 * blocks)
        nibbles = torch.stack((packed & 15, packed >> 4), dim=1).view(-1).to(torch.int8)
        integers = (nibbles ^ 8) - 8  # two's complement of four bits
    return (integers.view(-1, BLOCK).to(torch.float32) * scales.unsqueeze(1)).view(-1)[:count]


def _signs(flat: torch.Tensor) -> bytes:
    """Return mean magnitudes of blocks, and signs."""
    padding = -flat.numel() % SIGN_BLOCK
    blocks = torch.nn.functional.pad(flat, (0, padding)).view(-1, SIGN_BLOCK)
    means = blocks.abs().mean(dim=1)
    if padding:
        means[-1] *= SIGN_BLOCK / (SIGN_BLOCK - padding)
    _require_finite(means, "a value")
    scales = means.to(torch.float16)
    _require_finite(scales, "a value that can be sent")
    return scales.numpy().tobytes() + np.packbits((blocks < 0).numpy(), bitorder="little").tobytes()


def _require_finite(values: torch.Tensor, what: str) -> None:
    if not bool(torch.isfinite(values).all()):
        raise NotFiniteError(f"{what} is not finite")


def _scales(wanted: torch.Tensor) -> torch.Tensor:
    """Round up to float16, so that the largest value of a block still fits its integers."""
    if bool((wanted > _HALF_MAX).any()):
        raise NotFiniteError("a value is too large to be sent")
    scales = wanted.to(torch.float16)
    too_small = scales.to(torch.float32) < wanted
    # Among positive float16, the next larger number has the next larger bit pattern.
    raised = (scales.view(torch.int16) + too_small.to(torch.int16)).view(torch.float16)
    return torch.where(wanted < _HALF_TINY, torch.zeros_like(raised), raised)
