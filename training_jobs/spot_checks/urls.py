"""Addresses of the API of spot checks, below /api/v1/."""

from django.urls import path

from training_jobs.spot_checks import views

urlpatterns = [
    path("sites/<slug:slug>/spot-checks", views.SiteSpotChecks.as_view(), name="api-site-spot-checks"),
    path("sites/<slug:slug>/doubts", views.SiteDoubts.as_view(), name="api-site-doubts"),
]
