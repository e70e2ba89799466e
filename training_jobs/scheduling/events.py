"""The events of the compute commons in a community's public log: which there are, their fields, and a strict reader.

    data_of(ComputeStarted(request="run-7", site="lake", why=Why.STARTS, waited=60, price=9, until=7_200))
    read("compute_started", {...})  → ComputeStarted

The moment of an event is its entry's `at` in the log, who caused it its `actor`; neither is repeated in the data, which
can be handed to `governance.services.note` as it is. The figures (`training_jobs/transparency`) are computed from these
events alone, so a field that changes its meaning gets another name. Numbers are integers of at most 2^53-1, as in all
that is hashed here. Texts of people are in none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Any, ClassVar, get_type_hints

from governance.errors import Invalid
from governance.evidence.canonical import INTEGER_MAX
from training_jobs.scheduling.carbon import grams_of_sum
from training_jobs.scheduling.values import BPS, Origin, Policy, Standing, Why

Data = dict[str, object]

DEVICES_MAX = 1_000_000
SECONDS_MAX = 10 * 366 * 24 * 3600
# No earlier and no later moment: UNIX seconds, to the end of the year 2199.
TIME_MAX = 7_258_118_399
SHARES_MAX = 1_000
PUE_PERMILLE_MAX = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#@-]{0,63}")
_SITE = re.compile(rf"(?!all\Z){_NAME.pattern}")  # in the figures `all` is the sum of the sites
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_KIND = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,39})?")
_OTHER = re.compile(rf"(?:{_NAME.pattern})?")


class Requester(StrEnum):
    """Who asked, as far as the log says it: newcomers have the reserved share."""

    NEWCOMER = "newcomer"
    MEMBER = "member"


class Interruption(StrEnum):
    """Why work stopped that can go on."""

    RECALLED = "recalled"  # it was on lent devices, and a newcomer came
    SITE_SILENT = "site_silent"
    UNTAKEN = "untaken"  # no machine came for it, though its site was heard of
    CEILING = "ceiling"  # more would cost more than was voted
    CHECKPOINT = "checkpoint"  # its hours are over, the site goes, or somebody asked for it
    ATTEMPT_FAILED = "attempt_failed"  # it did not work there, and may elsewhere


class Outcome(StrEnum):
    """How a request ended."""

    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    STOPPED = "stopped"  # at its ceiling, for good


class EnergyHow(StrEnum):
    """How the energy of a request is known."""

    METERED = "metered"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Signal(StrEnum):
    """What an intensity says; figures of the two are not comparable."""

    AVERAGE = "average"
    MARGINAL = "marginal"


_Reader = Callable[[str, object], Any]


def _whole(most: int = INTEGER_MAX, least: int = 0) -> _Reader:
    def read_whole(name: str, found: object) -> int:
        if type(found) is not int or not least <= found <= most:  # a bool is no number here
            raise _invalid(name, found, f"a whole number from {least} to {most}")
        return found

    return read_whole


def _text(pattern: re.Pattern[str]) -> _Reader:
    def read_text(name: str, found: object) -> str:
        if not isinstance(found, str) or not pattern.fullmatch(found):
            raise _invalid(name, found, pattern.pattern)
        return str(found)

    return read_text


def _one_of(choices: type[StrEnum]) -> _Reader:
    known = {str(each): each for each in choices}

    def read_choice(name: str, found: object) -> StrEnum:
        if not isinstance(found, str) or found not in known:
            raise _invalid(name, found, list(known))
        return known[found]

    return read_choice


def _or_none(reader: _Reader) -> _Reader:
    return lambda name, found: None if found is None else reader(name, found)


def _flag(name: str, found: object) -> bool:
    if not isinstance(found, bool):
        raise _invalid(name, found, [True, False])
    return found


def _shares(name: str, found: object) -> tuple[tuple[str, int], ...]:
    """Read what is written as an object; kept in the order of names."""
    if not isinstance(found, Mapping) or len(found) > SHARES_MAX:
        raise _invalid(name, found, f"at most {SHARES_MAX} communities with their shares")
    community, share = _text(_NAME), _whole()
    return tuple(sorted((community(name, key), share(name, value)) for key, value in found.items()))


_PROPOSAL = _or_none(_whole(least=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRequested:
    """A request was taken in. `proposal` is the number of the vote; a sandbox request has none."""

    kind: ClassVar[str] = "compute_requested"
    request: Annotated[str, _text(_NAME)]
    origin: Annotated[Origin, _one_of(Origin)]
    requester: Annotated[Requester, _one_of(Requester)]
    devices: Annotated[int, _whole(DEVICES_MAX, 1)]
    memory_bytes: Annotated[int, _whole()]  # of each device
    seconds: Annotated[int, _whole(SECONDS_MAX)]  # the longest it may take
    ceiling: Annotated[int, _whole()]  # micro-units
    slack: Annotated[int, _whole(SECONDS_MAX)]  # seconds for which a greener start may be waited for
    proposal: Annotated[int | None, _PROPOSAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeStarted:
    """A request began at a site, or went on there after an interruption."""

    kind: ClassVar[str] = "compute_started"
    request: Annotated[str, _text(_NAME)]
    site: Annotated[str, _text(_SITE)]
    why: Annotated[Why, _one_of(Why)]  # one of those that say a start
    waited: Annotated[int, _whole(SECONDS_MAX)]  # seconds since it was requested, or interrupted
    price: Annotated[int, _whole()]  # micro-units per device-hour
    until: Annotated[int, _whole(TIME_MAX)]  # the latest end, UNIX seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeInterrupted:
    """A request stopped before its end, and waits again."""

    kind: ClassVar[str] = "compute_interrupted"
    request: Annotated[str, _text(_NAME)]
    site: Annotated[str, _text(_SITE)]
    why: Annotated[Interruption, _one_of(Interruption)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeEnded:
    """A request ended, at its last site. What it used is that of all its parts, at whatever sites they ran.

    What the grid emitted meanwhile is not known so soon: each part's `compute_emitted` says it. `grams` is there for
    work that used no energy; older logs have in it the intensity of one hour for all of the work, without a PUE.
    """

    kind: ClassVar[str] = "compute_ended"
    request: Annotated[str, _text(_NAME)]
    site: Annotated[str | None, _or_none(_text(_SITE))]  # None: it never started
    outcome: Annotated[Outcome, _one_of(Outcome)]
    device_seconds: Annotated[int, _whole()]
    joules: Annotated[int | None, _or_none(_whole())]
    energy: Annotated[EnergyHow, _one_of(EnergyHow)]
    grams: Annotated[int | None, _or_none(_whole())]  # of CO2e
    cost: Annotated[int, _whole()]  # micro-units


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeEmitted:
    """What one part of a request emitted, as soon as the history of its grid is known: energy x PUE x intensity.

    `gram_seconds` is the sum of the grid's intensity (grams of CO2e per kWh) over the seconds in [since, until), and
    `at_once_gram_seconds` the same for as long, had the request begun when it was asked for: then this part would have
    begun as much earlier as its first part did. Energy counts as drawn evenly. The grams follow from the rest, and are
    checked: those emitted are rounded up, those saved down, and may be negative.
    """

    kind: ClassVar[str] = "compute_emitted"
    request: Annotated[str, _text(_NAME)]
    part: Annotated[int, _whole()]  # the attempt at the run; of a sandbox request, its machines counted from 1
    site: Annotated[str, _text(_SITE)]
    since: Annotated[int, _whole(TIME_MAX)]
    until: Annotated[int, _whole(TIME_MAX)]
    joules: Annotated[int, _whole()]
    pue_permille: Annotated[int, _whole(PUE_PERMILLE_MAX, 1)]
    source: Annotated[str, _text(_CODE)]
    signal: Annotated[Signal, _one_of(Signal)]
    gram_seconds: Annotated[int, _whole()]
    at_once_gram_seconds: Annotated[int | None, _or_none(_whole())]  # None: not known, and so is what was saved
    grams: Annotated[int, _whole()]
    grams_saved: Annotated[int | None, _or_none(_whole(least=-INTEGER_MAX))]

    @classmethod
    def of(cls, **told: Any) -> "ComputeEmitted":  # noqa: ANN401 - the fields, but for the grams
        """Return the event of all that the grams follow from. Raises Invalid for a time that is empty."""
        bare = cls(**told, grams=0, grams_saved=None)
        _require_time(bare)
        return replace(bare, grams=ceil(bare.exact), grams_saved=bare.floor_saved)

    @property
    def exact(self) -> Fraction:
        """The grams that were emitted."""
        return grams_of_sum(self.gram_seconds, self.until - self.since, self.joules, self.pue_permille)

    @property
    def exact_saved(self) -> Fraction | None:
        """The grams that beginning at once would have emitted beyond that."""
        if self.at_once_gram_seconds is None:
            return None
        less = self.at_once_gram_seconds - self.gram_seconds
        return grams_of_sum(less, self.until - self.since, self.joules, self.pue_permille)

    @property
    def floor_saved(self) -> int | None:
        """The same in whole grams."""
        return None if self.exact_saved is None else floor(self.exact_saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeRefused:
    """A request that was taken in will not be computed."""

    kind: ClassVar[str] = "compute_refused"
    request: Annotated[str, _text(_NAME)]
    reason: Annotated[str, _text(_CODE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeWaits:
    """Why a request waits from now on, told when the reason becomes another. None: nobody can say when it begins."""

    kind: ClassVar[str] = "compute_waits"
    request: Annotated[str, _text(_NAME)]
    why: Annotated[Why, _one_of(Why)]  # one of those that say no start
    expected: Annotated[int | None, _or_none(_whole(TIME_MAX))]  # UNIX seconds
    plus_minus: Annotated[int, _whole(SECONDS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeNeedsMore:
    """A request ran out of memory at a site: from now on it needs so much of each device, more than that site has."""

    kind: ClassVar[str] = "compute_needs_more"
    request: Annotated[str, _text(_NAME)]
    site: Annotated[str, _text(_SITE)]
    memory_bytes: Annotated[int, _whole(least=1)]  # of each device


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAdmitted:
    """The community, or its stewards (then without a proposal), let a site in. What it offers, `site_standing` says."""

    kind: ClassVar[str] = "site_admitted"
    site: Annotated[str, _text(_SITE)]
    proposal: Annotated[int | None, _PROPOSAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRemoved:
    """A site is no longer one of the community's. `why` is a code: left, voted, stewards, evidence and others."""

    kind: ClassVar[str] = "site_removed"
    site: Annotated[str, _text(_SITE)]
    why: Annotated[str, _text(_CODE)]
    proposal: Annotated[int | None, _PROPOSAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStanding:
    """What a site offers from now on, in whole: the last one holds. Open for figures is only the standing `open`.

    `governed_by` is the short name of another community whose policy holds there; empty: that of the log's own.
    """

    kind: ClassVar[str] = "site_standing"
    site: Annotated[str, _text(_SITE)]
    standing: Annotated[Standing, _one_of(Standing)]
    why: Annotated[str, _text(_CODE)]
    devices: Annotated[int, _whole(DEVICES_MAX)]
    memory_bytes: Annotated[int, _whole()]  # of each device
    region: Annotated[str, _text(_NAME)]
    country: Annotated[str, _text(_COUNTRY)]  # ISO 3166-1, two letters
    device_kind: Annotated[str, _text(_KIND)] = ""  # older logs do not say it
    governed_by: Annotated[str, _text(_OTHER)] = ""  # nor this


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePolicyAdopted:
    """How compute is shared from now on: the fields of `Policy`, and the vote. `shares` is written as an object."""

    kind: ClassVar[str] = "compute_policy_adopted"
    half_life: Annotated[int, _whole(least=1)]
    weight_fair: Annotated[int, _whole()]
    weight_age: Annotated[int, _whole()]
    weight_tier: Annotated[int, _whole()]
    age_full: Annotated[int, _whole(least=1)]
    shares: Annotated[tuple[tuple[str, int], ...], _shares]
    reserved_bps: Annotated[int, _whole(BPS)]
    reserved_lent: Annotated[bool, _flag]
    backfill: Annotated[bool, _flag]
    wait_max: Annotated[int, _whole()]
    carbon_aware: Annotated[bool, _flag]
    proposal: Annotated[int | None, _PROPOSAL]

    @classmethod
    def of(cls, policy: Policy, proposal: int | None) -> "ComputePolicyAdopted":
        """Return the event of a policy."""
        values = {each.name: getattr(policy, each.name) for each in fields(policy)}
        return cls(**{**values, "shares": tuple(sorted(policy.shares.items()))}, proposal=proposal)

    @property
    def policy(self) -> Policy:
        """The policy, as the scheduler takes it."""
        values = {each.name: getattr(self, each.name) for each in fields(Policy)}
        return Policy(**{**values, "shares": dict(self.shares)})


Event = (
    ComputeRequested
    | ComputeStarted
    | ComputeInterrupted
    | ComputeEnded
    | ComputeEmitted
    | ComputeRefused
    | ComputeWaits
    | ComputeNeedsMore
    | SiteAdmitted
    | SiteRemoved
    | SiteStanding
    | ComputePolicyAdopted
)
EVENTS: tuple[type[Event], ...] = (
    ComputeRequested,
    ComputeStarted,
    ComputeInterrupted,
    ComputeEnded,
    ComputeEmitted,
    ComputeRefused,
    ComputeWaits,
    ComputeNeedsMore,
    SiteAdmitted,
    SiteRemoved,
    SiteStanding,
    ComputePolicyAdopted,
)
KINDS: Mapping[str, type[Event]] = {each.kind: each for each in EVENTS}


# An entry has a `proposal` of its own, the digest of the one that it belongs to: the number is kept under another name.
_KEYS = {"proposal": "proposal_number"}


def _readers(event: type[Event]) -> dict[str, tuple[str, _Reader]]:
    """Return the attribute and the reader of each key of the data."""
    hints = get_type_hints(event, include_extras=True)
    return {_key(each.name): (each.name, hints[each.name].__metadata__[0]) for each in fields(event)}


def _key(name: str) -> str:
    return _KEYS.get(name, name)


_READERS = {kind: _readers(event) for kind, event in KINDS.items()}
# Fields that came later: what their event says without them.
_LATER: Mapping[str, Data] = {
    event.kind: {_key(each.name): each.default for each in fields(event) if each.default is not MISSING}
    for event in EVENTS
}


def read(kind: str, data: object) -> Event:
    """Return the event of an entry's kind and data.

    Raises Invalid with code `unknown_event` (a kind that is none of these), `unknown_field`, `missing_field` or
    `malformed_field`, naming the field, what was found and what is allowed.
    """
    event = KINDS.get(kind)
    if event is None:
        raise Invalid("unknown_event", "this is no event of the compute commons", found=kind[:40], allowed=list(KINDS))
    if not isinstance(data, Mapping):
        raise _invalid("data", data, "an object")
    declared = _READERS[kind]
    for key in data:
        if key not in declared:
            raise Invalid("unknown_field", f"{kind} has no such field", found=str(key)[:80], allowed=list(declared))
    data = {**_LATER[kind], **data}
    for key in declared:
        if key not in data:
            raise Invalid("missing_field", f"{kind} needs this field", field=key, allowed=list(declared))
    return _consistent(event(**{name: reader(key, data[key]) for key, (name, reader) in declared.items()}))


def data_of(event: Event) -> Data:
    """Return what the log keeps of an event: JSON values only, checked by the reader. Raises Invalid like `read`."""
    data = {_key(each.name): _plain(getattr(event, each.name)) for each in fields(event)}
    read(event.kind, data)
    return data


def _consistent(event: Event) -> Event:
    """Refuse what each field allows, and all of them together do not."""
    if isinstance(event, ComputeStarted) and not event.why.startswith("starts"):
        starts = [str(each) for each in Why if each.startswith("starts")]
        raise _invalid("why", str(event.why), starts)
    if isinstance(event, ComputeWaits) and event.why.startswith("starts"):
        raise _invalid("why", str(event.why), [str(each) for each in Why if not each.startswith("starts")])
    if isinstance(event, ComputeRequested) and (event.proposal is not None) != (event.origin is Origin.VOTED):
        raise _invalid(_key("proposal"), event.proposal, "a number for a voted request, none for a sandbox request")
    if isinstance(event, ComputeEnded) and (event.joules is None) != (event.energy is EnergyHow.UNKNOWN):
        raise _invalid("joules", event.joules, "a number, unless the energy is unknown")
    if isinstance(event, ComputeEmitted):
        _require_time(event)
        if event.grams != ceil(event.exact):
            raise _invalid("grams", event.grams, "what follows from the rest")
        if event.grams_saved != event.floor_saved:
            raise _invalid("grams_saved", event.grams_saved, "what follows from the rest")
    return event


def _require_time(event: ComputeEmitted) -> None:
    if event.until <= event.since:
        raise _invalid("until", event.until, "a moment after `since`")


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return str(value)
    return dict(value) if isinstance(value, tuple) else value


def _invalid(name: str, found: object, allowed: object) -> Invalid:
    if isinstance(found, int):
        shown: object = found if abs(found) <= INTEGER_MAX else "a number beyond 2^53-1"
    else:
        shown = found[:80] if isinstance(found, str) else type(found).__name__
    return Invalid("malformed_field", f"{name} is not as the log keeps it", field=name, found=shown, allowed=allowed)
