"""Addresses of the API of inquiries, below /api/v1/."""

from django.urls import path

from training_jobs.inquiries import views

urlpatterns = [
    path(
        "releases/<slug:revision>/measurements",
        views.ReleaseMeasurements.as_view(),
        name="api-release-measurements",
    ),
    path(
        "communities/<slug:slug>/incidents/<int:number>/reproductions",
        views.IncidentReproductions.as_view(),
        name="api-incident-reproductions",
    ),
]
