"""Addresses of the API of the books, below /api/v1/."""

from django.urls import path

from training_jobs.ledger import views

urlpatterns = [
    path("communities/<slug:slug>/ledger/accounts", views.LedgerAccountList.as_view(), name="api-ledger-accounts"),
    path("communities/<slug:slug>/ledger/entries", views.LedgerEntryList.as_view(), name="api-ledger-entries"),
    path(
        "communities/<slug:slug>/ledger/contributions",
        views.LedgerContributions.as_view(),
        name="api-ledger-contributions",
    ),
    path("communities/<slug:slug>/ledger.csv", views.LedgerCsv.as_view(), name="api-ledger-csv"),
    path("communities/<slug:slug>/ledger.beancount", views.LedgerJournal.as_view(), name="api-ledger-journal"),
]
