"""Addresses of the registry API, below /api/v1/."""

from django.urls import path

from models_registry import views

urlpatterns = [
    path("datasets", views.DatasetList.as_view(), name="api-datasets"),
    path("datasets/<slug:digest>", views.DatasetDetail.as_view(), name="api-dataset"),
    path("datasets/<slug:digest>/rows", views.DatasetRows.as_view(), name="api-dataset-rows"),
    path("rules", views.RuleList.as_view(), name="api-rules"),
    path("models", views.ModelList.as_view(), name="api-models"),
    path("releases/<slug:revision>", views.ReleaseDetail.as_view(), name="api-release"),
]
