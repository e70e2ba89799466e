"""Is our preference tuning the DPO that everybody means? One batch through our loss and through TRL's DPOTrainer.

    python -m benchmarks.dpo_against_trl [--pairs 24] [--check]

Both get the same rows, the same weights and the same frozen base. TRL turns the rows into tokens by itself, with the
chat template that we publish, so a difference in the tokens would show too. Prints one Markdown table of losses (TRL's
`sigmoid`) and of the largest difference in any gradient; `--check` exits with 1 where they are further apart than
promised. Without TRL there is nothing to compare, and it says so.
"""

import argparse
import copy
import os
import sys
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch: as in every run

import torch

from benchmarks import _other_trainers
from config.demo import base_model, corpus
from training_jobs.spec import Preference
from training_jobs.trainer import data, objectives
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.learning import Learning

BETAS = ("0.1", "0.5", "2")
DIFFERENCE_MAX = 1e-5
NOISE = 0.02  # how far the model has moved from its base; at the base itself every DPO loss is log 2

Gradients = dict[str, torch.Tensor]


def main() -> int:
    """Compare and print; with `--check`, return 1 for a difference above what is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not _other_trainers.has_trl():
        print("TRL is not installed: nothing to compare.")
        return 0

    rows = pairs(options.pairs)
    print("| beta | loss, ours | loss, TRL | difference | largest difference of a gradient | kept |")
    print("|---|---:|---:|---:|---:|---|")
    broken = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base_model._write_tokenizer(folder, [dict(row) for row in corpus.base_rows()])  # noqa: SLF001
        chat = ChatFormat(folder / "tokenizer.json")
        torch.manual_seed(1)
        base = base_model._new_model(chat)  # noqa: SLF001 - the demo's own model, without training it first
        moved = copy.deepcopy(base)
        with torch.no_grad():
            for weight in moved.parameters():
                weight.add_(NOISE * torch.randn_like(weight))
        for beta in BETAS:
            our_loss, our_gradients = ours(base, moved, rows, chat, beta)
            trl_loss, trl_gradients = trls(base, moved, rows, folder, beta)
            apart = abs(our_loss - trl_loss)
            gradients = max(float((our_gradients[name] - trl_gradients[name]).abs().max()) for name in our_gradients)
            kept = max(apart, gradients) <= DIFFERENCE_MAX and our_gradients.keys() == trl_gradients.keys()
            broken |= not kept
            verdict = "yes" if kept else "NO"
            print(f"| {beta} | {our_loss:.6f} | {trl_loss:.6f} | {apart:.1e} | {gradients:.1e} | {verdict} |")
    return int(options.check and broken)


def pairs(count: int) -> list[dict[str, Any]]:
    """Return questions with their answer and the answer to another question."""
    rows = corpus.training_rows()[:count]
    answers = [row["answer"] for row in rows]
    return [
        {"id": row["id"], "question": row["question"], "chosen": row["answer"], "rejected": f"{other} Perhaps."}
        for row, other in zip(rows, reversed(answers), strict=True)
    ]


def ours(base: Any, moved: Any, rows: list[dict[str, Any]], chat: ChatFormat, beta: str) -> tuple[float, Gradients]:  # noqa: ANN401
    """Return loss and gradients of one step of our trainer over all rows."""
    preference = Preference(Decimal(beta))
    recipe = replace(
        base_model.RECIPE,
        objective="preference",
        preference=preference,
        batch_size=len(rows),
        sequence_length=128,
        epochs=1,
    )
    model = copy.deepcopy(base)
    learning = Learning(recipe, model)  # takes the base as it is now
    model.load_state_dict(moved.state_dict())
    (batch,) = data.batches(data.plan(objectives.encode(rows, recipe, chat), recipe), chat.pad)
    loss = learning.gradients(model, batch, torch.device("cpu"))
    return float(loss), gradients_of(model)


def trls(base: Any, moved: Any, rows: list[dict[str, Any]], folder: Path, beta: str) -> tuple[float, Gradients]:  # noqa: ANN401
    """Return loss and gradients of TRL's DPOTrainer over all rows, which it reads as conversations."""
    from datasets import Dataset  # type: ignore[import-not-found]
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer  # type: ignore[import-not-found]

    def said(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    conversations = [
        {
            "prompt": said("user", row["question"]),
            "chosen": said("assistant", row["chosen"]),
            "rejected": said("assistant", row["rejected"]),
        }
        for row in rows
    ]
    settings = _other_trainers.settings(folder / "trl")
    trainer = DPOTrainer(
        model=copy.deepcopy(moved),
        ref_model=copy.deepcopy(base),
        args=DPOConfig(**settings, beta=float(beta), loss_type=["sigmoid"], gradient_checkpointing=False),
        train_dataset=Dataset.from_list(conversations),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    inputs = trainer.data_collator([trainer.train_dataset[index] for index in range(len(rows))])
    loss = trainer.compute_loss(trainer.model, inputs)
    loss.backward()
    return float(loss), gradients_of(trainer.model)


def gradients_of(model: Any) -> Gradients:  # noqa: ANN401
    """Return the gradient of every weight that has one."""
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


if __name__ == "__main__":
    sys.exit(main())
