"""`fsck`: holds the whole database against the log and the records, and names every place where they differ.

The records are the truth of what was said, the log of when; every other column either repeats them or follows from
them and is computed again here. Reads only, and in batches; of one vote at a time it remembers the voters. One module
for each noun. `docs/operations.md` says how to use it.

Not shown: that the log is the one that others have seen. Whoever can write to the database and sign with the release
key can make a whole new history; receipts and checkpoints kept elsewhere are what convicts them. Nor what no record
repeats: drafts, names of members, statements, when a row was made, and fractions of seconds.
"""

from collections.abc import Iterator

from governance.fsck.anchors import check_anchors
from governance.fsck.communities import check_community
from governance.fsck.contracts import check_contracts
from governance.fsck.delegations import check_delegations
from governance.fsck.deliberation import check_deliberation
from governance.fsck.finding import Finding, guarded
from governance.fsck.imports import check_imports
from governance.fsck.logs import check_log, check_strays
from governance.fsck.proposals import check_proposals
from governance.fsck.records import check_records
from governance.fsck.seats import check_seats
from governance.fsck.statements import check_consultations
from governance.fsck.trees import check_stray_trees
from governance.models import Community

__all__ = ["Finding", "check", "check_one"]


def check(*, signatures: bool = True) -> Iterator[Finding]:
    """Yield what is wrong anywhere; nothing for a sound database."""
    yield from guarded("governance_record", "", check_records())
    yield from guarded("governance_event", "", check_strays())
    yield from guarded("governance_tree", "", check_stray_trees())
    yield from guarded("governance_passkeyseat", "", check_seats())
    for community in Community.objects.select_related("record", "charter").order_by("pk"):
        yield from check_one(community, signatures=signatures)


def check_one(community: Community, *, signatures: bool = True) -> Iterator[Finding]:
    """Yield what is wrong with one community: its rules, its log, its delegations, its votes, its history."""
    name = community.slug
    yield from guarded("governance_community", name, check_community(community))
    yield from guarded("governance_event", name, check_log(community))
    yield from guarded("governance_delegation", name, check_delegations(community, signatures=signatures))
    yield from guarded("governance_proposal", name, check_proposals(community, signatures=signatures))
    yield from guarded("governance_comment", name, check_deliberation(community))
    yield from guarded("governance_anchor", name, check_anchors(community))
    yield from guarded("governance_contract", name, check_contracts(community))
    yield from guarded("governance_importedvote", name, check_imports(community, signatures=signatures))
    yield from guarded("governance_consultation", name, check_consultations(community))
