"""Django's entry for this app."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Names the app, and makes sure that it can do its work."""

    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Refuse to start, in every process, on slow cryptography; register the checks before a deployment."""
        from governance import (
            checks,  # noqa: F401 - importing registers them, and must wait for the apps
            eip712,
        )

        eip712.assert_fast_backend()
