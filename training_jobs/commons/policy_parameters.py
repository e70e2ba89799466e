"""The parameters of a compute policy, one after the other: the question, what is refused, and how a value is said.

Values are whole numbers in seconds and basis points; people write and read days and percent. Bounds are those beyond
which a policy is a slip of the pen; each question says its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Invalid
from training_jobs.commons import policies
from training_jobs.commons.policies import NewcomerRule
from training_jobs.scheduling.values import BPS, Policy

DAY: Final = 24 * 3600
DAYS_MAX: Final = 365
WEIGHT_MAX: Final = 10_000
SHARE_MAX: Final = 1_000
SHARES_MAX: Final = 100
RESERVED_MAX: Final = 9_000  # basis points: what is left over is for everybody
PEERS_MAX: Final = 20
NEWCOMER_DAYS_MAX: Final = 730
_DIGITS_MAX: Final = 9
_PLACES: Final = 2

Text = str | Promise


# --- judging ------------------------------------------------------------------------------------------------------


def _whole(least: int, most: int, unit: int = 1) -> Callable[[str, object], int]:
    """Return a judge of whole numbers of a unit, such as days in seconds."""

    def judge(path: str, found: object) -> int:
        if type(found) is not int or not least * unit <= found <= most * unit or found % unit:
            detail = "a whole number" if unit == 1 else f"a whole number of {unit} seconds"
            shown = found if type(found) is not int or abs(found) < 1 << 53 else "a very large number"
            raise Invalid("beyond_bounds", detail, field=path, found=shown, allowed=[least * unit, most * unit])
        return found

    return judge


def _flag(path: str, found: object) -> bool:
    if not isinstance(found, bool):
        raise Invalid("malformed_field", "yes or no", field=path, found=found, allowed=[True, False])
    return found


def _one_of(known: Sequence[str]) -> Callable[[str, object], str]:
    def judge(path: str, found: object) -> str:
        if not isinstance(found, str) or found not in known:
            raise Invalid("malformed_field", "one of these", field=path, found=found, allowed=list(known))
        return found

    return judge


def _some_of(known: Sequence[str]) -> Callable[[str, object], list[str]]:
    def judge(path: str, found: object) -> list[str]:
        named = found if isinstance(found, list) and all(isinstance(each, str) for each in found) else []
        if not named or not set(named) <= set(known):
            raise Invalid("malformed_field", "at least one of these", field=path, found=found, allowed=list(known))
        return [each for each in known if each in named]

    return judge


def _shares(path: str, found: object) -> dict[str, int]:
    if not isinstance(found, dict) or len(found) > SHARES_MAX:
        detail = f"communities with their shares, at most {SHARES_MAX}"
        raise Invalid("malformed_field", detail, field=path, found=type(found).__name__)
    judge = _whole(1, SHARE_MAX)
    for slug, share in found.items():
        if not isinstance(slug, str) or "\x00" in slug:
            raise Invalid("malformed_field", "a community", field=path)
        judge(path, share)
    return dict(sorted(found.items()))


# --- what people write and read -------------------------------------------------------------------------------------


def _whole_number(answer: object) -> int | str:
    """Return the number that an answer writes in digits, or the answer as it is, to be refused."""
    text = str(answer).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else text


def _read_days(answer: object) -> int | str:
    days = _whole_number(answer)
    return days * DAY if isinstance(days, int) else days


def _read_percent(answer: object) -> int | str:
    """Return basis points; a comma is a point, too."""
    text = str(answer).strip().replace(",", ".")
    whole, _point, rest = text.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit() and whole and len(rest) <= _PLACES and len(whole) <= _DIGITS_MAX):
        return text
    return int(whole) * 100 + int(rest.ljust(_PLACES, "0") or "0")


def _read_shares(answer: object) -> dict[str, int | str]:
    """Return a share for each line, "gardens 3"; what is no number is refused by its judge."""
    lines = [line.replace(":", " ").split() for line in str(answer).splitlines() if line.strip()]
    return {line[0]: _whole_number(line[1]) if len(line) == 2 else " ".join(line) for line in lines}  # noqa: PLR2004


def _read_several(answer: object) -> list[str]:
    return [answer] if isinstance(answer, str) else list(answer)  # type: ignore[call-overload]


def _percent(bps: int) -> str:
    whole, rest = divmod(bps, BPS // 100)
    return f"{whole}.{rest:02}".rstrip("0") if rest else str(whole)


def _say_percent(bps: int) -> str:
    return _("%(number)s%%") % {"number": number_format(Decimal(_percent(bps)))}


def _say_days(seconds: int) -> str:
    return _counted_days(seconds // DAY)


def _counted_days(days: int) -> str:
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


def _say_flag(value: bool) -> str:  # noqa: FBT001 - the value of a parameter
    return _("yes") if value else _("no")


def _say_shares(shares: Mapping[str, int]) -> str:
    return ", ".join(f"{slug} {share}" for slug, share in shares.items()) or _("all alike")


_YES_NO = (("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")))
KIND_NAMES: Final[Mapping[str, Text]] = {
    policies.STUDENT: gettext_lazy("student"),
    policies.INDEPENDENT: gettext_lazy("independent researcher"),
    policies.SMALL_ORGANISATION: gettext_lazy("small organisation"),
}
ATTESTER_NAMES: Final[Mapping[str, Text]] = {
    policies.MEMBERS: gettext_lazy("every member with voting power"),
    policies.COUNCIL: gettext_lazy("the council in office"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One parameter: its question, and how its value is judged, said, and written into the form and read from it."""

    name: str
    label: Text
    help: Text
    type: str
    judge: Callable[[str, object], Any]
    say: Callable[[Any], str]
    write: Callable[[Any], str | list[str]] = str
    read: Callable[[Any], Any] = _whole_number
    options: tuple[tuple[str, Text], ...] = ()
    required: bool = True


def _days(name: str, label: Text, help_text: Text) -> Asked:
    return Asked(
        name,
        label,
        help_text,
        "integer",
        _whole(1, DAYS_MAX, DAY),
        _say_days,
        lambda value: str(value // DAY),
        _read_days,
    )


def _weight(name: str, label: Text, help_text: Text) -> Asked:
    return Asked(name, label, help_text, "integer", _whole(0, WEIGHT_MAX), str)


def _yes_no(name: str, label: Text, help_text: Text) -> Asked:
    return Asked(
        name,
        label,
        help_text,
        "choice",
        _flag,
        _say_flag,
        lambda value: "yes" if value else "no",
        lambda answer: {"yes": True, "no": False}.get(str(answer), answer),
        _YES_NO,
    )


ASKED: Final = (
    _days(
        "half_life",
        gettext_lazy("Past use counts half after"),
        gettext_lazy(
            "Days, 1 to 365. Whoever has used much goes after whoever has used little; this is how fast it fades."
        ),
    ),
    _weight(
        "weight_fair",
        gettext_lazy("Weight of the fair share"),
        gettext_lazy("0 to 10,000; what counts is its size beside the other two."),
    ),
    _weight("weight_age", gettext_lazy("Weight of waiting"), gettext_lazy("0 to 10,000. Who waits long goes earlier.")),
    _weight(
        "weight_tier",
        gettext_lazy("Weight of the vote"),
        gettext_lazy("0 to 10,000. What a weightier vote decided goes earlier."),
    ),
    _days(
        "age_full",
        gettext_lazy("Waiting counts in full after"),
        gettext_lazy("Days, 1 to 365."),
    ),
    Asked(
        "shares",
        gettext_lazy("Shares of communities"),
        gettext_lazy(
            "One on each line: a community’s short name and its share, 1 to 1,000, such as gardens 3. Others have 1."
        ),
        "long_text",
        _shares,
        _say_shares,
        lambda value: "\n".join(f"{slug} {share}" for slug, share in value.items()),
        _read_shares,
        required=False,
    ),
    Asked(
        "reserved_bps",
        gettext_lazy("Reserved for newcomers"),
        gettext_lazy("In percent of all devices that are open, 0 to 90, with at most two decimals."),
        "decimal",
        _whole(0, RESERVED_MAX),
        _say_percent,
        _percent,
        _read_percent,
    ),
    _yes_no(
        "reserved_lent",
        gettext_lazy("Lend the reserve while it is idle"),
        gettext_lazy("To work that can stop and go on later; a newcomer gets the devices at its next checkpoint."),
    ),
    _yes_no(
        "backfill",
        gettext_lazy("Let small work go in gaps"),
        gettext_lazy("Work that is surely over before a larger one can begin may start before it."),
    ),
    _days(
        "wait_max",
        gettext_lazy("A request goes before all others after"),
        gettext_lazy("Days, 1 to 365. Nobody waits for ever."),
    ),
    _yes_no(
        "carbon_aware",
        gettext_lazy("Wait for greener hours"),
        gettext_lazy("Only as long as each vote allows."),
    ),
    Asked(
        "kinds",
        gettext_lazy("Who is a newcomer"),
        gettext_lazy("The kinds that others can attest."),
        "choices",
        _some_of(policies.KINDS),
        lambda value: ", ".join(str(KIND_NAMES[each]) for each in value),
        list,
        _read_several,
        tuple(KIND_NAMES.items()),
    ),
    Asked(
        "peers",
        gettext_lazy("Others who must attest it"),
        gettext_lazy("1 to 20 people at once."),
        "integer",
        _whole(1, PEERS_MAX),
        str,
    ),
    Asked(
        "days",
        gettext_lazy("An attestation holds for"),
        gettext_lazy("Days, 1 to 730. Those made before keep the end that they were given."),
        "integer",
        _whole(1, NEWCOMER_DAYS_MAX),
        _counted_days,
    ),
    Asked(
        "attesters",
        gettext_lazy("Who may attest"),
        "",
        "choice",
        _one_of(policies.ATTESTERS),
        lambda value: str(ATTESTER_NAMES[value]),
        options=tuple(ATTESTER_NAMES.items()),
        read=str,
    ),
)
POLICY: Final = tuple(each.name for each in fields(Policy))
RULE: Final = tuple(each.name for each in fields(NewcomerRule))
