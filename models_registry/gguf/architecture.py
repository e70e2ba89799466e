"""Which models a GGUF file can carry: config.json → keys of the file and the tensors that must be there. Pure.

Llama (and Mistral without its window, which is the same model), Qwen2 and Qwen3, dense, with full attention. Every key
of config.json is known here: carried, without effect on an answer, or required to have the one value that llama.cpp
computes with. A key that is not known is refused, because it may change what the model says.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models_registry.gguf.refused import Refused

PLACE = "config.json"
# Keys that say where a file comes from, or matter in training only.
_WITHOUT_EFFECT = frozenset(
    {"_name_or_path", "architectures", "attention_dropout", "dtype", "initializer_range", "pretraining_tp"}
    | {"torch_dtype", "transformers_version", "use_cache"}
)
_CARRIED = frozenset(
    {"attention_bias", "bos_token_id", "eos_token_id", "head_dim", "hidden_size", "intermediate_size"}
    | {"max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers", "num_key_value_heads"}
    | {"pad_token_id", "rms_norm_eps", "rope_parameters", "rope_scaling", "rope_theta", "tie_word_embeddings"}
    | {"vocab_size"}
)
# What llama.cpp computes with; a config that says otherwise is of another model.
_REQUIRED: Mapping[str, tuple[object, ...]] = {
    "hidden_act": ("silu",),
    "mlp_bias": (False,),
    "rope_interleaved": (False,),
    "use_sliding_window": (False,),
}
# Matter only with the window that is refused.
_OF_THE_WINDOW = frozenset({"layer_types", "max_window_layers", "sliding_window"})
# What transformers takes where a config is silent.
_HEAD_DIM_OF_QWEN3 = 128
_WINDOW_OF_MISTRAL = 4_096
_ROPE_THETA_OF_LLAMA = 10_000.0


@dataclass(frozen=True)
class Family:
    """What llama.cpp calls it, and how its attention differs."""

    name: str
    # Rotates neighbouring numbers, where transformers rotates the first half of a head against the second.
    neighbours: bool
    bias: tuple[str, ...] = ()
    norms_of_heads: bool = False


FAMILIES: Mapping[str, Family] = {
    "llama": Family("llama", neighbours=True),
    "mistral": Family("llama", neighbours=True),
    "qwen2": Family("qwen2", neighbours=False, bias=("q", "k", "v")),
    "qwen3": Family("qwen3", neighbours=False, norms_of_heads=True),
}


@dataclass(frozen=True)
class Place:
    """Where one tensor of the release goes. `shape` is that of safetensors; `heads` are those to lay out anew, or 0."""

    name: str
    shape: tuple[int, ...]
    heads: int = 0


@dataclass(frozen=True)
class Architecture:
    """A model in the words of GGUF. `keys` come without the family's name in front; integers are unsigned 32 bit."""

    family: str
    keys: tuple[tuple[str, int | float | str], ...]
    tensors: Mapping[str, Place]
    rope_factors: tuple[float, ...]  # one for each pair of numbers of a head, or none
    vocabulary: int  # rows of the embedding
    special: Mapping[str, int | None]  # bos, eos, pad → token


def read(config: Mapping[str, Any]) -> Architecture:
    """Return the model that `config` describes; raise Refused for anything that the file could not say."""
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in FAMILIES:
        raise _refused("architecture_not_carried", f"model_type is {model_type!r}; {', '.join(FAMILIES)} are carried")
    family = FAMILIES[model_type]
    _check_keys(config)
    width, heads, context = (
        _count(config, key) for key in ("hidden_size", "num_attention_heads", "max_position_embeddings")
    )
    heads_of_keys = _count(config, "num_key_value_heads", heads if model_type == "llama" else None)
    usual = _HEAD_DIM_OF_QWEN3 if family.norms_of_heads else width // heads
    head = _count(config, "head_dim", usual)
    if head % 2 or heads % heads_of_keys:
        raise _refused("architecture_not_carried", f"{heads} heads of {head} numbers over {heads_of_keys} of keys")
    _check_window(config, context)
    scaling, factors = _rope(config, family, head)
    keys: dict[str, int | float | str] = {
        "context_length": context,
        "embedding_length": width,
        "block_count": _count(config, "num_hidden_layers"),
        "feed_forward_length": _count(config, "intermediate_size"),
        "attention.head_count": heads,
        "attention.head_count_kv": heads_of_keys,
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": _number(config, "rms_norm_eps"),
        "rope.dimension_count": head,
        **scaling,
        "vocab_size": _count(config, "vocab_size"),
    }
    special = {kind: _token(config, f"{kind}_token_id") for kind in ("bos", "eos", "pad")}
    return Architecture(
        family.name, tuple(keys.items()), _tensors(config, family, keys), factors, _count(config, "vocab_size"), special
    )


def _check_keys(config: Mapping[str, Any]) -> None:
    known = _WITHOUT_EFFECT | _CARRIED | _OF_THE_WINDOW | set(_REQUIRED)
    for key in sorted(set(config) - known):
        raise _refused("config_not_carried", f"the key {key!r} is not known, and may change what the model says")
    for key, allowed in _REQUIRED.items():
        if key in config and config[key] not in allowed:
            raise _refused("architecture_not_carried", f"{key} is {config[key]!r}, only {allowed[0]!r} is carried")
    if config.get("attention_bias") and config["model_type"] != "llama":
        raise _refused("architecture_not_carried", f"attention_bias is carried for llama, not {config['model_type']}")


def _check_window(config: Mapping[str, Any], context: int) -> None:
    """Refuse attention over a window: llama.cpp gives these families none. A window that holds all is none."""
    window = config.get("sliding_window", _WINDOW_OF_MISTRAL) if config["model_type"] == "mistral" else None
    if window is not None and not (type(window) is int and window >= context):
        raise _refused("architecture_not_carried", f"attention over a window of {window!r}, only full attention is")
    others = set(config.get("layer_types") or ()) - {"full_attention"}
    if others:
        raise _refused("architecture_not_carried", f"layers of {sorted(others)}, only full_attention is carried")


def _rope(
    config: Mapping[str, Any], family: Family, head: int
) -> tuple[dict[str, int | float | str], tuple[float, ...]]:
    """Return the keys of the rotation, and its factors: from rope_parameters, or the older two keys."""
    said = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(said, Mapping):
        raise _refused("config_malformed", "rope_parameters is not an object")
    usual = _ROPE_THETA_OF_LLAMA if config["model_type"] == "llama" else None
    values = {"rope_theta": config.get("rope_theta", usual), **said}
    theta = _number(values, "rope_theta")
    kind = values.get("rope_type", values.get("type", "default"))
    keys: dict[str, int | float | str] = {"rope.freq_base": theta}
    known = {"rope_theta", "rope_type", "type"}
    factors: tuple[float, ...] = ()
    if kind == "linear":
        known |= {"factor"}
        keys |= {"rope.scaling.type": "linear", "rope.scaling.factor": _number(values, "factor")}
    elif kind == "llama3" and family.neighbours:
        known |= {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}
        factors = _llama3_factors(values, theta, head)
    elif kind != "default":
        raise _refused("architecture_not_carried", f"rotary positions of type {kind!r} in {config['model_type']}")
    for key in sorted(set(values) - known):
        raise _refused("config_not_carried", f"rotary positions with {key!r}")
    return keys, factors


def _llama3_factors(values: Mapping[str, Any], theta: float, head: int) -> tuple[float, ...]:
    """Return by how much each frequency is divided: long waves by `factor`, short ones by 1, smoothly between.

    Llama 3.1 defines it; transformers computes the same in `modeling_rope_utils`, divided the other way round.
    """
    factor, low, high, trained = (
        _number(values, key)
        for key in ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
    )
    if high <= low:
        raise _refused("config_malformed", f"high_freq_factor {high} is not above low_freq_factor {low}")
    factors = []
    for pair in range(head // 2):
        turns = trained / (2 * math.pi * theta ** (2 * pair / head))  # over the length that it was trained on
        smooth = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return tuple(factors)


def _tensors(config: Mapping[str, Any], family: Family, keys: Mapping[str, Any]) -> dict[str, Place]:
    """Return every tensor that the release must hold, by its name in safetensors, in the order of the file."""
    width, inner, rows = keys["embedding_length"], keys["feed_forward_length"], keys["vocab_size"]
    heads, heads_of_keys, head = (keys[f"attention.{key}"] for key in ("head_count", "head_count_kv", "key_length"))
    tensors = {"model.embed_tokens.weight": Place("token_embd.weight", (rows, width))}
    for layer in range(keys["block_count"]):
        theirs, ours = f"model.layers.{layer}", f"blk.{layer}"
        tensors[f"{theirs}.input_layernorm.weight"] = Place(f"{ours}.attn_norm.weight", (width,))
        for part, count in (("q", heads), ("k", heads_of_keys), ("v", heads_of_keys)):
            turned = count if family.neighbours and part != "v" else 0
            place = Place(f"{ours}.attn_{part}.weight", (count * head, width), turned)
            tensors[f"{theirs}.self_attn.{part}_proj.weight"] = place
            if part in family.bias or config.get("attention_bias"):
                place = Place(f"{ours}.attn_{part}.bias", (count * head,), turned)
                tensors[f"{theirs}.self_attn.{part}_proj.bias"] = place
            if part != "v" and family.norms_of_heads:
                tensors[f"{theirs}.self_attn.{part}_norm.weight"] = Place(f"{ours}.attn_{part}_norm.weight", (head,))
        tensors[f"{theirs}.self_attn.o_proj.weight"] = Place(f"{ours}.attn_output.weight", (width, heads * head))
        if config.get("attention_bias"):
            tensors[f"{theirs}.self_attn.o_proj.bias"] = Place(f"{ours}.attn_output.bias", (width,))
        tensors[f"{theirs}.post_attention_layernorm.weight"] = Place(f"{ours}.ffn_norm.weight", (width,))
        for part, shape in (("gate", (inner, width)), ("up", (inner, width)), ("down", (width, inner))):
            tensors[f"{theirs}.mlp.{part}_proj.weight"] = Place(f"{ours}.ffn_{part}.weight", shape)
    tensors["model.norm.weight"] = Place("output_norm.weight", (width,))
    if not config.get("tie_word_embeddings", False):
        tensors["lm_head.weight"] = Place("output.weight", (rows, width))
    return tensors


def _count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = config.get(key)
    value = default if value is None else value
    if type(value) is not int or not 0 < value < 2**32:
        raise _refused("config_malformed", f"{key} is {value!r}, a natural number is needed")
    return value


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key)
    if value is None or isinstance(value, bool | str) or not math.isfinite(number := float(value)) or number <= 0:
        raise _refused("config_malformed", f"{key} is {value!r}, a number above zero is needed")
    return number


def _token(config: Mapping[str, Any], key: str) -> int | None:
    """Return the one token that is named; older configs name it in a list. GGUF has room for one."""
    value = config.get(key)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is not None and (type(value) is not int or value < 0):
        raise _refused("config_not_carried", f"{key} is {value!r}; one token is carried")
    return value


def _refused(code: str, detail: str) -> Refused:
    return Refused(code, PLACE, detail)
