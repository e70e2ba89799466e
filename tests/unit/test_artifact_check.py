"""The artifact gate: list A's A47 to A50 and their variations. Files are built byte by byte, so that they can be wrong."""

import contextlib
import gzip
import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from models_registry.publishing.check import (
    ArtifactError,
    check_artifact,
    check_file_name,
    check_json,
    check_listed,
    check_weights,
    read_header,
)


def entry(dtype: str = "F32", shape: list[Any] | None = None, offsets: list[Any] | None = None) -> dict[str, Any]:
    return {
        "dtype": dtype,
        "shape": [2, 2] if shape is None else shape,
        "data_offsets": [0, 16] if offsets is None else offsets,
    }


def pack(header: object, data: bytes) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


GOOD = pack({"embed.weight": entry()}, bytes(16))


def refusal(act: Callable[[], object]) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        act()
    return caught.value


def weights_refusal(content: bytes) -> ArtifactError:
    return refusal(lambda: read_header(io.BytesIO(content), len(content), "model.safetensors"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    numbers = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    save_file(
        {"a.weight": numbers, "b.bias": numbers[0].astype(np.float16)}, artifact / "model.safetensors", {"format": "pt"}
    )
    (artifact / "config.json").write_text('{"model_type": "llama", "rms_norm_eps": 1e-06}')
    (artifact / "tokenizer.json").write_text('{"model": {"vocab": {"auto_map": 1}}}')
    (artifact / "README.md").write_text("# Water assistant")
    (artifact / "LICENSE").write_text("CC-BY-SA-4.0")
    return artifact


# -- whole folders -------------------------------------------------------------------------------------------------


def test_a_good_artifact_passes_and_its_files_are_listed(folder: Path) -> None:
    expected = ("LICENSE", "README.md", "config.json", "model.safetensors", "tokenizer.json")
    assert check_artifact(folder) == expected
    assert check_artifact(folder, release=True, listed=expected) == expected


def test_a_release_may_hold_its_provenance_and_nothing_else_may(folder: Path) -> None:
    (folder / "provenance").mkdir()
    (folder / "provenance" / "manifest.json").write_text("{}")
    assert "provenance/manifest.json" in check_artifact(folder, release=True)
    assert refusal(lambda: check_artifact(folder)).code == "file_not_allowed"


def test_sharded_weights_pass_with_their_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name, tensor in zip(names, "ab", strict=True):
        (folder / name).write_bytes(pack({tensor: entry()}, bytes(16)))
    assert refusal(lambda: check_artifact(folder)).code == "file_missing"
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"a": names[0], "b": names[1]}}))
    assert set(names) < set(check_artifact(folder))
    index.write_text(json.dumps({"weight_map": {"a": names[0], "b": "../elsewhere.safetensors"}}))
    assert refusal(lambda: check_artifact(folder)).code == "manifest_mismatch"


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors", "README.md", "LICENSE"])
def test_a_missing_or_empty_file_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    error = refusal(lambda: check_artifact(folder, release=True))
    assert (error.code, error.status, error.path) == ("file_missing", 422, missing)
    (folder / missing).write_text("")
    assert refusal(lambda: check_artifact(folder, release=True)).status == 422


def test_an_artifact_before_its_card_is_written_passes_only_as_an_artifact(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert check_artifact(folder)
    assert refusal(lambda: check_artifact(folder, release=True)).path == "README.md"


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "model.pt", "model.pth", "optimizer.pkl", "m.ckpt", "m.npy", "modeling.py", "lib.so", "model.safetensors.zip",
     "model.gguf", "tf_model.h5", "training_args.bin", "MODEL.BIN", "model.bin.safetensors", "run.sh", "model.onnx"],
)  # fmt: skip
def test_a_refused_format_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"anything")
    error = refusal(lambda: check_artifact(folder))
    assert (error.code, error.status) == ("format_not_allowed", 415)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "README.md"])
@pytest.mark.parametrize("kind", ["pickle", "old pickle", "zip", "gzip"])
def test_a_pickle_or_archive_under_an_allowed_name_is_refused(folder: Path, name: str, kind: str) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    content = {
        "pickle": pickle.dumps({"weight": [1.0]}),
        "old pickle": pickle.dumps({"weight": [1.0]}, protocol=0),
        "zip": zipped.getvalue(),
        "gzip": gzip.compress(GOOD),
    }[kind]
    (folder / name).write_bytes(content)
    error = refusal(lambda: check_artifact(folder))
    assert (error.code, error.status, error.path) == ("format_not_allowed", 415, name)


def test_an_unknown_file_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    error = refusal(lambda: check_artifact(folder))
    assert (error.code, error.status) == ("file_not_allowed", 422)


def test_a_link_or_an_inner_folder_is_refused(folder: Path) -> None:
    (folder / "NOTICE").symlink_to("/etc/hostname")
    error = refusal(lambda: check_artifact(folder))
    assert (error.code, error.status) == ("path_forbidden", 400)
    (folder / "NOTICE").unlink()
    (folder / "inner").mkdir()
    assert refusal(lambda: check_artifact(folder)).code == "file_not_allowed"
    (folder / "inner").rmdir()
    (folder / "inner").symlink_to("/etc")
    assert refusal(lambda: check_artifact(folder)).code == "path_forbidden"


def test_a_manifest_that_lists_other_files_is_refused(folder: Path) -> None:
    good = ["LICENSE", "README.md", "config.json", "model.safetensors", "tokenizer.json"]
    for listed in ([*good, "NOTICE"], good[1:], [*good, good[0]], []):
        error = refusal(lambda names=listed: check_artifact(folder, listed=names))  # type: ignore[misc]
        assert (error.code, error.status) == ("manifest_mismatch", 422)
    check_listed(good, reversed(good))


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../config.json", "/etc/passwd", "a/../config.json", "config.json\0", "\0", "..", ".", "", "a//b", "a/", "./config.json",
     "..\\config.json", "C:\\config.json", "c:config.json", "config\n.json", "x" * 300, "provenance/../../config.json", "con\x7f"],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    for provenance in (False, True):
        error = refusal(lambda allowed=provenance: check_file_name(name, provenance=allowed))  # type: ignore[misc]
        assert (error.code, error.status) == ("path_forbidden", 400)


@pytest.mark.parametrize(
    "name", ["Config.json", "config.json ", "model.safetensors.txt", ".gitattributes", "provenance/keys.json", "sub/config.json",
             "model-1-of-2.safetensors", "adapter_model.safetensors", "cоnfig.json"],
)  # fmt: skip
def test_a_name_that_is_not_on_the_list_is_refused(name: str) -> None:
    assert refusal(lambda: check_file_name(name, provenance=True)).code == "file_not_allowed"


@given(st.text(max_size=40))
def test_any_name_passes_or_is_refused_with_a_code(name: str) -> None:
    with contextlib.suppress(ArtifactError):
        check_file_name(name)
        assert "/" not in name


# -- JSON files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoModel": "evil--modeling.Evil"}},
        {"_attn_implementation": "evil/kernel"},
        {"_attn_implementation_internal": "evil/kernel"},
        {"attn_implementation": "eager"},
        {"_experts_attn_implementation_autoset": True},
        {"text_config": {"nested": [{"auto_map": {}}]}},
        {"custom_pipelines": {"text": {"impl": "x.py"}}},
        {"custom_generate": "evil/repo"},
        {"trust_remote_code": True},
    ],
)
@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
def test_a_key_that_could_make_a_loader_run_code_is_refused(folder: Path, config: dict[str, Any], name: str) -> None:
    (folder / name).write_text(json.dumps(config))
    error = refusal(lambda: check_artifact(folder))
    assert (error.code, error.status, error.path) == ("config_key_forbidden", 422, name)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 5000, '{"a": "\\ud800"}', "\ufeff{}", "{} {}"]
)
def test_a_json_file_that_is_not_strict_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    error = refusal(lambda: check_json(tmp_path / "config.json", "config.json"))
    assert (error.code, error.status) == ("malformed_json", 422)


# -- weights ---------------------------------------------------------------------------------------------------------


def test_a_good_header_is_read() -> None:
    header = {"b": entry(shape=[], dtype="F64", offsets=[4, 12]), "a": entry(dtype="BF16", shape=[2], offsets=[0, 4])}
    content = pack(header | {"__metadata__": {"format": "pt"}}, bytes(12))
    tensors, start = read_header(io.BytesIO(content), len(content), "model.safetensors")
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in tensors] == [("a", "BF16", (2,)), ("b", "F64", ())]
    assert start == len(content) - 12


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**64 - 1) + b"{}",
        struct.pack("<Q", 100) + b"{}",
        struct.pack("<Q", 9 * 1024 * 1024) + b" " * 64,
        pack({}, b""),
        pack([], b""),
        pack(b"not json at all", b""),
        pack(b" " + json.dumps({"a": entry()}).encode(), bytes(16)),
        pack(b"\xff\xfe{}", b""),
        pack({"a": entry(), "b": entry()}, bytes(16)),
        pack({"a": entry(), "b": entry(offsets=[8, 24])}, bytes(24)),
        pack({"a": entry(), "b": entry(offsets=[20, 36])}, bytes(36)),
        pack({"a": entry(offsets=[4, 20])}, bytes(20)),
        pack({"a": entry()}, bytes(17)),
        pack({"a": entry()}, bytes(15)),
        pack({"a": entry(offsets=[16, 0])}, bytes(16)),
        pack({"a": entry(offsets=[-16, 0])}, bytes(16)),
        pack({"a": entry(offsets=[0, 2**70])}, bytes(16)),
        pack({"a": entry(offsets=[0, 16.0])}, bytes(16)),
        pack({"a": entry(offsets=[False, 16])}, bytes(16)),
        pack({"a": entry(offsets=["0", "16"])}, bytes(16)),
        pack({"a": entry(offsets=[0, 16, 16])}, bytes(16)),
        pack({"a": entry(shape=[2, 3])}, bytes(16)),
        pack({"a": entry(shape=[-2, -2])}, bytes(16)),
        pack({"a": entry(shape=[2**33, 2**33])}, bytes(16)),
        pack({"a": entry(shape=[1] * 9 + [4])}, bytes(16)),
        pack({"a": entry(shape=4)}, bytes(16)),
        pack({"a": entry(dtype="F8_E4M3", shape=[16])}, bytes(16)),
        pack({"a": entry(dtype="O", shape=[16])}, bytes(16)),
        pack({"a": entry(dtype=["F32"])}, bytes(16)),
        pack({"a": entry() | {"extra": 1}}, bytes(16)),
        pack({"a": {"dtype": "F32", "shape": [4]}}, bytes(16)),
        pack({"a": []}, bytes(16)),
        pack({"../../etc/passwd": entry()}, bytes(16)),
        pack({"a/b": entry()}, bytes(16)),
        pack({"a\\b": entry()}, bytes(16)),
        pack({"..": entry()}, bytes(16)),
        pack({"a..b": entry()}, bytes(16)),
        pack({"": entry()}, bytes(16)),
        pack({"a\u0000": entry()}, bytes(16)),
        pack({"a b": entry()}, bytes(16)),
        pack({"x" * 201: entry()}, bytes(16)),
        pack(
            b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
            bytes(16),
        ),
        pack(b'{"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', bytes(16)),
        pack({"a": entry(), "__metadata__": {"n": 1}}, bytes(16)),
        pack({"a": entry(), "__metadata__": "x"}, bytes(16)),
        pack({"a": entry(), "__metadata__": {"n": "x" * 70_000}}, bytes(16)),
        pack({"a": entry(shape=[[[[2]]], 2])}, bytes(16)),
    ],
)
def test_a_malformed_safetensors_header_is_refused(content: bytes) -> None:
    error = weights_refusal(content)
    assert (error.code, error.status) == ("malformed_safetensors", 422)


@given(st.binary(max_size=300))
def test_any_bytes_pass_or_are_refused_with_a_code(content: bytes) -> None:
    for candidate in (content, pack(content, b""), GOOD[:20] + content):
        assert weights_refusal(candidate).code == "malformed_safetensors"


@given(st.integers(0, len(GOOD) - 17), st.integers(1, 255))
def test_a_flipped_bit_in_the_header_never_crashes_the_check(position: int, mask: int) -> None:
    content = bytearray(GOOD)
    content[position] ^= mask
    with contextlib.suppress(ArtifactError):
        read_header(io.BytesIO(bytes(content)), len(content), "model.safetensors")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), -float("nan")])
@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
@pytest.mark.parametrize("position", [0, 511, 1023])
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, dtype: str, number: float, position: int) -> None:
    numbers = np.linspace(-3, 3, 1024, dtype=np.float32)
    numbers[position] = number
    data = {
        "F16": numbers.astype("<f2").tobytes(),
        "BF16": (numbers.view("<u4") >> 16).astype("<u2").tobytes(),
        "F32": numbers.tobytes(),
        "F64": numbers.astype("<f8").tobytes(),
    }[dtype]
    file = tmp_path / "model.safetensors"
    file.write_bytes(
        pack({"fine": entry(), "bad.weight": entry(dtype, [1024], [16, 16 + len(data)])}, bytes(16) + data)
    )
    error = refusal(lambda: check_weights(file, "model.safetensors"))
    assert (error.code, error.status) == ("weights_not_finite", 422)
    assert "bad.weight" in error.detail


def test_the_largest_and_smallest_finite_numbers_pass(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    for dtype in (np.float16, np.float32, np.float64):
        info = np.finfo(dtype)
        save_file({"a": np.array([info.max, info.min, info.tiny, info.smallest_subnormal, -0.0], dtype=dtype)}, file)
        assert len(check_weights(file, "model.safetensors")) == 1


def test_integers_are_not_taken_for_numbers_that_are_not_finite(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"positions": np.array([-1, 2**31 - 1], dtype=np.int32), "mask": np.array([True, False])}, file)
    assert {tensor.dtype for tensor in check_weights(file, "model.safetensors")} == {"I32", "BOOL"}


def test_an_empty_tensor_passes(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"empty": np.zeros((0, 4), np.float32), "full": np.ones(4, np.float32)}, file)
    assert len(check_weights(file, "model.safetensors")) == 2


def test_the_gate_imports_neither_torch_nor_django() -> None:
    import subprocess

    program = (
        "import sys; sys.modules['torch'] = sys.modules['django'] = None\n"
        "import models_registry.publishing.check, models_registry.datasets.scans, models_registry.publishing\n"
        "assert 'numpy' not in sys.modules and 'huggingface_hub' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
