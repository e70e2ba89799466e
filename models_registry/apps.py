"""Django's entry for this app."""

from django.apps import AppConfig


class ModelsRegistryConfig(AppConfig):
    """Names the app and registers its system checks."""

    name = "models_registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks that run at start-up."""
        from models_registry import checks  # noqa: F401 - importing registers them, and must wait for the apps
