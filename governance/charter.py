"""The charter: the rules by which a community decides, as one document. Pure.

Every kind of proposal has a tier of risk; every tier has rules of its own. The charter also names where voting power
comes from, the second house if there is one, and how long a council may pause. It is frozen as a record; a proposal
rests on the charter that was in force when it was submitted, so a newer charter changes no proposal that exists.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import digest
from governance.outcome import InvalidRules, Rules
from governance.sealed.terms import Sealing, read_charter

DEFAULT = "default"
# The kind of proposal that replaces the charter.
CHARTER_KIND = "governance_rules"
TIERS_MAX = 12
NAME_LENGTH_MAX = 120
PAUSE_SECONDS_MAX = 30 * 24 * 3600
# What a co-signer of a draft puts their name to.
BACKED = ("number", "author", "kind", "title", "text", "payload", "method", "choices", "seats")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEYS = {"tiers", "kinds", "power", "house", "council"}
# Only where ballots are sealed; a charter that does not mention it reads as it always did.
_SEALING = "sealing"


@dataclass(frozen=True)
class Charter:
    """A charter that was checked. `tiers` are rules by name, `kinds` tiers by kind of proposal.

    `sealing` says who opens sealed ballots, and `sealed_tiers` where ballots are sealed.
    """

    tiers: Mapping[str, Rules]
    kinds: Mapping[str, str]
    power: Mapping[str, Any]
    house: Mapping[str, Any] | None
    pause_seconds_max: int
    sealing: Sealing | None = None
    sealed_tiers: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: Mapping[str, Any], *, partial: bool = False) -> "Charter":
        """Read a charter; `partial` lets rules leave out what is off, as people write them. Raises InvalidRules."""
        extra = {_SEALING} if isinstance(body, Mapping) and _SEALING in body else set()
        _exactly(body, _KEYS | extra, "charter")
        read = Rules.from_partial if partial else Rules.from_body
        tiers, kinds = body["tiers"], body["kinds"]
        if not isinstance(tiers, Mapping) or not 0 < len(tiers) <= TIERS_MAX:
            raise InvalidRules("tiers", tiers, f"1 to {TIERS_MAX} tiers by name")
        for name in tiers:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise InvalidRules("tiers", name, "names of lower-case letters, digits and underscores")
        if not isinstance(kinds, Mapping) or DEFAULT not in kinds:
            raise InvalidRules("kinds", kinds, f"tiers by kind, with one for {DEFAULT!r}")
        for kind, tier in kinds.items():
            if not isinstance(tier, str) or tier not in tiers:
                raise InvalidRules(f"kinds.{kind}", tier, f"one of {sorted(tiers)}")
        checked = {name: _read_tier(name, rules, read) for name, rules in tiers.items()}
        house = body["house"]
        if any(rules.objection_bps for rules in checked.values()) and house is None:
            raise InvalidRules("house", None, "a second house, because a tier lets it object")
        if house is not None:
            _check_house(house)
        _exactly(body["power"], {"source", "parameters"}, "power")
        _check_source(body["power"], "power")
        _exactly(body["council"], {"pause_seconds_max"}, "council")
        pause = body["council"]["pause_seconds_max"]
        if type(pause) is not int or not 0 <= pause <= PAUSE_SECONDS_MAX:
            raise InvalidRules("council.pause_seconds_max", pause, f"0 to {PAUSE_SECONDS_MAX} seconds")
        sealing, sealed_tiers = (
            read_charter(body[_SEALING], checked, kinds.get(CHARTER_KIND, kinds[DEFAULT])) if extra else (None, ())
        )
        return cls(checked, dict(kinds), body["power"], house, pause, sealing, sealed_tiers)

    def to_body(self) -> dict[str, Any]:
        """Return the frozen form."""
        body: dict[str, Any] = {
            "tiers": {name: rules.to_body() for name, rules in self.tiers.items()},
            "kinds": dict(self.kinds),
            "power": dict(self.power),
            "house": None if self.house is None else dict(self.house),
            "council": {"pause_seconds_max": self.pause_seconds_max},
        }
        if self.sealing is not None:
            body[_SEALING] = self.sealing.to_body() | {"tiers": list(self.sealed_tiers)}
        return body

    def tier_of(self, kind: str) -> str:
        """Return the tier of a kind of proposal."""
        return self.kinds.get(kind, self.kinds[DEFAULT])

    def rules_of(self, kind: str) -> Rules:
        """Return the rules that a new proposal of this kind is judged by."""
        return self.tiers[self.tier_of(kind)]

    def sealing_of(self, kind: str) -> Sealing | None:
        """Return who opens the ballots on a new proposal of this kind; None where ballots are open."""
        return self.sealing if self.tier_of(kind) in self.sealed_tiers else None


def draft_digest(body: Mapping[str, Any]) -> str:
    """Return the digest of what co-signers back: the content of a draft, or of the proposal that became of it.

    Number and author are part of it: otherwise anybody could put the same content to the vote again, with the same
    co-signers, whom nobody asked.
    """
    return digest({name: body[name] for name in BACKED})


def _read_tier(name: str, rules: Any, read: Any) -> Rules:  # noqa: ANN401 - any JSON; one of two readers
    try:
        found: Rules = read(rules)
    except InvalidRules as error:
        raise InvalidRules(f"tiers.{name}.{error.field}", error.found, error.allowed) from error
    return found


def _check_house(house: Any) -> None:  # noqa: ANN401 - any JSON
    _exactly(house, {"name", "source", "parameters"}, "house")
    _exactly(house["name"], {"en", "fr"}, "house.name")
    for language, name in house["name"].items():
        if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX:
            raise InvalidRules(f"house.name.{language}", name, f"1 to {NAME_LENGTH_MAX} characters")
    _check_source(house, "house")


def _check_source(entry: Mapping[str, Any], field: str) -> None:
    if not isinstance(entry["source"], str):
        raise InvalidRules(f"{field}.source", entry["source"], "the name of a source of power")
    if not isinstance(entry["parameters"], Mapping):
        raise InvalidRules(f"{field}.parameters", entry["parameters"], "an object")


def _exactly(value: object, keys: set[str], field: str) -> None:
    if not isinstance(value, Mapping) or set(value) != keys:
        found = sorted(map(str, value)) if isinstance(value, Mapping) else value
        raise InvalidRules(field, found, f"an object with exactly {sorted(keys)}")
