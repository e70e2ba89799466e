"""Forgetting what signing in left behind: links and challenges, with the networks that asked for them, after a day."""

from datetime import datetime, timedelta

from governance.models import PasskeyChallenge, SignInLink

_KEPT = timedelta(days=1)


def forget(now: datetime) -> int:
    """Delete links and challenges of more than a day ago; return how many. Safe to repeat."""
    links, _ = SignInLink.objects.filter(asked_at__lt=now - _KEPT).delete()
    challenges, _ = PasskeyChallenge.objects.filter(asked_at__lt=now - _KEPT).delete()
    return links + challenges
