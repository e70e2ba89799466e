"""The project as a Django app: it holds the commands that need every part, and the demo."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the project's own commands."""

    name = "config"
    label = "project"

    def ready(self) -> None:
        """Make our Celery application the current one in every process, the web's and the sweeper's too."""
        from config import celery  # noqa: F401 - creating it makes it current
