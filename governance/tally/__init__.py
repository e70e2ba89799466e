"""Voting methods: one file each, one line in METHODS. Exact integers; no float decides anything. Pure."""

from governance.tally.base import Count, Method
from governance.tally.governor import Governor

METHODS: dict[str, Method] = {method.name: method for method in (Governor(),)}


def method_named(name: str) -> Method:
    """Return the voting method, or raise UnknownMethod: a proposal never falls back to some default way of counting."""
    try:
        return METHODS[name]
    except KeyError:
        raise UnknownMethod(name) from None


class UnknownMethod(LookupError):
    """A proposal names a voting method that is not in the table."""

    def __init__(self, name: str) -> None:
        """Say what was found and what exists."""
        super().__init__(f"unknown voting method {name!r}; known: {', '.join(sorted(METHODS))}")


__all__ = ["METHODS", "Count", "Method", "UnknownMethod", "method_named"]
