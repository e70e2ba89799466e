"""What this machine is: devices, processors, memory, speed, isolation, as it tells the site. Shown there, not believed.

The speed is the one that the last training here had; before the first it is what the configuration says, or nothing.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from training_jobs.bot.config import Configuration
from training_jobs.runner import available_isolation

PROTOCOL = 1
MEBIBYTE = 1 << 20
ASK_SECONDS_MAX = 20
NAME_CHARACTERS = 120
SPEED_FILE = "speed"
_WHOLE = re.compile(r"[0-9]{1,15}")


def capabilities(config: Configuration) -> dict[str, Any]:
    """Return what `hello` sends."""
    devices = [dict(device) for device in config.devices] or _graphics() or [_processor()]
    return {
        "devices": devices,
        "cpus": os.cpu_count() or 1,
        "memory_bytes": _memory_bytes(),
        "speed_tokens_per_second": speed(config),
        "isolation": available_isolation(),
        "protocol": PROTOCOL,
    }


def speed(config: Configuration) -> int:
    """Return the last measured speed, or the configured one."""
    try:
        text = (config.folder / SPEED_FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return int(text) if _WHOLE.fullmatch(text) else config.speed_tokens_per_second


def keep_speed(folder: Path, tokens_per_second: int) -> None:
    """Remember how fast a training was."""
    if tokens_per_second > 0:
        (folder / SPEED_FILE).write_text(f"{tokens_per_second}\n", "ascii")


def _graphics() -> list[dict[str, Any]]:
    """Ask NVIDIA's tool, if it is there, without loading a library that takes seconds and memory."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    question = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(  # noqa: S603 - a fixed command line
            question, capture_output=True, text=True, timeout=ASK_SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in told.stdout.splitlines():
        name, _, mebibytes = line.rpartition(",")
        if _WHOLE.fullmatch(mebibytes.strip()):
            memory = int(mebibytes) * MEBIBYTE
            found.append({"kind": "cuda", "name": name.strip()[:NAME_CHARACTERS], "memory_bytes": memory})
    return found


def _processor() -> dict[str, Any]:
    return {"kind": "cpu", "name": "", "memory_bytes": _memory_bytes()}


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
