"""Addresses of the API of reviews, below /api/v1/."""

from django.urls import path

from training_jobs.reviews import views

urlpatterns = [
    path("runs/<int:pk>/review", views.RunReview.as_view(), name="api-run-review"),
    path("runs/<int:pk>/review/samples", views.RunReviewSamples.as_view(), name="api-run-review-samples"),
    path("runs/<int:pk>/review/message", views.RunReviewMessage.as_view(), name="api-run-review-message"),
    path(
        "runs/<int:pk>/review/attestations", views.RunReviewAttestations.as_view(), name="api-run-review-attestations"
    ),
]
