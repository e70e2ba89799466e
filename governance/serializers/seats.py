"""What comes in and goes out as JSON for passkeys that may hold a seat."""

from typing import Any

from rest_framework import serializers

from governance.serializers.base import StrictObject, StrictSerializer


class PasskeySeatInput(StrictSerializer):
    """What the browser's new passkey answered (PublicKeyCredential.toJSON)."""

    answer = StrictObject()


class PasskeySeatOutput(serializers.Serializer[Any]):
    """A passkey: its credential id (base64url), its key (the uncompressed point, hex), and the address of that key."""

    credential = serializers.CharField()
    address = serializers.CharField()
    public_key = serializers.CharField()
