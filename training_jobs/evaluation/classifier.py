"""A classifier of texts as a judge of answers: loaded from files without any code of theirs, asked one text at a time.

One at a time, so no score depends on what else is asked (padding would round sums otherwise). A text that is longer
than the classifier can look at loses its end; an empty answer scores nothing without being shown to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from models_registry.scorers.naming import MILLION, Scorer
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.model import read_config

TOKENS_MAX = 512
# Positions that some families keep for padding and its neighbours (RoBERTa: two) cannot be used for text.
POSITIONS_KEPT = 2
TOLD_EVERY = 50


class UnusableError(ValueError):
    """Files that are no classifier, or not the one that is asked for; the message says why."""


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier. `labels`: name → place in its output. `exclusive`: exactly one label holds of each text."""

    model: Any  # transformers' models are untyped
    tokenizer: Tokenizer
    labels: dict[str, int]
    exclusive: bool

    def score(self, text: str, labels: Sequence[str]) -> int:
        """Return in millionths how sure it is that one of the labels holds.

        Of labels that exclude each other the probabilities add up; of others, the largest counts.
        """
        tokens = self.tokenizer.encode(text).ids if text.strip() else []
        if not tokens:
            return 0
        with torch.inference_mode():
            logits = self.model(input_ids=torch.tensor([tokens])).logits[0].double()
        places = [self.labels[label] for label in labels]
        found = logits.softmax(dim=-1)[places].sum() if self.exclusive else logits.sigmoid()[places].max()
        return min(MILLION, round(float(found) * MILLION))


def load(folder: Path) -> Classifier:
    """Load a classifier from safetensors; raise UnusableError for files that are none."""
    try:
        config = read_config(folder)
    except PermanentFailure as failure:
        raise UnusableError(str(failure)) from failure
    named = config.get("architectures")
    if not isinstance(named, list) or not named or not str(named[0]).endswith("ForSequenceClassification"):
        raise UnusableError(f"config.json names the architecture {str(named)[:80]}, not one for classifying sequences")
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing narrower
        raise UnusableError(f"tokenizer.json: {error}") from error
    try:
        model, told = AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise UnusableError(f"the classifier does not load: {str(error)[:300]}") from error
    if told["missing_keys"] or told["mismatched_keys"]:
        # Weights that are not in the files are drawn at random, and a judge with a random head is none.
        raise UnusableError(f"the files lack weights: {', '.join(sorted(map(str, told['missing_keys'])))[:200]}")
    if tokenizer.get_vocab_size() > model.get_input_embeddings().num_embeddings:
        raise UnusableError("the tokenizer has more tokens than the model has embeddings")
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=_room(model))
    model.eval()
    labels = {str(label): int(place) for place, label in model.config.id2label.items()}
    exclusive = model.config.problem_type != "multi_label_classification" and len(labels) > 1
    return Classifier(model, tokenizer, labels, exclusive)


def scores(
    who: Classifier, scorer: Scorer, answers: Sequence[str], on_progress: Callable[[int], None] = lambda _done: None
) -> list[int]:
    """Return the score of each answer; raise UnusableError for labels that the classifier does not have."""
    unknown = sorted(set(scorer.labels) - who.labels.keys())
    if unknown:
        raise UnusableError(f"the classifier has the labels {', '.join(who.labels)}, not {', '.join(unknown)}")
    found = []
    for done, answer in enumerate(answers, start=1):
        found.append(who.score(answer, scorer.labels))
        if done % TOLD_EVERY == 0 or done == len(answers):
            on_progress(done)
    return found


def _room(model: Any) -> int:  # noqa: ANN401
    """Return how many tokens of a text are looked at."""
    said = getattr(model.config, "max_position_embeddings", None)
    return min(TOKENS_MAX, said - POSITIONS_KEPT) if type(said) is int and said > POSITIONS_KEPT + 1 else TOKENS_MAX
