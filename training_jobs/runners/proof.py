"""The proof that a run was voted for: every record and line that a verifier needs, as JSON lines, made while sent.

A header names the specification's record; `{"part": NAME}` begins each of the four files of a release's provenance that
exist before there is a release; the last line says that nothing is missing. `training_jobs.bot.proof` reads it.
"""

from collections.abc import Iterator

from governance.evidence.canonical import canonical_bytes
from governance.models import Ballot
from governance.records import closure
from governance.selectors import census_entries, delegation_records
from models_registry.provenance import bundle, lineage
from models_registry.provenance.entries import CensusEntry, HeldDelegation
from training_jobs.models import Run

ROWS_AT_ONCE = 5_000


def lines(run: Run) -> Iterator[bytes]:
    """Yield the lines of the proof, each with its line feed."""
    for line in _lines(run):
        yield line + b"\n"


def _lines(run: Run) -> Iterator[bytes]:
    spec = run.spec_record.digest
    records = closure(run.spec_record)
    proposals = [digest for digest, record in records.items() if record.kind == "proposal"]
    yield canonical_bytes({"proof": "commonweights-run", "spec": spec, "version": 1})
    yield canonical_bytes({"part": bundle.RECORDS})
    for record in lineage.closure(spec, records):
        yield record.canonical()
    yield canonical_bytes({"part": bundle.BALLOTS})
    counting = Ballot.objects.counting().filter(proposal__record__in=proposals)
    ordered = counting.order_by("proposal__number", "voter_key").values_list("record__canonical", flat=True)
    for canonical in ordered.iterator(chunk_size=ROWS_AT_ONCE):
        yield canonical.encode()
    yield canonical_bytes({"part": bundle.CENSUS})
    for entry in census_entries(proposals):
        yield CensusEntry(*entry).canonical()
    yield canonical_bytes({"part": bundle.DELEGATIONS})
    for held in delegation_records(proposals):
        yield HeldDelegation(*held).canonical()
    yield canonical_bytes({"end": spec})
