"""Addresses of the run API, below /api/v1/."""

from django.urls import include, path

from training_jobs import estimate_views, experiment_views, footprint_views, opening_views, version_views, views

urlpatterns = [
    path("runs", views.RunList.as_view(), name="api-runs"),
    path("runs/<int:pk>", views.RunDetail.as_view(), name="api-run"),
    path("runs/<int:pk>/events", views.RunEvents.as_view(), name="api-run-events"),
    path("runs/<int:pk>/series", views.RunSeries.as_view(), name="api-run-series"),
    path("runs/<int:pk>/footprint", footprint_views.RunFootprint.as_view(), name="api-run-footprint"),
    path(
        "models/<slug:namespace>/<slug:name>/footprint",
        footprint_views.ModelFootprint.as_view(),
        name="api-model-footprint",
    ),
    path(
        "communities/<slug:slug>/footprint",
        footprint_views.CommunityFootprint.as_view(),
        name="api-community-footprint",
    ),
    path("runs/<int:pk>/cancel", views.RunCancel.as_view(), name="api-run-cancel"),
    path("samples/<str:sha256>", views.Samples.as_view(), name="api-samples"),
    path("runs/<int:pk>/pause", views.RunPause.as_view(), name="api-run-pause"),
    path(
        "hidden-suites/<slug:commitment>/opening",
        opening_views.SuiteOpeningList.as_view(),
        name="api-hidden-suite-opening",
    ),
    path("proposals/<str:public_id>/difference", views.ProposalDifference.as_view(), name="api-proposal-difference"),
    path("proposals/<str:public_id>/estimate", estimate_views.ProposalEstimate.as_view(), name="api-proposal-estimate"),
    path("communities/<slug:slug>/experiments", experiment_views.Experiments.as_view(), name="api-experiments"),
    path("models/<slug:namespace>/<slug:name>/map", version_views.ModelMap.as_view(), name="api-model-map"),
    path("models/<slug:namespace>/<slug:name>/compare", version_views.ModelCompare.as_view(), name="api-model-compare"),
    path("models/<slug:namespace>/<slug:name>/scores", version_views.ModelScores.as_view(), name="api-model-scores"),
    path("", include("training_jobs.previews.urls")),
    path("", include("training_jobs.inquiries.urls")),
    path("", include("training_jobs.reviews.urls")),
    path("", include("training_jobs.runners.urls")),
    path("", include("training_jobs.ledger.urls")),
    path("", include("training_jobs.settlement.urls")),
    path("", include("training_jobs.sites.urls")),
    path("", include("training_jobs.spot_checks.urls")),
    path("", include("training_jobs.transparency.urls")),
    path("", include("training_jobs.commons.newcomer_urls")),
    path("", include("training_jobs.commons.urls")),
]
