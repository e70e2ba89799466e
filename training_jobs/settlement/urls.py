"""Addresses of the API of settlements, below /api/v1/."""

from django.urls import path

from training_jobs.settlement import views

_COMMUNITY = "communities/<slug:slug>"

urlpatterns = [
    path(f"{_COMMUNITY}/settlement", views.SettlementAccount.as_view(), name="api-settlement"),
    path(f"{_COMMUNITY}/settlements", views.SettlementList.as_view(), name="api-settlements"),
    path(
        f"{_COMMUNITY}/settlements/<int:number>/transaction",
        views.SettlementPayment.as_view(),
        name="api-settlement-transaction",
    ),
]
