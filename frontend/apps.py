"""Django's entry for this app."""

from django.apps import AppConfig


class FrontendConfig(AppConfig):
    """Names the app."""

    name = "frontend"
