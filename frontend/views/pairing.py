"""Draws the code that a wallet on another device reads. The address in it is a secret of the page: nothing is kept."""

import re

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from frontend import qr
from governance.errors import Invalid, NotFound
from governance.evidence.canonical import CanonicalError, strict_loads

_BODY_BYTES_MAX = 2_000
# WalletConnect 2 (CAIP-25 pairing): a topic, the version, and what the relay and the other side need.
_ADDRESS = re.compile(r"wc:[0-9a-f]{64}@2\?[A-Za-z0-9=&%_.~,-]{1,400}")


@never_cache
@require_POST
def code(request: HttpRequest) -> JsonResponse:
    """Answer with the picture of an address of a pairing, as SVG."""
    if not settings.PAIRING_PROJECT:
        raise NotFound("no_pairing", "this site pairs with no wallets on other devices")
    address = _address_in(request.body) if request.content_type == "application/json" else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise Invalid("bad_pairing", "an address of a pairing begins with wc: and holds its key", field="address")
    return JsonResponse({"svg": qr.svg(address, gettext("Code for the wallet on your other device"))})


def _address_in(body: bytes) -> object:
    try:
        said = strict_loads(body, max_bytes=_BODY_BYTES_MAX)
    except CanonicalError as error:
        raise Invalid("malformed_json", "an object of JSON is needed") from error
    return said.get("address") if isinstance(said, dict) else None
