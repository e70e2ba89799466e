"""Money of the books in base units of a token, whole numbers only. Pure.

A rate is how many base units stand for one minor unit (a cent). Settlements are of whole minor units, so that nothing
is ever rounded.
"""

import re
from typing import Final

from governance.errors import Invalid
from training_jobs.ledger.currencies import MICRO_DIGITS, for_people, require_written

MICRO: Final = 10**MICRO_DIGITS
RATE_MAX: Final = 10**36
_RATE: Final = re.compile(r"[1-9][0-9]{0,36}")


def require_rate(text: object, field: str) -> str:
    """Return a rate in its one spelling; raise Invalid for anything else."""
    if not isinstance(text, str) or not _RATE.fullmatch(text) or int(text) > RATE_MAX:
        found = text[:40] if isinstance(text, str) else type(text).__name__
        detail = "a whole number of base units of the token, as text"
        raise Invalid("malformed_rate", detail, field=field, found=found, allowed=f"1 to {RATE_MAX}")
    return text


def require_settled(text: object, currency: str, field: str) -> int:
    """Return an amount that can be settled, in micro-units: whole minor units. Raise Invalid for others."""
    amount = require_written(text, currency, field)
    if amount % MICRO:
        detail = "only whole minor units are settled, such as cents"
        allowed = for_people(max(amount - amount % MICRO, MICRO), currency)
        raise Invalid("not_whole_minor_units", detail, field=field, found=for_people(amount, currency), allowed=allowed)
    return amount


def value_of(amount: int, rate: str) -> int:
    """Return what an amount of whole minor units is in base units of the token."""
    return amount // MICRO * int(rate)
