"""What a reader asks for in an address: page numbers and short words. Nonsense is read as the least."""

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


def address_refusal(error: AddressError) -> str:
    """Say what is wrong with an address."""
    code = "address_malformed" if error.code == "malformed_field" else error.code
    return words.refusal(code, error.detail)
