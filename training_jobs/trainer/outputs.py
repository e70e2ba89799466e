"""What the trainer leaves behind: events, trace, the artifact folder, and last the description of it.

Every file of the artifact is written by us in one deterministic form, so that equal weights mean an equal manifest. The
description comes last and in one piece: where it is present, the artifact is complete.
"""

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file

from governance.evidence.canonical import canonical_bytes, digest
from training_jobs.trainer.chat import ChatFormat, read_settings
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.loop import Step
from training_jobs.trainer.model import read_config

EVENT_SECONDS_MIN = 0.2
# Keys of config.json that say where or by whom a file was made; they would make equal models differ.
CONFIG_KEYS_DROPPED = frozenset({"_name_or_path", "transformers_version", "_commit_hash", "torch_dtype"})
REPOSITORY = Path(__file__).resolve().parents[2]
CODE_OF_A_RUN = (
    "training_jobs/spec",
    "training_jobs/trainer",
    "training_jobs/exchange/payload.py",
    "models_registry/datasets/kinds.py",
    "governance/evidence",
)


class Events:
    """Appends events to events.jsonl, each line at once; step events at most five a second."""

    def __init__(self, run_dir: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file for appending: an earlier attempt's events stay, and a line that it left half written ends."""
        path = run_dir / "events.jsonl"
        torn = path.exists() and path.read_bytes()[-1:] not in {b"", b"\n"}
        self._file = path.open("ab", buffering=0)
        if torn:
            self._file.write(b"\n")
        self._clock = clock
        self._last_step_at = 0.0

    def __enter__(self) -> Self:
        """Use it in a `with` statement."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the file."""
        self._file.close()

    def emit(self, event: str, **fields: object) -> None:
        """Write one event with the time."""
        self._file.write(canonical_bytes({"event": event, "at": int(self._clock()), **fields}) + b"\n")

    def step(self, step: Step, steps: int, learning_rate: float, tokens_per_second: Callable[[], int]) -> None:
        """Write a step event if one is due; the first and the last step always are."""
        now = self._clock()
        if now - self._last_step_at < EVENT_SECONDS_MIN and step.number != steps:
            return
        self._last_step_at = now
        self.emit(
            "step",
            step=step.number,
            steps=steps,
            loss=loss_text(step.loss),
            learning_rate=f"{learning_rate:.6g}",
            tokens_per_second=tokens_per_second(),
        )


class Trace:
    """Writes trace.jsonl: for each step its rows and its loss. It holds no times, so it is reproducible."""

    def __init__(self, run_dir: Path, earlier: Path | None = None) -> None:
        """Start the trace anew, or after the copy of it that a checkpoint kept."""
        self._path = run_dir / "trace.jsonl"
        self._path.write_bytes(earlier.read_bytes() if earlier else b"")
        self._file = self._path.open("ab")

    def add(self, step: Step) -> None:
        """Add one step."""
        line = {
            "step": step.number,
            "rows_sha256": step.rows_sha256,
            "tokens": step.tokens,
            "loss": loss_text(step.loss),
        }
        self._file.write(canonical_bytes(line) + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def path(self) -> Path:
        """Return the file, with everything in it that was added so far."""
        self._file.flush()
        return self._path

    def lines(self) -> list[dict[str, Any]]:
        """Return the steps so far."""
        return [json.loads(line) for line in self.path().read_bytes().splitlines()]

    def sha256(self) -> str:
        """Return the SHA-256 of what was written so far."""
        return hashlib.sha256(self.path().read_bytes()).hexdigest()


def loss_text(loss: float) -> str:
    """Return a loss as decimal text: records and events hold no floats."""
    return f"{loss:.6f}"


def remove_partial(run_dir: Path) -> None:
    """Remove what an interrupted attempt left half written."""
    for folder in (run_dir / "artifact.partial", *(run_dir / "checkpoints").glob(".*.partial")):
        shutil.rmtree(folder, ignore_errors=True)


def write_artifact(
    run_dir: Path,
    model: Any,  # noqa: ANN401 - untyped library
    base: Path,
    chat: ChatFormat,
) -> list[dict[str, Any]]:
    """Write RUN_DIR/artifact in one piece and return its files.

    How turns are written and what ends an answer is what was trained, whatever the base says: others who load the model
    read it in tokenizer_config.json. What the base has beside that file would be believed more, so it is left behind.
    """
    partial, artifact = run_dir / "artifact.partial", run_dir / "artifact"
    for folder in (partial, artifact):
        if folder.exists():
            shutil.rmtree(folder)
    partial.mkdir()
    write_model(partial, model, {**read_config(base), "eos_token_id": chat.end})
    shutil.copyfile(base / "tokenizer.json", partial / "tokenizer.json")
    template = {"chat_template": chat.template.chat_template, "eos_token": chat.template.ends}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **read_settings(base), **template}
    _write_json(partial / "tokenizer_config.json", settings)
    partial.rename(artifact)
    return file_list(artifact)


def write_model(folder: Path, model: Any, config: dict[str, Any]) -> None:  # noqa: ANN401 - untyped library
    """Write model.safetensors, config.json and generation_config.json for a plain model, in float32.

    The weights that were trained are float32 whatever the precision of the computation, and what is published is what
    was evaluated: rounding it would be a change that nobody voted on.
    """
    # A weight that stands in two places, such as a head that is the embedding, is written once, where it is at home.
    state, aliases = model.state_dict(), model.all_tied_weights_keys
    weights = {
        name: tensor.detach().to("cpu").contiguous()
        for name, tensor in sorted(state.items())
        if name not in aliases or tensor.data_ptr() != state[aliases[name]].data_ptr()
    }
    for name, tensor in weights.items():
        if not bool(torch.isfinite(tensor).all()):
            raise PermanentFailure("weights_not_finite", name)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # the library writes it for its owner only, unlike every other file
    kept = {key: value for key, value in config.items() if key not in CONFIG_KEYS_DROPPED}
    _write_json(folder / "config.json", {**kept, "architectures": [type(model).__name__], "dtype": "float32"})
    tokens = {key: kept[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if kept.get(key) is not None}
    _write_json(folder / "generation_config.json", {"do_sample": False, **tokens})


def write_description(run_dir: Path, description: dict[str, Any]) -> None:
    """Write RUN_DIR/artifact.json atomically and durably: its presence says that the artifact is complete."""
    partial = run_dir / "artifact.json.partial"
    with partial.open("wb") as file:
        file.write(canonical_bytes(description))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(run_dir / "artifact.json")


def file_list(folder: Path) -> list[dict[str, Any]]:
    """Return {path, size, sha256} of every file below `folder`, except what is under provenance/, sorted by path."""
    files = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("provenance/"):
            data = path.read_bytes()
            files.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    return sorted(files, key=lambda file: str(file["path"]))


def manifest_sha256(folder: Path) -> str:
    """Return the SHA-256 of the manifest of `folder`, which names a base model in a specification."""
    return digest({"files": file_list(folder), "version": 1})


def code_digest() -> str:
    """Return the digest of the code that determines a run: the trainer, the specification, the canonical form."""
    files = []
    for name in CODE_OF_A_RUN:
        path = REPOSITORY / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return digest(
        [
            {"path": file.relative_to(REPOSITORY).as_posix(), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
            for file in files
        ]
    )


def environment() -> dict[str, str]:
    """Return the class of machine and software: within one class, equal specifications give equal bytes."""
    libraries = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy")
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        **{library: version(library) for library in libraries},
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    """Write readable JSON with sorted keys. Not canonical JSON: a config holds fractions such as the norm's epsilon."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
