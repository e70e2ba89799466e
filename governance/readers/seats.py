"""Passkeys that may hold a seat: making one, and telling a browser which key its passkey has. No account comes of it.

Who has a seat is in a charter's list of members; here is only the way from a passkey to the address that goes there.
Signatures of passkeys are judged by `governance.eip712.passkeys`, everywhere alike.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from governance import eip712
from governance.errors import Conflict, NotAuthenticated, NotFound
from governance.models import PasskeySeat
from governance.readers import accounts, passkeys
from governance.readers.passkeys import Asker

SEAT = "seat"
_EC2, _P256, _ES256 = 2, 1, -7
_COORDINATE_BYTES: Final = 32


def begin_seat(asker: Asker, now: datetime) -> dict[str, Any]:
    """Return what `navigator.credentials.create` is asked for."""
    handle = accounts.new_handle()
    return passkeys.creation(handle, [], passkeys.challenge_for(SEAT, asker, now, handle), votes=True)


def finish_seat(answer: Mapping[str, Any], asker: Asker, now: datetime) -> PasskeySeat:
    """Keep the key of a new passkey; raise NotAuthenticated for what does not hold."""
    from webauthn.helpers import bytes_to_base64url

    challenge, _handle = passkeys.use(answer, SEAT, asker, now)
    made = passkeys.verified_creation(answer, challenge, votes=True)
    point = _point(made.credential_public_key)
    address = eip712.checksum_address(f"0x{eip712.address_of_point(point).hex()}")
    try:
        with transaction.atomic():
            return PasskeySeat.objects.create(
                credential=bytes_to_base64url(made.credential_id),
                address=address,
                public_key=f"04{point.hex()}",
                made_at=now,
            )
    except IntegrityError as error:
        raise Conflict("passkey_known", "this passkey has its address already") from error


def seat_of(credential: str) -> PasskeySeat:
    """Return the key of a passkey; raise NotFound."""
    seat = PasskeySeat.objects.filter(credential=credential).first()
    if seat is None:
        detail = "this passkey was not made for a seat here; make one on the page for seats"
        raise NotFound("unknown_seat", detail, field="credential")
    return seat


def _point(cose: bytes) -> bytes:
    """Return x ‖ y of a COSE key on P-256 (RFC 9053)."""
    from webauthn.helpers import parse_cbor

    key = parse_cbor(cose)
    if not isinstance(key, dict) or (key.get(1), key.get(3), key.get(-1)) != (_EC2, _ES256, _P256):
        raise NotAuthenticated("passkey_rejected", "a seat needs a passkey with a key on P-256 (ES256)")
    x, y = key.get(-2), key.get(-3)
    if not all(isinstance(part, bytes) and len(part) == _COORDINATE_BYTES for part in (x, y)):
        raise NotAuthenticated("passkey_rejected", "this passkey was not accepted")
    return bytes(x) + bytes(y)
