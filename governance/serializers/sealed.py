"""Sealed votes as JSON: what comes in and what goes out."""

from typing import Any

from rest_framework import serializers

from governance.models import SealedBallot
from governance.sealed.casting import SealedRequest
from governance.selectors.sealed import SealedShown
from governance.serializers.base import StrictInteger, StrictSerializer, StrictText


class SealedBallotInput(StrictSerializer):
    """A sealed ballot: base64url text, and the voter's signature of its SHA-256."""

    proposal = StrictText()
    voter = StrictText()
    sealed = StrictText(max_length=8_000)
    nonce = StrictInteger()
    signature = StrictText()

    @classmethod
    def to_request(cls, data: object) -> SealedRequest:
        """Read a sealed ballot."""
        return SealedRequest(**cls.read(data))


class SealingKeyInput(StrictSerializer):
    """A keyholder's public key (X25519, 64 hex digits), signed for one proposal."""

    keyholder = StrictText()
    key = StrictText()
    signature = StrictText()


class SealingSecretInput(StrictSerializer):
    """The secret of a published key, once voting has closed."""

    secret = StrictText()


class KeyholderOutput(serializers.Serializer[Any]):
    """One keyholder in the order of the charter; the key is empty until it is published, the secret until later."""

    keyholder = serializers.CharField()
    place = serializers.IntegerField()
    key = serializers.CharField(allow_blank=True)
    signature = serializers.CharField(allow_blank=True)
    secret = serializers.CharField(allow_blank=True)


class SealingOutput(serializers.Serializer[Any]):
    """A sealed vote: `phase` is keys, voting, opening or opened; only turnout is known before the last of them."""

    phase = serializers.CharField()
    threshold = serializers.IntegerField()
    wait_seconds = serializers.IntegerField()
    opens_until = serializers.DateTimeField(allow_null=True)
    keys_until = serializers.DateTimeField(
        allow_null=True, help_text="how long voting waits for keys; null where it waits for all of them"
    )
    keyholders = KeyholderOutput(many=True)
    voted = serializers.IntegerField()
    voted_power = serializers.CharField()


class SealedOfferOutput(serializers.Serializer[Any]):
    """What a wallet is asked to sign of a sealed ballot."""

    typed_data = serializers.DictField()
    nonce = serializers.IntegerField()
    power = serializers.CharField()
    delegated = serializers.CharField()
    house_power = serializers.CharField()


class SealedReceiptOutput(serializers.Serializer[Any]):
    """A sealed ballot as it was accepted: its record, and the page that shows it."""

    digest = serializers.CharField()
    proposal = serializers.CharField()
    voter = serializers.CharField()
    record = serializers.DictField()
    url = serializers.CharField()


class TypedDataOutput(serializers.Serializer[Any]):
    """A message for a wallet to sign."""

    typed_data = serializers.DictField()


def sealing_of(shown: SealedShown) -> dict[str, Any]:
    """Return what SealingOutput declares."""
    keys = {row.keyholder: row for row in shown.proposal.sealing_keys.all()}
    return {
        "phase": shown.phase.value,
        "threshold": shown.sealing.threshold,
        "wait_seconds": shown.sealing.wait_seconds,
        "opens_until": shown.opens_until,
        "keys_until": shown.keys_until,
        "keyholders": [
            {
                "keyholder": holder.address,
                "place": place,
                "key": keys[holder.address].public_key if holder.has_key else "",
                "signature": keys[holder.address].signature if holder.has_key else "",
                "secret": keys[holder.address].secret if holder.has_key else "",
            }
            for place, holder in enumerate(shown.keyholders, 1)
        ],
        "voted": shown.voted,
        "voted_power": str(shown.voted_power),
    }


def receipt_of(ballot: SealedBallot) -> dict[str, Any]:
    """Return what SealedReceiptOutput declares."""
    return {
        "digest": ballot.record_id,
        "proposal": ballot.proposal.public_id,
        "voter": ballot.voter,
        "record": ballot.record.value.to_dict(),
        "url": f"/receipts/{ballot.record_id}/",
    }
