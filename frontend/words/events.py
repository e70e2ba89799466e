"""Words of what happened: the events of the log."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

EVENTS: dict[str, Word] = {
    "community_founded": Word(_("The community was founded"), "people"),
    "charter_adopted": Word(_("A new charter came into force"), "shield"),
    "council_elected": Word(_("A council took office"), "shield"),
    "statement_made": Word(_("A delegate changed their statement"), "pencil"),
    "delegation_made": Word(_("Power was delegated"), "people"),
    "delegation_revoked": Word(_("A delegation was taken back"), "minus"),
    "delegation_relayed": Word(_("A delegation was sent to the chain for a member"), "arrow"),
    "draft_created": Word(_("A draft was written"), "pencil"),
    "draft_edited": Word(_("A draft was changed"), "pencil"),
    "draft_seeks_sponsors": Word(_("A draft seeks sponsors"), "people"),
    "draft_sponsored": Word(_("A draft found a sponsor"), "check"),
    "proposal_submitted": Word(_("A proposal was published"), "drop"),
    "proposal_canceled": Word(_("A proposal was withdrawn"), "minus"),
    "census_taken": Word(_("The census was taken"), "people"),
    "ballot_cast": Word(_("A ballot was accepted"), "check"),
    "vote_extended": Word(_("Voting was extended: the quorum was reached late"), "clock"),
    "voting_closed": Word(_("Voting closed and was counted"), "scale"),
    "proposal_queued": Word(_("A waiting time began"), "hourglass"),
    "veto_voiced": Word(_("A guardian spoke for a veto"), "shield"),
    "proposal_vetoed": Word(_("A proposal was vetoed"), "shield"),
    "execution_paused": Word(_("A guardian paused a decision"), "pause"),
    "proposal_executed": Word(_("A decision was carried out"), "check-circle"),
    "step_refused": Word(_("A step was held up"), "warning"),
    "snapshot_reorged": Word(_("The block of a snapshot is gone"), "warning"),
    "release_refused": Word(_("A release was held up"), "warning"),
    "run_created": Word(_("A training run was ordered"), "wave"),
    "run_judged": Word(_("A training run was judged"), "scale"),
    "run_failed": Word(_("A training run failed"), "warning"),
    "run_canceled": Word(_("A training run was canceled"), "minus"),
    "dataset_registered": Word(_("A dataset was registered"), "layers"),
    "dataset_included": Word(_("A dataset was included"), "layers"),
    "rule_adopted": Word(_("An ethics rule was adopted"), "shield"),
    "base_registered": Word(_("A base model was registered"), "wave"),
    "version_released": Word(_("A version was released"), "drop"),
    "vote_imported": Word(_("A vote was imported"), "download"),
}
