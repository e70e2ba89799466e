"""Addresses of the API of newcomers and policies, below /api/v1/."""

from django.urls import path

from training_jobs.commons import newcomer_views as views

_COMMUNITY = "communities/<slug:slug>"

urlpatterns = [
    path(f"{_COMMUNITY}/newcomers", views.NewcomerList.as_view(), name="api-newcomers"),
    path(f"{_COMMUNITY}/newcomers/<int:pk>", views.NewcomerAttestationDetail.as_view(), name="api-newcomer"),
    path(f"{_COMMUNITY}/compute-policy", views.ComputePolicyInForce.as_view(), name="api-compute-policy"),
    path("proposals/<str:public_id>/replay", views.ProposalReplay.as_view(), name="api-proposal-replay"),
    path("drafts/<int:pk>/replay", views.DraftReplay.as_view(), name="api-draft-replay"),
]
