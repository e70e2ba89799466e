"""Letters as errands: planned with what is told, claimed by a worker, sent, tried again, or given up. No network here.

A lease with a fencing number says who works on a letter; an answer that comes after somebody else took over changes
nothing. Before a mail server is spoken to, that is written down (`hand_over`): a worker that dies after that leaves a
letter of which nobody knows whether it went out. It is tried once more, so at most one letter comes twice, under the
same Message-ID; then it is given up.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from governance.clock import unix
from governance.mail import is_mail_offered
from governance.models import Announcement, LetterErrand, Notification, Postbox
from governance.models.readers import Reader
from governance.notifications import audience, moments
from governance.notifications.topics import DIGESTS, OF_KEYHOLDERS, Channel, Moment

LEASE_SECONDS = 180
ATTEMPTS_MAX = 12
REST_SECONDS_MIN = 60
REST_SECONDS_MAX = 6 * 3600
BOUNCES_MAX = 3
# What a digest says at most; the inbox has the rest. A letter about older things is not sent any more.
DIGEST_LINES_MAX = 50
DIGEST_REACHES_BACK = timedelta(days=9)
TOO_LATE = timedelta(days=3)
NUDGED_AT_ONCE = 200
_PARAMETERS_AT_ONCE = 400
SENT, DROPPED, FAILED = "sent", "dropped", "failed"
# The channel of letters about the safety of an account: no wish switches them off.
SECURITY = "security"


@dataclass(frozen=True)
class Claim:
    """The right to work on one letter, as long as nobody holds a newer one."""

    errand: LetterErrand
    fence: int
    attempt: int

    @property
    def reader(self) -> Reader:
        """Whom it goes to."""
        return self.errand.reader


# --- planning -----------------------------------------------------------------------------------------------------


def plan(announcement: Announcement, key: str, told: Sequence[tuple[Reader, Channel]], now: datetime) -> None:
    """Write the errands of those who want a letter and whom letters reach: for the thing, or for the next digest."""
    if not is_mail_offered():
        return
    wanted = [(reader, channel) for reader, channel in told if channel in (Channel.NOW, *DIGESTS)]
    numbers = [reader.pk for reader, _ in wanted]
    reached = {
        pk
        for start in range(0, len(numbers), _PARAMETERS_AT_ONCE)
        for pk in reachable().filter(pk__in=numbers[start : start + _PARAMETERS_AT_ONCE]).values_list("pk", flat=True)
    }
    rows = []
    for reader, channel in wanted:
        if reader.pk not in reached:
            continue
        if channel is Channel.NOW:
            rows.append(LetterErrand(reader=reader, key=key, channel=channel, announcement=announcement, next_at=now))
        else:
            due = next_digest(channel, now)
            rows.append(
                LetterErrand(reader=reader, key=f"{channel}:{due.date().isoformat()}", channel=channel, next_at=due)
            )
    LetterErrand.objects.bulk_create(rows, ignore_conflicts=True)


def plan_notice(reader: Reader, key: str, now: datetime) -> None:
    """Write the errand of a letter about the safety of a reader's account, once for each key.

    It goes to a confirmed address also where its reader wants no letters; not where there is none.
    """
    if is_mail_offered() and reader.email and reader.email_confirmed_at is not None:
        row = LetterErrand(reader=reader, key=f"{SECURITY}:{key}", channel=SECURITY, next_at=now)
        LetterErrand.objects.bulk_create([row], ignore_conflicts=True)


def next_digest(channel: Channel, now: datetime) -> datetime:
    """Return when the next digest goes out: at DIGEST_HOUR (UTC), the weekly one on a Monday."""
    due = datetime.combine(now.astimezone(UTC).date(), time(settings.DIGEST_HOUR), UTC)
    if due <= now:
        due += timedelta(days=1)
    if channel is Channel.WEEKLY:
        due += timedelta(days=-due.weekday() % 7)
    return due


def reachable() -> QuerySet[Reader]:
    """Return the readers whom letters reach: a confirmed address, not stopped, and not refused again and again."""
    closed = Postbox.objects.filter(reader=OuterRef("pk")).filter(
        Q(stopped_at__isnull=False) | Q(undeliverable_at__isnull=False, email=OuterRef("email"))
    )
    return Reader.objects.filter(email_confirmed_at__isnull=False).exclude(Exists(closed))


# --- working them off ---------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the letters that a worker should look at."""
    return list(
        LetterErrand.objects.filter(_free(now)).order_by("next_at").values_list("pk", flat=True)[:NUDGED_AT_ONCE]
    )


def claim(errand_id: int, now: datetime) -> Claim | None:
    """Take a letter that is due and free, or return None. The next attempt is set already, for a worker that dies."""
    errand = (
        LetterErrand.objects.select_related("reader", "announcement__proposal__community").filter(pk=errand_id).first()
    )
    if errand is None or errand.next_at is None:
        return None
    attempt = errand.attempts + 1
    taken = LetterErrand.objects.filter(_free(now), pk=errand.pk, fence=errand.fence).update(
        fence=F("fence") + 1,
        attempts=attempt,
        next_at=now + _rest(attempt),
        lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
    )
    return Claim(errand, errand.fence + 1, attempt) if taken else None


def lines(claim: Claim, now: datetime) -> list[Notification]:
    """Return what the letter has to say now, the newest first; nothing where it is not to be sent any more.

    What was read meanwhile, is over, or was switched off is not said.
    """
    reader, errand = claim.reader, claim.errand
    if not reachable().filter(pk=reader.pk).exists():
        return []
    waiting = reader.notifications.unread().filter(lettered_at__isnull=True)
    waiting = waiting.select_related("announcement__community", "announcement__proposal__community")
    if errand.announcement_id is not None:
        found = list(waiting.filter(announcement=errand.announcement_id, at__gt=now - TOO_LATE))
    else:
        waiting = waiting.filter(channel=errand.channel, at__gt=now - DIGEST_REACHES_BACK)
        found = list(waiting.order_by("-at", "-pk")[:DIGEST_LINES_MAX])
    return [each for each in found if _still_holds(each, reader, now)]


def _still_holds(notification: Notification, reader: Reader, now: datetime) -> bool:
    """Say whether it is worth saying still.

    Not that something ends which has ended, or in which the reader has voted, nor what a keyholder has done meanwhile.
    """
    announcement = notification.announcement
    if announcement.kind == Moment.CONSULTATION_ENDS:
        return int(announcement.said.get("closes_at", 0)) > unix(now)
    if announcement.kind not in set(Moment) or announcement.proposal is None:
        return True
    if announcement.kind in OF_KEYHOLDERS:
        return moments.still_waits_for(announcement.kind, announcement.proposal, reader.address or "", now)
    closes_at = announcement.proposal.closes_at
    is_over = closes_at is None or now >= closes_at or announcement.proposal.passed is not None
    return not is_over and not audience.has_voted(reader, announcement.proposal)


def hand_over(claim: Claim, now: datetime) -> bool:
    """Write down that the mail server is spoken to from now on; say whether it may be.

    It may not where the lease is lost, or where two workers before this one died after the same point.
    """
    if claim.errand.handed_at is not None and claim.errand.error_code == "no_answer":
        _end(claim, FAILED, now, code="no_answer", detail="two workers ended while they sent it")
        return False
    code = "no_answer" if claim.errand.handed_at is not None else ""
    return bool(_held(claim).update(handed_at=now, error_code=code))


def sent(claim: Claim, said: Sequence[Notification], now: datetime) -> None:
    """Write down that the mail server took it, and what it said."""
    with transaction.atomic():
        _end(claim, SENT, now)
        Notification.objects.filter(pk__in=[each.pk for each in said]).update(lettered_at=now)
        Postbox.objects.filter(reader=claim.reader).update(bounces=0, email=claim.reader.email or "")


def dropped(claim: Claim, now: datetime) -> None:
    """End a letter that has nothing left to say."""
    _end(claim, DROPPED, now)


def failed(claim: Claim, code: str, detail: str, now: datetime, *, permanent: bool, bounced: bool = False) -> None:
    """Keep why it was not sent; rest and try again, or give up. `bounced`: the server refuses the reader's address."""
    with transaction.atomic():
        if permanent or claim.attempt >= ATTEMPTS_MAX:
            ended = _end(claim, FAILED, now, code=code, detail=detail)
        else:
            ended = False
            _held(claim).update(
                fence=F("fence") + 1,
                lease_expires_at=None,
                handed_at=None,
                error_code=code[:60],
                error_detail=detail[:500],
                next_at=now + _rest(claim.attempt),
            )
        if ended and bounced:
            _count_bounce(claim.reader, now)


def _count_bounce(reader: Reader, now: datetime) -> None:
    Postbox.objects.get_or_create(reader=reader)
    postbox = Postbox.objects.select_for_update(no_key=True).get(reader=reader)
    if postbox.email != reader.email:
        postbox.email, postbox.bounces, postbox.undeliverable_at = reader.email or "", 0, None
    postbox.bounces += 1
    if postbox.bounces >= BOUNCES_MAX and postbox.undeliverable_at is None:
        postbox.undeliverable_at = now
    postbox.save()


def _end(claim: Claim, how: str, now: datetime, *, code: str = "", detail: str = "") -> bool:
    ended = {"next_at": None, "lease_expires_at": None, "ended_at": now, "ended_as": how}
    said = {"error_code": code[:60], "error_detail": detail[:500]}
    return bool(_held(claim).update(fence=F("fence") + 1, **ended, **said))


def _held(claim: Claim) -> QuerySet[LetterErrand]:
    """Return the errand if the claim still counts."""
    return LetterErrand.objects.filter(pk=claim.errand.pk, fence=claim.fence, next_at__isnull=False)


def _free(now: datetime) -> Q:
    return Q(next_at__lte=now) & (Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now))


def _rest(attempts: int) -> timedelta:
    """Return how long to rest: doubling, half of it at random, so that many letters do not come back at once."""
    whole = min(REST_SECONDS_MIN << min(attempts - 1, 12), REST_SECONDS_MAX)
    return timedelta(seconds=whole // 2 + secrets.randbelow(whole // 2 + 1))
