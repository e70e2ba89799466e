"""Writes one GGUF file from a release, whole or not at all: the story of a conversion, in the order of its steps.

Nothing in the file says when, where or by whom it was made, so that equal releases give equal bytes. The numbers of a
model pass through memory one tensor at a time.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFWriter, LlamaFileType

from models_registry.gguf import architecture, origin, vocabulary, weights
from models_registry.gguf.architecture import Architecture, Place
from models_registry.gguf.origin import Origin
from models_registry.gguf.refused import Refused
from models_registry.gguf.vocabulary import Vocabulary
from models_registry.provenance.case import TrustRoots
from models_registry.provenance.report import VERSION
from models_registry.publishing.check import WEIGHTS, check_json, check_text

_ROPE_FACTORS = "rope_freqs.weight"
_FILE_TYPES: Mapping[GGMLQuantizationType, LlamaFileType] = {
    GGMLQuantizationType.F32: LlamaFileType.ALL_F32,
    GGMLQuantizationType.F16: LlamaFileType.MOSTLY_F16,
    GGMLQuantizationType.BF16: LlamaFileType.MOSTLY_BF16,
}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Exported:
    """What came of a conversion. `bytes_total` and `sha256` are of the file; `rounded` are weights that lost bits."""

    origin: Origin
    architecture: str
    vocabulary: Vocabulary
    bytes_total: int
    sha256: str
    rounded: bool


def export(folder: Path, out: Path, kind: str, trust: TrustRoots) -> Exported:
    """Convert the release in `folder` to the file `out`; raise Refused and leave nothing behind if that cannot be.

    `kind` is a key of `weights.TYPES`. Raises ArtifactError for files that nobody may load, NoTrustRoot or Unreadable
    as `verify.check` does, and OSError where reading or writing fails.

    1. The place of the file must be free, outside of the release.  2. The release must verify.  3. Architecture,
    tokenizer and tensors must be such that nothing is lost.  4. The disk must have room.  5. The file is written under
    another name, read back for its SHA-256, and gets its name at last.
    """
    # 1
    _check_place(folder, out)
    # 2
    source = origin.read(folder, trust)
    # 3
    config = _json(folder, "config.json", source)
    model = architecture.read(config)
    settings = _json(folder, "tokenizer_config.json", source)
    words = vocabulary.read(_json(folder, "tokenizer.json", source), settings, model.vocabulary)
    special = _special(model, words, _json(folder, "generation_config.json", source))
    stored = weights.find(folder, [name for name in source.files if WEIGHTS.fullmatch(name)])
    weights.check(stored, model.tensors)
    wanted = weights.TYPES[kind]
    keys = {
        **dict(source.keys),
        "commonweights.converted_with": f"commonweights {VERSION}, gguf {version('gguf')}",
    }
    template = _template(folder, settings, source)
    # 4
    needed = sum(weights.size_of(place, wanted) for place in model.tensors.values())
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise Refused("disk_full", str(out.parent), f"{free} bytes are free, {needed} are needed")
    # 5
    with _whole(out) as partial:
        writer = GGUFWriter(partial, model.family)
        _write_keys(writer, keys, _FILE_TYPES[wanted])
        _write_architecture(writer, model)
        _write_vocabulary(writer, words, special, template)
        _write_tensors(writer, model, stored, wanted)
        digest, size = _measured(partial)
    exact = {"F32"} if wanted is GGMLQuantizationType.F32 else {wanted.name}
    matrices = [name for name, place in model.tensors.items() if len(place.shape) > 1]
    rounded = wanted is not GGMLQuantizationType.F32 and any(stored[name].dtype not in exact for name in matrices)
    return Exported(source, model.family, words, size, digest, rounded)


def _check_place(folder: Path, out: Path) -> None:
    if not out.parent.is_dir():
        raise Refused("folder_missing", str(out.parent), "the folder of the file is not there")
    if os.path.lexists(out):
        raise Refused("file_exists", str(out), "a file is there already, and is never overwritten")
    if out.parent.resolve().is_relative_to(folder.resolve()):
        raise Refused("place_not_allowed", str(out), "inside of the release, which would no longer verify")


def _json(folder: Path, name: str, source: Origin) -> dict[str, Any]:
    """Return the content of a JSON file of the release; that of one which is not needed may be empty."""
    if name not in source.files and name not in {"config.json", "tokenizer.json"}:
        return {}
    if name not in source.files:
        raise Refused("file_missing", name, "the release does not hold it, and it is needed")
    content: dict[str, Any] = check_json(folder / name, name)
    return content


def _special(model: Architecture, words: Vocabulary, generation: Mapping[str, Any]) -> dict[str, int]:
    """Return the tokens that readers need by number: what ends an answer, and what begins a text or fills a batch."""
    special = {kind: token for kind, token in model.special.items() if token is not None}
    if words.begins is not None:
        special["bos"] = words.tokens.index(words.begins)
    for kind, token in special.items():
        if token >= len(words.tokens):
            raise Refused("tokenizer_not_carried", "config.json", f"{kind}_token_id {token} is no token")
    if "eos" not in special:
        raise Refused("tokenizer_not_carried", "config.json", "no eos_token_id says what ends an answer")
    ends = generation.get("eos_token_id", special["eos"])
    if ends not in (special["eos"], [special["eos"]]):
        detail = f"eos_token_id is {ends!r}, config.json says {special['eos']}; one end of an answer is carried"
        raise Refused("tokenizer_not_carried", "generation_config.json", detail)
    return special


def _template(folder: Path, settings: Mapping[str, Any], source: Origin) -> str | None:
    """Return how a conversation becomes text: the file, which transformers believes first, or the older setting."""
    name = "chat_template.jinja"
    if name in source.files:
        check_text(folder / name, name)
        return (folder / name).read_text(encoding="utf-8")
    template = settings.get("chat_template")
    if template is not None and not isinstance(template, str):
        raise Refused("tokenizer_not_carried", "tokenizer_config.json", "several chat templates; one is carried")
    return template


def _write_keys(writer: GGUFWriter, keys: Mapping[str, str | int], file_type: LlamaFileType) -> None:
    for key, value in keys.items():
        if isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_string(key, value)
    writer.add_file_type(file_type)


def _write_architecture(writer: GGUFWriter, model: Architecture) -> None:
    for name, value in model.keys:
        key = f"{model.family}.{name}"
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        else:
            writer.add_uint32(key, value)


def _write_vocabulary(writer: GGUFWriter, words: Vocabulary, special: Mapping[str, int], template: str | None) -> None:
    writer.add_tokenizer_model("gpt2")  # GGUF's name for byte-level BPE
    writer.add_tokenizer_pre(words.cut)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.kinds)
    writer.add_token_merges(words.merges)
    add = {"bos": writer.add_bos_token_id, "eos": writer.add_eos_token_id, "pad": writer.add_pad_token_id}
    for kind, token in special.items():
        add[kind](token)
    writer.add_add_bos_token(words.begins is not None)
    writer.add_add_eos_token(value=False)
    writer.add_add_space_prefix(value=False)
    if template:
        writer.add_chat_template(template)


def _write_tensors(
    writer: GGUFWriter, model: Architecture, stored: Mapping[str, weights.Stored], wanted: GGMLQuantizationType
) -> None:
    """Write the header, then the tensors in the order in which it names them."""
    factors = np.array(model.rope_factors, dtype="<f4")
    if factors.size:
        writer.add_tensor_info(_ROPE_FACTORS, factors.shape, factors.dtype, factors.nbytes, GGMLQuantizationType.F32)
    for place in model.tensors.values():
        size = weights.size_of(place, wanted)
        writer.add_tensor_info(place.name, place.shape, factors.dtype, size, weights.type_of(place, wanted))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors.size:
            writer.write_tensor_data(factors, GGUFEndian.LITTLE)
        for name, place in model.tensors.items():
            writer.write_tensor_data(weights.load(stored[name], place, wanted), GGUFEndian.LITTLE)
    except OSError as error:
        if error.errno is not None:
            raise
        # NumPy says only how much of an array was written.
        raise Refused("disk_full", str(writer.path), f"the disk took a part of a tensor only ({error})") from error
    finally:
        writer.close()


@contextlib.contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Give a name to write under; what stands there gets the name `out` if that is still free, or is removed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.chmod(0o644)
        os.link(partial, out)
    except FileExistsError as error:
        raise Refused("file_exists", str(out), "somebody else was first; it is not overwritten") from error
    finally:
        partial.unlink(missing_ok=True)


def _measured(file: Path) -> tuple[str, int]:
    """Return SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


__all__ = ["Exported", "Place", "export"]
