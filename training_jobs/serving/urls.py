"""Addresses for trying models, below /v1/: exactly those of the standard form."""

from django.urls import path, re_path

from training_jobs.serving import views

app_name = "serving"

urlpatterns = [
    path("models", views.models, name="models"),
    path("chat/completions", views.chat_completions, name="chat"),
    path("completions", views.completions, name="completions"),
    re_path(r"^", views.nothing, name="nothing"),
]
