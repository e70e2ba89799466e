"""What every page needs: whether this is the demo, the viewer's name, and the accounts of the demo wallet."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from frontend.views import inbox, passkey_ways
from governance import selectors
from governance.clock import now
from governance.readers import sessions

APPEARANCES = ("auto", "light", "dark", "contrast")
APPEARANCE_COOKIE = "appearance"


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the values for the frame of the page. Works on error pages too, where middleware may not have run."""
    user = getattr(request, "user", None)
    address = user.address if user is not None and user.is_authenticated else ""
    return {
        "now": now(),
        "demo": settings.DEMO,
        "origin": settings.ORIGIN,
        "appearances": APPEARANCES,
        "appearance": _appearance(request),
        "viewer": address,
        "passkeys_here": lambda: passkey_ways.is_here(request),
        "reader": lambda: sessions.current(request),
        # Asked only where the header is drawn.
        "follows_here": lambda: bool(address) or sessions.current(request) is not None,
        "unread": lambda: inbox.unread(request),
        "viewer_name": selectors.name_of(address) if address else "",
        "pairing": _pairing,
        "demo_members": selectors.known_members() if settings.DEMO else [],
    }


def _pairing() -> dict[str, str] | None:
    """Return what a script needs to reach a wallet on another device; nothing where the site has no relay."""
    if not settings.PAIRING_PROJECT:
        return None
    chains = " ".join(map(str, selectors.chain_ids()))
    return {"project": settings.PAIRING_PROJECT, "relay": settings.PAIRING_RELAY, "chains": chains}


def _appearance(request: HttpRequest) -> str:
    """Return the colours that the reader chose; empty: the system's."""
    wanted = request.COOKIES.get(APPEARANCE_COOKIE, "")
    return wanted if wanted in APPEARANCES[1:] else ""
