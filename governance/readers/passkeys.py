"""Passkeys (WebAuthn level 2): making one, signing in with one. `webauthn` judges; what is used up is a row here.

A challenge is good once, for ten minutes, in the browser session that asked and for the purpose that it asked for. The
site's name and origin are the settings' (`PASSKEY_ORIGIN`), never the request's. No attestation is asked for: which
maker's device it is says nothing that we need to know.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from governance.errors import Conflict, Invalid, Malformed, NotAuthenticated, NotFound, TooMany
from governance.models import Passkey, PasskeyChallenge, Reader
from governance.notifications import letters
from governance.readers import accounts

JOIN, ADD, SIGN_IN = "join", "add", "signin"
PASSKEYS_MAX = 20
# How the key of the letter begins that tells of a new passkey; its number follows.
PASSKEY_ADDED = "passkey:"
NAME_LENGTH_MAX = 60
_CHALLENGE_BYTES = 32
_GOOD = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_RP_NAME = "Commonweights"


@dataclass(frozen=True)
class Asker:
    """Which browser asks: the key of its session, and the name of its network."""

    session: str
    network: str


def is_passkey_offered() -> bool:
    """Say whether browsers accept passkeys for the address of this site: a name, by https or on this machine."""
    return bool(settings.PASSKEY_ORIGIN)


def begin_joining(asker: Asker, now: datetime) -> dict[str, Any]:
    """Return what `navigator.credentials.create` is asked for, for a reader who does not exist yet."""
    handle = accounts.new_handle()
    return creation(handle, [], challenge_for(JOIN, asker, now, handle))


def begin_adding(reader: Reader, asker: Asker, now: datetime) -> dict[str, Any]:
    """Return the same for one more passkey of a reader; devices that have one already are left out."""
    if reader.passkeys.count() >= PASSKEYS_MAX:
        raise Conflict("too_many_passkeys", "remove a passkey first", allowed=PASSKEYS_MAX)
    known = list(reader.passkeys.values_list("credential", flat=True))
    return creation(reader.handle, known, challenge_for(ADD, asker, now, reader.handle))


def finish_joining(answer: Mapping[str, Any], name: str, language: str, asker: Asker, now: datetime) -> Reader:
    """Make the reader that this new passkey is the first of; raise NotAuthenticated for what does not hold."""
    challenge, handle = use(answer, JOIN, asker, now)
    made = verified_creation(answer, challenge)
    with transaction.atomic():
        reader = accounts.create(language, now, handle=handle)
        _keep(reader, handle, made, name, now)
    return reader


def finish_adding(reader: Reader, answer: Mapping[str, Any], name: str, asker: Asker, now: datetime) -> Passkey:
    """Give a reader this new passkey; the challenge must have been asked for by the same reader.

    A letter tells the reader's e-mail address of it: whoever sits at an open session could have done it.
    """
    challenge, handle = use(answer, ADD, asker, now)
    if handle != reader.handle:
        raise _rejected()
    made = verified_creation(answer, challenge)
    with transaction.atomic():
        passkey = _keep(reader, handle, made, name, now)
        letters.plan_notice(reader, f"{PASSKEY_ADDED}{passkey.pk}", now)
    return passkey


def begin_signing_in(asker: Asker, now: datetime) -> dict[str, Any]:
    """Return what `navigator.credentials.get` is asked for; no account is named, the passkey knows its own."""
    import webauthn

    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=challenge_for(SIGN_IN, asker, now),
        user_verification=webauthn.helpers.structs.UserVerificationRequirement.PREFERRED,
    )
    return _plain(options)


def finish_signing_in(answer: Mapping[str, Any], asker: Asker, now: datetime) -> Reader:
    """Return whose passkey answered; raise NotAuthenticated for what does not hold.

    1. The challenge is used up, whatever comes next. 2. The passkey is known, and names the reader it was made for.
    3. Its signature holds, for this site. 4. It counts upwards: one that was copied and used elsewhere is found out.
    """
    import webauthn

    challenge, _handle = use(answer, SIGN_IN, asker, now)  # 1
    passkey = Passkey.objects.select_related("reader").filter(credential=text_of(answer, "id")).first()
    if passkey is None:
        raise NotAuthenticated("unknown_passkey", "no account here has this passkey")
    named = _handle_of(answer)
    if named is not None and named != passkey.handle:  # 2
        raise _rejected()
    try:  # 3, and the count as it stood
        verified = webauthn.verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=settings.PASSKEY_ORIGIN,
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
        )
    except unreadable() as error:
        raise _rejected() from error
    counted = Passkey.objects.filter(pk=passkey.pk, sign_count=passkey.sign_count).update(
        sign_count=verified.new_sign_count, used_at=now
    )
    if not counted:  # 4, when two come at once
        raise _rejected()
    accounts.seen(passkey.reader, now)
    return passkey.reader


def rename(reader: Reader, number: int, name: str) -> None:
    """Call a passkey something else."""
    if not reader.passkeys.filter(pk=number).update(name=_name(name)):
        raise NotFound("unknown_passkey", "no account here has this passkey")


def remove(reader: Reader, number: int, now: datetime) -> None:
    """Forget a passkey and end every session; refuse where it is the only way back in."""
    with transaction.atomic():
        row = accounts.locked(reader)
        passkey = row.passkeys.filter(pk=number).first()
        if passkey is None:
            raise NotFound("unknown_passkey", "no account here has this passkey")
        accounts.require_another_way(row, without_passkey=number)
        passkey.delete()
        Reader.objects.filter(pk=row.pk).update(stamp=accounts.new_stamp(), seen_at=now)
    reader.refresh_from_db()


def challenge_for(purpose: str, asker: Asker, now: datetime, handle: str = "") -> bytes:
    """Issue a challenge; refuse a network that asks for very many, and a site that has no passkeys."""
    if not is_passkey_offered():
        raise NotFound("passkeys_not_offered", "browsers accept no passkeys for the address of this site")
    recent = PasskeyChallenge.objects.filter(network=asker.network, asked_at__gt=now - _HOUR)
    if recent.count() >= settings.PASSKEY_CHALLENGES_PER_NETWORK:
        raise TooMany(
            "too_many_challenges",
            "too many passkeys were tried from your network",
            retry_after_seconds=int(_HOUR.total_seconds()),
            allowed=settings.PASSKEY_CHALLENGES_PER_NETWORK,
        )
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    PasskeyChallenge.objects.create(
        digest=hashlib.sha256(challenge).hexdigest(),
        purpose=purpose,
        session=asker.session,
        handle=handle,
        network=asker.network,
        asked_at=now,
    )
    return challenge


def use(answer: Mapping[str, Any], purpose: str, asker: Asker, now: datetime) -> tuple[bytes, str]:
    """Use up the challenge that an answer names; return it and its handle. Whoever changes the row has used it."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    response = answer.get("response")
    try:
        told = parse_client_data_json(base64url_to_bytes(text_of(response, "clientDataJSON")))
    except unreadable() as error:
        raise Malformed("malformed_passkey", "this is no answer of a passkey") from error
    digest = hashlib.sha256(told.challenge).hexdigest()
    waiting = PasskeyChallenge.objects.filter(
        digest=digest, purpose=purpose, session=asker.session, used_at__isnull=True, asked_at__gt=now - _GOOD
    )
    if not asker.session or not waiting.update(used_at=now):
        raise NotAuthenticated("challenge_gone", "this question has been answered, or is too old; begin again")
    return told.challenge, PasskeyChallenge.objects.get(digest=digest).handle


def creation(handle: str, known: list[str], challenge: bytes, *, votes: bool = False) -> dict[str, Any]:
    """Return what to ask for; of a passkey that `votes`, a key on P-256 and that it recognises its holder."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, structs
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=_RP_NAME,
        # What a password manager shows; nothing about the person is sent to it.
        user_name=f"{_RP_NAME} seat" if votes else _RP_NAME,
        user_id=bytes.fromhex(handle),
        challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED
            if votes
            else structs.UserVerificationRequirement.PREFERRED,
        ),
        supported_pub_key_algs=[COSEAlgorithmIdentifier.ECDSA_SHA_256] if votes else None,
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known],
    )
    return _plain(options)


def verified_creation(answer: Mapping[str, Any], challenge: bytes, *, votes: bool = False) -> Any:  # noqa: ANN401 - the library's type, loaded late
    """Return what a new passkey says of itself; raise NotAuthenticated for what does not hold."""
    import webauthn

    try:
        return webauthn.verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=settings.PASSKEY_ORIGIN,
            require_user_verification=votes,
        )
    except unreadable() as error:
        raise _rejected() from error


def _keep(reader: Reader, handle: str, made: Any, name: str, now: datetime) -> Passkey:  # noqa: ANN401 - likewise
    from webauthn.helpers import bytes_to_base64url

    try:
        with transaction.atomic():
            return Passkey.objects.create(
                reader=reader,
                credential=bytes_to_base64url(made.credential_id),
                handle=handle,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=_name(name),
                made_at=now,
            )
    except IntegrityError as error:
        raise Conflict("passkey_known", "this passkey belongs to an account already") from error


def _handle_of(answer: Mapping[str, Any]) -> str | None:
    """Return the name of the reader that a passkey repeats, as hex; None where it says none."""
    from webauthn.helpers import base64url_to_bytes

    said = answer["response"].get("userHandle")
    if not said:
        return None
    try:
        return base64url_to_bytes(said).hex()
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("malformed_passkey", "this is no answer of a passkey") from error


def _rp_id() -> str:
    """Return the name that passkeys of this site belong to."""
    return urlsplit(settings.PASSKEY_ORIGIN).hostname or ""


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH_MAX:
        raise Invalid("passkey_name", "give the passkey a short name", field="name", allowed=NAME_LENGTH_MAX)
    return name


def text_of(part: Any, name: str) -> str:  # noqa: ANN401 - what a stranger sent
    """Return a text of an answer; raise Malformed where there is none."""
    value = part.get(name) if isinstance(part, Mapping) else None
    if not isinstance(value, str):
        raise Malformed("malformed_passkey", "this is no answer of a passkey", field=name)
    return value


def _plain(options: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's type, loaded late
    from webauthn import options_to_json

    plain: dict[str, Any] = json.loads(options_to_json(options))
    return plain


def unreadable() -> tuple[type[Exception], ...]:
    """Return what the library and its readers of JSON and CBOR raise for bytes that are not what they should be."""
    from cbor2 import CBORError
    from cryptography.exceptions import UnsupportedAlgorithm
    from webauthn.helpers.exceptions import WebAuthnException

    shapes = (ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError)
    return (WebAuthnException, CBORError, UnsupportedAlgorithm, *shapes)


def _rejected() -> NotAuthenticated:
    return NotAuthenticated("passkey_rejected", "this passkey was not accepted")
