"""Loads three libraries without what they only try: clients, highlighters, a guesser of encodings; nothing uses them.

They import each where it is installed, and together that is a quarter of a web process. Whatever else has loaded one
of them, or loads it later, finds it as ever.
"""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any


def load_rest_framework() -> None:
    """Import what of it tries: requests, and psycopg for the fields of PostgreSQL that no model here has."""
    before = set(sys.modules)
    _load("rest_framework.compat", without=("requests", "markdown", "pygments", "psycopg"))
    # Half of them has come in; whoever wants them is to find them whole.
    for name in [one for one in set(sys.modules) - before if one.startswith("django.contrib.postgres")]:
        del sys.modules[name]


def load_requests() -> None:
    """Import requests, which then takes charset_normalizer, its own choice, and not chardet, ten times the size."""
    _load("requests", without=("chardet",))


def load_spectacular() -> None:
    """Import what describes views; Django's test client, which only its generator uses, comes when that asks."""
    name = "rest_framework.test"
    if name in sys.modules:
        return
    stand_in = ModuleType(name)
    stand_in.APIRequestFactory = _request_factory  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        importlib.import_module("drf_spectacular.plumbing")
    finally:
        del sys.modules[name]


def _request_factory() -> Any:  # noqa: ANN401 - what the library has of this name
    """Return a new one of the real ones."""
    return importlib.import_module("rest_framework.test").APIRequestFactory()


def _load(module: str, without: Sequence[str]) -> None:
    """Import a module with those out of sight that nothing has loaded yet."""
    hidden = [name for name in without if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        importlib.import_module(module)
    finally:
        for name in hidden:
            del sys.modules[name]
