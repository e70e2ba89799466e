"""The numbers of low-communication training: quantising, low rank, error feedback, averages, pace."""

import math
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training_jobs.spec import Topology
from training_jobs.trainer.lowcomm import pace
from training_jobs.trainer.lowcomm.aggregate import AGGREGATIONS, check_norms, norm, tolerated
from training_jobs.trainer.lowcomm.compression import Compressor, Layout, decode
from training_jobs.trainer.lowcomm.outer import Outer
from training_jobs.trainer.lowcomm.quantise import BLOCK, LEVELS, NotFiniteError, dequantise, payload_bytes, quantise

FLOATS = st.floats(-1e3, 1e3, width=32)
SHAPES = ((12, 20), (7,), (3, 3), (40, 8))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.lists(FLOATS, max_size=200), st.sampled_from([4, 8]))
def test_a_decoded_value_is_within_half_a_step_of_the_true_one(values: list[float], bits: int) -> None:
    true = torch.tensor(values, dtype=torch.float32)
    data = quantise(true, bits)
    assert len(data) == payload_bytes(len(values), bits)
    got = dequantise(data, len(values), bits)
    for start in range(0, len(values), BLOCK):
        block = true[start : start + BLOCK]
        step = float(block.abs().max()) / LEVELS[bits]
        # the scale is rounded up to float16: by 1/1024 of itself, or by the smallest float16
        bound = step * (1 + 2**-10) / 2 + 2**-24 * LEVELS[bits]
        assert float((got[start : start + BLOCK] - block).abs().max()) <= bound


@given(st.lists(FLOATS, max_size=100))
def test_32_bits_lose_nothing(values: list[float]) -> None:
    true = torch.tensor(values, dtype=torch.float32)
    assert torch.equal(dequantise(quantise(true, 32), len(values), 32), true)


@pytest.mark.parametrize("bits", [4, 8, 32])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_sent(bits: int, value: float) -> None:
    with pytest.raises(NotFiniteError):
        quantise(torch.tensor([1.0, value]), bits)


@given(st.binary(max_size=400), st.integers(0, 300), st.sampled_from([4, 8, 32]))
def test_any_bytes_decode_to_finite_numbers_or_are_refused(data: bytes, count: int, bits: int) -> None:
    try:
        values = dequantise(data, count, bits)
    except ValueError:
        return
    assert values.shape == (count,)
    assert bool(torch.isfinite(values).all())


@given(st.integers(1, 6), st.sampled_from([4, 8, 32]), st.integers(0, 4), st.integers(0, 1000))
def test_what_was_sent_and_the_error_that_is_left_add_up_to_what_was_true(
    rounds: int, bits: int, rank: int, seed: int
) -> None:
    compressor = Compressor(SHAPES, bits, seed)
    layout = Layout(SHAPES, rank, bits)
    true = [torch.zeros(shape) for shape in SHAPES]
    sent = [torch.zeros(shape) for shape in SHAPES]
    for number in range(rounds):
        updates = [drawn(*shape, seed=seed + 10 * number + index) for index, shape in enumerate(SHAPES)]
        body = compressor.encode(updates, rank)
        assert len(body) == layout.body_bytes()
        for total, update in zip(true, updates, strict=True):
            total.add_(update)
        for total, decoded in zip(sent, decode(body, layout), strict=True):
            total.add_(decoded)
    for total, arrived, error in zip(true, sent, compressor.errors, strict=True):
        assert torch.allclose(arrived + error, total, atol=1e-4 * rounds)


@given(st.integers(1, 4), st.integers(0, 100))
def test_a_matrix_of_rank_r_passes_through_rank_r_unchanged(rank: int, seed: int) -> None:
    shape = (30, 24)
    matrix = drawn(30, rank, seed=seed) @ drawn(rank, 24, seed=seed + 1)
    body = Compressor([shape], 32, seed).encode([matrix], rank)
    (decoded,) = decode(body, Layout((shape,), rank, 32))
    assert torch.allclose(decoded, matrix, atol=1e-3 * float(matrix.abs().max()))


def test_low_rank_sends_what_it_promises() -> None:
    layout = Layout(((512, 512), (512,)), 64, 4)
    whole = Layout(((512, 512), (512,)), 0, 4)
    assert layout.body_bytes() < whole.body_bytes() / 3.9
    assert whole.body_bytes() == 512 * 512 // 2 + 512 * 512 // 64 * 2 + 256 + 16


def test_the_rank_may_change_between_rounds() -> None:
    compressor = Compressor(SHAPES, 8, 1)
    for number, rank in enumerate([4, 2, 0, 3]):
        updates = [drawn(*shape, seed=number) for shape in SHAPES]
        body = compressor.encode(updates, rank)
        assert len(decode(body, Layout(SHAPES, rank, 8))) == len(SHAPES)


def test_a_compressor_goes_on_where_its_state_was_taken() -> None:
    one, other = Compressor(SHAPES, 4, 3), Compressor(SHAPES, 4, 99)
    updates = [drawn(*shape) for shape in SHAPES]
    one.encode(updates, 2)
    other.load_state({name: tensor.clone() for name, tensor in one.state().items()})
    assert [one.encode(updates, rank) for rank in (2, 3)] == [other.encode(updates, rank) for rank in (2, 3)]


@pytest.mark.parametrize("cut", [0, 1, -1, -5])
def test_a_body_of_another_length_is_refused(cut: int) -> None:
    layout = Layout(SHAPES, 2, 4)
    body = Compressor(SHAPES, 4, 0).encode([drawn(*shape) for shape in SHAPES], 2)
    bent = body + b"\x00" * cut if cut > 0 else body[:cut]
    with pytest.raises(ValueError, match="bytes where the layout has"):
        decode(bent, layout)


def test_the_outer_step_is_torchs_nesterov() -> None:
    weight = drawn(5, 4)
    outer = Outer([weight], 0.7, 0.9)
    reference = torch.nn.Parameter(weight.clone())
    optimizer = torch.optim.SGD([reference], lr=0.7, momentum=0.9, nesterov=True)
    for number in range(4):
        gradient = drawn(5, 4, seed=number + 1)
        outer.step([gradient])
        reference.grad = gradient.clone()
        optimizer.step()
        assert torch.allclose(outer.weights[0], reference.detach(), atol=1e-5)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_equal_updates_average_to_themselves(name: str) -> None:
    update = [drawn(4, 3), drawn(5)]
    for members in (1, 2, 3, 5):
        average = AGGREGATIONS[name]([update] * members, [7] * members)
        assert all(torch.allclose(one, two, atol=1e-6) for one, two in zip(average, update, strict=True))


@pytest.mark.parametrize("name", ["trimmed_mean", "centred_clipping", "krum"])
@pytest.mark.parametrize("lie", ["scaled", "flipped", "noise", "zero"])
def test_one_liar_of_five_does_not_move_a_robust_average_far(name: str, lie: str) -> None:
    true = drawn(200)
    honest = [[true + 0.3 * drawn(200, seed=index + 1)] for index in range(4)]
    lies = {"scaled": 50 * true, "flipped": -true, "noise": 20 * drawn(200, seed=77), "zero": 0 * true}
    clean = AGGREGATIONS["mean"](honest, [1] * 4)
    robust = AGGREGATIONS[name]([*honest, [lies[lie]]], [1, 1, 1, 1, 10**9])
    assert norm([robust[0] - clean[0]]) < 0.4 * norm(clean)


def test_the_mean_counts_tokens() -> None:
    (average,) = AGGREGATIONS["mean"]([[torch.tensor([1.0])], [torch.tensor([4.0])]], [200, 100])
    assert average.item() == pytest.approx(2.0)


def test_an_update_out_of_bounds_is_cut_and_one_far_out_is_refused() -> None:
    unit = [torch.tensor([1.0])]
    factors = check_norms([unit, unit, [torch.tensor([30.0])], [torch.tensor([1e6])]])
    assert factors == [1.0, 1.0, pytest.approx(0.1), None]


@pytest.mark.parametrize(("members", "liars"), [(1, 0), (3, 0), (4, 0), (5, 1), (6, 1), (7, 2), (64, 30)])
def test_how_many_liars_are_borne(members: int, liars: int) -> None:
    assert tolerated(members) == liars


def topology(**changes: object) -> Topology:
    values = {"workers": 2, "local_steps": 100, "rank": 64, "bits": 4, "delay": 1, "adaptive": True, **changes}
    return Topology(**values)  # type: ignore[arg-type]


def test_the_pace_follows_rank_and_lag() -> None:
    start = pace.first(topology())
    shapes = ((640, 640),) * 4

    def next_pace(ranks: list[int], lags: list[int], **changes: object) -> pace.Pace:
        return pace.adapted(topology(**changes), shapes, start, ranks, lags)

    assert start == pace.Pace(100, 64, 25)
    assert pace.first(topology(adaptive=False)) == pace.Pace(100, 64, 100)
    assert pace.first(topology(delay=0)) == pace.Pace(100, 64, 0)
    assert next_pace([32] * 4, [20, 20]) == pace.Pace(100, 64, 31)
    assert next_pace([32] * 5, [20, 20]) == pace.Pace(50, 32, 31)
    assert next_pace([1] * 5, [90, 90]) == pace.Pace(25, 16, 25)
    assert next_pace([500] * 5, []) == start
    assert next_pace([1] * 5, [1], adaptive=False) == pace.Pace(100, 64, 100)


def test_who_waited_for_a_slower_member_does_not_delay_the_average() -> None:
    start = pace.first(topology())
    assert pace.adapted(topology(), ((640, 640),), start, [], [90, 4, 70]).apply_after == 7


def test_local_steps_stay_where_a_lower_rank_saves_nothing() -> None:
    start = pace.first(topology(rank=1024))
    assert pace.adapted(topology(rank=1024), ((64, 64), (9,)), start, [3] * 5, [100]).local_steps == 100


def test_the_measured_rank_is_the_one_that_holds_the_energy() -> None:
    basis = torch.linalg.qr(drawn(40, 40)).Q
    flat = basis[:, :10] @ basis[:10]
    assert pace.measured_rank([flat, drawn(7)]) == 9
    assert pace.measured_rank([flat.T.contiguous()]) == 9
    assert pace.measured_rank([drawn(7), torch.zeros(3, 3)]) == 1
