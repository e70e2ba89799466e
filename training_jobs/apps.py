"""Django's entry for this app."""

from django.apps import AppConfig


class TrainingJobsConfig(AppConfig):
    """Names the app."""

    name = "training_jobs"
    default_auto_field = "django.db.models.BigAutoField"
