"""Inside a site: real processes that are one run, equal to what it should be equal to, and to itself bit for bit."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.site_runs import finished, furthest, losses
from tests.integration.test_trainer_objectives import OF_PREFERENCE, PAIRS
from tests.integration.trainer_runs import ROWS, SIZES, make_base, make_run

TWO = {"workers": 2}
LORA = {"method": "lora", "lora": {"rank": 4, "alpha": 8}}
# 45 rows in batches of 4, three in a step: four steps an epoch, the last of which one worker takes with fewer parts.
UNEVEN: dict[str, Any] = {"batch_size": 4, "accumulation": 3, "gradient_clip": "0.5"}
PACKED: dict[str, Any] = {"packing": True, "batch_size": 2, "sequence_length": 64, "epochs": 4}
STEADY: dict[str, Any] = {"schedule": "constant", "warmup_steps": 0, "learning_rate": "0.0003", "weight_decay": "0.1"}
TRAINER = "training_jobs.trainer"
# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("untied"), sizes={**SIZES, "tie_word_embeddings": False})


def run_of(base: Path, run_dir: Path, strategy: str, **changes: Any) -> Path:
    """Lay out a run of two workers, or of one machine."""
    topology = None if strategy == "single" else TWO
    rows = PAIRS[:45] if "preference" in changes else ROWS[:45]
    return make_run(base, run_dir, rows, strategy=strategy, topology=topology, **{**STEADY, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        UNEVEN,
        {**LORA, "epochs": 4},
        {"precision": "bfloat16", **PACKED},
        {**OF_PREFERENCE, "epochs": 4},
        {**OF_PREFERENCE, **LORA, "epochs": 4},
    ],
    ids=["uneven", "lora", "bfloat16-packed", "preference", "preference-lora"],
)
def test_fsdp_learns_what_ddp_learns(base: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    runs = [run_of(base, tmp_path / strategy, strategy, **changes) for strategy in ("ddp", "fsdp")]
    for run_dir in runs:
        finished(run_dir)
    one, other = map(losses, runs)
    assert len(one) == len(other) > 3
    near = 1e-4 if "precision" not in changes else 2e-3  # 16 bits have three digits
    assert other == pytest.approx(one, abs=near)
    assert furthest(*runs) < near


@pytest.mark.parametrize(
    "changes",
    [UNEVEN, {**LORA, "epochs": 4}, PACKED],
    ids=["uneven", "lora", "packed"],
)
@pytest.mark.parametrize("embeddings", ["base", "untied"])
def test_a_pipeline_learns_what_one_machine_learns(
    embeddings: str, tmp_path: Path, request: pytest.FixtureRequest, changes: dict[str, Any]
) -> None:
    base = request.getfixturevalue(embeddings)
    alone = run_of(base, tmp_path / "single", "single", **changes)
    staged = run_of(base, tmp_path / "pipeline", "pipeline", **changes)
    finished(alone, TRAINER)
    finished(staged)
    assert len(losses(alone)) == len(losses(staged)) > 3
    assert losses(staged) == pytest.approx(losses(alone), abs=1e-4)
    assert furthest(alone, staged) < 1e-4


def test_three_workers_learn_what_they_should(tmp_path: Path) -> None:
    """Three layers of 32: no weight divides by three, and the stage in the middle has neither embeddings nor head."""
    base = make_base(tmp_path / "base", sizes={**SIZES, "num_hidden_layers": 3})
    three = {"workers": 3}
    runs = {
        strategy: make_run(
            base, tmp_path / strategy, ROWS[:45], strategy=strategy, topology=topology, **STEADY, **UNEVEN
        )
        for strategy, topology in {"single": None, "pipeline": three, "ddp": three, "fsdp": three}.items()
    }
    finished(runs["single"], TRAINER)
    for strategy in ("pipeline", "ddp", "fsdp"):
        finished(runs[strategy])
    for one, other in (("single", "pipeline"), ("ddp", "fsdp")):
        assert losses(runs[other]) == pytest.approx(losses(runs[one]), abs=1e-4)
        assert furthest(runs[one], runs[other]) < 1e-4
