"""The admin, with a content policy that lets Django's own scripts run: they come from here and carry no nonce."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib.admin.apps import AdminConfig as DjangosAdminConfig
from django.contrib.admin.sites import AdminSite as DjangosAdminSite


class AdminSite(DjangosAdminSite):
    """Django's admin site; only its policy for scripts is another one."""

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - Django's signature
        """Wrap a view as Django does."""
        return csp_update({"script-src": [SELF]})(super().admin_view(view, cacheable))


class AdminConfig(DjangosAdminConfig):
    """Registers models with the site above."""

    default_site = "config.admin_site.AdminSite"
