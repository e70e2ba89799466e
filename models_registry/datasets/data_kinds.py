"""What kinds of data a dataset is and in which country its rows are kept, as said by whoever registers it. Pure.

A kind is a word. Rules of sites name kinds by the same words (`Site.data_in`, `Site.data_out`), so that both sides mean
the same; RECOMMENDED are the words that are offered, others may be said. Nothing here looks at the rows: nobody checks
that what is said is true.
"""

import re
from typing import Any, Final

from governance.errors import Invalid
from models_registry.datasets.countries import COUNTRIES

WORD: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
KINDS_MAX: Final = 8
RECOMMENDED: Final = ("public", "personal", "health", "confidential", "licensed")
# The kind of a dataset of which nobody has said it: a site with a list gets such data only where it names this word.
UNCLASSIFIED: Final = "unclassified"
_FOUND_CHARACTERS = 80


def read_data_kinds(value: object) -> list[str]:
    """Return kinds in order, each once; raise Invalid for what is none, or for too many.

    `value` is a list of words, or as forms have it a text with commas between them. Nothing said is an empty list.
    """
    words = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(words, list):
        detail = "kinds of data are a list of words, or a text with commas between them"
        raise Invalid("malformed_field", detail, field="data_kinds", found=type(value).__name__)
    for word in words:
        if not isinstance(word, str) or not WORD.fullmatch(word):
            found = word[:_FOUND_CHARACTERS] if isinstance(word, str) else type(word).__name__
            detail = "a kind of data is a word of this form"
            raise Invalid("malformed_field", detail, field="data_kinds", found=found, allowed=WORD.pattern)
    kinds = sorted(set(words))
    if len(kinds) > KINDS_MAX:
        detail = "name fewer kinds of data"
        raise Invalid("too_many_kinds", detail, field="data_kinds", found=len(kinds), allowed=KINDS_MAX)
    return kinds


def read_country(value: object) -> str:
    """Return the two letters of a country, or nothing for none; raise Invalid for what is none."""
    if value == "" or (isinstance(value, str) and value in COUNTRIES):
        return str(value)
    found = value[:_FOUND_CHARACTERS] if isinstance(value, str) else type(value).__name__
    raise Invalid("unknown_country", "two capital letters of ISO 3166-1", field="country", found=found)


def said(kinds: list[str], country: str) -> dict[str, Any]:
    """Return what votes and records have of it: only what was said, so that records from before keep their bytes."""
    return {**({"data_kinds": kinds} if kinds else {}), **({"country": country} if country else {})}
