"""Asks a chain whether a release, and the ballots of every vote behind it, were written down in an anchor contract.

Asked only when somebody wants it, and only about files that hold together. Standard: see `governance.anchoring.check`.
"""

from pathlib import Path

from governance.anchoring.check import Answer, Wanted, ask_anchor
from governance.anchoring.kinds import BALLOTS, RELEASE
from models_registry.provenance.case import Case, load
from models_registry.provenance.report import Report


def ask_release(report: Report, folder: Path, url: str, contract: str) -> Answer:
    """Ask the node at `url`; raise ValueError for an address that is none."""
    return ask_anchor(url, contract, wanted_of(load(folder, report.trust_roots)))


def wanted_of(case: Case) -> list[Wanted]:
    """Return what should have been posted: the ballots of each vote in which somebody voted, and the release."""
    proposals = {record.digest: record for record in case.of_kind("proposal")}
    wanted: list[Wanted] = []
    for tally in case.of_kind("tally"):
        voted = next((proposals[parent] for parent in tally.parents if parent in proposals), None)
        if tally.body["ballot_count"] and voted is not None:
            what = f'the ballots of proposal {voted.body["number"]}, "{voted.body["title"]}"'
            wanted.append(Wanted(what, BALLOTS, tally.body["ballots_root"], tally.body["closed_at"]))
    if case.release is not None:
        wanted.append(Wanted("the release", RELEASE, case.release.digest))
    return wanted
