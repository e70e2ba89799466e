"""Addresses of the ethics rules' API, below /api/v1/."""

from django.urls import path

from models_registry.constitution import views

urlpatterns = [
    path("rules", views.RuleList.as_view(), name="api-rules"),
    path("proposals/<str:public_id>/rules", views.ProposalAdvice.as_view(), name="api-proposal-rules"),
    path("communities/<slug:slug>/constitution", views.ConstitutionDetail.as_view(), name="api-constitution"),
]
