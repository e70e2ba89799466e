"""Whether a range of blocks joins what was read before it. Whoever reads range by range asks each time."""

from governance.chain import Block, ChainReader, ChainUnavailable


def require_joined(chain: ChainReader, before: Block, end: Block) -> None:
    """Raise ChainUnavailable unless the blocks before a range and at its end still are those of their numbers.

    A fork may be taken back between two ranges, and then its events would stay beside those of the chain that won.
    """
    for known, now in zip((before, end), chain.blocks([before.number, end.number]), strict=True):
        if now.hash != known.hash:
            raise ChainUnavailable(f"block {known.number} changed while it was read")
