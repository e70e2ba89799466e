"""Django's admin over the registry: for looking, not for changing."""

from django.contrib import admin

from governance.admin import ReadOnly
from models_registry.models import Dataset, EthicsRule, Model, Publication, Version

for model, columns in (
    (Model, ("namespace", "name", "community")),
    (Version, ("model", "number", "revision", "published_at")),
    (Publication, ("version", "target", "location", "published_at")),
    (Dataset, ("slug", "community", "role", "records", "digest", "included_at")),
    (EthicsRule, ("slug", "community", "metric", "comparator", "scope", "adopted_at", "revoked_at")),
):
    admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnly,), {"list_display": columns}))
