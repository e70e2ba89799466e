"""What comes in and goes out as JSON for people who follow without a wallet."""

from typing import Any

from rest_framework import serializers

from governance.serializers.base import StrictObject, StrictSerializer, StrictText


class PasskeyBeginInput(StrictSerializer):
    """What a passkey is wanted for: `join`, `add` or `signin`."""

    purpose = StrictText()


class PasskeyFinishInput(StrictSerializer):
    """What the browser's passkey answered (PublicKeyCredential.toJSON), and what a new passkey is to be called."""

    purpose = StrictText()
    answer = StrictObject()
    name = StrictText(required=False, allow_blank=True, default="")


class FollowInput(StrictSerializer):
    """What to follow: `kind` is community, proposal or model; `name` is a slug, an id (0x…), or "namespace/name"."""

    kind = StrictText()
    name = StrictText()


class PasskeyOptionsOutput(serializers.Serializer[Any]):
    """What to ask the browser for: the `publicKey` of `navigator.credentials`, in its JSON form."""

    public_key = serializers.DictField()


class PasskeyDoneOutput(serializers.Serializer[Any]):
    """The passkey was accepted, and this browser is signed in as a reader: never as a member."""

    signed_in = serializers.BooleanField()


class FollowOutput(serializers.Serializer[Any]):
    """Something that is followed."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField(source="__str__")
    community = serializers.CharField(source="community.slug")
    proposal = serializers.SerializerMethodField()
    model = serializers.CharField(source="model_name", allow_blank=True)
    since = serializers.DateTimeField()

    def get_proposal(self, row: Any) -> str:  # noqa: ANN401 - a follow
        """Return the id that ballots sign, or nothing."""
        return row.proposal.public_id if row.proposal is not None else ""
