"""A model cut into pipeline stages: of every family, with an adapter or without, what comes out is the whole one's."""

import copy
from typing import Any

import pytest

from tests.integration.test_trainer_families import FAMILIES, UNTIED

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from transformers import AutoModelForCausalLM, BloomConfig, LlamaConfig

from training_jobs.spec import Lora
from training_jobs.trainer import model as models
from training_jobs.trainer.data import Part
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.strategies.pipeline import rows_of
from training_jobs.trainer.strategies.stage import Stage

WORDS = 64
LAYERS = 3
OF_FAMILIES: dict[str, tuple[type, dict[str, Any]]] = {
    **{name: (config, sizes) for name, (config, sizes, _) in FAMILIES.items()},
    "llama, untied": (LlamaConfig, UNTIED),
    "bloom": (BloomConfig, {"hidden_size": 32, "n_layer": LAYERS, "n_head": 2}),
}
# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def whole_model(family: str, *, lora: bool = False) -> Any:
    config_class, sizes = OF_FAMILIES[family]
    counted = {key: LAYERS if key in {"num_hidden_layers", "n_layer"} else value for key, value in sizes.items()}
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config_class(vocab_size=WORDS, **counted))
    model.config.use_cache = False
    return (models._with_lora(model, Lora(4, 8)) if lora else model).eval()


def a_part(rows: int = 5, width: int = 9) -> Part:
    """Rows of random words; of row r all but the first r + 1 words are learned."""
    tokens = torch.randint(0, WORDS, (rows, width), generator=torch.Generator().manual_seed(1))
    predicting = torch.cat([torch.arange(row * width + row, (row + 1) * width - 1) for row in range(rows)])
    lengths = [width - 1 - row for row in range(rows)]
    return Part(tokens, None, predicting, tokens.flatten()[predicting + 1], lengths, len(predicting))


def through_stages(stages: list[tuple[Any, Stage]], predict: Any, part: Part) -> torch.Tensor:
    """Return the logits of the last stage; what passes between stages is all that they share."""
    arrived = None
    for model, stage in stages:
        with stage.going_on(arrived):
            if stage.is_last:
                return predict(model, part)
            arrived = stage.forward(part)
    raise AssertionError("no stage is the last")


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("family", OF_FAMILIES)
def test_a_family_says_in_stages_what_it_says_whole(family: str, lora: bool, count: int) -> None:
    model = whole_model(family, lora=lora)
    predict = models.predictor(model, packing=False)
    part = a_part()
    expected = predict(model, part)
    copies = [copy.deepcopy(model) for _ in range(count)]
    stages = [(each, Stage(each, predict, number, count)) for number, each in enumerate(copies)]
    assert torch.allclose(through_stages(stages, predict, part), expected, atol=1e-6)

    # Every weight is somewhere, and only what stands at both ends is anywhere twice.
    held = [
        {name for name, weight in each.named_parameters(remove_duplicate=False) if weight.numel()} for each in copies
    ]
    assert set().union(*held) == {name for name, _ in model.named_parameters(remove_duplicate=False)}
    twice = held[0] & held[-1]
    assert bool(twice) == bool(model.config.tie_word_embeddings)
    sizes = [sum(weight.numel() for weight in each.parameters()) for each in copies]
    assert max(sizes) < sum(weight.numel() for weight in model.parameters())


def test_the_rows_of_a_part_are_cut_without_losing_any() -> None:
    part = a_part(rows=5)
    pieces = rows_of(part, 3)
    assert [len(piece.tokens) for piece in pieces] == [1, 2, 2]
    assert torch.equal(torch.cat([piece.tokens for piece in pieces]), part.tokens)
    assert torch.equal(torch.cat([piece.targets for piece in pieces]), part.targets)
    assert sum(piece.weight for piece in pieces) == part.weight
    for piece in pieces:
        assert torch.equal(piece.tokens.flatten()[piece.predicting + 1], piece.targets)


def test_more_stages_than_layers_are_refused() -> None:
    model = whole_model("llama")
    with pytest.raises(PermanentFailure, match="3 layers for 4 stages") as refused:
        Stage(model, models.predictor(model, packing=False), 0, LAYERS + 1)
    assert refused.value.code == "pipeline_not_supported"
