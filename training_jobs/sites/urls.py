"""Addresses of the sites' API, below /api/v1/."""

from django.urls import path

from training_jobs.sites import views

_SITE = "sites/<slug:slug>"

urlpatterns = [
    path("sites", views.SiteList.as_view(), name="api-sites"),
    path("site-price-inputs", views.PriceInputList.as_view(), name="api-site-price-inputs"),
    path(_SITE, views.SiteDetail.as_view(), name="api-site"),
    path(f"{_SITE}/heartbeat", views.SiteHeartbeat.as_view(), name="api-site-heartbeat"),
    path(f"{_SITE}/drain", views.SiteDrain.as_view(), name="api-site-drain"),
    path(f"{_SITE}/undrain", views.SiteUndrain.as_view(), name="api-site-undrain"),
    path(f"{_SITE}/leave", views.SiteLeave.as_view(), name="api-site-leave"),
    path(f"{_SITE}/runners", views.SiteRunners.as_view(), name="api-site-runners"),
    path(f"{_SITE}/runners/<int:pk>", views.SiteRunner.as_view(), name="api-site-runner"),
    path(f"{_SITE}/measurements", views.SiteMeasurements.as_view(), name="api-site-measurements"),
    path(f"{_SITE}/calendar.ics", views.SiteCalendar.as_view(), name="api-site-calendar"),
    path(f"{_SITE}/admissions", views.SiteAdmissions.as_view(), name="api-site-admissions"),
    path(f"{_SITE}/remove", views.SiteRemove.as_view(), name="api-site-remove"),
    path(f"{_SITE}/suspend", views.SiteSuspend.as_view(), name="api-site-suspend"),
    path(f"{_SITE}/restore", views.SiteRestore.as_view(), name="api-site-restore"),
    path("runner/measurement", views.OwnMeasurement.as_view(), name="api-runner-measurement"),
]
