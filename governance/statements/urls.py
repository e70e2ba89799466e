"""Addresses of the API of consultations, below /api/v1/."""

from django.urls import path

from governance.statements import views

_ONE = "communities/<slug:slug>/consultations/<int:number>"

urlpatterns = [
    path("communities/<slug:slug>/consultations", views.ConsultationList.as_view(), name="api-consultations"),
    path(_ONE, views.ConsultationDetail.as_view(), name="api-consultation"),
    path(f"{_ONE}/statements", views.StatementList.as_view(), name="api-statements"),
    path(f"{_ONE}/answers", views.MyAnswers.as_view(), name="api-consultation-answers"),
    path(f"{_ONE}/statements/<int:statement>/hide", views.StatementHide.as_view(), name="api-statement-hide"),
    path(f"{_ONE}/statements/<int:statement>/appeal", views.StatementAppeal.as_view(), name="api-statement-appeal"),
    path(
        f"{_ONE}/statements/<int:statement>/appeal-answer",
        views.StatementAppealAnswer.as_view(),
        name="api-statement-appeal-answer",
    ),
    path(f"{_ONE}/export", views.ConsultationExport.as_view(), name="api-consultation-export"),
]
