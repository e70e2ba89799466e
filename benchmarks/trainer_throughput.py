"""What our trainer costs: speed, memory, start and checkpoints, against a bare torch loop and against other trainers.

    python -m benchmarks.trainer_throughput [--rounds 6] [--steps 40] [--check]

Speed: all sides take as many steps on the same rows from the same weights, each in a process of its own that warms up
first, in turns; the order is drawn anew every round, and ratios are medians of the rounds' ratios. How threads wait for
work is settled in ours alone: the machine must have nothing else to do, or the others suffer more than they have to.
Ours is measured with all that a run leaves behind at each step. The bare loop gets our batches; the other trainers get
what they make of the rows by themselves, batches in random order padded to the longest, and once our batches too.
Memory and start: real processes (`python -m training_jobs.trainer`), in turns with a process that runs the bare loop,
and one that only imports torch. Checkpoints: seconds of one, as a share of the default interval's steps.
Prints one Markdown table; `--check` exits with 1 where less is reached than promised.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from training_jobs.trainer import child

os.environ["GOMP_SPINCOUNT"] = child.THREADS["GOMP_SPINCOUNT"]  # before torch: as in every run

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks import _bare_loop, _other_trainers, _trainer_side
from config.demo import base_model, corpus
from training_jobs.spec import TrainingSpec
from training_jobs.trainer import data, loop, objectives, outputs
from training_jobs.trainer.bookkeeping import Bookkeeping
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.strategies import STRATEGIES

RECIPE = replace(base_model.RECIPE, schedule="constant", warmup_steps=0)
REPOSITORY = Path(__file__).resolve().parents[1]
# The model whose speed is measured: 4.2 million weights, a quarter of them the vocabulary.
MEASURED: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
}
VOCABULARY = 4_096
# A model large enough that its memory is more than that of the libraries.
LARGE: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
}
LARGE_STEPS = 4

# What is compared, what is promised, and whether more or less is better.
PROMISES: dict[str, tuple[str, float]] = {
    "speed, ours / bare torch loop": ("at least", 0.97),
    "speed, ours / transformers Trainer": ("at least", 1.3),
    "speed, ours / transformers Trainer on our batches": ("at least", 1.0),
    "speed, ours / TRL SFTTrainer": ("at least", 1.3),
    "seconds to the first step beyond importing torch": ("at most", 3.0),
    "peak memory, ours / bare torch loop": ("at most", 1.1),
    "checkpoint, share of the time at the default interval": ("at most", 0.02),
}

Plain = list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


def main() -> int:
    """Measure and print; with `--check`, return 1 for less than what is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[dict[str, Any]] = list(corpus.training_rows())
        base_model._write_tokenizer(folder, rows)  # noqa: SLF001 - the demo's own model, without training it first
        chat = ChatFormat(folder / "tokenizer.json")
        plan = list(islice(data.plan(objectives.encode(rows, RECIPE, chat), RECIPE), options.steps))
        batches = list(data.batches(plan, chat.pad))
        found = speeds(folder, plan, chat.pad, options.rounds)
        found |= checkpoints(folder, batches)
        found |= starts(folder, options.rounds)
        found |= memory(folder, min(options.rounds, 3))

    tokens = sum(batch.token_count for batch in batches)
    print(f"\n{len(batches)} steps of {tokens // len(batches)} tokens, {options.rounds} rounds")
    print("\n| what | median | from | to | promised | kept |\n|---|---|---|---|---|---|")
    broken = False
    for what, (direction, bound) in PROMISES.items():
        if what not in found:
            print(f"| {what} | not installed | | | {direction} {bound} | |")
            continue
        values = found[what]
        kept = median(values) >= bound if direction == "at least" else median(values) <= bound
        broken |= not kept
        numbers = " | ".join(f"{value:.3f}" for value in (median(values), min(values), max(values)))
        print(f"| {what} | {numbers} | {direction} {bound} | {'yes' if kept else 'NO'} |")
    return int(options.check and broken)


def speeds(folder: Path, plan: list[data.StepRows], pad: int, rounds: int) -> dict[str, list[float]]:
    """Return how much faster we are than each other side, round by round; each side is a process of its own."""
    side_folder = laid_out(folder, plan, pad)
    sides = [side for side in _trainer_side.SIDES if side != "TRL SFTTrainer" or _other_trainers.has_trl()]
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    ended = {}
    for number in range(rounds):
        for side in random.Random(number).sample(sides, len(sides)):
            answer = of_side(side, side_folder, {})
            seconds[side].append(answer["seconds"])
            ended[side] = answer["weights_sha256"]
    tokens = sum(batch.token_count for batch in data.batches(plan, pad))
    for side in sides:
        print(f"{side}: {tokens / median(seconds[side]):,.0f} tokens/s")
    print(f"ours and the bare loop end with the same weights: {ended['ours'] == ended['bare torch loop']}")
    return {
        f"speed, ours / {side}": [theirs / mine for mine, theirs in zip(seconds["ours"], taken, strict=True)]
        for side, taken in seconds.items()
        if side != "ours"
    }


def laid_out(folder: Path, plan: list[data.StepRows], pad: int) -> Path:
    """Write what `_trainer_side` reads into a new folder, and return that."""
    loop.seed_everything(1)
    same = _plain(list(data.batches(plan, pad)))
    own = _plain(list(data.batches(_in_random_order(plan), pad)))
    side_folder = folder / "sides"
    side_folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (side_folder / name).write_bytes((folder / name).read_bytes())
    _model(MEASURED).save_pretrained(side_folder / "model")
    torch.save({"plan": plan, "pad": pad, "same": same, "own": own}, side_folder / "batches.pt")
    return side_folder


def of_side(side: str, side_folder: Path, threads: dict[str, str]) -> dict[str, Any]:
    """Return what one side says of itself, in a process where `threads` is all that is settled beforehand."""
    environment = {name: value for name, value in os.environ.items() if name not in child.THREADS}
    command = [sys.executable, "-m", "benchmarks._trainer_side", side, str(side_folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY, env=environment | threads)
    answer: dict[str, Any] = json.loads((side_folder / "answer.json").read_text())
    return answer


def checkpoints(folder: Path, batches: list[data.Batch]) -> dict[str, list[float]]:
    """Return what share of the time checkpoints take at the default interval."""
    training = loop.Training(_model(MEASURED), RECIPE, len(batches), STRATEGIES[RECIPE.strategy](RECIPE, folder))
    with outputs.Events(folder) as events, Bookkeeping(folder, training, events, {}) as books:
        started = time.perf_counter()
        loop.train(training, batches, books.on_step)
        step_seconds = (time.perf_counter() - started) / len(batches)
        shares = []
        for _ in range(5):
            started = time.perf_counter()
            books.checkpoint()
            taken = time.perf_counter() - started
            shares.append(taken / (taken + RECIPE.checkpoint_steps * step_seconds))
    return {"checkpoint, share of the time at the default interval": shares}


def starts(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return how long a real process takes to its first step, less what importing torch takes in the same round."""
    base = _model_dir(folder, "small", _model(MEASURED))
    beyond = []
    for number in range(rounds):
        run_dir = _run_dir(folder / f"start{number}", base, RECIPE)
        imported = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        imported = time.perf_counter() - imported
        started = time.perf_counter()
        process = _trainer(run_dir)
        events = run_dir / "events.jsonl"
        while not (events.exists() and b'"event":"step"' in events.read_bytes()) and process.poll() is None:
            time.sleep(0.005)
        beyond.append(time.perf_counter() - started - imported)
        process.kill()
        process.wait()
    return {"seconds to the first step beyond importing torch": beyond}


def memory(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the peak memory of a real run over that of the bare loop, on a larger model and the same batches."""
    chat = ChatFormat(folder / "tokenizer.json")
    base = _model_dir(folder, "large", _model(LARGE))
    spec = replace(RECIPE, epochs=1)
    run_dir = _run_dir(folder / "memory", base, spec, rows=LARGE_STEPS * spec.batch_size)
    examples = objectives.encode(corpus.training_rows()[: LARGE_STEPS * spec.batch_size], spec, chat)
    batches = data.batches(data.plan(examples, spec), chat.pad)
    torch.save(_plain(list(batches)), folder / "batches.pt")
    bare = [
        str(REPOSITORY / "benchmarks" / "_bare_loop.py"),
        str(base),
        str(folder / "batches.pt"),
        str(folder / "bare"),
    ]
    ratios = []
    for _ in range(rounds):
        ours_peak = _peak(_trainer(run_dir))
        bare_peak = _peak(subprocess.Popen([sys.executable, *bare], stderr=subprocess.DEVNULL))
        print(f"peak memory: ours {ours_peak // 1024} MiB, bare {bare_peak // 1024} MiB")
        ratios.append(ours_peak / bare_peak)
    return {"peak memory, ours / bare torch loop": ratios}


def _plain(batches: list[data.Batch]) -> Plain:
    return [(part.tokens, part.predicting, part.targets) for batch in batches for part in batch.parts]


def _in_random_order(plan: list[data.StepRows]) -> list[data.StepRows]:
    """Return the same rows in as many batches as plain shuffling makes: long ones beside short ones."""
    rows = [row for step in plan for part in step for row in part]
    random.Random(1).shuffle(rows)
    size = RECIPE.batch_size
    return [(tuple(rows[start : start + size]),) for start in range(0, len(rows), size)]


def _model(sizes: dict[str, Any]) -> Any:  # noqa: ANN401
    config = LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=128, tie_word_embeddings=True, **sizes)
    return LlamaForCausalLM(config)


def _peak(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a process and return its peak resident memory in KiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a measured process ended with {process.returncode}")
    return usage.ru_maxrss


def _trainer(run_dir: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "training_jobs.trainer", str(run_dir)], cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )


def _model_dir(folder: Path, name: str, model: Any) -> Path:  # noqa: ANN401
    """Write a base model with the demo's tokenizer."""
    base = folder / name
    base.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (base / file).write_bytes((folder / file).read_bytes())
    outputs.write_model(base, model, model.config.to_diff_dict())
    return base


def _run_dir(run_dir: Path, base: Path, spec: TrainingSpec, rows: int | None = None) -> Path:
    """Lay out a run folder as the worker does; the base is linked, not copied."""
    dataset = corpus.jsonl(corpus.training_rows()[:rows])
    digest = hashlib.sha256(dataset).hexdigest()
    (run_dir / "inputs" / "datasets").mkdir(parents=True)
    (run_dir / "inputs" / "base").symlink_to(base)
    (run_dir / "inputs" / "datasets" / f"{digest}.jsonl").write_bytes(dataset)
    payload = {
        **spec.to_dict(),
        "base": {"model": "a/b", "revision": "0" * 40, "manifest_sha256": outputs.manifest_sha256(base)},
        "datasets": [{"digest": digest, "languages": ["en", "fr"]}],
        "learning_rate": str(Decimal(str(_bare_loop.RATE))),
    }
    (run_dir / "spec.json").write_text(json.dumps(payload))
    return run_dir


if __name__ == "__main__":
    sys.exit(main())
