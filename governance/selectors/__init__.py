"""Questions that pages and the API ask about decisions. Reads only; nothing is decided here.

Every function takes `now` where time matters and answers with model instances or small frozen values, in a number of
queries that does not grow with the rows shown. Rules are asked of the pure modules.
"""

from governance.selectors.communities import (
    all_communities,
    chain_ids,
    communities,
    community_named,
    imported_vote,
    imported_votes,
    known_members,
    member_names,
    name_of,
    rule_book,
)
from governance.selectors.decision_list import proposals
from governance.selectors.delegates import delegate_detail, delegates
from governance.selectors.electors import Elector, elector
from governance.selectors.evidence import (
    ballot_lines,
    census_entries,
    census_page,
    census_proof,
    consistency,
    delegation_records,
    inclusion,
    log_entries,
    log_page,
)
from governance.selectors.proposals import (
    Eligibility,
    ProposalDetail,
    draft,
    draft_to_sponsor,
    draft_to_write,
    drafts,
    drafts_seeking_sponsors,
    eligibility,
    open_proposals,
    proposal_detail,
    recent_decisions,
    timeline,
)
from governance.selectors.receipts import Receipt, receipt, receipt_document
from governance.selectors.representation import Representation, representation
from governance.selectors.results import Results, results
from governance.selectors.sealed import SealedShown, sealed
from governance.selectors.standing import council_of, missing, score_over_time
from governance.selectors.voters import turnout

__all__ = [
    "Elector",
    "Eligibility",
    "ProposalDetail",
    "Receipt",
    "Representation",
    "Results",
    "SealedShown",
    "all_communities",
    "ballot_lines",
    "census_entries",
    "census_page",
    "census_proof",
    "chain_ids",
    "communities",
    "community_named",
    "consistency",
    "council_of",
    "delegate_detail",
    "delegates",
    "delegation_records",
    "draft",
    "draft_to_sponsor",
    "draft_to_write",
    "drafts",
    "drafts_seeking_sponsors",
    "elector",
    "eligibility",
    "imported_vote",
    "imported_votes",
    "inclusion",
    "known_members",
    "log_entries",
    "log_page",
    "member_names",
    "missing",
    "name_of",
    "open_proposals",
    "proposal_detail",
    "proposals",
    "receipt",
    "receipt_document",
    "recent_decisions",
    "representation",
    "results",
    "rule_book",
    "score_over_time",
    "sealed",
    "timeline",
    "turnout",
]
