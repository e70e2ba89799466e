"""Linear layers in 4 bits: the code book, what quantising does to numbers, and what a layer computes and keeps."""

import hashlib
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import pytest
import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from training_jobs.trainer import nf4

# arXiv 2305.14314, appendix E.
OF_THE_PAPER = [
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635),
    *(-0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634),
    *(0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
]
# What bitsandbytes 0.50.2 makes of `example()` (quantize_4bit, blocks of 64): the codes, and the SHA-256 of the values.
CODES_OF_BITSANDBYTES = (
    "05c16d29e3b15c17e29e4b16d28e3af4c16d28e3a05c17e29e4b15d17e3af4c1"
    "6d28efa05c17d29e4b15c17e29e4b16d28e3a05c16d29e3b15c17e29e4b16d28"
    "e3af4c16d20e3a05c17e29e4b15d17e3af4c16d28e3a05c17d29e4b15c17e29e"
    "4b16d28e3a05c16f29e3b15c17e29e4b16d28e3af4c16d28e3a05c17e29e4b15"
)
VALUES_OF_BITSANDBYTES = "20a1c21bbb39b6de384cf59b55eef8c3c432a889687b25a3ae02da1782ec20a9"


def example() -> torch.Tensor:
    """Return four blocks of many different numbers; each has the same largest one, so that scales lose nothing."""
    weight = torch.tensor([((index * 37) % 101 - 50) / 64 for index in range(256)])
    for block in range(4):
        weight[69 * block] = 0.875 if block % 2 else -0.875
    return weight.view(2, 128)


def restored(weight: torch.Tensor) -> torch.Tensor:
    return nf4.dequantise(nf4.quantise(weight), weight.shape)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5)) * 0.02


def test_the_code_book_is_that_of_the_paper() -> None:
    assert list(nf4.VALUES) == OF_THE_PAPER


def test_codes_and_values_are_those_of_bitsandbytes() -> None:
    held = nf4.quantise(example())
    assert held.codes.numpy().tobytes().hex() == CODES_OF_BITSANDBYTES
    values = nf4.dequantise(held, torch.Size((2, 128)))
    assert hashlib.sha256(values.numpy().tobytes()).hexdigest() == VALUES_OF_BITSANDBYTES


def test_every_number_becomes_the_nearest_of_the_sixteen() -> None:
    share = torch.linspace(-1, 1, 64 * 40)
    blocks = share.view(40, 64).clone()
    blocks[:, 0] = 1.0
    values = torch.tensor(nf4.VALUES)
    nearest = values[(blocks[..., None] - values).abs().argmin(-1)]
    assert torch.equal(restored(blocks), nearest)
    assert torch.equal(restored(nearest), nearest)


@pytest.mark.parametrize("shape", [(1,), (7, 9), (64, 64), (130, 65), (300, 256)])
def test_any_shape_comes_back_in_four_bits_and_a_little(shape: tuple[int, ...]) -> None:
    weight = drawn(*shape)
    held, back = nf4.quantise(weight), restored(weight)
    assert back.shape == weight.shape
    assert float((back - weight).norm() / weight.norm()) < 0.1
    blocks = -(-weight.numel() // nf4.BLOCK)
    room = sum(tensor.numel() * tensor.element_size() for tensor in held)
    assert room == 33 * blocks + 4 * -(-blocks // nf4.GROUP) + 4


def test_scales_of_many_sizes_are_off_by_a_thirtieth_of_the_furthest_at_most() -> None:
    """Three bits after the point: half a step of 1/8, of a deviation that is largest in its group."""
    scales = torch.rand(1000, generator=torch.Generator().manual_seed(5)) + 0.5
    weight = torch.zeros(1000, 64)
    weight[:, 3] = scales
    off = (restored(weight)[:, 3] - scales).abs()
    assert float(off.max()) < float((scales - scales.mean()).abs().max()) / 16
    assert float(off.mean()) < 0.01


def test_zeros_stay_zeros() -> None:
    weight = drawn(4, 64)
    weight[1] = 0
    assert torch.equal(restored(weight)[1], weight[1])
    assert torch.equal(restored(torch.zeros(3, 5)), torch.zeros(3, 5))


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_not_hidden(broken: float) -> None:
    weight = drawn(4, 64)
    weight[2, 2] = broken
    assert bool(restored(weight).isnan().all())


def test_sixteen_bits_or_thirty_two_give_the_same_codes() -> None:
    weight = drawn(10, 64).bfloat16()
    assert all(torch.equal(*pair) for pair in zip(nf4.quantise(weight), nf4.quantise(weight.float()), strict=True))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", ["linear", "without-bias", "conv1d"])
def test_a_packed_layer_computes_what_the_layer_would_with_its_values_and_keeps_only_the_codes(
    kind: str, precision: torch.dtype
) -> None:
    torch.manual_seed(3)
    layer = Conv1D(96, 64) if kind == "conv1d" else torch.nn.Linear(64, 96, bias=kind == "linear")
    bias = None if layer.bias is None else layer.bias.detach().clone().normal_()
    layer.bias = None if bias is None else torch.nn.Parameter(bias, requires_grad=False)
    values = restored(layer.weight)
    plain = values.t() if kind == "conv1d" else values
    packed = nf4.Packed(layer)
    given, same = (drawn(3, 5, 64).requires_grad_() for _ in range(2))
    kept: list[torch.Tensor] = []
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda each: each):
            ours = packed(given)
        theirs = functional.linear(same, plain, bias)
    assert ours.dtype == theirs.dtype == precision
    assert torch.equal(ours, theirs)
    assert {tensor.data_ptr() for tensor in kept} == {tensor.data_ptr() for tensor in packed.held()}
    ours.float().square().sum().backward()
    theirs.float().square().sum().backward()
    assert torch.equal(given.grad, same.grad)
    assert not any(weight.requires_grad for weight in packed.parameters())
    assert packed.unpacked() is layer
    assert torch.equal(layer.weight, values)
