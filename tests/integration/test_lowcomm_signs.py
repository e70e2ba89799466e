"""One bit for each value: what arrives and what is refused; and that a member keeps what it could not say so far."""

import math
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training_jobs.trainer.lowcomm.compression import Compressor, Layout, decode
from training_jobs.trainer.lowcomm.outer import Outer
from training_jobs.trainer.lowcomm.quantise import SIGN_BLOCK, NotFiniteError, dequantise, payload_bytes, quantise
from training_jobs.trainer.strategies.crew import Crew

SHAPES = ((24, 40), (7,), (30, 24))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.lists(st.floats(-1e3, 1e3, width=32), max_size=1200))
def test_a_value_arrives_as_its_sign_times_the_mean_magnitude_of_its_block(values: list[float]) -> None:
    true = torch.tensor(values, dtype=torch.float32)
    data = quantise(true, 1)
    assert len(data) == payload_bytes(len(values), 1)
    got = dequantise(data, len(values), 1)
    for start in range(0, len(values), SIGN_BLOCK):
        block = true[start : start + SIGN_BLOCK]
        said = torch.where(block < 0, -1.0, 1.0) * block.abs().mean()
        # the scale is rounded to float16, of which the smallest is 2 ** -24
        assert torch.allclose(got[start : start + SIGN_BLOCK], said, rtol=2**-10, atol=2**-24)


def test_a_payload_is_little_more_than_a_bit_for_each_value() -> None:
    assert Layout(((512, 512), (512,)), 0, 1).body_bytes() == 512 * 513 // 8 + 2 * 513


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
def test_what_is_not_finite_or_too_large_is_never_sent(value: float) -> None:
    with pytest.raises(NotFiniteError):
        quantise(torch.tensor([1.0, value]), 1)


@given(st.binary(max_size=400), st.integers(0, 3000))
def test_any_bytes_decode_to_finite_numbers_or_are_refused(data: bytes, count: int) -> None:
    try:
        values = dequantise(data, count, 1)
    except ValueError:
        return
    assert values.shape == (count,)
    assert bool(torch.isfinite(values).all())


@pytest.mark.parametrize(
    "bend",
    [
        lambda body: body[:-1],
        lambda body: body + b"\x00",
        lambda _body: b"",
        lambda body: b"\x00\x7c" + body[2:],  # infinity
        lambda body: b"\x01\xfe" + body[2:],  # NaN
    ],
)
def test_a_body_that_does_not_fit_is_refused(bend: object) -> None:
    body = Compressor(SHAPES, 1, 0).encode([drawn(*shape) for shape in SHAPES], 0)
    with pytest.raises(ValueError):
        decode(bend(body), Layout(SHAPES, 0, 1))  # type: ignore[operator]


def test_what_is_learned_in_one_direction_arrives_in_the_end() -> None:
    compressor = Compressor(SHAPES, 1, 0)
    update = [drawn(*shape) for shape in SHAPES]
    arrived = [torch.zeros(shape) for shape in SHAPES]
    for _ in range(200):
        for total, said in zip(arrived, decode(compressor.encode(update, 0), Layout(SHAPES, 0, 1)), strict=True):
            total.add_(said)
    for total, each in zip(arrived, update, strict=True):
        assert float((total / 200 - each).norm()) < 0.1 * float(each.norm())


class Lone:
    """A member alone in its run, with outer rate 1 and no momentum: nobody else moves its weights."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.model = [torch.nn.Parameter(drawn(*shape, seed=3)) for shape in SHAPES]
        self.outer = Outer([weight.detach() for weight in self.model], 1.0, 0.0)
        self.crew = Crew(self.model, self.outer.weights, 0, 1, lambda shapes: Compressor(shapes, bits, 5))

    def learn(self, seed: int) -> None:
        """Stand in for a round of training."""
        for index, weight in enumerate(self.model):
            weight.data.add_(drawn(*weight.shape, seed=100 * seed + index), alpha=0.1)

    def arrives(self, body: bytes, rank: int) -> None:
        """Take the outer step."""
        self.outer.step(decode(body, Layout(SHAPES, rank, self.bits)))

    def weights(self) -> list[torch.Tensor]:
        return [weight.detach().clone() for weight in self.model]


def alike(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.allclose(one, other, atol=1e-5) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize(("bits", "rank"), [(1, 0), (4, 0), (4, 3), (32, 2), (32, 0)])
def test_a_member_goes_on_from_what_it_learned_whatever_the_compression_says_of_it(bits: int, rank: int) -> None:
    lone = Lone(bits)
    for seed in range(4):
        lone.learn(seed)
        learned = lone.weights()
        lone.arrives(lone.crew.encode(rank), rank)
        lone.crew.restart(lone.outer.weights)
        assert alike(lone.weights(), learned)
    if (bits, rank) != (32, 0):
        assert not alike(lone.outer.weights, learned)
    lone.crew.end(lone.outer.weights)
    assert all(torch.equal(one, other) for one, other in zip(lone.weights(), lone.outer.weights, strict=True))


@pytest.mark.parametrize("is_late", [False, True], ids=["within the round", "at its end"])
def test_so_it_does_when_the_average_comes_later(is_late: bool) -> None:
    lone = Lone(1)
    lone.learn(0)
    body = lone.crew.encode(0)
    lone.crew.keep()
    for seed in range(1, 4):
        lone.learn(seed)
        if is_late:
            learned, following = lone.weights(), lone.crew.encode(0)
            lone.arrives(body, 0)
            lone.crew.move(lone.outer.weights)
        else:
            lone.arrives(body, 0)
            lone.crew.shift(lone.outer.weights)
            lone.learn(seed + 10)
            learned, following = lone.weights(), lone.crew.encode(0)
            lone.crew.keep()
        assert alike(lone.weights(), learned)
        body = following


@pytest.mark.parametrize("is_on_its_way", [False, True])
def test_from_a_checkpoint_a_member_says_the_same(is_on_its_way: bool) -> None:
    lone, again = Lone(1), Lone(1)
    lone.learn(0)
    body = lone.crew.encode(0)
    lone.arrives(body, 0)
    if is_on_its_way:
        lone.crew.keep()
    else:
        lone.crew.restart(lone.outer.weights)
    state = {name: tensor.clone() for name, tensor in lone.crew.state().items()}
    assert any(name.startswith("start/") for name in state) == is_on_its_way
    again.outer.load_state(lone.outer.state())
    again.crew.restore(state, again.outer.weights, is_own=True)
    for old, new in zip(lone.model, again.model, strict=True):
        new.data.copy_(old)
    for each in (lone, again):
        each.learn(1)
    assert lone.crew.encode(0) == again.crew.encode(0)
