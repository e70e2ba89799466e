"""The project as a Django app: it holds the commands that need every part, and the demo."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the project's own commands."""

    name = "config"
    label = "project"
