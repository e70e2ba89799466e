"""Django's admin over the registry: for looking, not for changing."""

from django.contrib import admin

from governance.admin import ReadOnly
from models_registry.models import (
    Attestation,
    Call,
    Dataset,
    Delivery,
    EthicsRule,
    Incident,
    IncidentStewards,
    Model,
    Notice,
    Publication,
    ReleaseKeys,
    ReleaseSignature,
    Version,
    WaitingRelease,
)

for model, columns in (
    (Model, ("namespace", "name", "community")),
    (Version, ("model", "number", "revision", "published_at")),
    (Publication, ("version", "target", "location", "published_at")),
    (Delivery, ("version", "target", "attempts", "next_at", "error_code", "failed_at", "publication")),
    (Notice, ("proposal", "stage", "attempts", "next_at", "error_code", "failed_at", "done_at", "location")),
    (Dataset, ("slug", "community", "role", "records", "digest", "included_at")),
    (ReleaseKeys, ("community", "record", "proposal", "adopted_at")),
    (WaitingRelease, ("model", "release_record", "keys", "since")),
    (ReleaseSignature, ("release_record", "public_key", "signed_at")),
    (Attestation, ("version", "digest", "public_key", "filed_at", "hidden_at", "hidden_reason")),
    (Incident, ("community", "number", "version", "category", "severity", "reported_at", "outcome")),
    (Call, ("community", "cause", "subject", "opened_at", "taken_up_by", "closed_at", "closed_because")),
    (IncidentStewards, ("community", "members", "proposal", "named_at")),
    (EthicsRule, ("slug", "community", "metric", "comparator", "scope", "adopted_at", "revoked_at")),
):
    admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnly,), {"list_display": columns}))
