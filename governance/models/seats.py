"""Passkeys that may hold a seat on a list of members: what a browser needs to use one, and nothing about anybody."""

from typing import ClassVar

from django.db import models


class PasskeySeat(models.Model):
    """A passkey of this site whose key has an address. Whether the address holds a seat anywhere, charters say.

    No evidence: each signature carries the whole key. The row only tells a browser which key its passkey is.
    """

    credential = models.CharField(max_length=1400, unique=True)  # base64url; at most 1,023 bytes by the standard
    address = models.CharField(max_length=42, unique=True)
    public_key = models.CharField(max_length=130)  # the uncompressed point, as hex
    made_at = models.DateTimeField()

    class Meta:
        """The oldest first."""

        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        """Return its address."""
        return self.address
