"""From which network a request comes, as a name that tells nobody which: for limits that are fair to strangers.

The name is a keyed hash (HMAC-SHA-256, RFC 2104) of the day and the first 24 bits of an IPv4 address or 48 of an IPv6
one, as one household or small provider has them. The address is stored nowhere; the name is another one the next day,
when the sweeper forgets it (`models_registry/networks.py`, `readers/sweeping.py`). Whoever has the site's secret key
could find the network of a name that is not forgotten yet by trying them all.
"""

import hmac
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from governance.clock import unix

DAY_SECONDS = 24 * 3600
_NAME_CHARACTERS = 32
_BITS = {4: 24, 6: 48}


def network_of(request: HttpRequest, now: datetime) -> str:
    """Return the name of the network that a request comes from, as it is called today."""
    key = settings.SECRET_KEY.encode()
    said = f"network:{unix(now) // DAY_SECONDS}:{_prefix(_address(request))}"
    return hmac.digest(key, said.encode(), "sha256").hex()[:_NAME_CHARACTERS]


def seconds_until_forgotten(now: datetime) -> int:
    """Return how long it takes until every network has another name."""
    return DAY_SECONDS - unix(now) % DAY_SECONDS


def _address(request: HttpRequest) -> str:
    """Return the address of the client; behind our proxy it is what the proxy itself has added last."""
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")) if settings.PROXIED else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


def _prefix(text: str) -> str:
    """Return the network of an address; what is none, such as the empty text of a socket, is one network."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address, _BITS[address.version]), strict=False))
