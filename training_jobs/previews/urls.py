"""Addresses of the API of previews, below /api/v1/."""

from django.urls import path

from training_jobs.previews import views

urlpatterns = [
    path("proposals/<str:public_id>/previews", views.ProposalPreviews.as_view(), name="api-proposal-previews"),
    path("drafts/<int:pk>/previews", views.DraftPreviews.as_view(), name="api-draft-previews"),
    path("previews/<int:pk>", views.PreviewDetail.as_view(), name="api-preview"),
]
