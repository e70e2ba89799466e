"""QLoRA: it is lora on a base of 4 bits, bit for bit; it holds less; and every strategy trains it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.site_runs import finished, furthest, losses
from tests.integration.test_trainer_objectives import OF_PREFERENCE, PAIRS
from tests.integration.trainer_runs import ROWS, SIZES, make_base, make_run, refusal
from tests.testbed.sites import village

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, LlamaConfig
from transformers.pytorch_utils import Conv1D

from training_jobs.spec import from_payload
from training_jobs.trainer import job, nf4
from training_jobs.trainer.model import load, merged, trainable

# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

QLORA: dict[str, Any] = {"method": "qlora", "lora": {"rank": 4, "alpha": 8}}
STEADY: dict[str, Any] = {"schedule": "constant", "warmup_steps": 0, "learning_rate": "0.0003", "epochs": 2}
OF_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def in_16_bits(base: Path, folder: Path) -> Path:
    """Copy a base as most of those are that come from elsewhere."""
    shutil.copytree(base, folder)
    weights = {name: weight.bfloat16() for name, weight in load_file(base / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    return folder


def coarse(base: Path, folder: Path) -> Path:
    """Copy a base in float32 whose linear layers hold what is left of them in 4 bits."""
    shutil.copytree(base, folder)
    model = load(base)
    weights = {name: weight.float() for name, weight in load_file(base / "model.safetensors").items()}
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear | Conv1D) and layer is not model.get_output_embeddings():
            weight = weights[f"{name}.weight"]
            weights[f"{name}.weight"] = nf4.dequantise(nf4.quantise(weight), weight.shape)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("config_class", "sizes", "changes"),
    [
        (LlamaConfig, SIZES, {"precision": "bfloat16", "packing": True, "batch_size": 2, "sequence_length": 64}),
        (LlamaConfig, SIZES, {**OF_PREFERENCE}),
        (GPT2Config, OF_GPT2, {}),
    ],
    ids=["llama-bfloat16-packed", "llama-preference", "gpt2"],
)
@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_it_is_lora_on_a_base_of_four_bits_bit_for_bit(
    tmp_path: Path, config_class: type, sizes: dict[str, Any], changes: dict[str, Any], stored: str
) -> None:
    fine = make_base(tmp_path / "base", config_class, sizes)
    if stored == "bfloat16":
        fine = in_16_bits(fine, tmp_path / "stored")
    rows = PAIRS if "preference" in changes else ROWS
    runs = [
        make_run(fine, tmp_path / "qlora", rows, **{**QLORA, **changes}),
        make_run(coarse(fine, tmp_path / "coarse"), tmp_path / "lora", rows, **{**QLORA, "method": "lora", **changes}),
    ]
    assert [job.run(run_dir) for run_dir in runs] == [0, 0]
    one, other = ((run_dir / "artifact" / "model.safetensors").read_bytes() for run_dir in runs)
    assert one == other
    assert losses(runs[0]) == losses(runs[1])


def test_it_learns_about_what_lora_learns(base: Path, tmp_path: Path) -> None:
    recipe = {**QLORA, "epochs": 12, "learning_rate": "0.01"}
    runs = [make_run(base, tmp_path / method, **{**recipe, "method": method}) for method in ("lora", "qlora")]
    assert [job.run(run_dir) for run_dir in runs] == [0, 0]
    lora, qlora = map(losses, runs)
    assert qlora[-1] < qlora[0] - 0.5
    assert qlora[-1] == pytest.approx(lora[-1], rel=0.02)


def test_what_is_held_of_the_base_is_a_quarter_of_sixteen_bits_until_it_is_published(tmp_path: Path) -> None:
    sizes = {**SIZES, "hidden_size": 128, "intermediate_size": 384}
    base = make_base(tmp_path / "base", sizes=sizes)
    spec = from_payload(json.loads((make_run(base, tmp_path / "run", **QLORA) / "spec.json").read_text()))
    plain = load(base, as_stored=True)
    numbers = sum(
        layer.weight.numel()
        for layer in plain.modules()
        if isinstance(layer, torch.nn.Linear) and layer is not plain.get_output_embeddings()
    )
    outside = sum(weight.numel() for weight in plain.parameters()) - numbers
    model = trainable(plain, spec)
    frozen = [weight for weight in model.parameters() if not weight.requires_grad]
    held = sum(weight.untyped_storage().nbytes() for weight in frozen) - 4 * outside
    assert 0.25 * 2 * numbers < held <= 0.26 * 2 * numbers

    whole = merged(model)
    assert all(weight.dtype == torch.float32 for weight in whole.parameters())
    assert set(whole.state_dict()) == set(load(base).state_dict())


def test_a_base_with_a_number_that_is_none_ends_the_run(base: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][3, 3] = float("inf")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert refusal(make_run(broken, tmp_path / "run", **QLORA)) == "loss_not_finite"


@pytest.mark.parametrize(("strategy", "at_once"), [("ddp", 2), ("fsdp", 2), ("pipeline", 1)])
def test_inside_a_site_it_learns_what_one_machine_learns(
    base: Path, tmp_path: Path, strategy: str, at_once: int
) -> None:
    site = make_run(base, tmp_path / "site", strategy=strategy, topology={"workers": 2}, **QLORA, **STEADY)
    alone = make_run(base, tmp_path / "alone", accumulation=at_once, **QLORA, **STEADY)
    finished(site)
    assert job.run(alone) == 0
    assert len(losses(site)) == len(losses(alone)) > 3
    assert losses(site) == pytest.approx(losses(alone), abs=1e-4)
    assert furthest(site, alone) < 1e-4


def test_sites_agree_on_it(base: Path, tmp_path: Path) -> None:
    topology = {"workers": 2, "local_steps": 5, "bits": 4}
    with village(tmp_path, base, topology, {}, strategy="dilocox", epochs=4, **QLORA) as town:
        one, other = (town.site(name).join().start() for name in "ab")
        assert [one.ended(), other.ended()] == [0, 0]
        assert one.weights() == other.weights()
        assert losses(one.run_dir)[-1] < losses(one.run_dir)[0]
