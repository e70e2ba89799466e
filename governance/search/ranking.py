"""Which of the matches comes first: the better ones, kinds that are rather meant, newer ones slightly. Pure."""

from collections.abc import Iterable
from datetime import datetime

from governance.search.matching import Match

# A thing of today counts for a quarter more than an old one; half of that is left after a quarter of a year.
_NEWNESS, _NEW_DAYS = 0.25, 90
# A weight of five counts for a quarter more than none.
_PER_WEIGHT = 0.05
_DAY_SECONDS = 86_400


def ranked(found: Iterable[Match], now: datetime) -> list[Match]:
    """Return the best first; of equals the newest."""
    return sorted(found, key=lambda match: (-_score(match, now), -match.id))


def _score(match: Match, now: datetime) -> float:
    at = match.at if isinstance(match.at, datetime) else datetime.fromisoformat(str(match.at))
    at = at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
    days = max(0.0, (now - at).total_seconds() / _DAY_SECONDS)
    return match.relevance * (1 + _NEWNESS / (1 + days / _NEW_DAYS)) * (1 + _PER_WEIGHT * match.weight)
