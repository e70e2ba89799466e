"""The project as a Django app: it holds the commands that need every part, and the demo."""

from types import ModuleType

from django.apps import AppConfig

from config import lean


class ProjectConfig(AppConfig):
    """Registers the project's own commands, and loads the API's framework lean before any part asks for it."""

    name = "config"
    label = "project"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        """Load it now: models of other apps, which come next, would load it whole."""
        super().__init__(app_name, app_module)
        lean.load_rest_framework()
