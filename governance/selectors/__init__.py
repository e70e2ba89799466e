"""Questions that pages and the API ask about decisions. Reads only; nothing is decided here.

Every function takes `now` where time matters and answers with model instances or small frozen values, in a number of
queries that does not grow with the rows shown. Rules are asked of the pure modules.
"""

from governance.selectors.communities import (
    communities,
    community_named,
    imported_vote,
    imported_votes,
    known_members,
    member_names,
    name_of,
    rule_book,
)
from governance.selectors.delegates import delegate_detail, delegates
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
    drafts,
    drafts_seeking_sponsors,
    eligibility,
    open_proposals,
    proposal_detail,
    proposals,
    recent_decisions,
    timeline,
)
from governance.selectors.receipts import Receipt, receipt, receipt_document
from governance.selectors.results import Results, results

__all__ = [
    "Eligibility",
    "ProposalDetail",
    "Receipt",
    "Results",
    "ballot_lines",
    "census_entries",
    "census_page",
    "census_proof",
    "communities",
    "community_named",
    "consistency",
    "delegate_detail",
    "delegates",
    "delegation_records",
    "draft",
    "draft_to_sponsor",
    "drafts",
    "drafts_seeking_sponsors",
    "eligibility",
    "imported_vote",
    "imported_votes",
    "inclusion",
    "known_members",
    "log_entries",
    "log_page",
    "member_names",
    "name_of",
    "open_proposals",
    "proposal_detail",
    "proposals",
    "receipt",
    "receipt_document",
    "recent_decisions",
    "results",
    "rule_book",
    "timeline",
]
