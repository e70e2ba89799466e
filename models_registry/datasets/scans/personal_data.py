"""Personal data and secrets: e-mail addresses, phone numbers, IBANs, payment cards, access keys.

Patterns find the forms that machines agree on (checksums where they exist: IBAN by ISO 7064 mod 97, cards by Luhn).
Names, street addresses and what only context reveals are not found: this scan lowers the risk, it does not remove it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from models_registry.datasets.scans.base import Context, Row, Scan, tally, without_invisible

# Every pattern is bounded, so that no text makes the search slow.
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")
_PHONES = (
    # International: +33 6 12 34 56 78, 0033612345678, +1 (415) 555-0100.
    re.compile(r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ .\-]?\(?\d{1,4}\)?){2,6}(?!\w)"),
    # French national: 06 12 34 56 78 (also with dots, dashes or nothing between the pairs).
    re.compile(r"(?<![\w+])0[1-9](?:[ .\-]?\d{2}){4}(?!\w)"),
    # North American: 415-555-0100, (415) 555-0100.
    re.compile(r"(?<![\w+])\(?[2-9]\d{2}\)?[ .\-][2-9]\d{2}[.\-]\d{4}(?!\w)"),
)
_PHONE_DIGITS_MIN = 9
_PHONE_DIGITS_MAX = 15
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \-]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_IBAN_CHARACTERS_MIN = 15
# Without a bound on digits, ordinary words pass the checksum once in 97 times.
_IBAN_DIGITS_MIN = 10
# Written in one piece, in fours, or as American Express prints them.
_CARD = re.compile(
    r"(?<!\d)(?:[2-6]\d{12,18}|[2-6]\d{3}([ \-])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|3\d{3}([ \-])\d{6}\2\d{5})(?!\d)"
)
# Phones, cards and accounts all have at least nine digits, not far from each other; most texts have not.
_MANY_DIGITS = re.compile(r"\d(?:[^\d\n]{0,4}\d){8}")
# Each with a text that it always holds: looking for that first is much quicker than searching for the pattern.
_KEYS = (
    ("Hugging Face token", "hf_", re.compile(r"\bhf_[A-Za-z0-9]{20,}")),
    ("GitHub token", "gh", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})")),
    ("AWS key", "IA", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("API key", "sk-", re.compile(r"\bsk-[A-Za-z0-9_\-]{20,}")),
    ("private key", "0x", re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{64}(?![0-9A-Za-z])")),
    ("private key", "-----BEGIN", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")),
)


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find what identifies a person or opens a door; count and locate it, never quote it."""
    return tally(rows, findings)


def findings(text: str) -> Iterator[str]:
    """Yield the kind of each finding in `text`. Full-width digits and zero-width characters hide nothing."""
    plain = unicodedata.normalize("NFKC", without_invisible(text))
    for kind, mark, pattern in _KEYS:
        if mark in plain:
            yield from (kind for _ in pattern.finditer(plain))
    if "@" in plain:
        yield from ("e-mail address" for _ in _EMAIL.finditer(plain))
    if _MANY_DIGITS.search(plain):
        yield from _numbers(plain)


def _numbers(plain: str) -> Iterator[str]:
    # A card or an account also looks like a phone number: what has been recognised is taken out before going on.
    for kind, pattern, check in (("bank account", _IBAN, _is_iban), ("payment card", _CARD, _is_card)):
        for match in list(pattern.finditer(plain)):
            if check(match.group()):
                yield kind
                plain = plain.replace(match.group(), " ")
    for pattern in _PHONES:
        for match in list(pattern.finditer(plain)):
            if _PHONE_DIGITS_MIN <= len(re.sub(r"\D", "", match.group())) <= _PHONE_DIGITS_MAX:
                yield "phone number"
                plain = plain.replace(match.group(), " ")


def _is_iban(text: str) -> bool:
    """Check ISO 7064 mod 97-10. A word may hang on behind the account, so shorter endings are tried too."""
    characters = re.sub(r"[ \-]", "", text).upper()
    return any(
        _iban_remainder(characters[:length]) == 1
        for length in range(len(characters), _IBAN_CHARACTERS_MIN - 1, -1)
        if sum(character.isdigit() for character in characters[:length]) >= _IBAN_DIGITS_MIN
    )


def _iban_remainder(account: str) -> int:
    rearranged = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97


def _is_card(text: str) -> bool:
    """Check Luhn's sum, as on payment cards; a number of one repeated digit is a placeholder."""
    digits = [int(character) for character in text if character.isdigit()]
    # Every second digit from the right is doubled; the digits of the double are added.
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and total % 10 == 0


SCAN = Scan(
    name="personal_data",
    version=1,
    label="Personal data and secrets",
    description="No e-mail address, phone number, bank account, payment card or access key.",
    blocks=True,
    search=search,
)
