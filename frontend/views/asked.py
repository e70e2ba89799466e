"""What a reader asks for in an address: page numbers and short words. Nonsense is read as the least."""

import re

from django.http import HttpRequest

from frontend import words
from governance.eip712 import AddressError

PAGE_DIGITS_MAX = 6
WORD_MAX = 100


def page_number(request: HttpRequest) -> int:
    """Return the page that is asked for, or the first."""
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS_MAX else 1


def plain(request: HttpRequest, name: str) -> str:
    """Return one word of the query. No database keeps the NUL character, so nothing can be found by it."""
    return request.GET.get(name, "")[:WORD_MAX].replace("\0", "").strip()


def viewer(request: HttpRequest) -> str:
    """Return the address that is signed in, or nothing."""
    return str(request.user.address) if request.user.is_authenticated else ""


def address_refusal(error: AddressError, asked: str = "") -> str:
    """Say what is wrong with an address that was pasted, by what it looks like."""
    if error.code != "malformed_field":
        return words.refusal(error.code, error.detail)
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+", asked):
        return words.refusal("address_is_a_name", error.detail)
    if re.fullmatch(r"[0-9a-fA-F]{40}", asked):
        return words.refusal("address_without_0x", error.detail)
    if re.fullmatch(r"0x[0-9a-fA-F]+", asked):
        return words.refusal("address_length", error.detail, len(asked) - len("0x"))
    return words.refusal("address_malformed", error.detail)
