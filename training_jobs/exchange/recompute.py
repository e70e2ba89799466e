"""Spot checks: do one member's round again, from its own checkpoint and its share of the data, and compare.

A member commits to a checkpoint by the digest of its manifest before it is known which round will be checked; then it
hands over that folder. Rows, schedule and closed rounds are known to everybody, so the payload that it should have sent
follows. Equal bytes are expected on machines of one class only; elsewhere a difference is a reason to ask, no proof.

The trainer runs in a process of its own, or in as many as the member's had; it is ended once the payload is there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from training_jobs.exchange import payload
from training_jobs.exchange.book import ROUND_DIGITS

LOOK_SECONDS = 0.05
# What a checkpoint has of a second process, and what trains as one process and as several.
OF_A_SECOND = "generator/1/cpu"
TRAINERS = {False: "training_jobs.trainer", True: "training_jobs.trainer.site"}
REPOSITORY = Path(__file__).resolve().parents[2]


class NotRecomputed(Exception):
    """The round could not be done again: files are missing, or the trainer ended without sending anything."""


@dataclass(frozen=True)
class Verdict:
    """Whether the member sent what its checkpoint leads to. The digests are of bodies: headers hold measured times."""

    round: int
    member: str
    claimed: str
    recomputed: str

    @property
    def same(self) -> bool:
        """Say whether the check was passed."""
        return self.claimed == self.recomputed


def recompute(run_dir: Path, checkpoint: Path, claimed: bytes, seconds: float) -> Verdict:
    """Do the round of the payload `claimed` again, and compare.

    `run_dir` holds spec.json, inputs/, and the member's exchange/ with member.json and the rounds since the checkpoint;
    `checkpoint` is a checkpoint of the member from before the end of the round. Nothing in either is changed.
    """
    header, body = payload.split(claimed)
    with tempfile.TemporaryDirectory() as name:
        again = Path(name)
        try:
            module, begun_in, applied = _rounds_of(checkpoint)
            _lay_out(run_dir, checkpoint, range(applied, begun_in), again)
            threads = json.loads((checkpoint / "manifest.json").read_bytes())["environment"]["threads"]
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise NotRecomputed(f"what is needed is not there: {error}") from error
        found = _send_again(module, run_dir, again, range(begun_in, header.round + 1), threads, seconds)
        _require_resumed(again, int(checkpoint.name))
    _header, recomputed = payload.split(found)
    return Verdict(header.round, header.member, payload.sha256(body), payload.sha256(recomputed))


def _rounds_of(checkpoint: Path) -> tuple[str, int, int]:
    """Return what trains as the member did, the round that it was in, and how many it had applied."""
    from safetensors import safe_open

    with safe_open(checkpoint / "state.safetensors", framework="numpy") as tensors:
        facts = json.loads(tensors.get_tensor("strategy/facts").tobytes())
        was_several = OF_A_SECOND in tensors.keys()  # noqa: SIM118 - it is no mapping
    return TRAINERS[was_several], int(facts["round"]), int(facts["history"]["applied"])


def _lay_out(run_dir: Path, checkpoint: Path, closed: range, again: Path) -> None:
    """Copy what the trainer needs, with the rounds that were closed when the member was at the checkpoint."""
    shutil.copy(run_dir / "spec.json", again)
    (again / "inputs").symlink_to((run_dir / "inputs").resolve())
    shutil.copytree(checkpoint, again / "checkpoints" / checkpoint.name)
    (again / "exchange").mkdir()
    place = json.loads((run_dir / "exchange" / "member.json").read_bytes())
    # It begins with the checkpoint, whatever was open when the member came.
    (again / "exchange" / "member.json").write_bytes(canonical_bytes({**place, "round": 0}))
    for number in closed:
        _close(run_dir, again, number)


def _close(run_dir: Path, again: Path, number: int) -> None:
    """Let the trainer find a round closed; by rename, because it is looking."""
    folder = f"{number:0{ROUND_DIGITS}}"
    partial = again / "exchange" / f"closing-{folder}"
    shutil.copytree(run_dir / "exchange" / "rounds" / folder, partial)
    (again / "exchange" / "rounds").mkdir(exist_ok=True)
    partial.rename(again / "exchange" / "rounds" / folder)


def _send_again(module: str, run_dir: Path, again: Path, numbers: range, threads: str, seconds: float) -> bytes:
    """Run the trainer until it sends the last of these rounds, closing each round before it once it was sent."""
    process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
        [sys.executable, "-m", module, str(again)],
        cwd=REPOSITORY,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": threads},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + seconds
    try:
        for number in numbers:
            sent = again / "exchange" / "out" / f"{number:0{ROUND_DIGITS}}.bin"
            while not sent.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise NotRecomputed(f"the trainer sent nothing in round {number}: {_events(again)[-1:]}")
                time.sleep(LOOK_SECONDS)
            if number == numbers[-1]:
                return sent.read_bytes()
            _close(run_dir, again, number)
    finally:
        process.kill()
        process.wait()
    raise NotRecomputed("the checkpoint is from after the round")


def _require_resumed(again: Path, step: int) -> None:
    """Refuse a payload that does not follow from the checkpoint: the trainer passed it over and began anew."""
    if not any(event["event"] == "resumed" and event["step"] == step for event in _events(again)):
        raise NotRecomputed("the trainer did not take the checkpoint: other code, another environment, or damaged")


def _events(again: Path) -> list[dict[str, Any]]:
    path = again / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
