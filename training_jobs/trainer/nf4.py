"""Frozen linear layers in 4 bits: NF4 with double quantisation, as in QLoRA (arXiv 2305.14314, section 3).

A weight is cut into blocks of 64 numbers. Each number is held as the place of the nearest of 16 values (4-bit
NormalFloat, appendix E) times the block's largest magnitude. These magnitudes, the scales, lose their mean and are held
as 8-bit floats (E4M3; the paper does not say which) in groups of 256, each with its largest deviation in 32 bits:
4 + 8 / 64 + 32 / (64 * 256) = 4.13 bits for each number.

Nothing here is trained. A layer's weight is whole only while it is multiplied: the backward pass makes it again, and
keeps none of the input for it. Plain torch on every device, the same bits each time. bitsandbytes makes the same codes
and, of the same scales, the same values (`tests/unit/test_nf4.py`), but it brings 125 MB of kernels, most of them for
other machines than this one, looks for more in a hub when it is imported, and holds weights in another form where the
CPU can do more; torchao refuses weights that are not a multiple of 16,384 numbers.

Made on the CPU, where the base is read, and moved from there. Not tried on a GPU: none was at hand.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

# Appendix E of the paper.
VALUES = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
BLOCK = 64  # numbers that share a scale
GROUP = 256  # scales that share a span
LARGEST_E4M3 = torch.finfo(torch.float8_e4m3fn).max
SMALLEST = torch.finfo(torch.float32).tiny  # divides where everything is zero


class Quantised(NamedTuple):
    """A weight of n numbers in b = ceil(n / 64) blocks."""

    codes: torch.Tensor  # [32 b] uint8: two places in VALUES, the first number's in the upper half
    scales: torch.Tensor  # [b] uint8: the bits of an 8-bit float
    spans: torch.Tensor  # [ceil(b / 256)] float32
    mean: torch.Tensor  # [1] float32


def quantise(weight: torch.Tensor) -> Quantised:
    """Return the nearest codes of a weight of any shape; a number that is not finite makes all of it NaN."""
    blocks = _in_rows(weight.detach().flatten().float(), BLOCK)
    scales = blocks.abs().amax(1)
    values = torch.tensor(VALUES)
    between = (values[1:] + values[:-1]) / 2
    places = torch.bucketize(blocks / scales.clamp(min=SMALLEST)[:, None], between, out_int32=True).to(torch.uint8)
    places = places.view(-1, 2)
    mean = scales.double().mean().float().view(1)
    deviations = _in_rows(scales - mean, GROUP)
    spans = deviations.abs().amax(1)
    shares = deviations / spans.clamp(min=SMALLEST)[:, None] * LARGEST_E4M3
    scales = shares.flatten()[: len(scales)].to(torch.float8_e4m3fn).view(torch.uint8)
    return Quantised(places[:, 0] * 16 + places[:, 1], scales, spans, mean)


def dequantise(held: Quantised, shape: torch.Size) -> torch.Tensor:
    """Return the weight in float32, on the device where it is held."""
    device = held.codes.device
    values = torch.tensor(VALUES, device=device)
    # Both numbers of a byte at once: a table of 256 pairs, each of which is one item of 8 bytes.
    pairs = torch.stack((values.repeat_interleave(16), values.repeat(16)), 1).view(torch.int64).view(-1)
    weight = pairs.index_select(0, held.codes.int()).view(torch.float32).view(-1, BLOCK)
    shares = _in_rows(held.scales.view(torch.float8_e4m3fn).float(), GROUP)
    scales = (shares * (held.spans / LARGEST_E4M3)[:, None]).flatten()[: len(weight)] + held.mean
    return weight.mul_(scales[:, None]).flatten()[: shape.numel()].view(shape)


class Packed(torch.nn.Module):
    """A linear layer of torch, or transformers' Conv1D, whose weight is held quantised; its bias stays as it is."""

    def __init__(self, layer: Any) -> None:  # noqa: ANN401 - Conv1D is untyped
        """Take the weight out of the layer, and leave one of the same shape in it that takes no memory."""
        super().__init__()
        for name, tensor in quantise(layer.weight)._asdict().items():
            self.register_parameter(name, torch.nn.Parameter(tensor, requires_grad=False))
        self.shape = layer.weight.shape
        self.is_transposed = not isinstance(layer, torch.nn.Linear)  # Conv1D holds [inputs, outputs]
        self.bias = layer.bias
        self.plain = [layer]  # in a list, so that it is no part of this module
        layer.weight = torch.nn.Parameter(torch.zeros(1).expand(self.shape), requires_grad=False)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return what the layer would; in autocast's precision inside of autocast."""
        if torch.is_autocast_enabled(given.device.type):
            given = given.to(torch.get_autocast_dtype(given.device.type))
        result: torch.Tensor = _Product.apply(given, self.bias, self.shape, self.is_transposed, *self.held())
        return result

    def held(self) -> Quantised:
        """Return the parameters that stand for the weight."""
        return Quantised(self.codes, self.scales, self.spans, self.mean)

    def unpacked(self) -> Any:  # noqa: ANN401
        """Return the layer, with the weight that was computed with."""
        (layer,) = self.plain
        layer.weight = torch.nn.Parameter(dequantise(self.held(), self.shape), requires_grad=False)
        layer.bias = self.bias
        return layer


class _Product(torch.autograd.Function):
    """The product of a linear layer; for the way back only what is packed is kept."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        given: torch.Tensor,
        bias: torch.Tensor | None,
        shape: torch.Size,
        is_transposed: bool,  # noqa: FBT001 - torch passes arguments by position
        *held: torch.Tensor,
    ) -> torch.Tensor:
        """Multiply in the precision of what is given: [..., inputs] -> [..., outputs]."""
        ctx.save_for_backward(*held)
        ctx.of_weight = (shape, is_transposed)
        weight = _whole(held, shape, is_transposed, given.dtype)
        return functional.linear(given, weight, None if bias is None else bias.to(given.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        """Return the gradient of what was given; nothing else has one."""
        held = ctx.saved_tensors
        return gradient @ _whole(held, *ctx.of_weight, gradient.dtype), *[None] * (3 + len(held))


def pack(layers: Iterable[Any]) -> dict[Any, Packed]:
    """Quantise layers, one after the other, so that no more than one of them stands in memory twice."""
    return {layer: Packed(layer) for layer in layers}


def place(model: Any, packed: dict[Any, Packed]) -> None:  # noqa: ANN401
    """Put packed layers where adapters (`peft`) of a model stand on the plain ones."""
    for adapter in model.modules():
        if getattr(adapter, "base_layer", None) in packed:
            adapter.base_layer = packed[adapter.base_layer]


def unpack(model: Any) -> None:  # noqa: ANN401
    """Turn what `place` did around, layer by layer and in main memory: whole, the model may not fit the device."""
    for adapter in list(model.modules()):
        if isinstance(getattr(adapter, "base_layer", None), Packed):
            adapter.to("cpu")
            adapter.base_layer = adapter.base_layer.unpacked()


def _whole(held: Iterable[torch.Tensor], shape: torch.Size, is_transposed: bool, kind: torch.dtype) -> torch.Tensor:  # noqa: FBT001
    """Return the weight as [outputs, inputs]."""
    weight = dequantise(Quantised(*held), shape).to(kind)
    return weight.t() if is_transposed else weight


def _in_rows(numbers: torch.Tensor, length: int) -> torch.Tensor:
    """Return a row of numbers as rows of `length`; the last is filled with zeros."""
    return functional.pad(numbers, (0, -len(numbers) % length)).view(-1, length)
