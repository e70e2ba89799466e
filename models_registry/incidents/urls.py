"""Addresses of the incidents' API, below /api/v1/."""

from django.urls import path

from models_registry.incidents import views

ONE = "communities/<slug:slug>/incidents/<int:number>"
WAITING = "communities/<slug:slug>/incidents/waiting/<int:number>"

urlpatterns = [
    path("incident-severities", views.SeverityList.as_view(), name="api-incident-severities"),
    path("releases/<slug:revision>/incidents", views.ReleaseIncidents.as_view(), name="api-release-incidents"),
    path("communities/<slug:slug>/incidents", views.CommunityIncidents.as_view(), name="api-community-incidents"),
    path(ONE, views.IncidentDetail.as_view(), name="api-incident"),
    path(f"{ONE}/triage", views.IncidentTriage.as_view(), name="api-incident-triage"),
    path(f"{ONE}/answer", views.IncidentAnswer.as_view(), name="api-incident-answer"),
    path(f"{ONE}/withhold", views.IncidentWithhold.as_view(), name="api-incident-withhold"),
    path(f"{ONE}/case", views.IncidentCase.as_view(), name="api-incident-case"),
    path(f"{ONE}/forget-contact", views.IncidentContact.as_view(), name="api-incident-forget"),
    path("communities/<slug:slug>/incidents/waiting", views.WaitingList.as_view(), name="api-incidents-waiting"),
    path(f"{WAITING}/take-in", views.WaitingTakeIn.as_view(), name="api-incident-take-in"),
    path(f"{WAITING}/turn-away", views.WaitingTurnAway.as_view(), name="api-incident-turn-away"),
    path(f"{ONE}/pause", views.IncidentPause.as_view(), name="api-incident-pause"),
]
