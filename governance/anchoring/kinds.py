"""What is anchored, and under which name it is posted. Pure.

The digest of a vote's ballots is the Merkle root in its tally record: whoever has the ballots can compute it. The
digest of a release is that of its record, which names the files of the model.
"""

from typing import Final

BALLOTS, RELEASE = "ballots", "release"
KINDS: Final = (BALLOTS, RELEASE)
# What the contract's functions are called.
POST: Final = "post(bytes32,bytes32)"
POSTED_AT: Final = "postedAt(bytes32,bytes32)"


def kind_word(kind: str) -> str:
    """Return a kind as the contract has it: its letters in ASCII, then zeros, as 64 hex digits."""
    return kind.encode("ascii").hex().ljust(64, "0")
