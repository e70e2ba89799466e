"""Addresses of the API of the figures, below /api/v1/."""

from django.urls import path

from training_jobs.transparency import views

urlpatterns = [
    path("communities/<slug:slug>/compute/figures", views.CommunityFigures.as_view(), name="api-compute-figures"),
    path(
        "communities/<slug:slug>/compute/figures.<slug:form>",
        views.CommunityFiguresFile.as_view(),
        name="api-compute-figures-file",
    ),
    path("compute/figures", views.SiteFigures.as_view(), name="api-site-compute-figures"),
    path("compute/figures.<slug:form>", views.SiteFiguresFile.as_view(), name="api-site-compute-figures-file"),
]
