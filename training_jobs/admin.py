"""Django's admin over runs: for looking, not for changing."""

from django.contrib import admin

from governance.admin import ReadOnly
from training_jobs.models import Attempt, Inquiry, Preview, Run, Seat

admin.site.register(
    Run, type("RunAdmin", (ReadOnly,), {"list_display": ("pk", "model", "proposal", "fence", "verdict", "failed_at")})
)
admin.site.register(
    Preview,
    type(
        "PreviewAdmin",
        (ReadOnly,),
        {"list_display": ("pk", "proposal", "requested_by", "fence", "finished_at", "failed_at", "failure")},
    ),
)
admin.site.register(
    Inquiry,
    type(
        "InquiryAdmin",
        (ReadOnly,),
        {"list_display": ("pk", "version", "because", "fence", "finished_at", "failed_at", "failure")},
    ),
)
admin.site.register(
    Attempt,
    type(
        "AttemptAdmin",
        (ReadOnly,),
        {"list_display": ("run", "slot", "number", "owner", "started_at", "ended_at", "outcome")},
    ),
)
admin.site.register(
    Seat,
    type(
        "SeatAdmin",
        (ReadOnly,),
        {"list_display": ("run", "slot", "fence", "lease_owner", "lease_expires_at", "took_part_at")},
    ),
)
