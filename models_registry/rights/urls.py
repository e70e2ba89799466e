"""Addresses of the rights' API, below /api/v1/."""

from django.urls import path

from models_registry.rights import views

urlpatterns = [
    path("removal-requests", views.RequestList.as_view(), name="api-removal-requests"),
    path("removal-requests/<slug:reference>", views.RequestDetail.as_view(), name="api-removal-request"),
    path("removal-requests/<slug:reference>/decline", views.RequestDecline.as_view(), name="api-removal-decline"),
    path("removal-requests/<slug:reference>/forget-contact", views.RequestContact.as_view(), name="api-removal-forget"),
    path("removal-requests/<slug:reference>/draft", views.RequestDraft.as_view(), name="api-removal-draft"),
    path("datasets/<slug:digest>/forget-contacts", views.SourceContacts.as_view(), name="api-sources-forget"),
    path("removals", views.RemovalList.as_view(), name="api-removals"),
    path("blast-radius", views.BlastRadius.as_view(), name="api-blast-radius"),
    path("releases/<slug:revision>/contributors", views.ReleaseContributors.as_view(), name="api-contributors"),
    path("contribution-credits", views.ContributionCredits.as_view(), name="api-contribution-credits"),
]
