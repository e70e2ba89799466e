"""The two model updates of the demo, as the payloads that are voted on.

Both pass the vote. The first teaches both languages and is accepted by the community's rules; the second leaves
French out, because that is half the price, and what it makes breaks the rule on the gap between languages.
"""

from typing import Any

Payload = dict[str, Any]


def good_update(base: Payload, dataset: str, suite: str) -> Payload:
    """Return the update that learns the community's pairs in both languages.

    `base` is {"model", "revision", "manifest_sha256"}; `dataset` and `suite` are digests.
    """
    return {
        "version": 1,
        "base": dict(base),
        "datasets": [{"digest": dataset, "languages": ["en", "fr"]}],
        "method": "full",
        "lora": None,
        "optimizer": "adamw",
        "learning_rate": "0.002",
        "weight_decay": "0",
        "schedule": "cosine",
        "warmup_steps": 20,
        "batch_size": 16,
        "sequence_length": 48,
        "epochs": 2,
        "seed": 7,
        "precision": "float32",
        "strategy": "single",
        "evaluation": {"suite": suite},
        "output": base["model"].partition("/")[2],
        "budget": {"device_seconds": 300},
    }


def english_only_update(base: Payload, dataset: str, suite: str) -> Payload:
    """Return the update that learns the English pairs only, and forgets how to answer in French."""
    return {**good_update(base, dataset, suite), "datasets": [{"digest": dataset, "languages": ["en"]}]}
