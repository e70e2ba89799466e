"""One worker of a site, for a test: takes a step and writes down what it then holds of weights and moments.

python -m tests.integration._site_memory RUN_DIR RESULT; RESULT gets {"weights": bytes, "moments": bytes, "remembered":
bytes}; what is remembered is the strategy's.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch: as in every run

import torch
from torch.distributed.tensor import DTensor

from training_jobs.trainer import job, loop, model
from training_jobs.trainer.child import leave_after
from training_jobs.trainer.data import Batch, Part
from training_jobs.trainer.strategies import STRATEGIES


def main(arguments: list[str]) -> int:
    run_dir, result = map(Path, arguments)
    spec = job.read_spec(run_dir / "spec.json")
    strategy = STRATEGIES[spec.strategy](spec, run_dir)
    loop.seed_everything(spec.seed)
    training = loop.Training(model.trainable(model.load(run_dir / "inputs" / "base"), spec), spec, 1, strategy)
    tokens = torch.arange(12).view(2, 6)
    part = Part(tokens, None, torch.tensor([0, 1, 6, 7]), torch.tensor([1, 2, 7, 8]), [2, 2], 4)
    strategy.step(training.model, Batch((part,), 12, ""), training.optimizer, training.learning)
    moments = [each for state in training.optimizer.state.values() for each in state.values() if each.dim()]
    held = {
        "weights": held_bytes(training.model.parameters()),
        "moments": held_bytes(moments),
        "remembered": held_bytes(strategy.state().values()),
    }
    result.write_text(json.dumps(held))
    strategy.finish(training.model)
    return 0


def held_bytes(tensors: Any) -> int:
    """Return the size of the storage behind tensors, each once."""
    local = [tensor.to_local() if isinstance(tensor, DTensor) else tensor.detach() for tensor in tensors]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in local}
    return sum(storages.values())


if __name__ == "__main__":
    leave_after(lambda: main(sys.argv[1:]))  # as every trainer does
