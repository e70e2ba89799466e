"""The loop that one writes on a page, with nothing but torch: what `trainer_throughput` compares every other one to.

    python benchmarks/_bare_loop.py MODEL_DIR BATCHES.pt OUT_DIR

loads a model, trains it on the batches [(tokens, predicting, targets)] and saves it: the least that a run can be. It
imports nothing of this project, so that its memory is its own.
"""

import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

RATE, BETAS, WEIGHT_DECAY = 0.0015, (0.9, 0.95), 0.1


def train(
    model: Any,  # noqa: ANN401 - an untyped library's model
    batches: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
) -> float:
    """Train in place and return the seconds that took."""
    model.train()
    model.config.use_cache = False
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    started = time.perf_counter()
    for tokens, predicting, targets in batches:
        hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden.flatten(0, 1)[predicting])
        functional.cross_entropy(logits, targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - started


def main(model_dir: str, batches: str, out_dir: str) -> int:
    """Load, train, save."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    train(model, torch.load(batches))
    model.save_pretrained(Path(out_dir))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
