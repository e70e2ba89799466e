"""Addresses of the governance API, below /api/v1/."""

from django.urls import path

from governance.views import ballots, communities, delegations, drafts, log, proposals, sign_in

urlpatterns = [
    path("auth/nonce", sign_in.NonceView.as_view(), name="api-nonce"),
    path("auth/verify", sign_in.VerifyView.as_view(), name="api-verify"),
    path("auth/logout", sign_in.LogoutView.as_view(), name="api-logout"),
    path("auth/session", sign_in.SessionView.as_view(), name="api-session"),
    path("kinds", communities.KindList.as_view(), name="api-kinds"),
    path("methods", communities.MethodList.as_view(), name="api-methods"),
    path("communities", communities.CommunityList.as_view(), name="api-communities"),
    path("communities/<slug:slug>", communities.CommunityDetail.as_view(), name="api-community"),
    path("communities/<slug:slug>/charter", communities.CharterView.as_view(), name="api-charter"),
    path("communities/<slug:slug>/history", communities.HistoryList.as_view(), name="api-history"),
    path("communities/<slug:slug>/delegates", delegations.DelegateList.as_view(), name="api-delegates"),
    path("communities/<slug:slug>/delegates/<str:address>", delegations.DelegateDetail.as_view(), name="api-delegate"),
    path("communities/<slug:slug>/statement", delegations.Statement.as_view(), name="api-statement"),
    path(
        "communities/<slug:slug>/delegation-message",
        delegations.DelegationMessage.as_view(),
        name="api-delegation-message",
    ),
    path("communities/<slug:slug>/delegations", delegations.DelegationList.as_view(), name="api-delegations"),
    path(
        "communities/<slug:slug>/chain-delegation", delegations.ChainDelegation.as_view(), name="api-chain-delegation"
    ),
    path("communities/<slug:slug>/log", log.LogView.as_view(), name="api-log"),
    path("communities/<slug:slug>/log/entries", log.LogEntries.as_view(), name="api-log-entries"),
    path("communities/<slug:slug>/log/inclusion", log.LogInclusion.as_view(), name="api-log-inclusion"),
    path("communities/<slug:slug>/log/consistency", log.LogConsistency.as_view(), name="api-log-consistency"),
    path("drafts", drafts.DraftList.as_view(), name="api-drafts"),
    path("drafts/<int:pk>", drafts.DraftDetail.as_view(), name="api-draft"),
    path("drafts/<int:pk>/submit", drafts.DraftSubmit.as_view(), name="api-draft-submit"),
    path("drafts/<int:pk>/seek-sponsors", drafts.DraftSeekSponsors.as_view(), name="api-draft-seek-sponsors"),
    path("drafts/<int:pk>/sponsors", drafts.DraftSponsors.as_view(), name="api-draft-sponsors"),
    path(
        "drafts/<int:pk>/sponsorship-message",
        drafts.DraftSponsorshipMessage.as_view(),
        name="api-draft-sponsorship-message",
    ),
    path("proposals", proposals.ProposalList.as_view(), name="api-proposals"),
    path("proposals/<str:public_id>", proposals.ProposalDetail.as_view(), name="api-proposal"),
    path("proposals/<str:public_id>/cancel", proposals.ProposalCancel.as_view(), name="api-proposal-cancel"),
    path("proposals/<str:public_id>/veto", proposals.ProposalVeto.as_view(), name="api-proposal-veto"),
    path("proposals/<str:public_id>/pause", proposals.ProposalPause.as_view(), name="api-proposal-pause"),
    path("proposals/<str:public_id>/execute", proposals.ProposalExecute.as_view(), name="api-proposal-execute"),
    path("proposals/<str:public_id>/events", proposals.ProposalEvents.as_view(), name="api-proposal-events"),
    path("proposals/<str:public_id>/census", proposals.ProposalCensus.as_view(), name="api-proposal-census"),
    path(
        "proposals/<str:public_id>/census/<str:address>",
        proposals.ProposalCensusEntry.as_view(),
        name="api-proposal-census-entry",
    ),
    path(
        "proposals/<str:public_id>/eligibility",
        proposals.ProposalEligibility.as_view(),
        name="api-proposal-eligibility",
    ),
    path("proposals/<str:public_id>/bundle", proposals.ProposalBundle.as_view(), name="api-proposal-bundle"),
    path("proposals/<str:public_id>/ballots", ballots.ProposalBallots.as_view(), name="api-proposal-ballots"),
    path("proposals/<str:public_id>/ballot-message", ballots.BallotMessage.as_view(), name="api-ballot-message"),
    path("ballots", ballots.BallotList.as_view(), name="api-ballots"),
    path("ballots/<str:digest>", ballots.BallotReceipt.as_view(), name="api-ballot"),
    path("records/<str:digest>", ballots.RecordDetail.as_view(), name="api-record"),
]
