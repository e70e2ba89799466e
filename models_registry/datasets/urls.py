"""Addresses of the datasets' API, below /api/v1/."""

from django.urls import path

from models_registry.datasets import views

urlpatterns = [
    path("datasets", views.DatasetList.as_view(), name="api-datasets"),
    path("datasets/<slug:digest>", views.DatasetDetail.as_view(), name="api-dataset"),
    path("datasets/<slug:digest>/rows", views.DatasetRows.as_view(), name="api-dataset-rows"),
]
