"""Django's entry for this app."""

from django.apps import AppConfig


class ModelsRegistryConfig(AppConfig):
    """Names the app."""

    name = "models_registry"
    default_auto_field = "django.db.models.BigAutoField"
