"""Addresses of the hidden suites' API, below /api/v1/."""

from django.urls import path

from models_registry.hidden_suites import views

urlpatterns = [
    path("hidden-suites", views.HiddenSuiteList.as_view(), name="api-hidden-suites"),
    path("hidden-suites/<slug:commitment>", views.HiddenSuiteDetail.as_view(), name="api-hidden-suite"),
]
