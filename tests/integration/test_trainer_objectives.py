"""What is learned, and in which steps: objectives, packing, accumulation, mixture, precision, against plain formulas."""

import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import ROWS, events_of, left_behind, make_base, make_run, refusal

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file
from torch.nn import functional
from transformers import GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig, Qwen3Config

from training_jobs.spec import TrainingSpec, from_payload
from training_jobs.trainer import data, job, loop, objectives
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.model import load, trainable
from training_jobs.trainer.strategies.single import Single

# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

CPU = torch.device("cpu")
TEXTS = [
    {"id": row["id"], "language": row["language"], "text": f"{row['question']} {row['answer']} " * (1 + index % 5)}
    for index, row in enumerate(ROWS[:24])
]
PAIRS = [
    {
        "id": row["id"],
        "language": row["language"],
        "question": row["question"],
        "chosen": row["answer"],
        "rejected": f"no {ROWS[-1 - index]['answer']}",
    }
    for index, row in enumerate(ROWS[:24])
]
OF_PREFERENCE = {"objective": "preference", "preference": {"beta": "0.25"}}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with dropout, so that a comparison of two models that forgets to turn it off is seen."""
    return make_base(tmp_path_factory.mktemp("base"), attention_dropout=0.3)


def spec_of(base: Path, folder: Path, rows: Any = None, **changes: Any) -> TrainingSpec:
    return from_payload(json.loads((make_run(base, folder, rows, **changes) / "spec.json").read_text()))


def examples_of(base: Path, spec: TrainingSpec, rows: Any) -> list[data.Example]:
    return objectives.encode(rows, spec, ChatFormat(base / "tokenizer.json"))


def batches_of(base: Path, spec: TrainingSpec, rows: Any) -> list[data.Batch]:
    return list(data.batches(data.plan(examples_of(base, spec, rows), spec), pad=0))


def log_probability(model: Any, tokens: tuple[int, ...], start: int) -> torch.Tensor:
    """Return log p(tokens[start:] | tokens[:start]), the plain way: one sequence, no padding."""
    logits = model(input_ids=torch.tensor([tokens])).logits[0, start - 1 : -1]
    return functional.log_softmax(logits, dim=-1).gather(1, torch.tensor(tokens[start:])[:, None]).sum()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_preference_tuning_is_dpo_by_its_formula(base: Path, tmp_path: Path, method: str) -> None:
    lora = {"rank": 4, "alpha": 8} if method == "lora" else None
    spec = spec_of(base, tmp_path / "run", PAIRS, method=method, lora=lora, batch_size=4, **OF_PREFERENCE)
    torch.manual_seed(1)
    model = trainable(load(base), spec)
    learning = Learning(spec, model)
    batch = batches_of(base, spec, PAIRS)[0]
    at_first = learning.gradients(model, batch, CPU).item()
    assert at_first == pytest.approx(math.log(2), abs=1e-6), "a model and its equal prefer nothing"

    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.05 * torch.randn_like(weight))
    model.zero_grad()
    loss = learning.gradients(model, batch, CPU)

    model.eval()
    reference = load(base).eval()
    by_id = {example.row_id: example for example in examples_of(base, spec, PAIRS)}
    step = next(data.plan(list(by_id.values()), spec))
    losses = []
    for (example,) in step[0]:
        chosen, rejected, start = example.tokens, example.rejected, example.learned_from
        margin = log_probability(model, chosen, start) - log_probability(reference, chosen, start)
        margin -= log_probability(model, rejected, start) - log_probability(reference, rejected, start)
        losses.append(-torch.log(torch.sigmoid(0.25 * margin)))
    expected = torch.stack(losses).mean()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert abs(loss.item() - at_first) > 1e-3

    ours = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    expected.backward()
    theirs = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_preference_tuning_learns_what_was_chosen(base: Path, tmp_path: Path, method: str) -> None:
    lora = {"rank": 8, "alpha": 16} if method == "lora" else None
    run_dir = make_run(base, tmp_path / "run", PAIRS, method=method, lora=lora, epochs=15, **OF_PREFERENCE)
    assert job.run(run_dir) == 0, events_of(run_dir)[-1]
    before, after = load(base).eval(), load(run_dir / "artifact").eval()
    spec = from_payload(json.loads((run_dir / "spec.json").read_text()))
    wins = 0
    with torch.no_grad():
        for example in examples_of(base, spec, PAIRS):
            start = example.learned_from
            gains = [
                log_probability(after, tokens, start) - log_probability(before, tokens, start)
                for tokens in (example.tokens, example.rejected)
            ]
            wins += int(gains[0] > gains[1])
    assert wins >= 0.9 * len(PAIRS)


def test_preference_rows_without_both_answers_are_refused(base: Path, tmp_path: Path) -> None:
    assert refusal(make_run(base, tmp_path / "run", ROWS, **OF_PREFERENCE)) == "input_unreadable"


def test_continued_training_learns_every_token_once_however_long_the_text(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run", TEXTS, objective="continued", sequence_length=24)
    chat = ChatFormat(base / "tokenizer.json")
    examples = examples_of(base, spec, TEXTS)
    assert max(len(example.tokens) for example in examples) == 24
    for text in TEXTS:
        pieces = [example for example in examples if example.row_id == text["id"]]
        learned = [token for piece in pieces for token in piece.tokens[piece.learned_from :]]
        assert learned == chat.document(text["text"])[1:]
    assert len(examples) > len(TEXTS)
    run_dir = make_run(base, tmp_path / "whole", TEXTS, objective="continued", sequence_length=24, packing=True)
    assert job.run(run_dir) == 0, events_of(run_dir)[-1]


SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
PACKED = {
    "llama": (LlamaConfig, {**SIZES, "num_key_value_heads": 2}),
    "qwen3": (Qwen3Config, {**SIZES, "num_key_value_heads": 2, "head_dim": 16}),
    "gpt2": (GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 2}),
    "gpt-neox": (GPTNeoXConfig, SIZES),
    "mistral": (MistralConfig, {**SIZES, "num_key_value_heads": 2, "sliding_window": 16}),
}


@pytest.mark.parametrize("family", PACKED)
def test_packed_documents_do_not_see_each_other(tmp_path: Path, family: str) -> None:
    base = make_base(tmp_path / "base", *PACKED[family], initializer_range=0.3)
    for objective, rows in (("supervised", ROWS), ("continued", TEXTS)):
        common = {"objective": objective, "epochs": 1, "sequence_length": 96}
        packed = spec_of(base, tmp_path / objective / "packed", rows, packing=True, batch_size=2, **common)
        apart = spec_of(base, tmp_path / objective / "apart", rows, batch_size=1, **common)
        model = load(base).eval()
        total: dict[bool, float] = {}
        for spec in (packed, apart):
            learning = Learning(spec, model)
            batches = batches_of(base, spec, rows)
            with torch.enable_grad():
                losses = [learning.gradients(model, batch, CPU).item() * batch.weight for batch in batches]
            total[spec.packing] = sum(losses) / sum(batch.weight for batch in batches)
        assert total[True] == pytest.approx(total[False], rel=1e-5)


def test_packing_keeps_every_document_whole_and_fills_its_rows(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run", packing=True, sequence_length=64, epochs=1, batch_size=2)
    examples = examples_of(base, spec, ROWS)
    steps = list(data.plan(examples, spec))
    rows = [row for step in steps for part in step for row in part]
    assert Counter(example for row in rows for example in row) == Counter(examples)
    used = [sum(len(example.tokens) for example in row) for row in rows]
    assert max(used) <= 64
    assert sum(used) > 0.85 * 64 * len(rows)
    assert data.steps_total(examples, spec) == len(steps)


def test_accumulated_parts_give_the_gradient_of_one_large_batch(base: Path, tmp_path: Path) -> None:
    large = spec_of(base, tmp_path / "large", batch_size=64, epochs=1)
    small = spec_of(base, tmp_path / "small", batch_size=4, accumulation=16, epochs=1)
    gradients = []
    for spec in (large, small):
        model = load(base).eval()
        (batch,) = batches_of(base, spec, ROWS)
        assert len(batch.parts) == spec.accumulation
        loss = Learning(spec, model).gradients(model, batch, CPU).item()
        gradients.append([loss, *(weight.grad for weight in model.parameters())])
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-5)
    assert all(torch.allclose(*pair, atol=1e-6) for pair in zip(gradients[0][1:], gradients[1][1:], strict=True))


@pytest.mark.parametrize("rows", [1, 5, 31, 64])
@pytest.mark.parametrize("accumulation", [1, 3, 100])
def test_the_number_of_steps_is_known_before_the_first(
    base: Path, tmp_path: Path, rows: int, accumulation: int
) -> None:
    spec = spec_of(base, tmp_path / "run", accumulation=accumulation, epochs=3, batch_size=4)
    examples = examples_of(base, spec, ROWS[:rows])
    steps = list(data.plan(examples, spec))
    assert len(steps) == data.steps_total(examples, spec)
    seen = Counter(example for step in steps for part in step for row in part for example in row)
    assert set(seen.values()) == {3}
    assert len(seen) == rows


def test_a_clipped_step_is_no_longer_than_allowed(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run", gradient_clip="0.01")
    model = load(base)
    learning = Learning(spec, model)
    learning.gradients(model, batches_of(base, spec, ROWS)[0], CPU)
    long = torch.nn.utils.get_total_norm([weight.grad for weight in model.parameters()])
    learning.clip(model)
    assert long > 0.01
    assert torch.nn.utils.get_total_norm([weight.grad for weight in model.parameters()]) == pytest.approx(
        0.01, rel=1e-3
    )


def test_the_weight_of_a_dataset_is_how_often_its_rows_are_learned(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", ROWS[:10], epochs=1, batch_size=3)
    spec = json.loads((run_dir / "spec.json").read_text())
    spec["datasets"][0]["weight"] = 3
    (run_dir / "spec.json").write_text(json.dumps(spec))
    assert job.run(run_dir) == 0
    assert events_of(run_dir)[0]["records"] == 30
    assert events_of(run_dir)[-1]["steps"] == 10


def test_bfloat16_computes_in_halves_and_keeps_whole_weights(base: Path, tmp_path: Path) -> None:
    ends = {}
    for precision in ("float32", "bfloat16"):
        run_dir = make_run(base, tmp_path / precision, precision=precision)
        assert job.run(run_dir) == 0
        ends[precision] = load_file(run_dir / "artifact" / "model.safetensors")
        assert {tensor.dtype for tensor in ends[precision].values()} == {torch.float32}
    halves = ends["bfloat16"]
    assert any(not torch.equal(ends["float32"][name], halves[name]) for name in halves)
    assert any(not torch.equal(tensor, tensor.bfloat16().float()) for tensor in halves.values())
    again = make_run(base, tmp_path / "again", precision="bfloat16")
    assert job.run(again) == 0
    assert left_behind(again) == left_behind(tmp_path / "bfloat16")


def test_the_optimizer_has_the_betas_and_the_epsilon_that_were_voted_on(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run", betas=["0.8", "0.88"], epsilon="0.001", weight_decay="0.25")
    (group,) = loop.make_optimizer(load(base), spec).param_groups
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.8, 0.88), 0.001, 0.25)


def test_the_learning_rate_warms_up_and_falls_along_a_cosine(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run", warmup_steps=4, learning_rate="0.1")
    rates = [loop.learning_rate(spec, done, 24) for done in range(25)]
    assert rates[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert rates[14] == pytest.approx(0.1 * (0.05 + 0.95 / 2))
    assert rates[24] == pytest.approx(0.005)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert Decimal("0.1") == spec.learning_rate


def test_one_device_takes_every_step(base: Path, tmp_path: Path) -> None:
    spec = spec_of(base, tmp_path / "run")
    strategy = Single(spec, tmp_path)
    plan = list(data.plan(examples_of(base, spec, ROWS), spec))
    assert list(strategy.share(plan)) == plan
    assert strategy.steps(len(plan)) == len(plan)
