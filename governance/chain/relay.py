"""Sends members' signed delegations, where the community pays for that: `settings.CHAIN_RELAYER`.

The relayer is an unlocked account of the community's own node, so no key is held here. Whoever calls this limits how
often: each delegation costs the relayer a fee. Two requests with one signature at once may both be sent; the chain
carries out one of them, and the other costs its fee for nothing.
"""

from django.conf import settings

from governance.chain.delegations import SignedDelegation, transaction_by_signature
from governance.chain.factory import chain_for, relay_node
from governance.errors import Conflict


def is_offered() -> bool:
    """Say whether this site sends for its members."""
    return bool(settings.CHAIN_RELAYER)


def relay(chain_id: int, signed: SignedDelegation, now_seconds: int) -> str:
    """Send the delegation; return the hash of the transaction. What would fail is refused before anything is sent."""
    if not is_offered():
        raise Conflict("relay_not_offered", "this site does not send transactions; send it from your own wallet")
    checked = transaction_by_signature(chain_for(chain_id), signed, now_seconds)
    return relay_node(chain_id).send(settings.CHAIN_RELAYER, checked["to"], checked["data"])
