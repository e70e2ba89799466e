"""How large a stored version is, read from its config.json and the headers of its weights; nothing loads it."""

import re
from collections.abc import Collection
from functools import lru_cache

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.models import Version
from models_registry.publishing.check import WEIGHTS, ArtifactError, Tensor, read_header
from models_registry.storage import folders
from training_jobs.spec.memory import BaseShape

CONFIG_BYTES_MAX = 1_000_000
VERSIONS_REMEMBERED = 64
# What families call the same: those after Llama, those after GPT-2, those after OPT and BLOOM.
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers")
_INNER = ("intermediate_size", "n_inner", "ffn_dim")
_HEADS = ("num_attention_heads", "n_head")
_DROPPING = ("attention_dropout", "attn_pdrop")  # shares of scores
_DROPPING_FAMILIES = frozenset({"gpt2", "gpt_bigcode"})
_INNER_USUAL = 4  # times the hidden size, where a configuration is silent
_IN_A_LAYER = re.compile(r"\.[0-9]+\.")
_MATRIX = 2  # dimensions


def shape_of(version: Version) -> BaseShape | None:
    """Return the shape of a version; None where its files are not at hand, or do not say it.

    Only the configuration and the first bytes of the weights are read, from wherever the site keeps them.
    """
    files = tuple((file.path, file.sha256, file.size) for file in folders.listing_of(version).values())
    try:
        return _shape(files)
    except (OSError, CanonicalError, ArtifactError):
        return None


@lru_cache(maxsize=VERSIONS_REMEMBERED)
def _shape(files: tuple[tuple[str, str, int], ...]) -> BaseShape | None:
    """Return the shape that files (path, SHA-256, size) say; each is named by its content, so it is read once."""
    names = {path: sha256 for path, sha256, _size in files}
    weights = [each for each in files if WEIGHTS.fullmatch(each[0])]
    if "config.json" not in names or not weights:
        return None
    store = folders.store()
    with store.open(names["config.json"]) as stream:
        config = strict_loads(stream.read(CONFIG_BYTES_MAX), max_bytes=CONFIG_BYTES_MAX)
    tensors: list[Tensor] = []
    for path, sha256, size in weights:
        with store.open(sha256) as stream:
            tensors += read_header(stream, size, path)[0]
    return shape_said(config, tensors)


def shape_said(config: object, tensors: Collection[Tensor]) -> BaseShape | None:
    """Return the shape that a configuration and the tensors of a model say; None where a size is missing."""
    sizes = [_said(config, keys) for keys in (_HIDDEN, _LAYERS, ("vocab_size",))]
    if 0 in sizes:
        return None
    hidden, layers, vocabulary = sizes
    inside = [tensor for tensor in tensors if _IN_A_LAYER.search(tensor.name)]
    linear = [tensor for tensor in inside if len(tensor.shape) == _MATRIX]
    parameters = sum(map(_numbers, tensors))
    return BaseShape(
        parameters=parameters,
        outside=parameters - sum(map(_numbers, inside)),
        linear=sum(map(_numbers, linear)),
        sides=sum(sum(tensor.shape) for tensor in linear),
        largest=max(map(_numbers, linear), default=0),
        hidden=hidden,
        inner=_said(config, _INNER) or _INNER_USUAL * hidden,
        layers=layers,
        vocabulary=vocabulary,
        dropping=_said(config, _HEADS) if _drops_scores(config) else 0,
    )


def _said(config: object, keys: tuple[str, ...]) -> int:
    """Return the first of these that a configuration has as a number above zero; 0 where it has none."""
    values = [config.get(key) for key in keys] if isinstance(config, dict) else []
    return next((value for value in values if type(value) is int and value > 0), 0)


def _drops_scores(config: object) -> bool:
    """Say whether attention drops scores: where a configuration is silent, as GPT-2's may be, its family's default."""
    if not isinstance(config, dict):
        return False
    shares = [config[key] for key in _DROPPING if key in config]
    return any(bool(share) for share in shares) if shares else config.get("model_type") in _DROPPING_FAMILIES


def _numbers(tensor: Tensor) -> int:
    count = 1
    for side in tensor.shape:
        count *= side
    return count
