"""The ten checks of a release, one function each, by what they look at. `verify` numbers and reports them.

A check gets the bundle as read (`Case`) and collects problems in an `Answer`. It may rely on nothing but the
checks that `verify` lists as its needs. Order, titles and hints stand in `verify`.
"""

from models_registry.provenance.checks.ballots import check_ballots
from models_registry.provenance.checks.decisions import check_decisions, check_tallies
from models_registry.provenance.checks.effects import check_spec, check_verdict
from models_registry.provenance.checks.files import check_files
from models_registry.provenance.checks.records import check_parents, check_records
from models_registry.provenance.checks.signatures import check_signature
from models_registry.provenance.checks.times import check_times

__all__ = [
    "check_ballots",
    "check_decisions",
    "check_files",
    "check_parents",
    "check_records",
    "check_signature",
    "check_spec",
    "check_tallies",
    "check_times",
    "check_verdict",
]
