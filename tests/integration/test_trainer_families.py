"""Five families of causal models, each tiny and from its configuration: trained, written, and read by anybody."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import ROWS, SIZES, events_of, make_base, make_run, refusal

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from training_jobs.spec import from_payload
from training_jobs.trainer import data, job, objectives
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.model import linear_layers, load

# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

UNTIED = {**SIZES, "tie_word_embeddings": False}
OF_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128}
OF_NEOX = {name: size for name, size in UNTIED.items() if name != "num_key_value_heads"}
FAMILIES: dict[str, tuple[type, dict[str, Any], list[str]]] = {
    "llama": (
        LlamaConfig,
        SIZES,
        ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    ),
    "qwen3": (
        Qwen3Config,
        {**SIZES, "head_dim": 16},
        ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    ),
    "gpt2": (GPT2Config, OF_GPT2, ["c_attn", "c_fc", "c_proj"]),
    "gpt-neox": (GPTNeoXConfig, OF_NEOX, ["dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"]),
    "mistral": (
        MistralConfig,
        {**UNTIED, "sliding_window": 16},
        ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    ),
    # Its logits go through a soft cap after the head: the short way to them would be wrong.
    "gemma2": (
        Gemma2Config,
        {**SIZES, "head_dim": 16, "query_pre_attn_scalar": 16, "final_logit_softcapping": 0.1},
        ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    ),
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    config_class, sizes, _ = FAMILIES[request.param]
    return request.param, make_base(tmp_path_factory.mktemp(request.param), config_class, sizes)


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("packing", [False, True], ids=["rows", "packed"])
def test_a_family_learns_and_its_artifact_loads_with_the_stock_library(
    family: tuple[str, Path], tmp_path: Path, method: str, packing: bool
) -> None:
    name, base = family
    run_dir = make_run(
        base,
        tmp_path / "run",
        method=method,
        lora=None if method == "full" else {"rank": 4, "alpha": 8},
        epochs=4,
        batch_size=2 if packing else 8,
        packing=packing,
        learning_rate="0.01",
    )
    assert job.run(run_dir) == 0, events_of(run_dir)[-1]
    losses = [float(json.loads(line)["loss"]) for line in (run_dir / "trace.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] * 0.99

    model, info = AutoModelForCausalLM.from_pretrained(run_dir / "artifact", output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    assert model.dtype == torch.float32
    tied = model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert tied == model.config.tie_word_embeddings
    before, after = (load_file(folder / "model.safetensors") for folder in (base, run_dir / "artifact"))
    assert set(before) == set(after)
    changed = {
        key.removesuffix(".weight").rpartition(".")[2] for key in before if not torch.equal(before[key], after[key])
    }
    targets = FAMILIES[name][2]
    assert set(targets) < changed if method == "full" else changed == set(targets)


def test_the_loss_is_the_one_that_the_family_computes_itself(family: tuple[str, Path], tmp_path: Path) -> None:
    _, base = family
    spec = from_payload(json.loads((make_run(base, tmp_path / "run") / "spec.json").read_text()))
    examples = objectives.encode(ROWS, spec, ChatFormat(base / "tokenizer.json"))
    (batch, *_) = data.batches(data.plan(examples, spec), pad=0)
    (part,) = batch.parts
    model = load(base).eval()
    ours = Learning(spec, model).gradients(model, batch, torch.device("cpu"))
    labels = torch.full_like(part.tokens, -100)
    labels.view(-1)[part.predicting + 1] = part.targets
    theirs = model(input_ids=part.tokens, labels=labels).loss
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_the_layers_of_an_adapter_are_found_in_the_model(family: tuple[str, Path]) -> None:
    name, base = family
    assert linear_layers(load(base)) == FAMILIES[name][2]


def test_a_family_that_cannot_keep_documents_apart_is_not_packed(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", BloomConfig, {"hidden_size": 32, "n_layer": 2, "n_head": 2})
    assert refusal(make_run(base, tmp_path / "packed", packing=True)) == "packing_not_supported"
    assert job.run(make_run(base, tmp_path / "rows", epochs=1)) == 0
