"""Who is to be asked about, what was told and for how long it holds, and what pages show of it.

A row is kept until the account is asked about again; a name is shown for two of these periods at most, so that a node
that is silent for a day takes no name away, and one that is silent for long shows none that may have been given up.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Length

from governance.chain import ChainError, ChainUnavailable
from governance.chain.client import ChainClient
from governance.eip712 import parse_address
from governance.errors import Invalid
from governance.models import Account, Ballot, Delegation, KnownName, Member, Proposal
from governance.names import avatars, resolving

logger = logging.getLogger(__name__)

ASKED_AT_ONCE: Final = 25
SECONDS_AT_ONCE: Final = 20.0
AGAIN_AFTER_SILENCE: Final = timedelta(minutes=10)
BALLOTS_LOOKED_AT: Final = 500
SHOWN_SECONDS: Final = 60
SHOWN_MAX: Final = 20_000


def is_on() -> bool:
    """Say whether this site asks for names at all."""
    return bool(settings.NAMES_RPC)


def waits(now: datetime) -> bool:
    """Say whether anybody is to be asked about."""
    return is_on() and next(_due(now), None) is not None


def refresh(now: datetime, fetch: avatars.Fetch) -> int:
    """Ask about some of those who are due; return how many answers came. Safe to repeat, and bounded in time.

    Who is asked about is marked before, so that two workers do not ask the same.
    """
    if not is_on():
        return 0
    chain = ChainClient(settings.NAMES_RPC, settings.CHAIN_TIMEOUT_SECONDS)
    ends, told = time.monotonic() + SECONDS_AT_ONCE, 0
    try:
        block = chain.finalized_block()
        for _, address in zip(range(ASKED_AT_ONCE), _due(now), strict=False):
            if time.monotonic() > ends:
                break
            if _marked(address, now):
                told += _ask(chain, address, block.hash, now, fetch)
    except ChainError as error:
        logger.info("names are not asked for: %s", error)
    _known.cache_clear()
    return told


def known(now: datetime) -> Mapping[str, tuple[str, bool]]:
    """Return all names that may be shown, by address: the name, and whether there is a picture.

    Read once a minute and kept in memory, because lists of people ask for each.
    """
    return _known(int(now.timestamp()) // SHOWN_SECONDS) if is_on() else {}


@lru_cache(maxsize=1)
def _known(minute: int) -> Mapping[str, tuple[str, bool]]:
    now = datetime.fromtimestamp(minute * SHOWN_SECONDS, UTC)
    rows = _shown(now).exclude(name="").annotate(drawn=Length("picture")).order_by("-told_at")
    found = rows.values_list("address", "name", "drawn")[:SHOWN_MAX]
    return {address: (name, drawn > 0) for address, name, drawn in found}


def told_of(address: str, now: datetime) -> tuple[str, datetime | None]:
    """Return the name that was told of an account, and when; nothing where none was told lately."""
    row = _shown(now).filter(address=address).first() if is_on() else None
    return (row.name, row.told_at) if row else ("", None)


def picture_of(address: str, now: datetime) -> bytes:
    """Return the picture of an account's name; nothing where there is none."""
    row = _shown(now).filter(address=address).exclude(name="").first() if is_on() else None
    return bytes(row.picture) if row else b""


def _shown(now: datetime) -> QuerySet[KnownName]:
    return KnownName.objects.filter(told_at__gt=now - 2 * timedelta(seconds=settings.NAMES_SECONDS))


def _due(now: datetime) -> Iterator[str]:
    """Yield who is to be asked about: those who were never asked about, then those whose time is over."""
    seen: set[str] = set()
    for rows, column in _people():
        asked = KnownName.objects.filter(address=OuterRef(column))
        for address in rows.filter(~Exists(asked)).values_list(column, flat=True)[:ASKED_AT_ONCE]:
            if address not in seen and _is_checksummed(address):
                seen.add(address)
                yield address
    yield from (
        KnownName.objects.filter(ask_again_at__lte=now)
        .order_by("ask_again_at")
        .values_list("address", flat=True)[:ASKED_AT_ONCE]
    )


def _people() -> list[tuple[QuerySet, str]]:  # type: ignore[type-arg]
    """Return whose names pages may show, and in which column their addresses are."""
    newest = Ballot.objects.order_by("-pk").values("pk")[:BALLOTS_LOOKED_AT]
    return [
        (Account.objects.order_by("-pk"), "address"),
        (Proposal.objects.order_by("-pk"), "author"),
        (Member.objects.order_by("pk"), "address"),
        (Delegation.objects.order_by("-pk"), "delegate"),
        (Ballot.objects.filter(pk__in=newest).order_by("-pk"), "voter"),
    ]


def _is_checksummed(address: str) -> bool:
    try:
        return parse_address(address) == address
    except Invalid:
        return False


def _marked(address: str, now: datetime) -> bool:
    """Take an account before it is asked about; say whether nobody else has."""
    later = now + AGAIN_AFTER_SILENCE
    _, made = KnownName.objects.get_or_create(address=address, defaults={"ask_again_at": later})
    return made or bool(KnownName.objects.filter(address=address, ask_again_at__lte=now).update(ask_again_at=later))


def _ask(chain: ChainClient, address: str, block_hash: str, now: datetime, fetch: avatars.Fetch) -> int:
    """Ask about one account and keep what was told; return 1 for an answer. A node that is silent raises."""
    try:
        told = resolving.ask(chain, settings.NAMES_REGISTRY, address, block_hash)
    except ChainUnavailable:
        raise
    except ChainError as error:
        logger.info("the name of %s is not known: %s", address, error)
        return 0
    drawn = avatars.picture(told.avatar, settings.NAMES_IPFS_GATEWAY, fetch) if settings.NAMES_AVATARS else b""
    again = now + timedelta(seconds=settings.NAMES_SECONDS)
    KnownName.objects.filter(address=address).update(name=told.name, picture=drawn, ask_again_at=again, told_at=now)
    return 1
