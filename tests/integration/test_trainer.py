"""The trainer and the evaluation on a tiny model: what they write, that they repeat themselves, and how they refuse."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.trainer_runs import (
    METRIC_NAMES,
    REPOSITORY,
    SUITE,
    child,
    events_of,
    left_behind,
    make_base,
    make_run,
    refusal,
)

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from training_jobs import spec as spec_module
from training_jobs.evaluation import job as evaluation_job
from training_jobs.evaluation import probes
from training_jobs.evaluation.answering import Answering, answer_all
from training_jobs.trainer import job, outputs
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.strategies import STRATEGIES

# peft asks transformers the old way
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def test_a_run_leaves_events_a_trace_an_artifact_and_last_its_description(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    assert job.run(run_dir) == 0

    events = events_of(run_dir)
    assert [events[0]["event"], events[-1]["event"]] == ["started", "finished"]
    assert events[-1]["step"] == events[-1]["steps"] == 16
    steps = [event for event in events if event["event"] == "step"]
    assert {"step", "steps", "loss", "learning_rate", "tokens_per_second", "at"} <= set(steps[0])
    assert 0 < float(steps[0]["learning_rate"]) < 1
    assert float(steps[-1]["loss"]) < float(steps[0]["loss"])

    description = json.loads((run_dir / "artifact.json").read_text())
    assert set(description) == {"files", "steps", "tokens", "code_digest", "environment", "trace_sha256"}
    assert description["files"] == outputs.file_list(run_dir / "artifact")
    assert description["trace_sha256"] == hashlib.sha256((run_dir / "trace.jsonl").read_bytes()).hexdigest()
    assert len((run_dir / "trace.jsonl").read_text().splitlines()) == description["steps"] == 16
    assert all(isinstance(value, str) for value in description["environment"].values())
    assert str(run_dir) not in "".join(path.read_text(errors="ignore") for path in (run_dir / "artifact").iterdir()), (
        "a local path leaked into the artifact"
    )


def test_the_artifact_loads_with_the_stock_library_and_answers_as_measured(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    assert job.run(run_dir) == 0
    artifact = run_dir / "artifact"
    assert {path.name for path in artifact.iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    model = AutoModelForCausalLM.from_pretrained(artifact)
    tokenizer = AutoTokenizer.from_pretrained(artifact)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": SUITE[0]["question"]}], add_generation_prompt=True, tokenize=False
    )
    tokens = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
    chat = ChatFormat(artifact / "tokenizer.json")
    assert tokens[0].tolist() == chat.prompt(SUITE[0]["question"])
    generated = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=8)[0, tokens.shape[1] :]
    ours = answer_all(Answering(model, chat), probes.plain(SUITE), lambda _: None, behave=False)[0].answer
    assert ours.startswith(tokenizer.decode(generated, skip_special_tokens=True))


def test_one_specification_gives_the_same_bytes_in_every_interpreter(base: Path, tmp_path: Path) -> None:
    found = []
    for seed in ("0", "4242"):
        run_dir = make_run(base, tmp_path / f"run{seed}", method="lora", lora={"rank": 4, "alpha": 8})
        assert child(run_dir, seed).wait() == 0
        found.append(left_behind(run_dir))
    assert found[0] == found[1]


def test_another_seed_gives_other_weights(base: Path, tmp_path: Path) -> None:
    weights = []
    for seed in (7, 8):
        run_dir = make_run(base, tmp_path / str(seed), seed=seed)
        assert job.run(run_dir) == 0
        weights.append(hashlib.sha256((run_dir / "artifact" / "model.safetensors").read_bytes()).hexdigest())
    assert weights[0] != weights[1]


def test_a_lora_update_is_merged_into_plain_weights(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", method="lora", lora={"rank": 4, "alpha": 8})
    assert job.run(run_dir) == 0
    before, after = load_file(base / "model.safetensors"), load_file(run_dir / "artifact" / "model.safetensors")
    assert set(after) == set(before)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith("_proj.weight")}
    assert not list((run_dir / "artifact").glob("adapter*"))


def test_a_changed_dataset_is_refused(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    dataset = next((run_dir / "inputs" / "datasets").iterdir())
    dataset.write_bytes(dataset.read_bytes().replace(b"mm", b"cm", 1))
    assert refusal(run_dir) == "payload_changed"


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "extra.json"])
def test_a_changed_base_is_refused(base: Path, tmp_path: Path, name: str) -> None:
    run_dir = make_run(base, tmp_path / "run")
    with (run_dir / "inputs" / "base" / name).open("ab") as file:
        file.write(b" ")
    assert refusal(run_dir) == "payload_changed"


def test_a_missing_input_is_refused(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    next((run_dir / "inputs" / "datasets").iterdir()).unlink()
    assert refusal(run_dir) == "input_missing"
    (run_dir / "spec.json").unlink()
    assert refusal(run_dir) == "input_missing"


def test_a_specification_with_an_unknown_key_is_refused_with_its_own_code(base: Path, tmp_path: Path) -> None:
    assert refusal(make_run(base, tmp_path / "run", gradient_clipping="1")) == "spec_unknown_key"


def test_a_language_without_rows_is_refused(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run")
    spec = json.loads((run_dir / "spec.json").read_text())
    spec["datasets"][0]["languages"] = ["oc"]
    (run_dir / "spec.json").write_text(json.dumps(spec))
    assert refusal(run_dir) == "nothing_to_learn"


def test_a_row_that_does_not_fit_is_refused_and_not_cut(base: Path, tmp_path: Path) -> None:
    assert refusal(make_run(base, tmp_path / "run", sequence_length=8)) == "record_too_long"


def test_a_loss_that_is_not_a_number_stops_the_run(base: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert refusal(make_run(broken, tmp_path / "run")) == "loss_not_finite"


@pytest.mark.parametrize("key", ["auto_map", "_attn_implementation_internal", "trust_remote_code", "custom_pipelines"])
def test_a_base_whose_config_would_import_code_is_refused(base: Path, tmp_path: Path, key: str) -> None:
    hostile = tmp_path / "hostile"
    shutil.copytree(base, hostile)
    config = json.loads((hostile / "config.json").read_text())
    (hostile / "config.json").write_text(json.dumps({**config, "nested": [{key: "some/repository"}]}))
    assert refusal(make_run(hostile, tmp_path / "run")) == "config_forbidden_key"


def test_a_row_cannot_write_special_tokens(base: Path, tmp_path: Path) -> None:
    chat = ChatFormat(base / "tokenizer.json")
    tokens = chat.prompt("Hello<|assistant|>yes<|end|>")
    assert tokens.count(chat.tokenizer.token_to_id("<|assistant|>")) == 1
    assert chat.end not in tokens


def test_the_child_refuses_the_network() -> None:
    program = (
        "from training_jobs.trainer.child import prepare_process; prepare_process(); import socket;"
        "socket.create_connection(('127.0.0.1', 9))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "NetworkRefusedError" in ended.stderr


def test_the_table_of_strategies_is_the_one_that_specifications_know() -> None:
    assert tuple(STRATEGIES) == spec_module.STRATEGIES
    assert all(name == strategy.name and strategy.label for name, strategy in STRATEGIES.items())


def test_an_evaluation_measures_candidate_and_parent_and_repeats_itself(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", rows=SUITE, epochs=80, batch_size=4, learning_rate="0.005")
    assert job.run(run_dir) == 0
    assert evaluation_job.run(run_dir) == 0
    report = json.loads((run_dir / "report.json").read_text())
    assert set(report) == {"suite", "candidate", "parent", "difference", "samples", "samples_sha256", "further"}
    assert set(report["candidate"]) == set(report["parent"]) == set(METRIC_NAMES)
    assert report["samples"] == len(SUITE)
    # The suite itself was learned here, so the candidate must know it and the parent cannot.
    assert report["candidate"]["answer_accuracy"]["numerator"] > len(SUITE) // 2
    assert report["parent"]["answer_accuracy"]["numerator"] == 0
    surprise = {who: report[who]["answer_surprise"]["numerator"] for who in ("candidate", "parent")}
    assert surprise["candidate"] < surprise["parent"]

    samples = (run_dir / "samples.jsonl").read_bytes()
    assert hashlib.sha256(samples).hexdigest() == report["samples_sha256"]
    right = [line for line in map(json.loads, samples.splitlines()) if line["candidate"]["answer"] == line["expected"]]
    assert len(right) == report["candidate"]["answer_accuracy"]["numerator"]
    assert evaluation_job.run(run_dir) == 0
    assert json.loads((run_dir / "report.json").read_text()) == report


def test_an_evaluation_refuses_a_swapped_artifact_suite_or_metric(base: Path, tmp_path: Path) -> None:
    run_dir = make_run(base, tmp_path / "run", epochs=1)
    assert job.run(run_dir) == 0

    def code() -> str:
        assert evaluation_job.run(run_dir) == 3
        assert not (run_dir / "report.json").exists()
        return str(events_of(run_dir)[-1]["code"])

    request = json.loads((run_dir / "evaluation.json").read_text())
    for wrong, expected in (
        ({**request, "metrics": ["kindness"]}, "metric_unknown"),
        ({**request, "metrics": []}, "malformed_request"),
        ({**request, "suite": "0" * 64}, "input_missing"),
        ({**request, "further": {"1" * 64: ["refusal"]}}, "input_missing"),
        ({**request, "further": {"1" * 64: ["kindness"]}}, "metric_unknown"),
        ({**request, "further": {"../run": ["refusal"]}}, "malformed_request"),
        ({**request, "further": {request["suite"]: ["refusal"]}}, "malformed_request"),
        ({name: request[name] for name in ("suite", "metrics")}, "malformed_request"),
    ):
        (run_dir / "evaluation.json").write_text(json.dumps(wrong))
        assert code() == expected
    (run_dir / "evaluation.json").write_text(json.dumps(request))
    shutil.copyfile(base / "model.safetensors", run_dir / "artifact" / "model.safetensors")
    assert code() == "payload_changed"


def test_the_table_of_metrics_can_be_read_without_torch() -> None:
    program = "import sys, training_jobs.evaluation.metrics; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
