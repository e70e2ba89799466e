"""Where personal data stands in a text: addresses, numbers and accounts, in the forms that machines agree on.

Checksums are checked where they exist: IBAN by ISO 7064 mod 97-10, cards by Luhn (ISO/IEC 7812), the French NIR by
mod 97, the Spanish DNI by mod 23. Pure; shared by the scan of datasets, by the masking of excerpts, and by whoever
measures what a model gives away.
"""

import ipaddress
import re
from collections.abc import Iterator

from models_registry.datasets.scans.base import Span

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
_CARD_DIGITS = 16
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_IP4_DIGITS_MIN = 6
_IP6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){3,7}(?![\w:])")
# NIR (sex, year, month, department with Corsica, commune, order, key); SSN; National Insurance number; DNI and NIE.
_NIR = re.compile(r"(?<!\d)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\d)")
_SSN = re.compile(r"(?<![\d\-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d\-])")
_NINO = re.compile(r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")
_DNI = re.compile(r"\b[XYZ\d]\d{7}-?[A-HJ-NP-TV-Z]\b")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_DIGIT = re.compile(r"\d")
# All of these have six digits not far from each other, or more; most texts have not.
_MANY_DIGITS = re.compile(r"\d(?:[^\d\n]{0,4}\d){5}")


def spans(plain: str) -> Iterator[Span]:
    """Yield personal data in `plain`, a text already without invisible characters and full-width letters."""
    if "@" in plain:
        for match in _EMAIL.finditer(plain):
            yield Span(match.start(), match.end(), "e-mail address")
    if ":" in plain:
        yield from _addresses(_IP6, plain)
    if _MANY_DIGITS.search(plain):
        if "." in plain:
            yield from _addresses(_IP4, plain)
        yield from _numbers(plain)


def _addresses(pattern: re.Pattern[str], plain: str) -> Iterator[Span]:
    """Yield the network addresses that lead to somebody: those of private networks and of examples lead to nobody."""
    for match in pattern.finditer(plain):
        try:
            address = ipaddress.ip_address(match.group())
        except ValueError:
            continue
        # A version number such as 1.2.3.4 has fewer digits than nearly every address.
        if address.is_global and len(_DIGIT.findall(match.group())) >= (_IP4_DIGITS_MIN if address.version == 4 else 0):  # noqa: PLR2004
            yield Span(match.start(), match.end(), "network address")


def _numbers(plain: str) -> Iterator[Span]:
    # A card or an account also looks like a phone number: what has been recognised is blanked out before going on.
    for kind, pattern, check in (
        ("bank account", _IBAN, _is_iban),
        ("national identity number", _NIR, _is_nir),
        ("payment card", _CARD, _is_card),
        ("national identity number", _SSN, _always),
        ("national identity number", _NINO, _always),
        ("national identity number", _DNI, _is_dni),
        *(("phone number", pattern, _is_phone) for pattern in _PHONES),
    ):
        for match in list(pattern.finditer(plain)):
            if check(match.group()):
                yield Span(match.start(), match.end(), kind)
                plain = plain[: match.start()] + " " * (match.end() - match.start()) + plain[match.end() :]


def _always(_text: str) -> bool:
    return True


def _is_phone(text: str) -> bool:
    return _PHONE_DIGITS_MIN <= len(_DIGIT.findall(text)) <= _PHONE_DIGITS_MAX


def _is_iban(text: str) -> bool:
    """Check ISO 7064 mod 97-10. A word may hang on behind the account, so shorter endings are tried too."""
    characters = re.sub(r"[ \-]", "", text).upper()
    return any(
        _iban_remainder(characters[:length]) == 1
        for length in range(len(characters), _IBAN_CHARACTERS_MIN - 1, -1)
        if sum(character.isdigit() for character in characters[:length]) >= _IBAN_DIGITS_MIN
    )


def iban_key(country: str, account: str) -> str:
    """Return the two check digits of an account, for whoever makes examples."""
    return f"{98 - _iban_remainder(f'{country}00{account}'):02d}"


def _iban_remainder(account: str) -> int:
    rearranged = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97


def _is_card(text: str) -> bool:
    """Check Luhn's sum, as on payment cards. Behind four groups of four a fifth may be the next word."""
    digits = [int(character) for character in text if character.isdigit()]
    return _keeps_luhn(digits) or (not text.isdigit() and _keeps_luhn(digits[:_CARD_DIGITS]))


def _keeps_luhn(digits: list[int]) -> bool:
    """Every second digit from the right is doubled and its digits added. One repeated digit is a placeholder."""
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and total % 10 == 0


def _is_nir(text: str) -> bool:
    """Check the key: 97 less the number modulo 97, with Corsica's 2A and 2B counted as 19 and 18."""
    characters = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return characters.isdigit() and int(characters[-2:]) == 97 - int(characters[:-2]) % 97


def _is_dni(text: str) -> bool:
    number = text.replace("-", "")[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return number.isdigit() and _DNI_LETTERS[int(number) % len(_DNI_LETTERS)] == text[-1]
