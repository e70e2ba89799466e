"""Makes readers of the configured chain: the one place of this package that knows the settings.

`settings.CHAIN_RPC` is one address, or several separated by commas; several must agree.
"""

from django.conf import settings

from governance.chain import ChainReader
from governance.chain.agreement import AgreeingChain
from governance.chain.client import ChainClient


def chain_for(chain_id: int) -> ChainReader:
    """Return a reader of the chain of this id; with several addresses it believes only what all of them say."""
    nodes = [_node(address, chain_id) for address in addresses()]
    return nodes[0] if len(nodes) == 1 else AgreeingChain(nodes)


def relay_node(chain_id: int) -> ChainClient:
    """Return the node that sends for the relayer: the first address, which is to be the community's own node."""
    return _node(addresses()[0], chain_id)


def addresses() -> list[str]:
    """Return the addresses of the nodes, as configured."""
    return str(settings.CHAIN_RPC).split(",")


def _node(address: str, chain_id: int) -> ChainClient:
    return ChainClient(address, settings.CHAIN_TIMEOUT_SECONDS, expected_chain_id=chain_id)
