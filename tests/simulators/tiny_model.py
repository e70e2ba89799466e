"""A model folder of a few hundred bytes with every file that a real one has, for tests that never load it."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from training_jobs.spec import TEMPLATES

MARKS = TEMPLATES["plain-turns"].marks


def write(folder: Path, seed: int = 0) -> Path:
    """Write the files and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).standard_normal((4, 4)).astype("float32")
    save_file({"model.embed_tokens.weight": weights}, folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in {
        "config.json": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 4},
        "generation_config.json": {"eos_token_id": 0},
        "tokenizer.json": {"version": "1.0", "added_tokens": [{"content": mark, "special": True} for mark in MARKS]},
        "tokenizer_config.json": {"model_max_length": 64},
    }.items():
        (folder / name).write_text(json.dumps(content))
    return folder
