"""Addresses of the governance API, below /api/v1/."""

from django.urls import path

from governance import views

urlpatterns = [
    path("auth/nonce", views.NonceView.as_view(), name="api-nonce"),
    path("auth/verify", views.VerifyView.as_view(), name="api-verify"),
    path("auth/logout", views.LogoutView.as_view(), name="api-logout"),
    path("auth/session", views.SessionView.as_view(), name="api-session"),
    path("communities", views.CommunityList.as_view(), name="api-communities"),
    path("communities/<slug:slug>", views.CommunityDetail.as_view(), name="api-community"),
    path("kinds", views.KindList.as_view(), name="api-kinds"),
    path("drafts", views.DraftList.as_view(), name="api-drafts"),
    path("drafts/<int:pk>", views.DraftDetail.as_view(), name="api-draft"),
    path("drafts/<int:pk>/submit", views.DraftSubmit.as_view(), name="api-draft-submit"),
    path("proposals", views.ProposalList.as_view(), name="api-proposals"),
    path("proposals/<str:public_id>", views.ProposalDetail.as_view(), name="api-proposal"),
    path("proposals/<str:public_id>/cancel", views.ProposalCancel.as_view(), name="api-proposal-cancel"),
    path("proposals/<str:public_id>/execute", views.ProposalExecute.as_view(), name="api-proposal-execute"),
    path("proposals/<str:public_id>/events", views.ProposalEvents.as_view(), name="api-proposal-events"),
    path("proposals/<str:public_id>/ballots", views.ProposalBallots.as_view(), name="api-proposal-ballots"),
    path("proposals/<str:public_id>/ballot-message", views.BallotMessage.as_view(), name="api-ballot-message"),
    path("ballots", views.BallotList.as_view(), name="api-ballots"),
    path("ballots/<str:digest>", views.BallotReceipt.as_view(), name="api-ballot"),
    path("records/<str:digest>", views.RecordDetail.as_view(), name="api-record"),
]
