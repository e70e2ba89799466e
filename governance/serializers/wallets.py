"""Ballots that wait for the owners of a wallet, as the API takes and gives them."""

from typing import Any

from rest_framework import serializers

from governance import clock
from governance.models import PendingBallot
from governance.serializers.base import StrictInteger, StrictSerializer, StrictText
from governance.serializers.inputs import ChoiceField
from governance.wallets import pending
from governance.wallets.pending import OwnerOffer, OwnerRequest


class OwnerInput(StrictSerializer):
    """An owner's signature of the wallet's message, with the ballot that it stands for: open, or `sealed`."""

    proposal = StrictText()
    wallet = StrictText()
    choice = ChoiceField(required=False, allow_null=True, default=None)
    sealed = StrictText(required=False, allow_blank=True, default="")
    reason = StrictText(required=False, allow_blank=True, default="")
    nonce = StrictInteger()
    owner = StrictText()
    signature = StrictText()

    @classmethod
    def to_request(cls, data: object) -> OwnerRequest:
        """Read what an owner sends."""
        return OwnerRequest(**cls.read(data))


class OwnerOfferOutput(serializers.Serializer[Any]):
    """What each owner signs (`typed_data`), the ballot that it stands for, and whose signatures the wallet needs."""

    typed_data = serializers.DictField()
    ballot = serializers.DictField()
    nonce = serializers.IntegerField()
    power = serializers.CharField()
    owners = serializers.ListField(child=serializers.CharField())
    threshold = serializers.IntegerField()
    block_number = serializers.IntegerField()


class PendingBallotOutput(serializers.Serializer[Any]):
    """A ballot that waits for the owners of its wallet, or did. `receipt` is there once it is cast."""

    digest = serializers.CharField()
    proposal = serializers.CharField()
    wallet = serializers.CharField()
    choice = serializers.JSONField(allow_null=True, help_text="null where ballots are sealed")
    reason = serializers.CharField(allow_blank=True)
    sealed = serializers.CharField(allow_blank=True, help_text="the sealed ballot; empty where ballots are open")
    nonce = serializers.IntegerField()
    state = serializers.ChoiceField(choices=[str(standing) for standing in pending.Standing])
    threshold = serializers.IntegerField()
    signed = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())
    block_number = serializers.IntegerField()
    typed_data = serializers.DictField()
    receipt = serializers.CharField(allow_null=True)

    def to_representation(self, instance: PendingBallot) -> dict[str, Any]:
        """Return the fields one by one."""
        signed = [signature.owner for signature in instance.signatures.all()]
        return {
            "digest": f"0x{instance.digest}",
            "proposal": instance.proposal.public_id,
            "wallet": instance.wallet,
            "choice": instance.choice,
            "reason": instance.reason,
            "sealed": instance.sealed,
            "nonce": instance.nonce,
            "state": str(pending.standing(instance, clock.now())),
            "threshold": instance.threshold,
            "signed": signed,
            "missing": pending.missing(instance, signed),
            "block_number": instance.block_number,
            "typed_data": pending.owners_message(instance),
            "receipt": f"/receipts/{instance.record_id}/" if instance.record_id else None,
        }


def offer_of(offer: OwnerOffer) -> dict[str, Any]:
    """Return what OwnerOfferOutput declares."""
    return {
        "typed_data": offer.typed_data,
        "ballot": offer.ballot.typed_data,
        "nonce": offer.ballot.nonce,
        "power": str(offer.ballot.power),
        "owners": list(offer.holders.owners),
        "threshold": offer.holders.threshold,
        "block_number": offer.holders.block.number,
    }
