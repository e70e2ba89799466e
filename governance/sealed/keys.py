"""The keyholders: each publishes a fresh public key before voting opens, and its secret when voting has closed."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from governance import eip712, lifecycle
from governance.chain import ChainError
from governance.errors import Conflict, Forbidden, Invalid, Malformed
from governance.lifecycle import Action, NotAllowed
from governance.models import Proposal, SealingKey
from governance.sealed import box
from governance.sealed.box import SealError
from governance.sealed.facts import issuer_of, sealing_of, waits_for_keys
from governance.sealed.opening import check_key_signature, read_hex
from governance.sealed.terms import Sealing
from governance.services.census import STEPS_AT_SUBMISSION, take_census
from governance.services.common import locked_proposal
from governance.services.decisions import close_voting
from governance.services.events import note


def key_message(proposal: Proposal, keyholder: str, public_key: str) -> dict[str, Any]:
    """Return what a keyholder signs to publish a key."""
    keyholder = eip712.parse_address(keyholder)
    _place(_required_sealing(proposal), keyholder)
    _usable(public_key)
    names = {**issuer_of(proposal), "proposal": proposal.public_id, "keyholder": keyholder}
    return eip712.sealing_key_message(**names, key=f"0x{public_key}")


def secret_message(proposal: Proposal, keyholder: str) -> dict[str, Any]:
    """Return what a keyholder signs, for nobody, to have their secret: the same signature gives the same secret."""
    keyholder = eip712.parse_address(keyholder)
    _place(_required_sealing(proposal), keyholder)
    return eip712.sealing_secret_message(**issuer_of(proposal), proposal=proposal.public_id, keyholder=keyholder)


def publish_key(proposal: Proposal, keyholder: str, public_key: str, signature: str, now: datetime) -> SealingKey:
    """Keep a keyholder's public key; with the last one voting can open. Safe to repeat with the same key.

    1. it is a usable key, of a keyholder of this proposal, signed by them
    2. voting does not go on without it yet, and the keyholder has no other key here.
    """
    keyholder = eip712.parse_address(keyholder)
    place = _place(_required_sealing(proposal), keyholder)
    _usable(public_key)  # 1
    try:
        check_key_signature(keyholder, public_key, signature, str(proposal.record_id), issuer_of(proposal))
    except SealError as error:
        raise Invalid("signature_invalid", str(error), field="signature", found=signature) from error
    with transaction.atomic():
        locked = locked_proposal(proposal.pk)
        mine = locked.sealing_keys.filter(place=place).first()  # 2
        if mine is not None and mine.public_key == public_key:
            return mine
        if mine is not None:
            raise Conflict(
                "key_published", "this keyholder has published another key", field="key", found=public_key,
                allowed=mine.public_key,
            )  # fmt: skip
        if locked.census_at is not None:
            raise Conflict("keys_are_settled", "the wait is over, and voting goes on without this key", field="key")
        lifecycle.require(Action.TAKE_CENSUS, locked.facts, now)
        if locked.sealing_keys.filter(public_key=public_key).exists():
            raise Conflict("key_taken", "another keyholder has this very key", field="key", found=public_key)
        mine = SealingKey.objects.create(
            proposal=locked,
            keyholder=keyholder,
            place=place,
            public_key=public_key,
            signature=signature,
            at=now,
        )
        note("sealing_key_published", now, proposal=locked, actor=keyholder, key=public_key)
    if not waits_for_keys(proposal, now):
        # What the chain or somebody else delays, the sweeper goes on with.
        with suppress(ChainError, NotAllowed):
            take_census(proposal.pk, now, STEPS_AT_SUBMISSION)
    return mine


def publish_secret(proposal: Proposal, secret: str, now: datetime) -> SealingKey:
    """Keep a secret once voting has closed; with enough of them the ballots are opened and counted. Safe to repeat.

    No signature is asked for: nobody but the keyholder can have what the public key was made from.
    """
    _required_sealing(proposal)
    try:
        public_key = box.public_key_of(read_hex(secret)).hex()
    except SealError as error:
        raise Malformed("malformed_field", str(error), field="secret") from error
    with transaction.atomic():
        locked = locked_proposal(proposal.pk)
        mine = locked.sealing_keys.filter(public_key=public_key).first()
        if mine is None:
            raise Invalid("secret_unknown", "this secret belongs to no key of this proposal", field="secret")
        if mine.secret:
            return mine
        lifecycle.require(Action.CLOSE_VOTING, locked.facts, now)
        mine.secret, mine.secret_at = secret, now
        mine.save(update_fields=["secret", "secret_at"])
        note("sealing_secret_published", now, proposal=locked, actor=mine.keyholder, key=public_key)
    with suppress(ChainError, NotAllowed):
        close_voting(proposal.pk, now)
    return mine


def _required_sealing(proposal: Proposal) -> Sealing:
    sealing = sealing_of(proposal)
    if sealing is None:
        raise Conflict("ballots_are_open", "ballots on this proposal are not sealed; there are no keys to publish")
    return sealing


def _place(sealing: Sealing, keyholder: str) -> int:
    if keyholder not in sealing.keyholders:
        raise Forbidden(
            "not_a_keyholder",
            "only the keyholders of the charter have keys here",
            field="keyholder",
            found=keyholder,
            allowed=list(sealing.keyholders),
        )
    return sealing.keyholders.index(keyholder) + 1


def _usable(public_key: str) -> None:
    try:
        usable = box.is_usable_public_key(read_hex(public_key))
    except SealError as error:
        raise Malformed("malformed_field", str(error), field="key", found=public_key) from error
    if not usable:
        raise Invalid("key_unusable", "nothing can be sealed for this key", field="key", found=public_key)
