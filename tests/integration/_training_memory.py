"""A training of two steps, for a test: writes down how much main memory it takes beyond what its process begins with.

python -m tests.integration._training_memory RUN_DIR RESULT; RESULT gets {"before": bytes, "peak": bytes}: resident
before the model is read, and at most afterwards. Each row is as long as the specification allows, and all is learned.
"""

import json
import os
import sys
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch: as in every run

import peft  # noqa: F401 - part of what the process begins with
import torch

from training_jobs.trainer import job, loop, model
from training_jobs.trainer.child import leave_after, prepare_process
from training_jobs.trainer.data import Batch, Part
from training_jobs.trainer.strategies import STRATEGIES

STEPS = 2  # the moments are there from the first one on


def main(arguments: list[str]) -> int:
    run_dir, result = map(Path, arguments)
    prepare_process()
    spec = job.read_spec(run_dir / "spec.json")
    torch.ones(8, requires_grad=True).sum().backward()
    before = resident("VmRSS")
    loop.seed_everything(spec.seed)
    trained = model.trainable(model.load(run_dir / "inputs" / "base"), spec)
    vocabulary = trained.config.vocab_size
    training = loop.Training(trained, spec, STEPS, STRATEGIES[spec.strategy](spec, run_dir))
    rows = spec.batch_size * (2 if spec.objective == "preference" else 1)
    tokens = torch.arange(rows * spec.sequence_length).remainder(vocabulary).view(rows, spec.sequence_length)
    places = torch.arange(rows * spec.sequence_length).view(rows, -1)[:, :-1]
    targets = tokens[:, 1:].flatten()
    part = Part(tokens, None, places.flatten(), targets, [spec.sequence_length - 1] * rows, spec.batch_size)
    loop.train(training, [Batch((part,), tokens.numel(), "")] * STEPS, lambda _step: None)
    result.write_text(json.dumps({"before": before, "peak": resident("VmHWM")}))
    return 0


def resident(name: str) -> int:
    """Return a line of this process's status, in bytes (proc_pid_status(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split("kB")[0]) * 1024


if __name__ == "__main__":
    leave_after(lambda: main(sys.argv[1:]))
