"""How much speed our trainer costs: its loop against a bare torch loop on the same model and the same batches.

    python -m benchmarks.trainer_throughput [--rounds 6] [--steps 40] [--check]

Both sides take the same steps from the same weights, in turns, so that a busy machine slows both alike; the order
changes every round. The bare loop is what one writes on a page: forward, loss, backward, step. Ours adds what a run
must leave behind: the check for NaN, the schedule, the trace, the events. Prints a Markdown table and the ratio of
the medians, and says whether both ended with the same weights; `--check` exits with 1 below the promised ratio.
"""

import argparse
import copy
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch: as in every run

import torch
from torch.nn import functional

from config.demo import base_model, corpus
from training_jobs.trainer import data, loop, outputs
from training_jobs.trainer.job import Meter
from training_jobs.trainer.strategies import STRATEGIES

PROMISED_RATIO = 0.95


def main() -> int:
    """Measure and print; with `--check`, return 1 for less than what is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    loop.seed_everything(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[dict[str, Any]] = list(corpus.training_rows())
        base_model._write_tokenizer(folder, rows)  # noqa: SLF001 - the demo's own model, without training it first
        chat = data.ChatFormat(folder / "tokenizer.json")
        model = base_model._new_model(chat)  # noqa: SLF001
        examples = data.encode(rows, chat, base_model.RECIPE.sequence_length)
        batches = list(islice(data.batches(examples, base_model.RECIPE, chat.pad), options.steps))
        tokens = sum(batch.token_count for batch in batches)

        speeds: dict[str, list[float]] = {"ours": [], "bare": []}
        sides: dict[str, Callable[[Any], None]] = {
            "ours": lambda copied: ours(copied, batches, folder),
            "bare": lambda copied: bare(copied, batches),
        }
        for number in range(options.rounds + 1):
            ended = {}
            for side in sorted(sides, reverse=number % 2 == 1):
                ended[side] = copy.deepcopy(model)
                started = time.perf_counter()
                sides[side](ended[side])
                if number > 0:  # the first round warms up
                    speeds[side].append(tokens / (time.perf_counter() - started))
            same = all(
                torch.equal(one, other)
                for one, other in zip(ended["ours"].parameters(), ended["bare"].parameters(), strict=True)
            )

    parameters = sum(weight.numel() for weight in model.parameters())
    print(
        f"{parameters:,} parameters, {len(batches)} steps of {tokens // len(batches)} tokens, {options.rounds} rounds\n"
    )
    print("| loop | tokens/s, median | slowest | fastest |")
    print("|---|---|---|---|")
    for side in ("bare", "ours"):
        print(f"| {side} | {median(speeds[side]):,.0f} | {min(speeds[side]):,.0f} | {max(speeds[side]):,.0f} |")
    ratio = median(speeds["ours"]) / median(speeds["bare"])
    print(f"\nratio ours / bare: {ratio:.3f} (promised: at least {PROMISED_RATIO})")
    print(f"same weights at the end: {'yes' if same else 'NO'}")
    return int(options.check and not (same and ratio >= PROMISED_RATIO))


def ours(model: Any, batches: list[data.Batch], folder: Path) -> None:  # noqa: ANN401 - an untyped library's model
    """Train with everything that a run does at each step."""
    spec = replace(base_model.RECIPE, schedule="constant", warmup_steps=0)
    meter = Meter()
    with outputs.Events(folder) as events, outputs.Trace(folder) as trace:

        def on_step(step: loop.Step) -> None:
            meter.add(step)
            trace.add(step)
            events.step(step, len(batches), meter.tokens_per_second)

        loop.train(model, spec, batches, len(batches), STRATEGIES[spec.strategy](), on_step)


def bare(model: Any, batches: list[data.Batch]) -> None:  # noqa: ANN401
    """Train with nothing but torch."""
    model.train()
    model.config.use_cache = False
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=float(base_model.RECIPE.learning_rate),
        betas=(0.9, 0.95),
        weight_decay=float(base_model.RECIPE.weight_decay),
        fused=True,
    )
    for batch in batches:
        hidden = model.model(input_ids=batch.tokens, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden.flatten(0, 1)[batch.predicting])
        functional.cross_entropy(logits, batch.targets).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


if __name__ == "__main__":
    sys.exit(main())
