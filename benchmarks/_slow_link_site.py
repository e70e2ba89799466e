"""One site of `benchmarks.low_communication`: trains with the trainer's own loop and strategy, and counts.

    python -m benchmarks._slow_link_site PLAN.json

Writes RESULT (named in the plan): seconds from the first step to agreed weights, seconds of waiting for others, bytes
through this namespace's interface, and snapshots of the (global) weights for the curves. Taking a snapshot stops the
clock.
"""

import json
import os
import random
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch: as in every run

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from tests.testbed.network import bytes_through
from training_jobs.spec import TrainingSpec, from_payload
from training_jobs.trainer import data, loop
from training_jobs.trainer.data import Example
from training_jobs.trainer.strategies import STRATEGIES
from training_jobs.trainer.strategies.ddp import Ddp
from training_jobs.trainer.strategies.diloco import Diloco

HELD_OUT_ROWS = 256
GO_SECONDS = 0.05


def main(arguments: list[str]) -> int:
    """Train as the plan says."""
    plan = json.loads(Path(arguments[0]).read_text())
    torch.set_num_threads(plan["threads"])
    spec = spec_of(plan)
    loop.seed_everything(spec.seed)
    model = new_model(plan, Path(plan["base"]))
    strategy: Any = STRATEGIES[spec.strategy](spec, Path(plan["run_dir"]))
    rows = list(data.plan(examples(plan, "train", plan["steps"] * spec.workers * spec.batch_size), spec))
    steps = strategy.steps(len(rows))
    training = loop.Training(model, spec, steps, strategy)
    waiting = Stopwatch()
    measure_waiting(strategy, waiting)
    device = plan["device"]

    Path(plan["ready"]).touch()
    while not Path(plan["go"]).exists():
        time.sleep(GO_SECONDS)
    before = bytes_through(device)
    started = time.perf_counter()
    paused = 0.0
    curve: list[dict[str, float]] = []

    def on_step(step: loop.Step) -> None:
        nonlocal paused
        if step.number in plan["snapshots"]:
            now = time.perf_counter()
            sent, _received = bytes_through(device)
            snapshot = f"{plan['result']}.{step.number}.pt"
            if plan["keeps_snapshots"]:
                torch.save(agreed_weights(strategy, training.model), snapshot)
            point = {"step": step.number, "seconds": now - started - paused, "sent": sent - before[0]}
            curve.append({**point, "file": snapshot})  # type: ignore[dict-item]
            paused += time.perf_counter() - now

    loop.train(training, data.batches(strategy.share(iter(rows)), 0), on_step)
    seconds = time.perf_counter() - started - paused
    sent, received = (now - then for now, then in zip(bytes_through(device), before, strict=True))
    torch.save([weight.detach() for weight in training.model.parameters()], f"{plan['result']}.pt")
    found = {"seconds": seconds, "waiting": waiting.seconds, "sent": sent, "received": received, "steps": steps}
    Path(plan["result"]).write_text(json.dumps({**found, "curve": curve}))
    return 0


class Stopwatch:
    """Adds up the time spent in what it wraps."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds = 0.0

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return `work`, timed."""

        def wrapped(*arguments: Any) -> Any:  # noqa: ANN401
            started = time.perf_counter()
            try:
                return work(*arguments)
            finally:
                self.seconds += time.perf_counter() - started

        return wrapped


def measure_waiting(strategy: Any, waiting: Stopwatch) -> None:  # noqa: ANN401
    """Time where a strategy stands still for others."""
    if isinstance(strategy, Diloco):
        strategy.exchange.wait = waiting.timed(strategy.exchange.wait)  # type: ignore[method-assign]
    if isinstance(strategy, Ddp):
        strategy.tell = waiting.timed(strategy.tell)  # type: ignore[method-assign]
        strategy.buckets.finish = waiting.timed(strategy.buckets.finish)  # type: ignore[method-assign]


def agreed_weights(strategy: Any, model: Any) -> list[torch.Tensor]:  # noqa: ANN401
    """Return what a reader would get now: the global weights, or with ddp the only ones."""
    if isinstance(strategy, Diloco):
        return strategy.history.outer.weights
    return [weight.detach() for weight in model.parameters()]


def new_model(plan: dict[str, Any], base: Path | None) -> Any:  # noqa: ANN401
    """Return a Llama over bytes, with the weights of `base` if there are any."""
    torch.manual_seed(plan["seed"])
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=256,
            hidden_size=plan["hidden"],
            intermediate_size=plan["hidden"] * 8 // 3,
            num_hidden_layers=plan["layers"],
            num_attention_heads=max(2, plan["hidden"] // 64),
            num_key_value_heads=max(2, plan["hidden"] // 64),
            max_position_embeddings=plan["length"],
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    model.config.use_cache = False
    if base is not None:
        set_weights(model, torch.load(base))
    return model


def set_weights(model: Any, weights: list[torch.Tensor]) -> None:  # noqa: ANN401
    """Put plain tensors into a model."""
    for weight, value in zip(model.parameters(), weights, strict=True):
        weight.data.copy_(value)


def spec_of(plan: dict[str, Any]) -> TrainingSpec:
    """Return the specification of a side."""
    return from_payload(
        {
            "version": 1,
            "base": {"model": "a/b", "revision": "0" * 40, "manifest_sha256": "0" * 64},
            "datasets": [{"digest": "0" * 64, "languages": ["en"]}],
            "objective": "continued",
            "method": "full",
            "lora": None,
            "optimizer": "adamw",
            "learning_rate": plan["learning_rate"],
            "weight_decay": "0",
            "schedule": plan.get("schedule", "cosine"),
            "warmup_steps": plan["warmup"],
            "batch_size": plan["batch"],
            "sequence_length": plan["length"],
            "epochs": 1,
            "seed": plan["seed"],
            "precision": plan["precision"],
            "strategy": plan["strategy"],
            "topology": plan["topology"],
            "evaluation": {"suite": "0" * 64},
            "output": "b",
            "budget": {"device_seconds": 3600},
        }
    )


def examples(plan: dict[str, Any], part: str, count: int) -> list[Example]:
    """Return `count` stretches of the standard library's source; every tenth file is held out."""
    text = b"".join(texts(part))
    draw = random.Random(f"{plan['seed']} {part}")
    starts = [draw.randrange(len(text) - plan["length"]) for _ in range(count)]
    return [Example(f"{start}", tuple(text[start : start + plan["length"]]), 1) for start in starts]


def texts(part: str) -> Iterator[bytes]:
    """Yield the files of a part; "base" is a part of its own."""
    for index, path in enumerate(sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))):
        if {"held": index % 10 == 0, "base": index % 10 == 1, "train": index % 10 > 1}[part]:
            yield path.read_bytes()


@torch.no_grad()
def held_out_loss(model: Any, plan: dict[str, Any]) -> float:  # noqa: ANN401
    """Return the mean loss on held-out text, in nats per byte."""
    rows = torch.tensor([example.tokens for example in examples(plan, "held", HELD_OUT_ROWS)])
    model.eval()
    losses = []
    for part in rows.split(32):
        logits = model(input_ids=part[:, :-1], use_cache=False).logits
        losses.append(functional.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten(), reduction="sum"))
    return float(torch.stack(losses).sum()) / rows[:, 1:].numel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
