"""The bot's one file of configuration, read strictly: unknown keys, missing trust and odd values stop it (exit 2).

url = "https://commons.example"
folder = "/var/lib/commonweights-bot"      # scratch; what a run needs and makes lies below it
token_file = "/etc/commonweights/token"    # or token_env = "NAME of a variable", for CI

[trust]                                     # from another channel than the site: at least one of the two
community = "64 hex: the digest of the community's record"
release_key = "64 hex: the community's release key, or its fingerprint"
others = ["64 hex: the record of another community that the machine's site serves"]

[limits]                                    # all optional
device_seconds = 86400                      # larger budgets are left to others
memory_bytes = 16000000000
scratch_bytes = 50000000000                 # downloads included
no_progress_seconds = 1800
earlier_checkpoints = true                  # go on from what another runner left; false: from the start
trial_seconds = 0                           # for one trial of a dataset, which nobody voted for; 0: it makes none
check_seconds = 0                           # for one spot check of a site; 0: it makes none

[machine]                                   # optional; what the site shows of it
speed_tokens_per_second = 1000
[[machine.devices]]
kind = "cuda"
name = "NVIDIA RTX 4090"
memory_bytes = 25757220864
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_HEX64 = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"cwr_[A-Za-z0-9_-]{43}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN_BYTES_MAX = 1_000
_KEYS = {"url", "folder", "token_file", "token_env", "trust", "limits", "machine"}
_COUNTS = {"device_seconds", "memory_bytes", "scratch_bytes", "no_progress_seconds", "trial_seconds", "check_seconds"}
_LIMITS = _COUNTS | {"earlier_checkpoints"}
_MACHINE = {"devices", "speed_tokens_per_second"}
_DEVICE = {"kind", "name", "memory_bytes"}


class BadConfiguration(Exception):
    """A configuration that cannot be used: the key, and what is expected there."""


@dataclass(frozen=True)
class Limits:
    """What this machine gives to a run, and to a trial of a dataset."""

    device_seconds: int = 24 * 3600
    memory_bytes: int | None = None
    scratch_bytes: int = 50_000_000_000
    no_progress_seconds: int = 1_800
    earlier_checkpoints: bool = True
    trial_seconds: int = 0
    check_seconds: int = 0
    watts: int = 0  # declared power of the devices at work, for what no meter covers; 0: not told


@dataclass(frozen=True)
class Configuration:
    """Everything that the bot goes by."""

    url: str
    folder: Path
    token_file: Path | None
    token_env: str
    community: str | None
    release_key: str | None
    others: frozenset[str] = frozenset()  # further communities whose runs it takes, where its site serves them
    limits: Limits = field(default_factory=Limits)
    devices: tuple[Mapping[str, Any], ...] = ()
    speed_tokens_per_second: int = 0

    def token(self) -> str:
        """Return the token as it is now; raise BadConfiguration where there is none. It is never shown."""
        if self.token_file is not None:
            try:
                with self.token_file.open("rb") as file:
                    text = file.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
            except OSError as error:
                raise BadConfiguration(f"token_file: {self.token_file}: {error.strerror}") from error
        else:
            text = os.environ.get(self.token_env, "").strip()
        if not _TOKEN.fullmatch(text):
            place = f"file {self.token_file}" if self.token_file else f"variable {self.token_env}"
            raise BadConfiguration(f"the {place} does not hold a token (cwr_ and 43 characters)")
        return text


def read(path: Path) -> Configuration:
    """Read the file; raise BadConfiguration for anything that is not understood."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: {error}") from error
    _known(values, _KEYS, "")
    trust = _table(values, "trust", {"community", "release_key", "others"})
    machine = _table(values, "machine", _MACHINE)
    token_file, token_env = values.get("token_file"), values.get("token_env")
    if (token_file is None) == (token_env is None):
        raise BadConfiguration("exactly one of token_file and token_env is needed")
    if not trust.keys() - {"others"}:
        raise BadConfiguration("trust: name the community's record or its release key, from another channel")
    return Configuration(
        url=_url(values.get("url")),
        folder=Path(_text(values, "folder")),
        token_file=Path(_text(values, "token_file")) if token_file is not None else None,
        token_env=_text(values, "token_env") if token_env is not None else "",
        community=_hex(trust, "community"),
        release_key=_hex(trust, "release_key"),
        others=frozenset(_others(trust)),
        limits=_limits(_table(values, "limits", _LIMITS)),
        devices=tuple(_device(device) for device in _list(machine, "devices")),
        speed_tokens_per_second=_count(machine, "speed_tokens_per_second", 0),
    )


def _url(value: object) -> str:
    """Accept https, and http to this machine only: a token must not cross a network in the clear."""
    if not isinstance(value, str):
        raise BadConfiguration("url: the address of the site is needed")
    try:
        parts = urlsplit(value)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadConfiguration(f"url: {error}") from error
    plain = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or plain) or not parts.hostname or not port_is_one:
        raise BadConfiguration("url: https://host is expected; http only to this machine")
    if parts.username or parts.query or parts.fragment or parts.path not in {"", "/"}:
        raise BadConfiguration("url: scheme://host[:port] without user, path or query is expected")
    return f"{parts.scheme}://{parts.netloc}"


def _limits(table: Mapping[str, Any]) -> Limits:
    usual = Limits()
    earlier = table.get("earlier_checkpoints", True)
    if not isinstance(earlier, bool):
        raise BadConfiguration("limits.earlier_checkpoints: true or false is expected")
    return Limits(
        device_seconds=_count(table, "device_seconds", usual.device_seconds),
        memory_bytes=_count(table, "memory_bytes", 0) or None,
        scratch_bytes=_count(table, "scratch_bytes", usual.scratch_bytes),
        no_progress_seconds=_count(table, "no_progress_seconds", usual.no_progress_seconds),
        earlier_checkpoints=earlier,
        trial_seconds=_count(table, "trial_seconds", usual.trial_seconds),
        check_seconds=_count(table, "check_seconds", usual.check_seconds),
        watts=_count(table, "watts", usual.watts),
    )


def _device(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) != _DEVICE:
        raise BadConfiguration(f"machine.devices: each has exactly {', '.join(sorted(_DEVICE))}")
    _text(value, "kind")
    _count(value, "memory_bytes", 0)
    return value


def _table(values: Mapping[str, Any], name: str, known: set[str]) -> Mapping[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise BadConfiguration(f"{name}: this is a table, [{name}]")
    _known(table, known, f"{name}.")
    return table


def _known(table: Mapping[str, Any], known: set[str], prefix: str) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise BadConfiguration(f"{prefix}{unknown[0]}: there is no such key; known: {', '.join(sorted(known))}")


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadConfiguration(f"{name}: text is expected")
    return value


def _list(table: Mapping[str, Any], name: str) -> list[Any]:
    value = table.get(name, [])
    if not isinstance(value, list):
        raise BadConfiguration(f"{name}: a list is expected")
    return value


def _others(trust: Mapping[str, Any]) -> list[str]:
    found = _list(trust, "others")
    for each in found:
        if not isinstance(each, str) or not _HEX64.fullmatch(each.lower()):
            raise BadConfiguration("trust.others: a list of 64 hex characters each is expected")
    return [each.lower() for each in found]


def _count(table: Mapping[str, Any], name: str, usual: int) -> int:
    value = table.get(name, usual)
    if type(value) is not int or value < 0:
        raise BadConfiguration(f"{name}: a whole number is expected")
    return value


def _hex(table: Mapping[str, Any], name: str) -> str | None:
    value = table.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _HEX64.fullmatch(value.lower()):
        raise BadConfiguration(f"trust.{name}: 64 hex characters are expected")
    return value.lower()
