"""Who holds a wallet of several owners, and how many of them must sign: as the wallet itself says at a final block."""

from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from governance import eip712
from governance.chain import Block, ChainReader
from governance.chain.factory import chain_for
from governance.errors import Conflict, Invalid, TooMany
from governance.models import Community
from governance.wallets import safes
from governance.wallets.checking import asks_wallets_of

KEPT_SECONDS: Final = 10
MINUTE_SECONDS: Final = 60
ASKED_PER_MINUTE_MAX: Final = 30


@dataclass(frozen=True)
class Holders:
    """Who a wallet says its owners are, how many of them it needs, and at which block it was asked."""

    owners: tuple[str, ...]
    threshold: int
    block: Block


def holders_at(chain: ChainReader, wallet: str) -> Holders:
    """Return who holds a wallet; raise Invalid where it does not say so as wallets of several owners do."""
    block = chain.finalized_block()
    owners = safes.owners_in(chain.read(wallet, safes.GET_OWNERS, block.hash))
    threshold = safes.number_in(chain.read(wallet, safes.GET_THRESHOLD, block.hash))
    if owners is None or threshold is None or not 0 < threshold <= len(owners):
        raise Invalid(
            "not_shared",
            f"at block {block.number} no wallet stands at this address that names its owners; let it sign by itself",
            field="wallet",
            found=wallet,
        )
    return Holders(owners, threshold, block)


def holders_of(community: Community, wallet: str, asker: str) -> Holders:
    """Return who holds a wallet that may sign in a community, for anybody who asks: so each asker asks only so often.

    What was said stands for some seconds, and then costs nobody anything. The count of an asker may be lost with the
    cache; it is no more than a brake.
    """
    if not asks_wallets_of(community):
        detail = "contract wallets sign only where power is read from a chain"
        raise Conflict("no_contract_wallets", detail, field="wallet")
    wallet = eip712.parse_address(wallet)
    name, count = f"holders:{community.chain_id}:{wallet}", f"holders-asked:{asker}"
    kept: Holders | None = cache.get(name)
    if kept is not None:
        return kept
    if _asked_in_this_minute(count) > ASKED_PER_MINUTE_MAX:
        detail = "so many wallets in one minute are enough"
        raise TooMany("too_many_wallets", detail, retry_after_seconds=MINUTE_SECONDS, allowed=ASKED_PER_MINUTE_MAX)
    found = holders_at(chain_for(community.chain_id), wallet)
    cache.set(name, found, KEPT_SECONDS)
    return found


def _asked_in_this_minute(count: str) -> int:
    if cache.add(count, 1, MINUTE_SECONDS):
        return 1
    try:
        return cache.incr(count)
    except ValueError:  # its minute ended between the two
        return 1
