"""Typed readers of environment variables. Each fails loudly: which variable, what was found, what is allowed."""

import os
from pathlib import Path

PREFIX = "COMMONWEIGHTS_"


class BadEnvironment(ValueError):
    """An environment variable that cannot be used."""

    def __init__(self, name: str, found: str, allowed: str) -> None:
        """Say which variable, what it holds and what it may hold."""
        super().__init__(f"{PREFIX}{name} is {found!r}; allowed: {allowed}")


def text(name: str, default: str) -> str:
    """Return the variable, or the default."""
    return os.environ.get(PREFIX + name, default)


def boolean(name: str, *, default: bool) -> bool:
    """Return true for 1/true/yes, false for 0/false/no."""
    value = os.environ.get(PREFIX + name, "1" if default else "0").lower()
    if value in {"1", "true", "yes"}:
        return True
    if value in {"0", "false", "no", ""}:
        return False
    raise BadEnvironment(name, value, "1 or 0")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    value = os.environ.get(PREFIX + name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise BadEnvironment(name, value, f"a whole number of at least {least}")
    return int(value)


def listed(name: str, default: str) -> list[str]:
    """Return the comma-separated parts."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def one_of(name: str, default: str, allowed: set[str]) -> str:
    """Return the variable if it is one of `allowed`."""
    value = text(name, default)
    if value not in allowed:
        raise BadEnvironment(name, value, ", ".join(sorted(allowed)))
    return value


def path(name: str, default: Path) -> Path:
    """Return an absolute path."""
    return Path(os.environ.get(PREFIX + name, str(default))).expanduser().resolve()
