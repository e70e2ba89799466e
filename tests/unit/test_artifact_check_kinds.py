"""The artifact gate, kind by kind: twenty ways and more to hide a pickle, bend a header, name a file, or be two formats at once."""

import bz2
import gzip
import io
import itertools
import json
import lzma
import os
import pickle
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.publishing.check import HEADER_BYTES_MAX, ArtifactError, check_artifact
from tests.unit.test_artifact_check import GOOD, entry, pack

FILES = {
    "model.safetensors": GOOD,
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "README.md": b"# Water",
    "LICENSE": b"CC0",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    for name, data in FILES.items():
        (artifact / name).write_bytes(data)
    return artifact


def refused(folder: Path) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        check_artifact(folder, release=True)
    assert caught.value.detail
    return caught.value


# -- pickles -------------------------------------------------------------------------------------------------------


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:  # noqa: D105 - pickle's own hook, and the attack
        return os.system, ("touch /tmp/should-never-exist",)


def zipped(name: str, data: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


PAYLOADS = {"a call": Runs(), "numbers": {"w": [1.0, 2.0]}, "a list": [1, 2, 3]}
PICKLES = {
    f"{kind}, protocol {protocol}": pickle.dumps(payload, protocol)
    for (kind, payload), protocol in itertools.product(PAYLOADS.items(), range(6))
} | {
    "as torch saves it": zipped("archive/data.pkl", pickle.dumps(Runs())),
    "compressed zip": zipped("data.pkl", pickle.dumps(Runs()), zipfile.ZIP_DEFLATED),
    "tar": tarred("data.pkl", pickle.dumps(Runs())),
    "gzip": gzip.compress(pickle.dumps(Runs())),
    "bzip2": bz2.compress(pickle.dumps(Runs())),
    "xz": lzma.compress(pickle.dumps(Runs())),
    "numpy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}" + pickle.dumps(Runs()),
}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES.keys())
def test_a_pickle_is_refused_under_every_name_that_is_allowed(folder: Path, content: bytes) -> None:
    for name in (*FILES, "NOTICE", "merges.txt", "chat_template.jinja", "vocab.json"):
        before = (folder / name).read_bytes() if (folder / name).exists() else None
        (folder / name).write_bytes(content)
        error = refused(folder)
        assert (error.path, error.status in {415, 422}) == (name, True)
        (folder / name).unlink()
        if before is not None:
            (folder / name).write_bytes(before)
    check_artifact(folder, release=True)
    assert not Path("/tmp/should-never-exist").exists()


# -- two formats at once -------------------------------------------------------------------------------------------

ARCHIVE = zipped("archive/data.pkl", pickle.dumps(Runs()))


def bytes_tensor(data: bytes, **metadata: str) -> bytes:
    header: dict[str, Any] = {"bytes": entry("U8", [len(data)], [0, len(data)])}
    return pack(header | ({"__metadata__": metadata} if metadata else {}), data)


POLYGLOTS: dict[str, tuple[str, bytes]] = {
    "weights that are an archive from their end": ("model.safetensors", bytes_tensor(ARCHIVE)),
    "weights with an archive in the middle and a comment": ("model.safetensors", bytes_tensor(b"\0" * 99 + ARCHIVE)),
    "weights with an archive behind them": ("model.safetensors", GOOD + ARCHIVE),
    "weights with a pickle behind them": ("model.safetensors", GOOD + pickle.dumps(Runs())),
    "weights with text behind them": ("model.safetensors", GOOD + b"\n#!/bin/sh\n"),
    "weights twice": ("model.safetensors", GOOD + GOOD),
    "weights behind a shebang": ("model.safetensors", b"#!/bin/sh\n" + GOOD),
    "weights behind an archive": ("model.safetensors", ARCHIVE + GOOD),
    "weights that are JSON": ("model.safetensors", b'{"embed.weight": [1]}'),
    "weights that are GGUF": ("model.safetensors", b"GGUF\x03\0\0\0" + bytes(64)),
    "weights that are HDF5": ("model.safetensors", b"\x89HDF\r\n\x1a\n" + bytes(64)),
    "weights that are ONNX": ("model.safetensors", b"\x08\x07\x12\x07pytorch" + bytes(64)),
    "weights that are a program": ("model.safetensors", b"\x7fELF\x02\x01\x01" + bytes(64)),
    "weights that are a picture": ("model.safetensors", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    "a card with an archive behind it": ("README.md", b"# Water\n" + ARCHIVE),
    "a card that is a program": ("README.md", b"\x7fELF\x02\x01\x01" + bytes(64)),
    "a card that is a program of another system": ("README.md", b"MZ\x90\0\x03\0\0\0" + bytes(64)),
    "a card in UTF-16": ("README.md", "# Water".encode("utf-16")),
    "a card that is not UTF-8": ("README.md", b"# Caf\xe9"),
    "a card with terminal commands": ("README.md", b"# Water \x1b[2J\x1b]0;owned\x07"),
    "a licence with a NUL": ("LICENSE", b"CC0\0#!/bin/sh"),
    "a licence with an archive behind it": ("LICENSE", b"CC0\n" + ARCHIVE),
    "a template that is a picture": ("chat_template.jinja", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    "a configuration with an archive behind it": ("config.json", FILES["config.json"] + ARCHIVE),
    "a configuration with a second one behind it": ("config.json", FILES["config.json"] * 2),
    "a configuration behind a mark of byte order": ("config.json", b"\xef\xbb\xbf{}"),
    "a tokenizer that is weights": ("tokenizer.json", GOOD),
}


@pytest.mark.parametrize(("name", "content"), POLYGLOTS.values(), ids=POLYGLOTS.keys())
def test_a_file_that_is_something_else_as_well_is_refused(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    error = refused(folder)
    assert error.path == name
    assert error.code in {"format_not_allowed", "malformed_safetensors", "malformed_json", "malformed_text"}


# -- tensors that overlap, leave holes, or stand twice -------------------------------------------------------------


def spans(*pairs: tuple[int, int], size: int) -> bytes:
    """Weights whose tensors cover these byte ranges of `size` bytes of data."""
    header = {f"t{n}": entry("U8", [max(end - begin, 0)], [begin, end]) for n, (begin, end) in enumerate(pairs)}
    return pack(header, bytes(size))


SPANS: dict[str, tuple[list[tuple[int, int]], int]] = {
    "the same bytes twice": ([(0, 8), (0, 8)], 8),
    "half of each other": ([(0, 8), (4, 12)], 12),
    "one byte too many": ([(0, 9), (8, 16)], 16),
    "one within the other": ([(0, 16), (4, 8)], 16),
    "one within the other at its begin": ([(0, 16), (0, 8)], 16),
    "one within the other at its end": ([(0, 16), (8, 16)], 16),
    "three in a chain": ([(0, 8), (6, 14), (12, 20)], 20),
    "the last over the first": ([(0, 8), (8, 16), (0, 16)], 16),
    "a hole of one byte": ([(0, 8), (9, 16)], 16),
    "a hole in the middle": ([(0, 8), (12, 16)], 16),
    "a hole before the first": ([(1, 8)], 8),
    "a hole behind the last": ([(0, 8)], 9),
    "two holes": ([(0, 4), (6, 8), (10, 12)], 12),
    "a hole and an overlap": ([(0, 8), (10, 16), (12, 18)], 18),
    "beyond the end by one": ([(0, 9)], 8),
    "beyond the end by much": ([(0, 2**40)], 8),
    "one beyond the end": ([(0, 8), (8, 2**33)], 16),
    "all beyond the end": ([(2**33, 2**34)], 16),
    "backwards": ([(8, 0)], 8),
    "backwards behind another": ([(0, 8), (16, 8)], 16),
    "nothing of the data": ([(0, 0)], 8),
}


@pytest.mark.parametrize(("pairs", "size"), SPANS.values(), ids=SPANS.keys())
def test_tensors_that_overlap_or_leave_holes_are_refused(folder: Path, pairs: list[tuple[int, int]], size: int) -> None:
    (folder / "model.safetensors").write_bytes(spans(*pairs, size=size))
    assert refused(folder).code == "malformed_safetensors"


def test_a_tensor_in_two_files_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    for name, tensors in zip(names, ("ab", "bc", "de"), strict=True):
        (folder / name).write_bytes(
            pack({t: entry("U8", [4], [4 * n, 4 * n + 4]) for n, t in enumerate(tensors)}, bytes(8))
        )
    index = folder / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": dict(zip("abcde", [names[0], *[names[1]] * 2, *[names[2]] * 2], strict=True))})
    )
    error = refused(folder)
    assert (error.code, "the tensor b stands in" in error.detail) == ("malformed_safetensors", True)


MAPS = {
    "one is missing": {"a": 1, "b": 1, "c": 2},
    "one too many": {"a": 1, "b": 1, "c": 2, "d": 2, "e": 2},
    "in the wrong file": {"a": 1, "b": 2, "c": 2, "d": 1},
    "by another name": {"a": 1, "B": 1, "c": 2, "d": 2},
}


@pytest.mark.parametrize("where", MAPS.values(), ids=MAPS.keys())
def test_an_index_that_tells_tensors_otherwise_is_refused(folder: Path, where: dict[str, int]) -> None:
    (folder / "model.safetensors").unlink()
    names = {n: f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    for n, tensors in ((1, "ab"), (2, "cd")):
        header = {t: entry("U8", [4], [4 * place, 4 * place + 4]) for place, t in enumerate(tensors)}
        (folder / names[n]).write_bytes(pack(header, bytes(8)))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": names[1], "b": names[1], "c": names[2], "d": names[2]}}))
    check_artifact(folder, release=True)
    index.write_text(json.dumps({"weight_map": {name: names[n] for name, n in where.items()}}))
    assert (refused(folder).code, refused(folder).path) == ("manifest_mismatch", index.name)


# -- huge and crooked headers --------------------------------------------------------------------------------------


def length(value: int, rest: bytes = b'{"a":1}') -> bytes:
    return struct.pack("<Q", value) + rest


HEADERS: dict[str, bytes] = {f"a length of 2**{power}": length(2**power) for power in range(24, 64, 2)} | {
    "one byte more than allowed": length(HEADER_BYTES_MAX + 1, b"{" + b" " * HEADER_BYTES_MAX),
    "all of the allowed, as blanks": length(HEADER_BYTES_MAX, b"{" + b" " * (HEADER_BYTES_MAX - 1)),
    "a hundred thousand tensors of nothing": pack({f"t{n}": entry("U8", [0], [0, 0]) for n in range(50_000)}, b"x"),
    "nested without end": length(20_000, b'{"a":' * 4_000),
    "metadata of a megabyte": pack({"__metadata__": {"k": "v" * 1_000_000}, "a": entry()}, bytes(16)),
    "metadata in a hundred thousand keys": pack({"__metadata__": {f"k{n}": "" for n in range(50_000)}, "a": entry()}, bytes(16)),
    "a name of a megabyte": pack({"a" * 1_000_000: entry()}, bytes(16)),
    "a shape of a hundred thousand ones": pack({"a": entry(shape=[1] * 100_000 + [4])}, bytes(16)),
    "a number of a hundred thousand digits": pack(b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b'],"data_offsets":[0,16]}}', bytes(16)),
}  # fmt: skip


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_too_much_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert refused(folder).code == "malformed_safetensors"


# -- entries that are no plain files -------------------------------------------------------------------------------


def socket_at(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(place.name)
    finally:
        os.chdir(here)


ENTRIES: dict[str, Callable[[Path], object]] = {
    "a link to a file of the system": lambda place: place.symlink_to("/etc/hostname"),
    "a link to a file of the folder": lambda place: place.symlink_to("config.json"),
    "a link upwards": lambda place: place.symlink_to("../artifact/config.json"),
    "a link to nothing": lambda place: place.symlink_to("nowhere"),
    "a link to itself": lambda place: place.symlink_to(place.name),
    "a link to a folder": lambda place: place.symlink_to("/etc"),
    "a link to the folder itself": lambda place: place.symlink_to("."),
    "a link to a device": lambda place: place.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
    "a socket": socket_at,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("make", ENTRIES.values(), ids=ENTRIES.keys())
@pytest.mark.parametrize("name", ["NOTICE", "model.safetensors"])
def test_an_entry_that_is_no_plain_file_is_refused_unread(
    folder: Path, name: str, make: Callable[[Path], object]
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    assert (refused(folder).code, refused(folder).path) in {("path_forbidden", name), ("file_not_allowed", name)}


# -- names ---------------------------------------------------------------------------------------------------------

NAMES = ["config.json.bak", "config.json~", "#config.json#", ".config.json.swp", ".DS_Store", "Thumbs.db", "CONFIG.JSON", "config.JSON", "ｃonfig.json",
         "config\u200b.json", "config.json\u202e", " config.json", "config.json.", "config.json\t", "config.json\r", "config\x1b[2J.json", "co\u0301nfig.json",
         "model.safetensors\u00a0", "model.safetensor", "model-00001-of-00001.safetensors.tmp", "model-1-of-1.safetensors", "model--00001-of-00002.safetensors",
         "modeling_llama.py", "configuration.py", "__init__.py", "requirements.txt", "setup.cfg", "handler.py", "pytorch_model.bin", "rng_state.pth",
         "training_args.bin", "optimizer.pt", "model.ckpt", "model.joblib", "tokenizer.model", "spiece.model", "adapter_model.bin", ".gitattributes",
         "-rf", "$(id)", "`id`", "a;b", "con", "nul.json", "README.md.exe", "LICENSE.lnk", "events.out.tfevents.1"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_on_the_list_is_refused_with_a_reason_that_can_be_printed(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{}")
    error = refused(folder)
    assert error.code in {"file_not_allowed", "path_forbidden", "format_not_allowed"}
    assert (error.path + error.detail).isprintable()


# -- weights that are not finite: every place, every kind ----------------------------------------------------------

BAD_BITS = {
    "F16": [0x7C00, 0xFC00, 0x7C01, 0x7E00, 0xFFFF],
    "BF16": [0x7F80, 0xFF80, 0x7F81, 0x7FC0, 0xFFFF],
    "F32": [0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0x7FC0_0000, 0xFFFF_FFFF],
    "F64": [0x7FF0 << 48, 0xFFF0 << 48, (0x7FF0 << 48) + 1, 0x7FF8 << 48, 2**64 - 1],
}
WIDTHS = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}


@pytest.mark.parametrize(("dtype", "bits"), [(dtype, bits) for dtype, many in BAD_BITS.items() for bits in many])
def test_one_number_that_is_not_finite_is_found_wherever_it_stands(folder: Path, dtype: str, bits: int) -> None:
    width = WIDTHS[dtype]
    for place in (0, 1, 63, 127):
        data = bytearray(128 * width)
        data[place * width : (place + 1) * width] = bits.to_bytes(width, "little")
        header = {"first": entry("U8", [8], [0, 8]), "bad": entry(dtype, [128], [8, 8 + len(data)])}
        (folder / "model.safetensors").write_bytes(pack(header, bytes(8) + bytes(data)))
        error = refused(folder)
        assert (error.code, "bad" in error.detail) == ("weights_not_finite", True)
