"""The estimate of memory against trainings that were measured, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import GPT2Config, LlamaConfig

from models_registry.publishing.check import read_header
from tests.integration.trainer_runs import REPOSITORY, SIZES, make_base, make_run
from training_jobs.base_shapes import shape_said
from training_jobs.spec import from_payload
from training_jobs.spec.memory import MIB, RUNTIME, BaseShape, of_device

# Libraries and code that are read while the first step is taken: no part of what a training needs more than another.
LOADED_MEANWHILE = 48 * MIB
LLAMA: dict[str, Any] = {
    **SIZES,
    "hidden_size": 384,
    "intermediate_size": 1_024,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "max_position_embeddings": 256,
}
GPT2: dict[str, Any] = {"n_embd": 384, "n_layer": 4, "n_head": 6, "n_positions": 256}
ADAPTER = {"lora": {"rank": 8, "alpha": 16}}
PREFERENCE = {"objective": "preference", "preference": {"beta": "0.1"}}


@pytest.mark.parametrize(
    ("family", "sizes", "changes"),
    [
        (LlamaConfig, LLAMA, {}),
        (LlamaConfig, LLAMA, {**PREFERENCE}),
        (LlamaConfig, LLAMA, {"precision": "bfloat16", "method": "qlora", **ADAPTER}),
        (GPT2Config, GPT2, {"method": "lora", **ADAPTER}),  # one that drops scores of attention
    ],
    ids=["full", "preference", "bfloat16 qlora", "gpt2 lora"],
)
def test_a_training_takes_no_more_than_was_estimated_and_not_much_less(
    tmp_path: Path, family: type, sizes: dict[str, Any], changes: dict[str, Any]
) -> None:
    base = make_base(tmp_path / "base", family, sizes)
    run_dir = make_run(base, tmp_path / "run", batch_size=6, sequence_length=256, **changes)
    found = measured(run_dir, tmp_path / "measured.json")
    estimated = of_device(shape_of_folder(base), from_payload(json.loads((run_dir / "spec.json").read_text())))
    taken = found["peak"] - found["before"]
    assert found["before"] + LOADED_MEANWHILE <= RUNTIME
    assert taken - LOADED_MEANWHILE <= estimated - RUNTIME <= 3 * taken


def measured(run_dir: Path, result: Path) -> dict[str, int]:
    """Train two steps as long and as wide as the specification allows; return bytes before, and at most."""
    subprocess.run(
        [sys.executable, "-m", "tests.integration._training_memory", str(run_dir), str(result)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"},
        check=True,
    )
    return dict(json.loads(result.read_text()))


def shape_of_folder(folder: Path) -> BaseShape:
    file = folder / "model.safetensors"
    with file.open("rb") as stream:
        tensors, _ = read_header(stream, file.stat().st_size, file.name)
    shape = shape_said(json.loads((folder / "config.json").read_text()), tensors)
    assert shape is not None
    return shape
