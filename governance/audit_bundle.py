"""The audit bundle of a proposal: everything that a stranger needs to recount it, as lines of canonical JSON.

Made while it is sent, so it needs no space and has no largest size. `governance.recount` reads it; the order of the
lines is described in `docs/recount.md`.
"""

from collections.abc import Iterator

from governance import log
from governance.evidence.canonical import canonical_bytes
from governance.models import Proposal, Record, SealedVote
from governance.sealed.facts import sealing_of
from governance.selectors.evidence import ballot_lines
from governance.services.census import census_leaf
from governance.services.common import required_record


def lines(proposal: Proposal) -> Iterator[bytes]:
    """Yield the lines of the bundle, each with its line feed."""
    for line in _lines(proposal):
        yield line + b"\n"


def _sealed_vote(proposal: Proposal) -> SealedVote | None:
    if sealing_of(proposal) is None:
        return None
    found = SealedVote.objects.select_related("sealing_record", "unsealing_record")
    return found.filter(proposal=proposal).first()


def _lines(proposal: Proposal) -> Iterator[bytes]:
    record = required_record(proposal.record)
    yield canonical_bytes({"bundle": "commonweights-audit", "version": 1, "proposal": record.digest})
    charter = Record.objects.get(digest__in=record.value.parents, kind="charter")
    for each in (charter, proposal.community.record, record):
        yield each.canonical.encode()
    held = Record.objects.filter(pk__in=proposal.delegations.values("record")).order_by("digest")
    for canonical in held.values_list("canonical", flat=True):
        yield canonical.encode()
    if proposal.census_record is not None:
        entries = proposal.census.order_by("voter_key").values_list("voter", "power", "house_power")
        for voter, power, house_power in entries.iterator(chunk_size=5_000):
            yield census_leaf(voter, power, house_power)
        yield proposal.census_record.canonical.encode()
        sealed = _sealed_vote(proposal)
        if sealed is not None:
            yield sealed.sealing_record.canonical.encode()
        for canonical in ballot_lines(proposal):
            yield canonical.encode()
        if sealed is not None and sealed.unsealing_record is not None:
            yield sealed.unsealing_record.canonical.encode()
    for decided in (proposal.tally_record, proposal.decision_record):
        if decided is not None:
            yield decided.canonical.encode()
    newest = log.newest_checkpoint(proposal.community)
    yield canonical_bytes({"checkpoint": newest.note if newest else None})
