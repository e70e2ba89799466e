"""Addresses of the datasets' API, below /api/v1/."""

from django.urls import path

from models_registry.datasets import intake_views, views

urlpatterns = [
    path("datasets", views.DatasetList.as_view(), name="api-datasets"),
    path("datasets/uploads", intake_views.UploadList.as_view(), name="api-dataset-uploads"),
    path("datasets/uploads/<int:pk>", intake_views.UploadDetail.as_view(), name="api-dataset-upload"),
    path("datasets/intakes", intake_views.IntakeList.as_view(), name="api-dataset-intakes"),
    path("datasets/intakes/<int:pk>", intake_views.IntakeDetail.as_view(), name="api-dataset-intake"),
    path("datasets/<slug:digest>", views.DatasetDetail.as_view(), name="api-dataset"),
    path("datasets/<slug:digest>/rows", views.DatasetRows.as_view(), name="api-dataset-rows"),
    path("datasets/<slug:digest>/records/<int:number>", views.DatasetRecord.as_view(), name="api-dataset-record"),
]
