"""The tensors of a release, read one at a time from its safetensors files, in the type and layout of the GGUF file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, quants

from models_registry.gguf.architecture import Place
from models_registry.gguf.refused import Refused
from models_registry.publishing.check import check_weights, read_header

Array = np.ndarray[Any, np.dtype[Any]]
TYPES: Mapping[str, GGMLQuantizationType] = {
    "f32": GGMLQuantizationType.F32,
    "f16": GGMLQuantizationType.F16,
    "bf16": GGMLQuantizationType.BF16,
}
_BYTES = {GGMLQuantizationType.F32: 4, GGMLQuantizationType.F16: 2, GGMLQuantizationType.BF16: 2}
# How each type lies in a safetensors file; NumPy has no bfloat16, whose bits are the upper half of a 32-bit float.
_STORED = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True)
class Stored:
    """One tensor of the release, where it lies: `offset` counts bytes from the beginning of the file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int


def find(folder: Path, names: Iterable[str]) -> dict[str, Stored]:
    """Return the tensors of these safetensors files by name, after the whole of each file was checked."""
    found: dict[str, Stored] = {}
    for name in names:
        check_weights(folder / name, name)
        with (folder / name).open("rb") as stream:
            tensors, start = read_header(stream, (folder / name).stat().st_size, name)
        for tensor in tensors:
            if tensor.name in found:
                raise Refused("tensor_twice", name, f"{tensor.name} stands in {found[tensor.name].file.name} too")
            found[tensor.name] = Stored(folder / name, tensor.dtype, tensor.shape, start + tensor.begin)
    return found


def check(stored: Mapping[str, Stored], places: Mapping[str, Place]) -> None:
    """Refuse weights that are not exactly those of the architecture: none missing, none over, each of its shape."""
    for name in sorted(set(stored) ^ set(places)):
        what = "is not part of this architecture" if name in stored else "is missing"
        raise Refused("tensors_differ", "model.safetensors", f"{name} {what}")
    for name, tensor in stored.items():
        if tensor.shape != places[name].shape:
            detail = f"{name} has the shape {tensor.shape}, config.json asks for {places[name].shape}"
            raise Refused("tensors_differ", tensor.file.name, detail)
        if tensor.dtype not in _STORED:
            raise Refused("type_not_carried", tensor.file.name, f"{name} is {tensor.dtype}; {', '.join(_STORED)} are")


def type_of(place: Place, wanted: GGMLQuantizationType) -> GGMLQuantizationType:
    """Return the type of a tensor in the file: norms and biases stay 32 bit, as llama.cpp computes with them."""
    return wanted if len(place.shape) > 1 else GGMLQuantizationType.F32


def size_of(place: Place, wanted: GGMLQuantizationType) -> int:
    """Return the bytes of a tensor in the file."""
    return int(np.prod(place.shape)) * _BYTES[type_of(place, wanted)]


def load(tensor: Stored, place: Place, wanted: GGMLQuantizationType) -> Array:
    """Return one tensor as it goes into the file; raise Refused if a number does not fit the type.

    From 32 to 16 bit each number is rounded to the nearest, ties to even; all other ways are exact.
    """
    raw: Array = np.memmap(tensor.file, dtype=_STORED[tensor.dtype], mode="r", offset=tensor.offset, shape=tensor.shape)
    if place.heads:
        raw = _neighbours(raw, place.heads)
    kind = type_of(place, wanted)
    if tensor.dtype == "BF16":
        if kind is GGMLQuantizationType.BF16:
            return np.ascontiguousarray(raw)
        raw = (raw.astype("<u4") << 16).view("<f4")
    if kind is GGMLQuantizationType.BF16:
        numbers = quants.quantize(raw.astype("<f4"), kind).view("<u2")
        overflow = bool(((numbers & 0x7F80) == 0x7F80).any())  # noqa: PLR2004 - the exponent of infinity
    else:
        with np.errstate(over="ignore"):
            numbers = np.ascontiguousarray(raw, dtype="<f4" if kind is GGMLQuantizationType.F32 else "<f2")
        overflow = not bool(np.isfinite(numbers).all())
    if overflow:
        raise Refused("number_too_large", place.name, f"a weight is beyond what {kind.name} can hold; try f32")
    return numbers


def _neighbours(raw: Array, heads: int) -> Array:
    """Lay the rows of each head out anew: number i beside i + half, which are rotated together."""
    half = raw.shape[0] // heads // 2
    return raw.reshape(heads, 2, half, *raw.shape[1:]).swapaxes(1, 2).reshape(raw.shape)
