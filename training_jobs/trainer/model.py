"""The model: loaded from files without running anybody's code, made trainable, and turned back into plain weights."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from training_jobs.spec import Lora, TrainingSpec
from training_jobs.trainer import nf4
from training_jobs.trainer.data import Part
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.objectives import Predict

CONFIG_BYTES_MAX = 1_000_000
# Keys of config.json that name code to import or kernels to fetch; CVE-2026-4372 needed no trust_remote_code.
CODE_KEY = re.compile(r"auto_map|trust_remote_code|.*attn_implementation.*|custom_.*|.*code_revision", re.IGNORECASE)
# How far two ways to compute the same may be apart, as a share of the largest value: rounding, never another formula.
ROUNDING = 1e-4


def load(folder: Path, *, as_stored: bool = False) -> Any:  # noqa: ANN401 - transformers' models are untyped
    """Load a causal language model from safetensors in `folder`, without any code from the folder.

    In float32, or `as_stored`: then the weights are the file's own pages, read when they are looked at, and given back
    to the system when memory is short. Weights that are stored in float32 already are so in any case.
    """
    read_config(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="auto" if as_stored else torch.float32,
            # attention: torch's own where the family has it, which nothing here overrides
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
    """Return the model with the weights that `spec.method` trains; everything else is frozen.

    With qlora, the layers that adapters stand on are quantised one by one, before anything is made in float32 of them.
    Embeddings, norms and output head are as with lora.
    """
    model.config.use_cache = False
    if spec.lora is None:
        return model
    packed = nf4.pack(_linear(model).values()) if spec.method == "qlora" else {}
    model = _with_lora(model.float(), spec.lora)
    nf4.place(model, packed)
    return model


def merged(model: Any) -> Any:  # noqa: ANN401
    """Return the plain model: an adapter is folded into the weights that it changed, in float32.

    With qlora, these are the quantised weights, not those of the base: the adapter learned beside the former, made good
    some of their error, and with them the loss came about that the run shows. What quantising took from the base is
    therefore missing in what is published, and counts when that is evaluated.
    """
    if hasattr(model, "merge_and_unload"):
        nf4.unpack(model)
        model = model.merge_and_unload()
    model.config.use_cache = True
    return model


def predictor(model: Any, *, packing: bool) -> Predict:  # noqa: ANN401
    """Return the fastest way to this model's logits that gives the right ones, found by trying it on a few tokens.

    Computing the vocabulary only where something is predicted saves most of a small model's time. Families that do more
    after the last layer than multiply (scaling, soft caps) go the whole way through their own forward.

    No attention mask is needed: padding stands on the right, and attention looks to the left. Packed documents are kept
    apart by positions that begin again at 0, which transformers' masks understand; a model that lets one document look
    into another all the same cannot be packed (`packing_not_supported`).
    """
    device = next(model.parameters()).device
    tokens = torch.arange(6, device=device)[None]
    everywhere = Part(tokens, None, torch.arange(6, device=device), tokens[0], [6], 6)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        whole = _whole_way(model, everywhere)
        predict = _short_way if _same(_short_way(model, everywhere), whole) else _whole_way
        if packing:
            _require_separate_documents(model, predict, tokens)
    model.train(was_training)
    return predict


def _short_way(model: Any, part: Part) -> torch.Tensor:  # noqa: ANN401
    causal = _causal(model)
    hidden = causal.base_model(input_ids=part.tokens, use_cache=False, **_positions(part)).last_hidden_state
    logits: torch.Tensor = causal.get_output_embeddings()(hidden.flatten(0, 1).index_select(0, part.predicting))
    return logits


def _whole_way(model: Any, part: Part) -> torch.Tensor:  # noqa: ANN401
    logits: torch.Tensor = _causal(model)(input_ids=part.tokens, use_cache=False, **_positions(part)).logits
    return logits.flatten(0, 1).index_select(0, part.predicting)


def _require_separate_documents(model: Any, predict: Predict, tokens: torch.Tensor) -> None:  # noqa: ANN401
    """Check that a document's logits are the same alone and behind another one in its row."""
    half = tokens.shape[1] // 2
    positions = torch.arange(half, device=tokens.device).repeat(2)[None]
    second = torch.arange(half, 2 * half, device=tokens.device)
    packed = Part(tokens, positions, second, tokens[0, half:], [half], half)
    alone = Part(tokens[:, half:], None, second - half, tokens[0, half:], [half], half)
    try:
        separate = _same(predict(model, packed), predict(model, alone))
    except (TypeError, ValueError):
        separate = False
    if not separate:
        raise PermanentFailure("packing_not_supported", f"{type(_causal(model)).__name__} cannot keep documents apart")


def _positions(part: Part) -> dict[str, torch.Tensor]:
    return {} if part.positions is None else {"position_ids": part.positions}


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= ROUNDING * other.abs().max())


def _causal(model: Any) -> Any:  # noqa: ANN401
    """Return the causal language model inside an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _with_lora(model: Any, lora: Lora) -> Any:  # noqa: ANN401
    from peft import LoraConfig, get_peft_model

    targets = linear_layers(model)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        target_modules=targets,
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in model.modules()),
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise PermanentFailure("lora_not_applicable", str(error)) from error


def linear_layers(model: Any) -> list[str]:  # noqa: ANN401
    """Return the last names of all linear layers but the output head: q_proj, c_attn, dense, whatever a family says.

    Sorted, because a set's order would follow the interpreter's hash seed. GPT-2's Conv1D is a linear layer too.
    """
    return sorted({name.rpartition(".")[2] for name in _linear(model)})


def _linear(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the linear layers but the output head, by name."""
    head = model.get_output_embeddings()
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear | Conv1D) and layer is not head
    }


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
