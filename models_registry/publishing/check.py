"""The artifact gate: what a model folder may hold before anybody loads, signs or publishes it.

Only known file names pass; weights are safetensors whose header is checked here, strictly, before any library opens the
file; weights are finite; no JSON file asks a loader to run code. Nothing is ever unpickled and torch is never imported.

The safetensors library refuses overlaps, holes and trailing bytes too, but accepts duplicate keys, tensor names that
are paths, and numbers that are not finite. The container format is described at
https://huggingface.co/docs/safetensors. What this does not say: whether the model is any good (`gates`), or whether
it is the one that was trained (the manifest).
"""

import os
import re
import stat
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets.magic import HEAD_BYTES, foreign_format
from models_registry.provenance import bundle

WEIGHTS = re.compile(r"model(?:-[0-9]{5}-of-[0-9]{5})?\.safetensors")
FILE_NAMES = frozenset(
    {
        "LICENSE",
        "NOTICE",
        "README.md",
        "added_tokens.json",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "merges.txt",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
    }
)
TEXT_NAMES = frozenset({"LICENSE", "NOTICE", "README.md", "chat_template.jinja", "merges.txt"})
INDEX_NAME = "model.safetensors.index.json"
PROVENANCE_NAMES = frozenset(f"provenance/{name}" for name in bundle.LIMITS)
# Formats that hold pickles, programs or other people's containers: refused by name, so that the refusal can say why.
FOREIGN_SUFFIXES = frozenset(
    {".bin", ".ckpt", ".h5", ".hdf5", ".joblib", ".keras", ".mar", ".npy", ".npz", ".pb", ".pickle", ".pkl", ".pt"}
    | {".pth", ".ptl", ".ggml", ".gguf", ".msgpack", ".onnx", ".tflite"}
    | {".dll", ".dylib", ".exe", ".py", ".pyc", ".sh", ".so", ".whl"}
    | {".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst"}
)
# Files a loader needs, and those without which nobody may publish.
LOADER_FILES = ("config.json", "tokenizer.json")
RELEASE_FILES = ("README.md", "LICENSE")
# Vocabularies: their keys are words of the language, so a key there is no instruction to a loader.
_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})
_FORBIDDEN_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_generate", "trust_remote_code"})
_FORBIDDEN_KEY_PART = "attn_implementation"

NAME_CHARACTERS_MAX = 200
SMALL_FILE_BYTES_MAX = 64 * 1024 * 1024
HEADER_BYTES_MAX = 8 * 1024 * 1024
METADATA_BYTES_MAX = 64 * 1024
DIMENSIONS_MAX = 8
_HEADER_LENGTH_BYTES = 8
_CHUNK_BYTES = 8 * 1024 * 1024
_TENSOR_KEYS = {"dtype", "shape", "data_offsets"}
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+)*")
_ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
# For each floating type: the integer of the same width, and the exponent bits. A number is not finite (NaN or infinite)
# exactly when all of these bits are set (IEEE 754; bfloat16 has the exponent of a 32-bit float).
_EXPONENT_BITS = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
}


class ArtifactError(ValueError):
    """A refused artifact. `code` is stable, `status` is the HTTP status, `path` names the file."""

    def __init__(self, code: str, status: int, path: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {path}: {detail}")
        self.code = code
        self.status = status
        self.path = path
        self.detail = detail


@dataclass(frozen=True)
class Tensor:
    """One entry of a safetensors header. `begin` and `end` count from the first byte after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def check_artifact(folder: Path, *, release: bool = False, listed: Iterable[str] | None = None) -> tuple[str, ...]:
    """Check a whole model folder and return the sorted paths of its files, or raise ArtifactError.

    1. Every name is allowed, every entry is a plain file, and no content is an archive or a pickle as well.  2. Nothing
    that is needed is missing; for a `release`, also the model card and the licence.  3. The files are those of the
    manifest, when their names are `listed`.  4. JSON files are strict and ask for no code; texts are text.  5. Weights
    are strict safetensors and finite, and every tensor stands once, where the index says.
    """
    # 1. Names and kinds of entries.
    paths = _plain_files(folder)
    for path in paths:
        check_file_name(path, provenance=release)
        _check_content(folder / path, path)
    # 2. Completeness.
    _check_complete(folder, paths, (*LOADER_FILES, *(RELEASE_FILES if release else ())))
    # 3. The manifest.
    if listed is not None:
        check_listed([path for path in paths if path not in PROVENANCE_NAMES], listed)
    # 4. JSON files.
    for path in paths:
        if path.endswith(".json") and path not in PROVENANCE_NAMES:
            check_json(folder / path, path)
        elif path in TEXT_NAMES:
            check_text(folder / path, path)
    weight_map = _check_index(folder, paths)
    # 5. Weights.
    stored: dict[str, str] = {}
    for path in filter(WEIGHTS.fullmatch, paths):
        for tensor in check_weights(folder / path, path):
            if tensor.name in stored:
                raise _bad_weights(path, f"the tensor {tensor.name} stands in {stored[tensor.name]} too")
            stored[tensor.name] = path
    if weight_map is not None and weight_map != stored:
        name = next(iter(sorted(set(weight_map.items()) ^ set(stored.items()))))[0][:80]
        detail = f"the index does not say where {name!r} stands"
        raise ArtifactError("manifest_mismatch", 422, INDEX_NAME, detail)
    return tuple(paths)


def check_file_name(path: str, *, provenance: bool = False) -> None:
    """Refuse a name that is a way out of the folder (400), a refused format (415), or simply unknown (422)."""
    shown = repr(path[:80])
    parts = path.split("/")
    if (
        not path
        or len(path) > NAME_CHARACTERS_MAX
        or path.startswith("/")
        or "\\" in path
        or any(ord(character) < ord(" ") or ord(character) == 0x7F for character in path)  # noqa: PLR2004 - DEL
        or any(part in {"", ".", ".."} for part in parts)
        or re.match(r"[A-Za-z]:", path)
    ):
        raise ArtifactError("path_forbidden", 400, shown, "a plain relative name is allowed")
    suffixes = {suffix.lower() for suffix in Path(parts[-1]).suffixes}
    if suffixes & FOREIGN_SUFFIXES:
        raise ArtifactError(
            "format_not_allowed", 415, shown, "weights are published as safetensors, and nothing that can run"
        )
    if path in FILE_NAMES or WEIGHTS.fullmatch(path) or (provenance and path in PROVENANCE_NAMES):
        return
    raise ArtifactError("file_not_allowed", 422, shown, f"one of {sorted(FILE_NAMES)} or model*.safetensors is allowed")


def check_listed(found: Iterable[str], listed: Iterable[str]) -> None:
    """Refuse a manifest that names other files than there are, or the same file twice."""
    names = list(listed)
    missing = sorted(set(names) - set(found))
    extra = sorted(set(found) - set(names))
    if missing:
        raise ArtifactError("manifest_mismatch", 422, missing[0][:80], "the manifest lists a file that is not there")
    if extra:
        raise ArtifactError("manifest_mismatch", 422, extra[0][:80], "the file is not in the manifest")
    if len(names) != len(set(names)):
        raise ArtifactError("manifest_mismatch", 422, "provenance/manifest.json", "a file is listed twice")


def check_json(file: Path, path: str) -> Any:  # noqa: ANN401 - JSON is any shape
    """Read a JSON file strictly and refuse keys that make a loader fetch or run code; return its content."""
    size = file.stat().st_size
    if size > SMALL_FILE_BYTES_MAX:
        raise ArtifactError("file_too_large", 413, path, f"{size} bytes found, at most {SMALL_FILE_BYTES_MAX} allowed")
    try:
        value = strict_loads(file.read_bytes(), max_bytes=SMALL_FILE_BYTES_MAX)
    except CanonicalError as error:
        raise ArtifactError("malformed_json", 422, path, error.detail) from error
    if not isinstance(value, dict):
        raise ArtifactError("malformed_json", 422, path, "one JSON object is allowed")
    if path not in _VOCABULARIES:
        _refuse_code(value, path)
    return value


def check_text(file: Path, path: str) -> None:
    """Refuse a text file that is none: binary content has no place under the name of a text."""
    size = file.stat().st_size
    if size > SMALL_FILE_BYTES_MAX:
        raise ArtifactError("file_too_large", 413, path, f"{size} bytes found, at most {SMALL_FILE_BYTES_MAX} allowed")
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError("malformed_text", 422, path, f"byte {error.start} is not UTF-8") from error
    found = next((letter for letter in text if letter < " " and letter not in "\t\n\r\f"), None)
    if found is not None:
        raise ArtifactError("malformed_text", 422, path, f"the control character {found!r} has no place in a text")


def check_weights(file: Path, path: str) -> tuple[Tensor, ...]:
    """Check one safetensors file: its header by `read_header`, its numbers for NaN and infinity. Return its tensors."""
    with file.open("rb") as stream:
        tensors, data_start = read_header(stream, file.stat().st_size, path)
        for tensor in tensors:
            if tensor.dtype in _EXPONENT_BITS:
                stream.seek(data_start + tensor.begin)
                _refuse_infinite(stream, tensor, path)
    return tensors


def read_header(stream: BinaryIO, size: int, path: str) -> tuple[tuple[Tensor, ...], int]:
    """Parse a safetensors header strictly; return the tensors by position, and where their data starts.

    The data must be exactly covered: no hole, no overlap, nothing behind the last tensor.
    """
    length = int.from_bytes(stream.read(_HEADER_LENGTH_BYTES), "little")
    data_start = _HEADER_LENGTH_BYTES + length
    if size < _HEADER_LENGTH_BYTES or length < len(b"{}") or length > HEADER_BYTES_MAX or data_start > size:
        raise _bad_weights(
            path, f"a header of {length} bytes in a file of {size}; at most {HEADER_BYTES_MAX} are allowed"
        )
    raw = stream.read(length)
    if not raw.startswith(b"{"):
        raise _bad_weights(path, "the header begins with an opening brace")
    try:
        header = strict_loads(raw, max_bytes=HEADER_BYTES_MAX, max_depth=3)
    except CanonicalError as error:
        raise _bad_weights(path, f"the header is not strict JSON ({error.detail})") from error
    _check_metadata(header.pop("__metadata__", {}), path)
    tensors = sorted(
        (_tensor(name, entry, path) for name, entry in header.items()),
        key=lambda tensor: (tensor.begin, tensor.end),
    )
    if not tensors:
        raise _bad_weights(path, "the file holds no tensor")
    if tensors[0].begin != 0 or tensors[-1].end != size - data_start:
        raise _bad_weights(path, "the tensors cover the data from its first byte to its last")
    for before, after in pairwise(tensors):
        if before.end != after.begin:
            raise _bad_weights(path, f"{before.name} and {after.name} overlap or leave a hole between them")
    return tuple(tensors), data_start


def _plain_files(folder: Path) -> list[str]:
    """List every file below `folder`; refuse links, devices and whatever else is not a plain file or a folder."""
    found = []
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            entry = Path(parent, name)
            path = entry.relative_to(folder).as_posix()
            mode = entry.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise ArtifactError("path_forbidden", 400, path, "a plain file is allowed, not a link or a device")
            if stat.S_ISREG(mode):
                found.append(path)
            elif path != "provenance":
                raise ArtifactError("file_not_allowed", 422, path, "no folder but provenance is allowed")
    return sorted(found)


def _check_complete(folder: Path, paths: list[str], needed: tuple[str, ...]) -> None:
    if not any(WEIGHTS.fullmatch(path) for path in paths):
        raise ArtifactError("file_missing", 422, "model.safetensors", "an artifact holds its weights")
    for path in needed:
        if path not in paths or (folder / path).stat().st_size == 0:
            raise ArtifactError("file_missing", 422, path, "the file is needed, and is not there or is empty")


def _check_content(file: Path, path: str) -> None:
    """Refuse a file whose content is an archive or a pickle, whatever its name says.

    A zip archive is found from its end, so that the same bytes can be weights to one program and an archive of pickles
    to another: torch opens such a file as the latter.
    """
    with file.open("rb") as stream:
        format_name = foreign_format(stream.read(HEAD_BYTES))
    if format_name is None and zipfile.is_zipfile(file):
        format_name = "zip archive, read from its end"
    if format_name is not None:
        raise ArtifactError("format_not_allowed", 415, path, f"the content is a {format_name}")


def _refuse_code(value: object, path: str) -> None:
    """Walk a parsed file (its depth is bounded) and refuse the keys that lead a loader to other people's code."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _FORBIDDEN_KEYS or _FORBIDDEN_KEY_PART in key.lower():
                raise ArtifactError(
                    "config_key_forbidden", 422, path, f"the key {key[:80]!r} could make a loader run code"
                )
            _refuse_code(item, path)
    elif isinstance(value, list):
        for item in value:
            _refuse_code(item, path)


def _check_index(folder: Path, paths: list[str]) -> dict[str, str] | None:
    """Require that a sharded model's index names exactly the weight files; return which tensor it says stands where."""
    weights = {path for path in paths if WEIGHTS.fullmatch(path)}
    if INDEX_NAME not in paths:
        if weights != {"model.safetensors"}:
            raise ArtifactError("file_missing", 422, INDEX_NAME, "weights in several files need their index")
        return None
    weight_map = check_json(folder / INDEX_NAME, INDEX_NAME).get("weight_map")
    if not isinstance(weight_map, dict) or set(map(str, weight_map.values())) != weights:
        detail = "the index names exactly the weight files of this folder"
        raise ArtifactError("manifest_mismatch", 422, INDEX_NAME, detail)
    return {name: str(path) for name, path in weight_map.items()}


def _check_metadata(metadata: object, path: str) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _bad_weights(path, "metadata maps text to text")
    if sum(len(key) + len(text) for key, text in metadata.items()) > METADATA_BYTES_MAX:
        raise _bad_weights(path, f"at most {METADATA_BYTES_MAX} characters of metadata are allowed")


def _tensor(name: str, entry: object, path: str) -> Tensor:
    if len(name) > NAME_CHARACTERS_MAX or not _TENSOR_NAME.fullmatch(name):
        raise _bad_weights(
            path, f"the tensor name {name[:80]!r} is not made of letters, digits, dots, dashes and underscores"
        )
    if not isinstance(entry, dict) or set(entry) != _TENSOR_KEYS:
        raise _bad_weights(path, f"{name}: exactly the keys {sorted(_TENSOR_KEYS)} are allowed")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise _bad_weights(path, f"{name}: one of the types {sorted(_ITEM_BYTES)} is allowed")
    if not _naturals(shape) or len(shape) > DIMENSIONS_MAX:
        raise _bad_weights(path, f"{name}: a shape is at most {DIMENSIONS_MAX} natural numbers")
    if not _naturals(offsets) or len(offsets) != 2:  # noqa: PLR2004 - a begin and an end
        raise _bad_weights(path, f"{name}: the offsets are two natural numbers")
    items = 1
    for dimension in shape:
        items *= dimension
    begin, end = offsets
    if end - begin != items * _ITEM_BYTES[dtype]:
        raise _bad_weights(
            path, f"{name}: the offsets span {end - begin} bytes, the shape needs {items * _ITEM_BYTES[dtype]}"
        )
    return Tensor(name, dtype, tuple(shape), begin, end)


def _naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _refuse_infinite(stream: BinaryIO, tensor: Tensor, path: str) -> None:
    """Read one tensor in chunks and look at the exponent bits: this serves bfloat16 too, which NumPy does not know."""
    import numpy as np

    integer, exponent = _EXPONENT_BITS[tensor.dtype]
    remaining = tensor.end - tensor.begin
    while remaining:
        chunk = stream.read(min(_CHUNK_BYTES, remaining))
        if not chunk:
            raise _bad_weights(path, f"{tensor.name}: the data ends too early")
        remaining -= len(chunk)
        numbers = np.frombuffer(chunk, dtype=integer)
        if bool(((numbers & exponent) == exponent).any()):
            raise ArtifactError("weights_not_finite", 422, path, f"{tensor.name} holds a number that is not finite")


def _bad_weights(path: str, detail: str) -> ArtifactError:
    return ArtifactError("malformed_safetensors", 422, path, detail)
