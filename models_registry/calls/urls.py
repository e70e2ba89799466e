"""Addresses of the API of calls for another vote, below /api/v1/."""

from django.urls import path

from models_registry.calls import views

urlpatterns = [
    path("communities/<slug:slug>/calls", views.CommunityCalls.as_view(), name="api-community-calls"),
    path("calls/<int:pk>/take-up", views.CallTakeUp.as_view(), name="api-call-take-up"),
]
