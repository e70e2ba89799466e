"""Django's admin over runs: for looking, not for changing."""

from django.contrib import admin

from governance.admin import ReadOnly
from training_jobs.models import Attempt, Run

admin.site.register(
    Run, type("RunAdmin", (ReadOnly,), {"list_display": ("pk", "model", "proposal", "fence", "verdict", "failed_at")})
)
admin.site.register(
    Attempt,
    type(
        "AttemptAdmin", (ReadOnly,), {"list_display": ("run", "number", "owner", "started_at", "ended_at", "outcome")}
    ),
)
