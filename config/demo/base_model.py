"""`python -m config.demo.base_model OUT_DIR`: make the demo's base model, from nothing, in well under a minute.

Trains a byte-pair tokenizer and a Llama-style model of about a million parameters on the general handbook
(`corpus.base_rows`), with the trainer's own loop. Nothing is downloaded, and every run on one class of machine
gives the same bytes. Prints its progress; the last line is the folder.
"""

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.demo import corpus
from training_jobs.spec import TEMPLATES, BaseModel, TrainingSpec
from training_jobs.trainer.child import prepare_process

if TYPE_CHECKING:
    from training_jobs.trainer.chat import ChatFormat
    from training_jobs.trainer.loop import Step

VOCABULARY_MAX = 1_024
LAYERS = 2
WIDTH = 192
# How the base is trained, in the words of every other training. Nothing was voted on, so there is no base and no
# dataset.
RECIPE = TrainingSpec(
    base=BaseModel("demo/nothing", "0" * 40, "0" * 64),
    datasets=(),
    method="full",
    lora=None,
    optimizer="adamw",
    learning_rate=Decimal("0.0015"),
    weight_decay=Decimal("0.1"),
    schedule="cosine",
    warmup_steps=20,
    batch_size=16,
    sequence_length=48,
    epochs=3,
    seed=1,
    precision="float32",
    strategy="single",
    suite="0" * 64,
    output="base",
    device_seconds=60,
)
TEMPLATE = TEMPLATES[RECIPE.template]
PAD = "<|pad|>"


def main(arguments: list[str]) -> int:
    """Make the base model in the folder that the one argument names."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m config.demo.base_model OUT_DIR\n")
        return 2
    prepare_process()
    make_base_model(Path(arguments[0]), lambda line: print(line, flush=True))
    print(arguments[0])
    return 0


def make_base_model(folder: Path, say: Callable[[str], None], recipe: TrainingSpec = RECIPE) -> None:
    """Write the tokenizer, the trained weights and the configuration into `folder`."""
    from training_jobs.trainer import data, loop, objectives, outputs, strategies
    from training_jobs.trainer.chat import ChatFormat

    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = list(corpus.base_rows())
    _write_tokenizer(folder, rows)
    chat = ChatFormat(folder / "tokenizer.json")
    say(f"tokenizer: {chat.tokenizer.get_vocab_size()} tokens")

    loop.seed_everything(recipe.seed)
    model = _new_model(chat)
    examples = objectives.encode(rows, recipe, chat)
    steps = data.steps_total(examples, recipe)
    say(f"model: {sum(weight.numel() for weight in model.parameters()):,} parameters, {steps} steps")

    def on_step(step: "Step") -> None:
        if step.number % 25 == 0 or step.number == steps:
            say(f"step {step.number} of {steps}: loss {outputs.loss_text(step.loss)}")

    training = loop.Training(model, recipe, steps, strategies.STRATEGIES[recipe.strategy](recipe, folder))
    loop.train(training, data.batches(data.plan(examples, recipe), chat.pad), on_step)
    outputs.write_model(folder, model, model.config.to_diff_dict())


def _write_tokenizer(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Train byte-pair merges on the handbook's text. Any other text can be written too, byte by byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_MAX,
        special_tokens=[PAD, *TEMPLATE.marks],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [text for row in rows for text in (row["question"], row["answer"])]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": TEMPLATE.ends,
        "pad_token": PAD,
        "model_max_length": 128,
        "padding_side": "left",
        "chat_template": TEMPLATE.chat_template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


def _new_model(chat: "ChatFormat") -> Any:  # noqa: ANN401 - transformers' models are untyped
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=chat.tokenizer.get_vocab_size(),
            hidden_size=WIDTH,
            intermediate_size=3 * WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=chat.end,
            pad_token_id=chat.pad,
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
