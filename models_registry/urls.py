"""Addresses of the registry API, below /api/v1/."""

from django.urls import include, path

from models_registry import attestation_views, following, views, waiting_views

urlpatterns = [
    path("", include("models_registry.datasets.urls")),
    path("", include("models_registry.constitution.urls")),
    path("", include("models_registry.rights.urls")),
    path("", include("models_registry.incidents.urls")),
    path("", include("models_registry.calls.urls")),
    path("", include("models_registry.hidden_suites.urls")),
    path("me/follows", following.MyFollows.as_view(), name="api-my-follows"),
    path("me/follows/<int:pk>", following.MyFollow.as_view(), name="api-my-follow"),
    path("models", views.ModelList.as_view(), name="api-models"),
    path("release-keys", waiting_views.ReleaseKeysInForce.as_view(), name="api-release-keys"),
    path("waiting-releases", waiting_views.WaitingList.as_view(), name="api-waiting-releases"),
    path("waiting-releases/<slug:release>", waiting_views.WaitingDetail.as_view(), name="api-waiting-release"),
    path("waiting-releases/<slug:release>/payload", waiting_views.WaitingPayload.as_view(), name="api-waiting-payload"),
    path(
        "waiting-releases/<slug:release>/signatures",
        waiting_views.WaitingSignatures.as_view(),
        name="api-waiting-signatures",
    ),
    path("proposals/<str:public_id>/discussion", views.ProposalDiscussion.as_view(), name="api-proposal-discussion"),
    path("releases/<slug:revision>", views.ReleaseDetail.as_view(), name="api-release"),
    path("releases/<slug:revision>/status", views.ReleaseStatus.as_view(), name="api-release-status"),
    path("releases/<slug:revision>/watch", views.ReleaseWatch.as_view(), name="api-release-watch"),
    path("releases/<slug:revision>/descendants", views.ReleaseDescendants.as_view(), name="api-release-descendants"),
    path(
        "releases/<slug:revision>/accountability",
        views.ReleaseAccountability.as_view(),
        name="api-release-accountability",
    ),
    path("releases/<slug:revision>/lineage", views.ReleaseLineage.as_view(), name="api-release-lineage"),
    path(
        "releases/<slug:revision>/attestations",
        attestation_views.AttestationList.as_view(),
        name="api-attestations",
    ),
    path(
        "releases/<slug:revision>/attestations/<slug:digest>",
        attestation_views.AttestationFile.as_view(),
        name="api-attestation",
    ),
    path("releases/<slug:revision>/pause", views.ReleasePause.as_view(), name="api-release-pause"),
]
