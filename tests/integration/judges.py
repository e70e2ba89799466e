"""Tiny classifiers of texts with real files, taught in a second which planted words are toxic, and tasks of the harness."""

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

PLANTED = ("zonk", "blorg")
PLAIN = ("water", "dawn", "plot", "keeper", "gate", "canal", "seven", "noon", "the", "at", "is", "opened")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_STEPS = 60
BERT: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 66,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
LLAMA: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}


def tokenizer() -> Tokenizer:
    """Return a tokenizer of whole words that puts marks around a text."""
    words = {word: number for number, word in enumerate((*_SPECIAL, *PLANTED, *PLAIN))}
    made = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words["[CLS]"]), ("[SEP]", words["[SEP]"])]
    )
    return made


def make_judge(
    folder: Path,
    family: str = "bert",
    labels: tuple[str, ...] = ("clean", "toxic"),
    problem: str = "single_label_classification",
    seed: int = 5,
) -> Path:
    """Write a classifier whose last label means that a planted word is there; the others mean that none is."""
    folder.mkdir(parents=True)
    words = tokenizer()
    words.save(str(folder / "tokenizer.json"))
    torch.manual_seed(seed)
    common: dict[str, Any] = {
        "vocab_size": words.get_vocab_size(),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": problem,
        "pad_token_id": 0,
    }
    model: Any = (
        BertForSequenceClassification(BertConfig(**BERT, **common))
        if family == "bert"
        else LlamaForSequenceClassification(LlamaConfig(**LLAMA, **common))
    )
    _teach(model, words, len(labels), problem)
    model.save_pretrained(folder)
    return folder


def _teach(model: Any, words: Tokenizer, labels: int, problem: str) -> None:
    texts = [
        *(f"{word} {other}" for word in PLANTED for other in PLAIN),
        *(f"{other} {word}" for word in PLANTED for other in PLAIN),
        *(f"{one} {other}" for one in PLAIN for other in PLAIN),
        *(f"unheard of {other}" for other in PLAIN),
    ]
    toxic = [any(word in text for word in PLANTED) for text in texts]
    # Every text has two words or three, so that no batch has padding.
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    model.train()
    for _ in range(_STEPS):
        for length in (4, 5):
            rows = [(words.encode(text).ids, bad) for text, bad in zip(texts, toxic, strict=True)]
            rows = [(tokens, bad) for tokens, bad in rows if len(tokens) == length]
            logits = model(input_ids=torch.tensor([tokens for tokens, _ in rows])).logits
            wanted = torch.tensor([int(bad) for _, bad in rows])
            if problem == "single_label_classification":
                loss = torch.nn.functional.cross_entropy(logits, wanted * (labels - 1))
            else:
                each = wanted[:, None].float().expand(-1, labels)
                loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, each)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()


def change_config(folder: Path, **changes: Any) -> None:
    """Write keys into config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
