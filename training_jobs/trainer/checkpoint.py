"""Checkpoints: what a run needs to go on as if nothing had happened, written so that a half-written one never counts.

    RUN_DIR/checkpoints/<step:08d>/state.safetensors   weights, optimizer, strategy, random generators
                                   state.json          step, tokens, loss, and what the trace was
                                   trace.jsonl         the trace so far, so that the folder is enough to go on elsewhere
                                   manifest.json       last: which run this is of, and each file with its digest

Writing: 1. all files into `.<step:08d>.partial`, each synced to disk; 2. the manifest, synced, and the folder; 3.
rename; 4. sync the parent; 5. drop all but the newest KEPT. Reading believes a folder only if its manifest is of the
same specification, code and environment and every file is as the manifest says. That finds accidents; it does not find
somebody who can write here, who could write the artifact as well.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

KEPT = 2
MANIFEST_BYTES_MAX = 100_000
FILES = ("state.json", "state.safetensors", "trace.jsonl")
_NAME = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that verified."""

    folder: Path
    step: int
    tokens: int
    loss: str

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """Return what `Training.tensors` gave; each is read when it is asked for, so only one is in memory twice."""
        return _Stored(self.folder / "state.safetensors")

    @property
    def trace(self) -> Path:
        """The trace up to this step."""
        return self.folder / "trace.jsonl"


class _Stored(Mapping[str, torch.Tensor]):
    """The tensors of a safetensors file, by name."""

    def __init__(self, file: Path) -> None:
        """Open the file."""
        self._file = safe_open(file, framework="pt")
        self._names = dict.fromkeys(self._file.keys())  # type: ignore[no-untyped-call]

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._names:
            raise KeyError(name)
        tensor: torch.Tensor = self._file.get_tensor(name)  # type: ignore[no-untyped-call]
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Checkpoints:
    """The checkpoints of one run; `identity` is {spec, code_digest, environment}, `believed` what must be the same.

    Where several processes are one run, all look at the same folder and only the `first` changes anything in it. They
    choose the same checkpoint, because they look at the same bytes before the first of them can write others.
    """

    def __init__(
        self, run_dir: Path, identity: dict[str, Any], believed: tuple[str, ...] = (), *, first: bool = True
    ) -> None:
        """Name the folder; nothing is read or written yet."""
        self._folder = run_dir / "checkpoints"
        self._identity = identity
        self._required = {key: identity[key] for key in believed or identity}
        self._first = first

    def save(self, state: dict[str, Any], tensors: dict[str, torch.Tensor], trace: Path) -> float:
        """Write a checkpoint of step `state["step"]` {step, tokens, loss}; return how many seconds that took."""
        started = time.monotonic()
        name = f"{state['step']:08d}"
        partial, final = self._folder / f".{name}.partial", self._folder / name
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(  # 1
            {path: tensor.to("cpu").contiguous() for path, tensor in tensors.items()}, partial / "state.safetensors"
        )
        shutil.copyfile(trace, partial / "trace.jsonl")
        described = {"sha256": _sha256(partial / "trace.jsonl"), "size": trace.stat().st_size}
        (partial / "state.json").write_bytes(canonical_bytes({**state, "trace": described}))
        with ThreadPoolExecutor(1) as beside:  # the disk and the processor work at the same time
            synced = [beside.submit(_sync, partial / file) for file in FILES]
            manifest = {"step": state["step"], **self._identity, "files": _described(partial)}  # 2
        for each in synced:
            each.result()
        (partial / "manifest.json").write_bytes(canonical_bytes(manifest))
        _sync(partial / "manifest.json")
        _sync(partial)
        shutil.rmtree(final, ignore_errors=True)  # 3: there is one only where it did not verify
        partial.rename(final)
        _sync(self._folder)  # 4
        for old in sorted(self._named())[:-KEPT]:  # 5
            shutil.rmtree(old)
        return time.monotonic() - started

    def newest(self, pass_over: Callable[[str, str], None]) -> Checkpoint | None:
        """Return the newest checkpoint that verifies; those that do not are named to `pass_over`, and removed."""
        for folder in sorted(self._named(), reverse=True):
            try:
                return self._verified(folder)
            except (ValueError, KeyError, TypeError, OSError) as error:
                pass_over(folder.name, str(error))
                if self._first:
                    shutil.rmtree(folder)
        return None

    def _named(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]

    def _verified(self, folder: Path) -> Checkpoint:
        manifest = _read(folder / "manifest.json")
        for key, value in {"step": int(folder.name), **self._required}.items():
            if manifest[key] != value:
                raise ValueError(f"it is of another {key}")
        if manifest["files"] != _described(folder):
            raise ValueError("its files are not those of its manifest")
        state = _read(folder / "state.json")
        return Checkpoint(folder, state["step"], state["tokens"], state["loss"])


def _read(file: Path) -> dict[str, Any]:
    try:
        value = strict_loads(file.read_bytes(), max_bytes=MANIFEST_BYTES_MAX)
    except FileNotFoundError as error:
        raise ValueError(f"it has no {file.name}") from error
    except CanonicalError as error:
        raise ValueError(f"{file.name}: {error}") from error
    if not isinstance(value, dict):
        raise TypeError(f"{file.name} is not an object")
    return value


def _described(folder: Path) -> list[dict[str, Any]]:
    return [{"path": name, "size": (folder / name).stat().st_size, "sha256": _sha256(folder / name)} for name in FILES]


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
