"""One person, two ways: a reader and a wallet become one, and two readers become one.

Both sides must be proven in the same browser, and the person must have said that they want it: a link is never made
just because a reader's session is open when a wallet signs in. Somebody else may have left it open, or have planted it.
"""

from datetime import datetime

from django.db import transaction

from governance.errors import Conflict
from governance.models import Follow, Reader, SignInLink
from governance.readers import accounts

KEEP_READER, KEEP_WALLET = "reader", "wallet"


def link(reader: Reader, address: str, now: datetime, *, keep_email: str = "") -> Reader:
    """Link a signed-in reader to the address whose wallet is signed in too; return the one reader that is left.

    Where the address has a reader, they become one. `keep_email` says whose e-mail address is kept if both have one;
    without it that is a Conflict, as is a reader of another wallet.
    """
    with transaction.atomic():
        mine = accounts.locked(reader)
        if mine.address == address:
            return mine
        if mine.address:
            raise Conflict("other_wallet", "this account belongs to another wallet")
        theirs = Reader.objects.select_for_update().filter(address=address).first()
        if theirs is None:
            mine.address, mine.seen_at = address, now
            mine.save(update_fields=["address", "seen_at"])
            return mine
        if mine.email and theirs.email and keep_email not in {KEEP_READER, KEEP_WALLET}:
            raise Conflict("two_emails", "both accounts have an e-mail address; say which one is kept")
        if mine.email and (not theirs.email or keep_email == KEEP_READER):
            email, since = mine.email, mine.email_confirmed_at
        else:
            email, since = theirs.email, theirs.email_confirmed_at
        kept = merge(theirs, mine, now)
        kept.email, kept.email_confirmed_at = email, since
        kept.save(update_fields=["email", "email_confirmed_at"])
        return kept


def email_of(address: str) -> str:
    """Return the e-mail address of the reader of a wallet's address, or nothing; for the wallet's holder alone."""
    return Reader.objects.filter(address=address).values_list("email", flat=True).first() or ""


def merge(kept: Reader, gone: Reader, now: datetime) -> Reader:
    """Give `kept` passkeys, follows and comments of `gone`, and delete `gone`; both are locked. E-mail: the caller's.

    What letters keep about `gone` (preferences, the inbox) goes with it: those of `kept` are in force.
    """
    for follow in gone.follows.all():
        same = Follow.objects.filter(
            reader=kept, community=follow.community_id, proposal=follow.proposal_id, model_name=follow.model_name
        )
        if not same.exists():
            Follow.objects.filter(pk=follow.pk).update(reader=kept)
    answered = kept.participations.values("consultation")
    gone.participations.exclude(consultation__in=answered).update(reader=kept)  # the others go: one person, one voice
    gone.statements.update(writer=kept)
    gone.passkeys.update(reader=kept)
    gone.comments.update(reader=kept)
    own = gone.comment_reports.exclude(comment__in=kept.comment_reports.values("comment"))
    own.update(reader=kept)
    SignInLink.objects.filter(reader=gone).delete()
    gone.delete()
    kept.stamp, kept.seen_at = accounts.new_stamp(), now
    kept.save(update_fields=["stamp", "seen_at"])
    return kept
