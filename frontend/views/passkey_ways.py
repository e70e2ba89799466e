"""Whether this page can offer passkeys, where else they can be used, and what the script says when one is refused."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from frontend import words
from frontend.words.readers import PASSKEY_REFUSALS


@dataclass(frozen=True)
class Offer:
    """`here`: on this page. `elsewhere`: the address of the same page where they work; empty when nowhere."""

    here: bool
    elsewhere: str
    says: str


def is_here(request: HttpRequest) -> bool:
    """Say whether passkeys work on this very page."""
    return bool(settings.PASSKEY_ORIGIN) and request.get_host() == urlsplit(settings.PASSKEY_ORIGIN).netloc


def offered(request: HttpRequest) -> Offer:
    """Return what to offer. A machine that is called by its number has no passkeys, and may have them by its name."""
    origin, here = settings.PASSKEY_ORIGIN, is_here(request)
    elsewhere = "" if here or not origin else f"{origin}{request.path}"
    return Offer(here, elsewhere, json.dumps({code: words.refusal(code, "", allowed="") for code in PASSKEY_REFUSALS}))
