"""The bot measures its machine where the place that it stands at asks for it: one device, a fixed workload, seconds.

The workload runs in the box of every training (`trainer.reference`); torch is never imported here. What goes out is
what it found, the devices, and a digest of the software: SHA-256 of the canonical form (RFC 8785) of the versions and
of the workload's own code. A machine that cannot be measured works all the same; it tries again after an hour.
"""

import logging
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.errors import Forbidden, NotAuthenticated, Refusal
from governance.evidence.canonical import CanonicalError, digest, strict_loads
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.runner import Limits, run_child

logger = logging.getLogger("commonweights.bot")

WORKLOAD = "training_jobs.trainer.reference"
OUTPUT, TRIED = "reference.json", "measured"
SECONDS_MAX = 180
AGAIN_SECONDS = 3_600
RESULT_BYTES_MAX = 10_000


def measure(
    config: Configuration, client: Client, told: Mapping[str, Any], capabilities: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Measure and send, if the greeting asks for it and it was not tried just now; return what was sent.

    What the platform refuses of it is logged and no reason to stop; a token that it refuses is.
    """
    tried = config.folder / TRIED
    if told.get("measure") is not True or (tried.exists() and time.time() - tried.stat().st_mtime < AGAIN_SECONDS):
        return None
    tried.touch()
    kind = str(capabilities["devices"][0]["kind"])
    found = _run(config, kind)
    if found is None:
        return None
    body = _body(found, kind, capabilities)
    try:
        client.post("measurement", body)
    except (NotAuthenticated, Forbidden):
        raise
    except Refusal as error:
        logger.warning("the measurement was refused: %s", error)
        return None
    logger.info("measured: %s tokens/s on one of %d devices", sorted(body["repeats"]), body["devices"])
    return body


def _run(config: Configuration, kind: str) -> dict[str, Any] | None:
    """Run the workload in a folder of its own; return what it wrote, or None where that is nothing."""
    folder = config.folder / "runs" / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        ended = run_child(
            [sys.executable, "-m", WORKLOAD, str(folder), kind],
            folder,
            environment={},
            on_event=lambda _event: None,
            on_tick=lambda: "continue",
            tick_seconds=1.0,
            wall_seconds=SECONDS_MAX,
            limits=Limits(memory_bytes=config.limits.memory_bytes, scratch_bytes=config.limits.scratch_bytes),
        )
        if ended.returncode != 0:
            logger.warning("this machine cannot be measured: %s", ended.stderr_tail[-200:].strip() or ended.reason)
            return None
        return _read(folder / OUTPUT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = strict_loads(path.read_bytes()[: RESULT_BYTES_MAX + 1], max_bytes=RESULT_BYTES_MAX)
    except (OSError, CanonicalError) as error:
        logger.warning("the measurement cannot be read: %s", error)
        return None
    return found if isinstance(found, dict) and {"repeats", "software", "benchmark"} <= found.keys() else None


def _body(found: Mapping[str, Any], kind: str, capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent: the devices of the kind that was measured, and the smallest memory of them."""
    devices = [device for device in capabilities["devices"] if device["kind"] == kind]
    return {
        "device_kind": kind,
        "devices": len(devices),
        "memory_bytes": min(int(device["memory_bytes"]) for device in devices),
        "repeats": found["repeats"],
        "software": digest(found["software"]),
        "benchmark": found["benchmark"],
    }
