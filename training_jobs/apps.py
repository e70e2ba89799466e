"""Django's entry for this app."""

from django.apps import AppConfig


class TrainingJobsConfig(AppConfig):
    """Names the app, and registers its checks."""

    name = "training_jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from training_jobs import checks  # noqa: F401 - importing registers them, and must wait for the apps
