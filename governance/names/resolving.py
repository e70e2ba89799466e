"""Asks a chain what an account calls itself, and believes it only where the name leads back to the account.

Anybody can say any name of themselves; whose name it is, the name's own resolver says. Not followed: names that are
looked up outside the chain (EIP-3668) or by wildcard (ENSIP-10), and names of accounts on other chains (ENSIP-19).
"""

from dataclasses import dataclass

from governance.chain import ChainReader
from governance.names import standard


@dataclass(frozen=True)
class Told:
    """What was told of an account: its name, empty for none, and where the name says that a picture lies."""

    name: str = ""
    avatar: str = ""


NOBODY = Told()


def ask(chain: ChainReader, registry: str, address: str, block_hash: str) -> Told:
    """Return what an account is called in this very block. Raises ChainError where the chain does not answer.

    1. the account's own entry: a resolver, and the name that it tells; 2. a name that we show; 3. the name's own
    resolver says this very account; 4. the picture.
    """
    own = standard.reverse_node(address)  # 1
    teller = _resolver(chain, registry, own, block_hash)
    name = standard.text_in(chain.read(teller, standard.name_question(own), block_hash)) if teller else ""
    if not standard.can_be_shown(name):  # 2
        return NOBODY
    node = standard.node_of(name)  # 3
    resolver = _resolver(chain, registry, node, block_hash)
    if resolver is None:
        return NOBODY
    holder = standard.address_in(chain.read(resolver, standard.address_question(node), block_hash))
    if holder != address.lower():
        return NOBODY
    said = chain.read(resolver, standard.text_question(node, "avatar"), block_hash)  # 4
    return Told(name, standard.text_in(said))


def _resolver(chain: ChainReader, registry: str, node: bytes, block_hash: str) -> str | None:
    return standard.address_in(chain.read(registry, standard.resolver_question(node), block_hash))
