"""Who follows in this browser: a part of the session of its own, beside the one of a member's wallet.

Nothing here touches `request.user`: what services take for an address comes from there alone, so that a reader who is
signed in can do nothing that a member does, whatever address the reader is linked to.
"""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from governance.errors import NotAuthenticated
from governance.models import Reader
from governance.readers import accounts

_KEY = "reader"
_CACHE = "_reader_of_this_request"


def signed_in_reader(request: HttpRequest) -> Reader | None:
    """Return the reader who signed in with a link or a passkey in this browser, whatever wallet is signed in too."""
    session = getattr(request, "session", None)
    kept = session.get(_KEY) if session is not None else None
    if not isinstance(kept, list):
        return None
    number, stamp = kept
    return Reader.objects.filter(pk=number, stamp=stamp).first()


def current(request: HttpRequest) -> Reader | None:
    """Return who follows in this browser: the reader who signed in, or the one linked to the wallet that signed in.

    None for a visitor, and for a member who has not needed a reader yet (`needed` makes one). A reader of another
    wallet than the one that is signed in stands back. Asked once for each request.
    """
    if not hasattr(request, _CACHE):
        wallet, reader = _wallet(request), signed_in_reader(request)
        if wallet and (reader is None or reader.address not in {None, wallet}):
            reader = Reader.objects.filter(address=wallet).first()
        setattr(request, _CACHE, reader)
    found: Reader | None = getattr(request, _CACHE)
    return found


def needed(request: HttpRequest, language: str, now: datetime) -> Reader:
    """Return who follows in this browser; make the reader of a member on first need. NotAuthenticated for a visitor."""
    reader, wallet = current(request), _wallet(request)
    if reader is None and wallet:
        reader = accounts.reader_of_address(wallet, language, now)
        forget_asked(request)
    if reader is None:
        raise NotAuthenticated("no_reader", "sign in first: with an e-mail link, a passkey or a wallet")
    return reader


def waiting_wallet(request: HttpRequest) -> str:
    """Return the address that is signed in beside a reader who has none: the person may say that both are theirs."""
    reader = signed_in_reader(request)
    return _wallet(request) if reader is not None and reader.address is None else ""


def open_session(request: HttpRequest, reader: Reader) -> None:
    """Sign this reader in: the session goes on under a new key, so that whoever planted the old one has nothing."""
    request.session.cycle_key()
    request.session[_KEY] = [reader.pk, reader.stamp]
    rotate_token(request)
    forget_asked(request)


def close_session(request: HttpRequest) -> None:
    """Sign out, with the wallet if one is signed in too: whoever signs out means all of it."""
    request.session.flush()
    forget_asked(request)


def forget_asked(request: HttpRequest) -> None:
    """Let the next question after who follows here look again: something about it has changed."""
    if hasattr(request, _CACHE):
        delattr(request, _CACHE)


def _wallet(request: HttpRequest) -> str:
    user: Any = getattr(request, "user", None)
    return str(user.address) if user is not None and user.is_authenticated else ""
