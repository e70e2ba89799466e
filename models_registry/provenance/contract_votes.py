"""The votes that a Governor took, as far as files alone can tell: where each is said to stand on the chain. Pure.

Nothing here shows who sent a vote: the chain did, and check 11 asks it (`governance.onchain.seen`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.evidence.record import Record
from governance.onchain.approvals import Reference, reference_of


class Places:
    """The places that the ballots of one vote name: each once, and no block at two times."""

    def __init__(self, proposal: Record, census: Record) -> None:
        """Begin before the first ballot."""
        self._proposal, self._census = proposal, census
        self._seen: set[Reference] = set()
        self._seconds: dict[str, int] = {}  # by hash of the block
        self.count = 0

    def census_faults(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the census: it is of the second that was named, and nobody delegates here."""
        body = self._census.body
        timepoint = self._proposal.body["snapshot"]["source"]["parameters"].get("timepoint")
        if body["computed_at"] != timepoint:
            yield "census_wrong", f"it is of the second {body['computed_at']}, the proposal's is {str(timepoint)[:40]}"
        if body["delegation_count"]:
            yield "delegations_wrong", "its token says who votes with whose power, and no delegation of ours"

    def faults(self, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the place that one ballot names."""
        self.count += 1
        place = reference_of(body["signature"])
        if place is None or body["nonce"] or "wallet" in body:
            yield "reference_wrong", "it does not say where on the chain the vote stands, and nothing else"
            return
        if place in self._seen:
            yield "reference_twice", f"another ballot names the event {place.position} of {place.block_hash}, too"
        self._seen.add(place)
        second = self._seconds.setdefault(place.block_hash, body["cast_at"])
        if second != body["cast_at"]:
            yield "reference_wrong", f"cast at {body['cast_at']}, another ballot of its block at {second}"
