"""How often the kernel has killed a process for want of memory: what tells that from any other SIGKILL."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def kills() -> int:
    """Return how many processes the kernel has killed for want of memory, as far as this process can see.

    From its control group (memory.events of version 2, memory.oom_control of version 1), else of the whole machine.
    """
    for place in _memory_groups():
        for name in ("memory.events", "memory.oom_control"):
            found = _counter(place / name, "oom_kill")
            if found is not None:
                return found
    return _counter(Path("/proc/vmstat"), "oom_kill") or 0


def _memory_groups() -> list[Path]:
    """Return the folders of this process's control groups (cgroups(7)) that may count memory."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    places = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            places.append(ROOT / path.lstrip("/"))
        elif "memory" in controllers.split(","):
            places += [ROOT / "memory" / path.lstrip("/"), ROOT / "memory"]
    return places


def _counter(path: Path, name: str) -> int | None:
    try:
        words = dict(line.split(" ", 1) for line in path.read_text().splitlines())
        return int(words[name])
    except (OSError, KeyError, ValueError):
        return None
