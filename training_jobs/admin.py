"""Django's admin over runs: for looking, not for changing."""

from django.contrib import admin

from governance.admin import ReadOnly
from training_jobs.models import (
    Admission,
    Allotment,
    Attempt,
    Busy,
    ComputePolicy,
    ComputeRequest,
    Doubt,
    Inquiry,
    NewcomerAttestation,
    PolicyReplay,
    Preview,
    Run,
    Seat,
    Settlement,
    SettlementReading,
    SettlementTerms,
    Site,
    SiteMeasurement,
    SiteStewards,
    Slice,
    SpotCheck,
)

# tables of the compute commons, with the columns that a list shows
COMMONS = {
    Site: ("slug", "operator", "country", "currency", "devices_measured", "drained_at", "suspended_at", "left_at"),
    Admission: ("site", "community", "admitted_at", "admitted_by", "proposal", "removed_at"),
    SiteStewards: ("community", "proposal", "named_at"),
    SiteMeasurement: ("site", "runner", "measured_at", "devices", "tokens_per_second"),
    Busy: ("site", "since", "until", "devices"),
    ComputeRequest: ("name", "community", "origin", "requested_at", "devices", "ended_at", "outcome"),
    Allotment: ("request", "site", "allotted_at", "claimed_at", "ended_at", "how"),
    ComputePolicy: ("community", "proposal", "adopted_at"),
    PolicyReplay: ("proposal", "ordered_at", "finished_at", "failure"),
    NewcomerAttestation: ("community", "member", "peer", "kind", "attested_at", "withdrawn_at"),
    SettlementTerms: ("community", "proposal", "currency", "token", "treasury", "rate", "adopted_at"),
    Settlement: ("community", "proposal", "site", "amount", "currency", "value", "paid_at", "withdrawn_at"),
    SettlementReading: ("community", "token", "first_block", "block_number", "halted"),
    Slice: ("attempt", "site", "first_step", "last_step", "handed_at"),
}

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
    SpotCheck,
    type(
        "SpotCheckAdmin",
        (ReadOnly,),
        {"list_display": ("pk", "slice", "number", "checker", "fence", "ordered_at", "finished_at", "outcome")},
    ),
)
admin.site.register(Doubt, type("DoubtAdmin", (ReadOnly,), {"list_display": ("pk", "site", "attempt", "kind", "at")}))
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
for model, shown in COMMONS.items():
    admin.site.register(model, type(f"{model.__name__}Admin", (ReadOnly,), {"list_display": shown}))
