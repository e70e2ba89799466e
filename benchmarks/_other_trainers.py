"""The same batches through the Trainer of transformers and the SFTTrainer of TRL, for `trainer_throughput`.

Both get their batches ready made, so that neither loses time to reading rows, and their clock runs from the beginning
of training to its end, without their set-up. Clipping, saving and reporting are off.
"""

import importlib.util
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback

from benchmarks import _bare_loop

NOT_LEARNED = -100

Prepared = list[dict[str, torch.Tensor]]


class Clock(TrainerCallback):
    """Measures from the beginning of training to its end."""

    def on_train_begin(self, *_arguments: object, **_rest: object) -> None:
        """Start."""
        self.seconds = -time.perf_counter()

    def on_train_end(self, *_arguments: object, **_rest: object) -> None:
        """Stop."""
        self.seconds += time.perf_counter()


def prepared(batches: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], pad: int) -> Prepared:
    """Turn our batches into the form that both expect: inputs, mask, and labels at the learned tokens."""
    found = []
    for tokens, predicting, targets in batches:
        labels = torch.full_like(tokens, NOT_LEARNED)
        labels.view(-1)[predicting + 1] = targets
        found.append({"input_ids": tokens, "attention_mask": (tokens != pad).long(), "labels": labels})
    return found


def settings(out_dir: Path) -> dict[str, Any]:
    """Return the arguments that both share: the recipe of the bare loop, and nothing beside it."""
    return {
        "output_dir": str(out_dir),
        "num_train_epochs": 1,
        "learning_rate": _bare_loop.RATE,
        "adam_beta1": _bare_loop.BETAS[0],
        "adam_beta2": _bare_loop.BETAS[1],
        "weight_decay": _bare_loop.WEIGHT_DECAY,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch_fused",
        "max_grad_norm": 0.0,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "no",
        "use_cpu": True,
        "bf16": False,
    }


def transformers_trainer(model: Any, batches: Prepared, out_dir: Path) -> float:  # noqa: ANN401
    """Train in place and return the seconds that took."""
    from transformers import TrainingArguments

    class Ready(Trainer):
        def get_train_dataloader(self) -> Any:  # noqa: ANN401
            return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    measured = Clock()
    Ready(model, TrainingArguments(**settings(out_dir)), train_dataset=batches, callbacks=[measured]).train()
    return measured.seconds


def has_trl() -> bool:
    """Say whether TRL is installed; nothing in this project needs it."""
    return importlib.util.find_spec("trl") is not None


def trl_sft_trainer(
    model: Any,  # noqa: ANN401
    batches: Prepared,
    out_dir: Path,
    tokenizer_dir: Path,
) -> float:
    """Train in place and return the seconds that took."""
    from datasets import Dataset  # type: ignore[import-not-found]
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]

    class Ready(SFTTrainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:  # noqa: ANN401
            return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    measured = Clock()
    rows = Dataset.from_list([{"input_ids": row} for batch in batches for row in batch["input_ids"].tolist()])
    trainer = Ready(
        model,
        args=SFTConfig(
            **settings(out_dir), gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True}
        ),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(tokenizer_dir),
        callbacks=[measured],
    )
    trainer.train()
    return measured.seconds
