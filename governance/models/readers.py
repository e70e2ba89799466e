"""People who follow without a wallet: readers, their ways to sign in, and what they follow.

A reader is not a member and not an `Account`: it may be linked to an address that somebody has proven to hold, and
still no service takes a reader for that address. Nothing here is ever in the log or in a record, so that all of it can
be erased.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.communities import Community
from governance.models.proposals import Proposal


class Reader(models.Model):
    """Somebody who follows. `address` and `email` stand here only once the reader has proven that they are theirs.

    `handle` is random and names the reader to passkeys (WebAuthn's user handle). `stamp` is in every open session of
    the reader: another one ends them all. `seen_at` is when the reader last signed in or changed something.
    """

    handle = models.CharField(max_length=64, unique=True)
    stamp = models.CharField(max_length=32)
    address = models.CharField(max_length=42, null=True, unique=True)  # noqa: DJ001 - many readers have none
    email = models.CharField(max_length=254, null=True, unique=True)  # noqa: DJ001 - likewise
    email_confirmed_at = models.DateTimeField(null=True)
    language = models.CharField(max_length=10)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents letters to an address whose holder never said that it is theirs
            models.CheckConstraint(
                condition=Q(email__isnull=True, email_confirmed_at__isnull=True)
                | Q(email__isnull=False, email_confirmed_at__isnull=False),
                name="email_is_confirmed",
            ),
            # prevents two readers whose missing address or e-mail is an empty text
            models.CheckConstraint(condition=~Q(address="") & ~Q(email=""), name="missing_is_null"),
        ]

    def __str__(self) -> str:
        """Return the number: no log line should hold who it is."""
        return f"reader {self.pk}"


class Passkey(models.Model):
    """A passkey of a reader (WebAuthn level 2): its public key, and how often it says that it was used."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="passkeys")
    credential = models.CharField(max_length=1400, unique=True)  # base64url; at most 1,023 bytes by the standard
    handle = models.CharField(max_length=64)  # the reader's at that time: the passkey repeats it
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField()
    name = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """The oldest first."""

        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        """Return its name."""
        return self.name


class SignInLink(models.Model):
    """A link that was sent by e-mail, good once. The token itself is kept nowhere: `digest` is its SHA-256."""

    JOIN = "join"
    ADD = "add"

    digest = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=8)
    email = models.CharField(max_length=254, db_index=True)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="links")
    language = models.CharField(max_length=10)
    network = models.CharField(max_length=32, db_index=True)
    asked_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents a link that adds an address to nobody, and one to sign in that is somebody's before it is used
            models.CheckConstraint(
                condition=Q(purpose="join", reader__isnull=True) | Q(purpose="add", reader__isnull=False),
                name="link_has_a_purpose",
            ),
        ]

    def __str__(self) -> str:
        """Return what it is for."""
        return self.purpose


class PasskeyChallenge(models.Model):
    """A challenge that one browser session may have answered once by a passkey. `handle` names the reader to be."""

    digest = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=8)
    session = models.CharField(max_length=64)
    handle = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=32, db_index=True)
    asked_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Return what it is for."""
        return self.purpose


class Follow(models.Model):
    """What a reader follows: a community, one of its proposals, or one of its models (by "namespace/name").

    Governance knows no models: whoever adds a follow has looked the model up.
    """

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="follows")
    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, null=True, related_name="+")
    model_name = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents one row that means two things
            models.CheckConstraint(condition=Q(proposal__isnull=True) | Q(model_name=""), name="follows_one_thing"),
            # prevent following something twice
            models.UniqueConstraint(
                fields=["reader", "community"],
                condition=Q(proposal__isnull=True, model_name=""),
                name="community_followed_once",
            ),
            models.UniqueConstraint(
                fields=["reader", "proposal"], condition=Q(proposal__isnull=False), name="proposal_followed_once"
            ),
            models.UniqueConstraint(
                fields=["reader", "model_name"], condition=~Q(model_name=""), name="model_followed_once"
            ),
        ]

    def __str__(self) -> str:
        """Return what kind of thing is followed."""
        return "proposal" if self.proposal_id else "model" if self.model_name else "community"
