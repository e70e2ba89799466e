"""What a charter says about sealed ballots, and what a proposal freezes of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.eip712 import AddressError, parse_address
from governance.outcome import InvalidRules

# The choice of a ballot that cannot be opened, or that says nothing that can be chosen. No method knows it.
VOID = "void"
KEYHOLDERS_MIN, KEYHOLDERS_MAX = 2, 9
WAIT_SECONDS_MAX = 30 * 24 * 3600
_FROZEN = {"keyholders", "threshold", "wait_seconds"}
_OPTIONAL = {"keys_wait_seconds"}


@dataclass(frozen=True)
class Sealing:
    """Who opens sealed ballots: `threshold` of the keyholders, within `wait_seconds` after the vote has closed.

    Voting waits for the keys of all of them; with `keys_wait_seconds` only so long after submission, and then goes on
    with the keys that are there, if they are as many as the threshold.
    """

    keyholders: tuple[str, ...]
    threshold: int
    wait_seconds: int
    keys_wait_seconds: int | None = None

    @classmethod
    def from_body(cls, body: Any, field: str = "sealing") -> "Sealing":  # noqa: ANN401 - any JSON
        """Read exactly what `to_body` writes; raise InvalidRules."""
        if not isinstance(body, Mapping) or set(body) - _OPTIONAL != _FROZEN:
            found = sorted(map(str, body)) if isinstance(body, Mapping) else body
            raise InvalidRules(field, found, f"an object with {sorted(_FROZEN)}, and at most {sorted(_OPTIONAL)}")
        keyholders, threshold, wait = body["keyholders"], body["threshold"], body["wait_seconds"]
        if not isinstance(keyholders, list | tuple) or not KEYHOLDERS_MIN <= len(keyholders) <= KEYHOLDERS_MAX:
            allowed = f"{KEYHOLDERS_MIN} to {KEYHOLDERS_MAX} addresses"
            raise InvalidRules(f"{field}.keyholders", keyholders, allowed)
        checked = tuple(_address(address, f"{field}.keyholders") for address in keyholders)
        if len(set(checked)) != len(checked):
            raise InvalidRules(f"{field}.keyholders", list(keyholders), "each keyholder once")
        if type(threshold) is not int or not KEYHOLDERS_MIN <= threshold <= len(checked):
            # One keyholder alone could read along, and nobody would know.
            raise InvalidRules(f"{field}.threshold", threshold, f"{KEYHOLDERS_MIN} to {len(checked)}")
        for name in ("wait_seconds", *(_OPTIONAL & set(body))):
            if type(body[name]) is not int or not 0 < body[name] <= WAIT_SECONDS_MAX:
                raise InvalidRules(f"{field}.{name}", body[name], f"1 to {WAIT_SECONDS_MAX} seconds")
        return cls(checked, threshold, wait, body.get("keys_wait_seconds"))

    def to_body(self) -> dict[str, Any]:
        """Return the frozen form."""
        frozen = {"keyholders": list(self.keyholders), "threshold": self.threshold, "wait_seconds": self.wait_seconds}
        waits = {} if self.keys_wait_seconds is None else {"keys_wait_seconds": self.keys_wait_seconds}
        return {**frozen, **waits}

    def may_go_on_without(self, waited_seconds: int) -> bool:
        """Say whether keys that are missing after so long are waited for no longer."""
        return self.keys_wait_seconds is not None and waited_seconds >= self.keys_wait_seconds


def read_charter(
    body: Any,  # noqa: ANN401 - any JSON
    tiers: Mapping[str, Any],
    charter_tier: str,
) -> tuple[Sealing, tuple[str, ...]]:
    """Read the charter's section: who opens, and in which tiers ballots are sealed; `tiers` are its rules by name.

    What depends on how a vote stands cannot be had while nobody knows it, and the charter itself is voted on openly,
    so that keyholders who are lost can be replaced.
    """
    if not isinstance(body, Mapping) or set(body) - _OPTIONAL != _FROZEN | {"tiers"}:
        found = sorted(map(str, body)) if isinstance(body, Mapping) else body
        needed = sorted(_FROZEN | {"tiers"})
        raise InvalidRules("sealing", found, f"an object with {needed}, and at most {sorted(_OPTIONAL)}")
    sealing = Sealing.from_body({name: body[name] for name in body if name != "tiers"})
    named = body["tiers"]
    if not isinstance(named, list | tuple) or not named or len(set(map(str, named))) != len(named):
        raise InvalidRules("sealing.tiers", named, "a list of tiers, each once")
    for name in named:
        if name not in tiers:
            raise InvalidRules("sealing.tiers", name, f"one of {sorted(tiers)}")
        if name == charter_tier:
            raise InvalidRules("sealing.tiers", name, "a tier that does not decide on the charter")
        for rule in ("late_quorum_seconds", "super_quorum_bps"):
            if getattr(tiers[name], rule):
                raise InvalidRules(f"tiers.{name}.{rule}", getattr(tiers[name], rule), "0 where ballots are sealed")
    return sealing, tuple(named)


def _address(text: object, field: str) -> str:
    try:
        address = parse_address(str(text))
    except AddressError as error:
        raise InvalidRules(field, text, "addresses with their checksum") from error
    if address != text:
        raise InvalidRules(field, text, f"{address}, with its checksum")
    return address
