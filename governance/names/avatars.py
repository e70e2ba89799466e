"""A small picture of what a name points at: read within bounds, drawn again by this site, and nothing of it kept.

A reader's browser never asks a stranger for a picture: it would tell them who reads what. What is drawn again carries
neither a script nor a hidden text. Only pixels are taken: PNG, JPEG, WebP or GIF (its first frame); no SVG.
"""

import base64
import binascii
import io
import re
from collections.abc import Callable
from typing import Final

BYTES_MAX: Final = 1_000_000
SIDE: Final = 64
_PIXELS_MAX: Final = 16_000_000
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_INLINE: Final = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,([A-Za-z0-9+/]+={0,2})")
_IPFS: Final = re.compile(r"ipfs://(?:ipfs/)?([A-Za-z0-9]{20,100}(?:/[A-Za-z0-9._~/-]{1,200})?)")

# Given an address of https, returns what lies there, or None where it cannot be had.
Fetch = Callable[[str], bytes | None]


def picture(avatar: str, gateway: str, fetch: Fetch) -> bytes:
    """Return a small PNG of what an avatar text names; nothing where it names none, or one that cannot be used."""
    inline = _INLINE.fullmatch(avatar)
    if inline:
        return drawn_again(_decoded(inline[1]))
    address = address_of(avatar, gateway)
    return drawn_again(fetch(address) or b"") if address else b""


def address_of(avatar: str, gateway: str) -> str:
    """Return where an avatar lies; empty for kinds that we do not follow, and for IPFS without a gateway."""
    named = _IPFS.fullmatch(avatar)
    if named:
        return f"{gateway.rstrip('/')}/ipfs/{named[1]}" if gateway and ".." not in named[1] else ""
    return avatar if avatar.startswith("https://") else ""


def drawn_again(data: bytes) -> bytes:
    """Return a picture as a small square PNG; nothing for what is no picture."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not 0 < len(data) <= BYTES_MAX:
        return b""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as found:
            if found.width * found.height > _PIXELS_MAX:
                return b""
            plain = found.convert("RGBA")
        small = ImageOps.fit(plain, (SIDE, SIDE))
        out = io.BytesIO()
        small.save(out, "PNG")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return b""
    return out.getvalue()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
