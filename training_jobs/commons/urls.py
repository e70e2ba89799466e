"""Addresses of the API of shared computing, below /api/v1/."""

from django.urls import path

from training_jobs.commons import views

urlpatterns = [
    path("communities/<slug:slug>/compute-requests", views.ComputeRequestList.as_view(), name="api-compute-requests"),
    path(
        "communities/<slug:slug>/compute-requests/<int:pk>",
        views.ComputeRequestDetail.as_view(),
        name="api-compute-request",
    ),
    path("communities/<slug:slug>/next-slot", views.NextSlot.as_view(), name="api-next-slot"),
]
