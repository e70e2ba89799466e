"""Addresses of the ethics rules' API, below /api/v1/."""

from django.urls import path

from models_registry.constitution import views

urlpatterns = [
    path("rules", views.RuleList.as_view(), name="api-rules"),
]
