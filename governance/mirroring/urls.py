"""Addresses of a mirror's answers, below /mirror/<name>/; its page is in `frontend/urls.py`."""

from django.urls import path

from governance.mirroring import views

_LOG = "api/v1/communities/<slug:slug>/log"

urlpatterns = [
    path("status", views.MirrorStatus.as_view(), name="mirror-status"),
    path(_LOG, views.MirroredLog.as_view(), name="mirror-log"),
    path(f"{_LOG}/entries", views.MirroredEntries.as_view(), name="mirror-log-entries"),
    path(f"{_LOG}/inclusion", views.MirroredInclusion.as_view(), name="mirror-log-inclusion"),
    path(f"{_LOG}/consistency", views.MirroredConsistency.as_view(), name="mirror-log-consistency"),
    path("api/v1/records/<str:digest>", views.MirroredRecord.as_view(), name="mirror-record"),
    path(
        "hub/<path:model>/resolve/<slug:revision>/provenance/manifest.json",
        views.MirroredManifest.as_view(),
        name="mirror-manifest",
    ),
]
