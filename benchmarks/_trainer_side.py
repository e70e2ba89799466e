"""One trainer in a process of its own, for `trainer_throughput`: warms up on a copy of the model, then is timed.

    python -m benchmarks._trainer_side SIDE FOLDER

FOLDER has model/, the tokenizer's files and batches.pt. Writes FOLDER/answer.json: {"seconds", "weights_sha256"}, the
former a median of three times from the same weights. Ours
settles its process as every run does; the others run as they come, which wants a machine with nothing else to do.
"""

import copy
import gc
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from training_jobs.trainer.child import prepare_process

SIDES = (
    "ours",
    "bare torch loop",
    "transformers Trainer",
    "transformers Trainer on our batches",
    "TRL SFTTrainer",
)
TIMES = 3


def main(side: str, folder: Path) -> int:
    """Train a few times, and say how long that took but for the first time, and how it ended."""
    if side == "ours":
        prepare_process()
    import torch
    from transformers import AutoModelForCausalLM

    given = torch.load(folder / "batches.pt", weights_only=False)
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    train = _trainer(side, given, folder)
    seconds = []
    for _ in range(1 + TIMES):
        trained = copy.deepcopy(model)
        gc.collect()
        seconds.append(train(trained))
    found = hashlib.sha256()
    for weight in trained.parameters():
        found.update(weight.detach().contiguous().numpy().data)
    answer = {"seconds": median(seconds[1:]), "weights_sha256": found.hexdigest()}
    (folder / "answer.json").write_text(json.dumps(answer))
    return 0


def _trainer(side: str, given: dict[str, Any], folder: Path) -> Callable[[Any], float]:
    """Return what trains a model in place and says how many seconds that took."""
    from benchmarks import _bare_loop, _other_trainers

    out = folder / "other"
    if side == "ours":
        return _ours(given, folder)
    if side == "bare torch loop":
        return lambda model: _bare_loop.train(model, given["same"])
    own = _other_trainers.prepared(given["own"], given["pad"])
    same = _other_trainers.prepared(given["same"], given["pad"])
    if side == "TRL SFTTrainer":
        return lambda model: _other_trainers.trl_sft_trainer(model, own, out, folder)
    batches = same if side == "transformers Trainer on our batches" else own
    return lambda model: _other_trainers.transformers_trainer(model, batches, out)


def _ours(given: dict[str, Any], folder: Path) -> Callable[[Any], float]:
    """Return our loop with everything that a run does at each step."""
    from benchmarks.trainer_throughput import RECIPE
    from training_jobs.trainer import data, loop, outputs
    from training_jobs.trainer.bookkeeping import Bookkeeping
    from training_jobs.trainer.strategies import STRATEGIES

    loop.seed_everything(RECIPE.seed)
    batches = list(data.batches(given["plan"], given["pad"]))

    def train(model: Any) -> float:  # noqa: ANN401 - transformers' models are untyped
        training = loop.Training(model, RECIPE, len(batches), STRATEGIES[RECIPE.strategy](RECIPE, folder))
        with outputs.Events(folder) as events, Bookkeeping(folder, training, events, {}) as books:
            started = time.perf_counter()
            loop.train(training, batches, books.on_step)
            return time.perf_counter() - started

    return train


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
