"""The model: loaded from files without running anybody's code, made trainable, and turned back into plain weights."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

from training_jobs.spec import Lora, TrainingSpec
from training_jobs.trainer.data import Batch
from training_jobs.trainer.failures import PermanentFailure

CONFIG_BYTES_MAX = 1_000_000
# Keys of config.json that name code to import or kernels to fetch; CVE-2026-4372 needed no trust_remote_code.
CODE_KEY = re.compile(r"auto_map|trust_remote_code|.*attn_implementation.*|custom_.*|.*code_revision", re.IGNORECASE)
# Every projection of a Llama-style block, in a fixed order: a set's order would follow the interpreter's hash seed.
LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def load(folder: Path) -> Any:  # noqa: ANN401 - transformers' models are untyped
    """Load a causal language model from safetensors in `folder`, in float32, without any code from the folder."""
    read_config(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
            dtype=torch.float32,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise PermanentFailure("input_unreadable", f"the model does not load: {error}") from error
    return model


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json, refusing keys that would import code."""
    try:
        data = (folder / "config.json").read_bytes()
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", "config.json of the base model") from error
    if len(data) > CONFIG_BYTES_MAX:
        raise PermanentFailure("input_unreadable", f"config.json has {len(data)} bytes")
    try:
        config = json.loads(data)
    except ValueError as error:
        raise PermanentFailure("input_unreadable", f"config.json: {error}") from error
    if not isinstance(config, dict):
        raise PermanentFailure("input_unreadable", "config.json is not an object")
    forbidden = sorted(_code_keys(config))
    if forbidden:
        raise PermanentFailure("config_forbidden_key", f"config.json has {', '.join(forbidden)}")
    return config


def trainable(model: Any, spec: TrainingSpec) -> Any:  # noqa: ANN401
    """Return the model with the weights that `spec.method` trains; everything else is frozen."""
    model.config.use_cache = False
    return model if spec.lora is None else _with_lora(model, spec.lora)


def merged(model: Any) -> Any:  # noqa: ANN401
    """Return the plain model: an adapter is folded into the weights that it changed."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.config.use_cache = True
    return model


def answer_loss(model: Any, batch: Batch, device: torch.device) -> torch.Tensor:  # noqa: ANN401
    """Return the mean cross-entropy of the answer tokens, computing the vocabulary only where an answer is predicted.

    No attention mask is needed: padding stands on the right, and attention looks to the left.
    """
    decoder = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = decoder.base_model(input_ids=batch.tokens.to(device), use_cache=False).last_hidden_state
    predicting = hidden.flatten(0, 1).index_select(0, batch.predicting.to(device))
    return functional.cross_entropy(decoder.get_output_embeddings()(predicting), batch.targets.to(device))


def _with_lora(model: Any, lora: Lora) -> Any:  # noqa: ANN401
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        target_modules=LORA_TARGETS,
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise PermanentFailure("lora_not_applicable", str(error)) from error


def _code_keys(value: object) -> set[str]:
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            if CODE_KEY.fullmatch(key):
                found.add(key)
            found |= _code_keys(item)
    elif isinstance(value, list):
        for item in value:
            found |= _code_keys(item)
    return found
