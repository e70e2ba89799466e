"""Run folders with tiny models, as the worker lays them out, for the tests of the trainer."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.demo import corpus

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig

from config.demo import base_model
from governance.evidence.canonical import canonical_bytes
from training_jobs.trainer import job, outputs
from training_jobs.trainer.chat import ChatFormat

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = corpus.training_rows()[:64]
SUITE = corpus.evaluation_rows()[:20]
METRIC_NAMES = ["answer_accuracy", "answer_surprise", "language_gap"]

# How Qwen cuts text into words (tokenizer.json of Qwen2.5 and Qwen3).
WORDS_OF_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "tie_word_embeddings": True,
}


def plain_tokenizer(folder: Path) -> None:
    """Write the tokenizer of the demo."""
    base_model._write_tokenizer(folder, [dict(row) for row in ROWS])


def chatml_tokenizer(folder: Path) -> None:
    """Write a tokenizer like that of Qwen: its normalizer, its way of cutting words, its three special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS_OF_QWEN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((row["answer"] for row in ROWS), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    pad = {"__type": "AddedToken", "content": "<|endoftext|>", "special": True}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": pad}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def make_base(
    folder: Path,
    config_class: type = LlamaConfig,
    sizes: dict[str, Any] = SIZES,
    template: str = "plain-turns",
    **changes: Any,
) -> Path:
    """Make a base model of two thin layers, as it comes from its initialisation."""
    folder.mkdir(parents=True, exist_ok=True)
    {"plain-turns": plain_tokenizer, "chatml": chatml_tokenizer}[template](folder)
    chat = ChatFormat(folder / "tokenizer.json", template)
    torch.manual_seed(3)
    ids = {"bos_token_id": None, "eos_token_id": chat.end, "pad_token_id": chat.pad}
    config = config_class(vocab_size=chat.tokenizer.get_vocab_size(), **ids, **sizes, **changes)
    model = AutoModelForCausalLM.from_config(config)
    outputs.write_model(folder, model, model.config.to_diff_dict())
    return folder


def make_run(base: Path, run_dir: Path, rows: Sequence[Any] | None = None, **changes: Any) -> Path:
    """Lay out a run folder as the worker does."""
    shutil.copytree(base, run_dir / "inputs" / "base")
    dataset = b"".join(canonical_bytes(dict(row)) + b"\n" for row in rows or ROWS)
    suite = corpus.jsonl(SUITE)
    digests = [hashlib.sha256(content).hexdigest() for content in (dataset, suite)]
    for name, content, digest in zip(("datasets", "suite"), (dataset, suite), digests, strict=True):
        (run_dir / "inputs" / name).mkdir()
        (run_dir / "inputs" / name / f"{digest}.jsonl").write_bytes(content)
    spec = {
        "version": 1,
        "base": {"model": "a/b", "revision": "0" * 40, "manifest_sha256": outputs.manifest_sha256(base)},
        "datasets": [{"digest": digests[0], "languages": ["en", "fr"]}],
        "method": "full",
        "lora": None,
        "optimizer": "adamw",
        "learning_rate": "0.003",
        "weight_decay": "0",
        "schedule": "cosine",
        "warmup_steps": 2,
        "batch_size": 8,
        "sequence_length": 128,
        "epochs": 2,
        "seed": 7,
        "precision": "float32",
        "strategy": "single",
        "evaluation": {"suite": digests[1]},
        "output": "b",
        "budget": {"device_seconds": 60},
        **changes,
    }
    (run_dir / "spec.json").write_text(json.dumps(spec))
    (run_dir / "evaluation.json").write_text(json.dumps({"suite": digests[1], "metrics": METRIC_NAMES, "further": {}}))
    return run_dir


def child(run_dir: Path, seed: str = "0") -> "subprocess.Popen[bytes]":
    """Start the trainer as the worker does, outside its box."""
    return subprocess.Popen(
        [sys.executable, "-m", "training_jobs.trainer", str(run_dir)],
        cwd=REPOSITORY,
        env={"PYTHONHASHSEED": seed, "PATH": os.environ["PATH"], "OMP_NUM_THREADS": str(torch.get_num_threads())},
        stderr=subprocess.DEVNULL,
    )


def events_of(run_dir: Path) -> list[dict[str, Any]]:
    """Return the events so far; a line that is still being written is left out."""
    content = (run_dir / "events.jsonl").read_bytes() if (run_dir / "events.jsonl").exists() else b""
    return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def refusal(run_dir: Path) -> str:
    """Run a job that must fail for good, and return the code of its last event."""
    assert job.run(run_dir) == 3
    last = events_of(run_dir)[-1]
    assert (last["event"], last["permanent"]) == ("failed", True)
    assert not (run_dir / "artifact.json").exists()
    return str(last["code"])


def left_behind(run_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of everything that a run is for: the artifact, its description, the trace."""
    files = [path for path in (run_dir / "artifact").rglob("*") if path.is_file()]
    files += [run_dir / "artifact.json", run_dir / "trace.jsonl"]
    return {str(path.relative_to(run_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
