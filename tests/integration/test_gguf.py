"""A release as one GGUF file: what transformers reads from it is the model and the tokenizer of the release."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import REPOSITORY, SIZES, make_base

import numpy as np  # isort: skip - after trainer_runs, which settles how torch waits
import torch
from gguf import GGUFReader
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from models_registry.gguf.__main__ import main
from models_registry.provenance import bundle
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner

GROUPED = {**SIZES, "hidden_size": 64, "num_attention_heads": 4, "initializer_range": 0.3}
UNTIED = {**GROUPED, "tie_word_embeddings": False}
LLAMA3 = {
    "rope_theta": 10_000.0,
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR = {"rope_theta": 1_000_000.0, "rope_type": "linear", "factor": 2.0}
FAMILIES: dict[str, tuple[type, dict[str, Any], str]] = {
    "llama, tied": (LlamaConfig, GROUPED, "plain-turns"),
    "llama, untied": (LlamaConfig, UNTIED, "plain-turns"),
    "llama 3.1, with biases": (
        LlamaConfig,
        {**GROUPED, "rope_parameters": LLAMA3, "attention_bias": True, "head_dim": 32},
        "plain-turns",
    ),
    "mistral": (MistralConfig, {**UNTIED, "sliding_window": None}, "plain-turns"),
    "qwen2": (Qwen2Config, GROUPED, "chatml"),
    "qwen2, stretched": (Qwen2Config, {**UNTIED, "rope_parameters": LINEAR}, "chatml"),
    "qwen3": (Qwen3Config, {**GROUPED, "head_dim": 16}, "chatml"),
}
# What transformers' reader of GGUF takes from its own defaults and not from the file; llama.cpp reads all of it.
READ_WITH_THE_CONFIG = {"llama 3.1, with biases", "qwen2, stretched", "qwen3"}
TEXTS = [
    "Hello, how are you? Don't WE'LL I've 12345 3.14",
    "L’eau de la parcelle n° 7 vient de l’été — ça va ? « oui »",
    "🚰🌊 water 👩‍🌾👍🏽",
    "  a\t\tb  \n\n   c \r\n d   ",
    "<|user|>Où va l'eau ?<|assistant|>Down,\nthen on.<|end|>",
    "<|im_start|>user\nOù ?<|im_end|>\n<|im_start|>assistant\n",
    "中文字 日本 हिन्दी 한국어",
    " ",
]


def released(base: Path, folder: Path) -> Path:
    """Return a signed release of these files, as the smallest of communities decided it."""
    card = '---\nlanguage:\n- "en"\nlicense: "apache-2.0"\n---\n\n# Water\n'
    (base / "README.md").write_text(card, encoding="utf-8")
    story = golden_bundle.plain_story()
    story.model = base
    golden_bundle.build(folder, story)
    return folder


def make_model(folder: Path, family: str) -> Path:
    """Make a model whose norms and biases are no ones and zeros, so that a mix-up would show."""
    config_class, sizes, template = FAMILIES[family]
    sizes = {"num_key_value_heads": 2, **{key: value for key, value in sizes.items() if key != "num_key_value_heads"}}
    base = make_base(folder, config_class, sizes, template)
    weights = load_file(base / "model.safetensors")
    chance = torch.Generator().manual_seed(5)
    changed = {
        name: torch.rand(weight.shape, generator=chance) + 0.25 if weight.ndim == 1 else weight
        for name, weight in weights.items()
    }
    save_file(changed, base / "model.safetensors", metadata={"format": "pt"})
    return base


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """Return the name of a family, a release of it, and the folder with its GGUF file."""
    place = tmp_path_factory.mktemp("family")
    release = released(make_model(place / "base", request.param), place / "release")
    assert main([str(release), str(place / "model.gguf")]) == 0
    return request.param, release, place


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("one")
    return released(make_model(place / "base", "llama, untied"), place / "release")


def keys_of(file: Path) -> dict[str, Any]:
    return {name: field.contents() for name, field in GGUFReader(file).fields.items()}


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_a_stranger_computes_the_same_from_the_file_as_from_the_release(family: tuple[str, Path, Path]) -> None:
    name, release, place = family
    config = AutoConfig.from_pretrained(release) if name in READ_WITH_THE_CONFIG else None
    theirs = AutoModelForCausalLM.from_pretrained(place, gguf_file="model.gguf", config=config, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(release)
    tokens = torch.arange(100).remainder(97).unsqueeze(0)
    with torch.no_grad():
        wanted, found = ours(tokens).logits, theirs(tokens).logits
    assert float((wanted - found).abs().max()) < 1e-5
    assert float(wanted.abs().max()) > 1, "the test would not see a difference"
    assert theirs.config.eos_token_id == ours.config.eos_token_id


def test_a_stranger_reads_the_same_tokens_and_turns(family: tuple[str, Path, Path]) -> None:
    _, release, place = family
    ours, theirs = AutoTokenizer.from_pretrained(release), AutoTokenizer.from_pretrained(place, gguf_file="model.gguf")
    for text in TEXTS:
        assert theirs(text)["input_ids"] == ours(text)["input_ids"], text
        assert theirs.decode(ours(text)["input_ids"]) == ours.decode(ours(text)["input_ids"])
    assert theirs.chat_template == ours.chat_template


def test_the_file_names_the_release_that_can_be_verified(family: tuple[str, Path, Path]) -> None:
    _, release, place = family
    keys, read = keys_of(place / "model.gguf"), bundle.read(release)
    body = read.release.body
    (proposal,) = (record for record in read.records if record.kind == "proposal" and record.body["number"] == 3)
    assert {name: keys[f"commonweights.{name}"] for name in ("release", "manifest_sha256", "model", "revision")} == {
        "release": read.release.digest,
        "manifest_sha256": read.manifest_sha256,
        "model": body["model"],
        "revision": body["revision"],
    }
    assert proposal.body["kind"] == "model_update"
    assert (keys["commonweights.proposal"], keys["commonweights.proposal_number"]) == (proposal.digest, 3)
    assert keys["commonweights.hub"] == "https://commons.example/hub"
    assert keys["general.source.repo_url"] == "https://commons.example/hub/commons/water-assistant"
    assert (keys["general.name"], keys["general.license"]) == ("water-assistant", "apache-2.0")
    assert "does not cover this file" in keys["general.description"]


def test_stretched_positions_are_those_that_transformers_computes(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", "llama 3.1, with biases")
    assert main([str(released(base, tmp_path / "release")), str(tmp_path / "a.gguf")]) == 0
    (factors,) = (
        tensor.data for tensor in GGUFReader(tmp_path / "a.gguf").tensors if tensor.name == "rope_freqs.weight"
    )
    config = AutoConfig.from_pretrained(base)
    stretched, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    plain = 1 / 10_000.0 ** (torch.arange(0, 32, 2) / 32)
    np.testing.assert_allclose(factors, (plain / stretched).numpy(), rtol=1e-5)
    assert {round(float(factors.min()), 3), round(float(factors.max()), 3)} == {1.0, 8.0}


def test_the_same_release_gives_the_same_bytes_anywhere(release: Path, tmp_path: Path) -> None:
    digests = set()
    for seed in ("1", "2"):
        copy = tmp_path / seed / "copied"
        shutil.copytree(release, copy)
        out = tmp_path / seed / f"{seed}.gguf"
        command = [sys.executable, "-m", "models_registry.gguf", str(copy), str(out), "--type", "f16"]
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"}
        done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
        assert f"sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}" in done.stdout
        assert "rounded to f16" in done.stdout
    assert len(digests) == 1


def test_weights_in_sixteen_bits_are_carried_bit_for_bit_and_others_are_rounded_to_the_nearest(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", "llama, untied")
    weights = {name: weight.bfloat16() for name, weight in load_file(base / "model.safetensors").items()}
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    release = released(base, tmp_path / "release")
    for kind in ("f32", "bf16", "f16"):
        assert main([str(release), str(tmp_path / f"{kind}.gguf"), "--type", kind]) == 0
        model = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=f"{kind}.gguf", dtype=torch.float32)
        for name, weight in model.state_dict().items():
            wanted = weights[name].float()
            assert torch.equal(weight, wanted.half().float() if kind == "f16" and weight.ndim > 1 else wanted), name


def test_weights_in_several_files_are_one_model(release: Path, tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", "llama, untied")
    weights = load_file(base / "model.safetensors")
    (base / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {f"model-0000{part + 1}-of-00002.safetensors": names[part::2] for part in range(2)}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held}, base / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
    (base / "model.safetensors.index.json").write_text(json.dumps(index))
    for folder, out in ((release, "one.gguf"), (released(base, tmp_path / "release"), "two.gguf")):
        assert main([str(folder), str(tmp_path / out)]) == 0
    one, two = (
        [(tensor.name, tensor.data.tobytes()) for tensor in GGUFReader(tmp_path / out).tensors]
        for out in ("one.gguf", "two.gguf")
    )
    assert one == two

    # One tensor in both files: which of them would be the model?
    save_file({name: weights[name] for name in names}, base / "model-00001-of-00002.safetensors")
    assert main([str(released(base, tmp_path / "twice")), str(tmp_path / "twice.gguf")]) == 2
    assert not (tmp_path / "twice.gguf").exists()


def test_a_number_too_large_for_sixteen_bits_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = make_model(tmp_path / "base", "llama, untied")
    weights = load_file(base / "model.safetensors")
    weights["lm_head.weight"][0, 0] = 70_000.0
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    release = released(base, tmp_path / "release")
    assert main([str(release), str(tmp_path / "a.gguf"), "--type", "f16"]) == 2
    assert "number_too_large: output.weight" in capsys.readouterr().err
    assert nothing_but(tmp_path, "base", "release")
    assert main([str(release), str(tmp_path / "a.gguf"), "--type", "bf16"]) == 0


def test_another_architecture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = make_base(tmp_path / "base", GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128})
    assert main([str(released(base, tmp_path / "release")), str(tmp_path / "a.gguf")]) == 2
    assert "architecture_not_carried: config.json: model_type is 'gpt2'" in capsys.readouterr().err
    assert nothing_but(tmp_path, "base", "release")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 64), "file_changed"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "file_missing"),
        (lambda folder: (folder / "evil.py").write_text("print()"), "name_not_allowed"),
        (lambda folder: (folder / "provenance" / "ballots.jsonl").write_bytes(b""), "release_not_verified"),
        (lambda folder: shutil.rmtree(folder / "provenance"), "release_not_verified"),
        (shutil.rmtree, "is not a folder"),
    ],
    ids=["swapped weights", "no tokenizer", "a script", "no ballots", "no provenance", "no folder"],
)
def test_what_is_not_a_whole_release_is_refused(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, found: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    damage(copy)
    assert main([str(copy), str(tmp_path / "a.gguf")]) == 2
    assert found in capsys.readouterr().err
    assert nothing_but(tmp_path, *(["copy"] if copy.exists() else []))


def test_the_key_that_a_person_trusts_is_compared(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(release), str(tmp_path / "a.gguf"), "--community-key"]
    assert main([*command, KeySigner(8).public_key_hex]) == 2
    assert "check 10" in capsys.readouterr().err
    assert nothing_but(tmp_path)
    assert main([*command, KeySigner(7).public_key_hex]) == 0
    assert "nobody's key" not in capsys.readouterr().out


def test_a_file_that_is_there_is_never_overwritten_and_a_release_stays_as_it_is(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.gguf").write_text("mine")
    (tmp_path / "link.gguf").symlink_to(tmp_path / "nowhere")
    before = sorted(path.name for path in release.rglob("*"))
    for out, code in (
        (tmp_path / "a.gguf", "file_exists"),
        (tmp_path / "link.gguf", "file_exists"),
        (tmp_path / "none" / "a.gguf", "folder_missing"),
        (release / "a.gguf", "place_not_allowed"),
    ):
        assert main([str(release), str(out)]) == 2
        assert code in capsys.readouterr().err
    assert (tmp_path / "a.gguf").read_text() == "mine"
    assert nothing_but(tmp_path, "a.gguf", "link.gguf")
    assert sorted(path.name for path in release.rglob("*")) == before


@pytest.mark.parametrize("limit", [4_000, 60_000], ids=["in the keys", "in the tensors"])
def test_a_disk_that_takes_no_more_leaves_nothing_behind(release: Path, tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "models_registry.gguf", str(release), str(tmp_path / "a.gguf")],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("no file was made: ")
    assert "Traceback" not in done.stderr
    assert nothing_but(tmp_path)


def test_a_disk_without_room_is_said_before_anything_is_written(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = shutil.disk_usage(tmp_path)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: small)
    assert main([str(release), str(tmp_path / "a.gguf")]) == 2
    assert "disk_full" in capsys.readouterr().err
    assert nothing_but(tmp_path)
