"""The memory that a device needs: what makes it more, what makes it less, and what a base model must say."""

from dataclasses import replace

import pytest

from config.demo import machine
from config.demo.base_model import LAYERS, RECIPE, VOCABULARY_MAX, WIDTH
from models_registry.publishing.check import Tensor
from training_jobs.base_shapes import shape_said
from training_jobs.spec import Lora, Topology
from training_jobs.spec.memory import RUNTIME, BaseShape, of_device

GIB = 2**30
# Llama 3.1 8B, of its config.json and its files: 8,030,261,248 numbers, two embeddings of 128,256 x 4,096.
LLAMA_8B = BaseShape(
    parameters=8_030_261_248,
    outside=2 * 128_256 * 4_096 + 4_096,
    linear=32 * 218_103_808,
    sides=32 * (2 * (4_096 + 4_096) + 2 * (4_096 + 1_024) + 3 * (4_096 + 14_336)),
    largest=4_096 * 14_336,
    hidden=4_096,
    inner=14_336,
    layers=32,
    vocabulary=128_256,
)
SMALL_BATCH = replace(RECIPE, batch_size=1, sequence_length=128)
ADAPTER = replace(SMALL_BATCH, method="lora", lora=Lora(16, 32))


def test_all_weights_of_eight_billion_take_sixteen_bytes_each_an_adapter_less_and_a_packed_base_least():
    full = of_device(LLAMA_8B, SMALL_BATCH)
    assert 16 * 8_030_261_248 < full < 16 * 8_030_261_248 + 8 * GIB
    lora = of_device(LLAMA_8B, ADAPTER)
    assert 4 * 8_030_261_248 < lora < full // 3
    assert of_device(LLAMA_8B, replace(ADAPTER, method="qlora")) < 16 * GIB < lora


def test_a_longer_sequence_a_larger_batch_and_two_answers_need_more():
    least = of_device(LLAMA_8B, SMALL_BATCH)
    assert least < of_device(LLAMA_8B, replace(SMALL_BATCH, sequence_length=256))
    assert of_device(LLAMA_8B, replace(SMALL_BATCH, batch_size=2)) == of_device(
        LLAMA_8B, replace(SMALL_BATCH, sequence_length=256)
    )
    assert of_device(LLAMA_8B, replace(SMALL_BATCH, packing=True)) > least
    compared = of_device(LLAMA_8B, replace(SMALL_BATCH, objective="preference"))
    assert compared > least + 4 * LLAMA_8B.parameters
    adapter = of_device(LLAMA_8B, replace(ADAPTER, batch_size=2))
    assert of_device(LLAMA_8B, replace(ADAPTER, objective="preference")) == adapter  # it is its own base


def test_accumulated_batches_go_through_one_after_the_other():
    assert of_device(LLAMA_8B, replace(SMALL_BATCH, accumulation=64)) == of_device(LLAMA_8B, SMALL_BATCH)


def test_fsdp_and_a_pipeline_divide_a_model_over_devices_and_ddp_and_diloco_do_not():
    alone = of_device(LLAMA_8B, SMALL_BATCH)
    four = {
        strategy: of_device(LLAMA_8B, replace(SMALL_BATCH, strategy=strategy, topology=Topology(4)))
        for strategy in ("ddp", "fsdp", "pipeline", "diloco", "dilocox")
    }
    assert four["fsdp"] < alone // 2
    assert four["pipeline"] < alone // 2
    assert alone < four["ddp"] < four["diloco"] == four["dilocox"]
    stages = replace(SMALL_BATCH, strategy="diloco", topology=Topology(4, stages=4))
    assert of_device(LLAMA_8B, stages) < four["diloco"] // 2


def test_the_smallest_model_needs_what_every_process_does():
    tiny = BaseShape(1_000, 500, 400, 60, 100, 8, 16, 2, 50)
    assert RUNTIME < of_device(tiny, RECIPE) < RUNTIME + 2**22


def test_what_the_demo_trains_fits_the_machine_that_the_demo_lends():
    inside = LAYERS * (4 * WIDTH**2 + 9 * WIDTH**2)
    outside = VOCABULARY_MAX * WIDTH
    sides = LAYERS * (8 * WIDTH + 12 * WIDTH)
    base = BaseShape(inside + outside, outside, inside, sides, 3 * WIDTH**2, WIDTH, 3 * WIDTH, LAYERS, VOCABULARY_MAX)
    assert of_device(base, RECIPE) < machine.MEMORY_BYTES // 2


def tensor(name, *shape):
    return Tensor(name, "F32", shape, 0, 0)


def test_a_shape_is_read_from_a_configuration_and_the_names_of_tensors():
    tensors = [
        tensor("model.embed_tokens.weight", 100, 8),
        tensor("model.layers.0.mlp.up_proj.weight", 32, 8),
        tensor("model.layers.0.input_layernorm.weight", 8),
        tensor("model.layers.1.mlp.up_proj.weight", 32, 8),
        tensor("model.norm.weight", 8),
    ]
    config = {"hidden_size": 8, "num_hidden_layers": 2, "vocab_size": 100, "num_attention_heads": 4}
    found = shape_said(config, tensors)
    assert found == BaseShape(1_328, 808, 512, 80, 256, 8, 32, 2, 100)
    assert shape_said({**config, "attention_dropout": 0.1}, tensors) == replace(found, dropping=4)


@pytest.mark.parametrize("config", [None, [], {}, {"hidden_size": "8"}, {"hidden_size": -8, "vocab_size": True}])
def test_a_configuration_that_does_not_say_it_gives_no_shape(config):
    assert shape_said(config, [tensor("a.0.b", 2, 2)]) is None
