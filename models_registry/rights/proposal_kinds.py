"""The kind of proposal that takes data out: a dataset or some of its records, and what follows for the models."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid, Malformed
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry.models import Dataset, RemovalRequest
from models_registry.rights import remainder, services, taking_back
from models_registry.rights.lifecycle import FOLLOW_UPS
from models_registry.rights.selectors import what_is_left
from models_registry.rights.words import FOLLOW_UPS as FOLLOW_UP_WORDS

WHY_MAX, BECAUSE_MAX = 500, 500
DAYS_MAX = 366


class DatasetRemoval(ForOrAgainst):
    """Take a dataset out, or some of its records: no new run learns from them, and models that did must follow."""

    name = services.KIND
    label = gettext_lazy("Removal of data")
    description = gettext_lazy(
        "Take a dataset or some of its records out, and say what follows for models that learnt."
    )
    scope = "datasets"

    def fields(self, community: Community) -> list[Field]:
        """Ask which data, why, and what follows."""
        datasets = Dataset.objects.standing().filter(community=community, role="training")
        return [
            Field(
                "digest",
                _("Dataset"),
                "choice",
                _("Only datasets that a vote has included."),
                options=tuple((dataset.digest, f"{dataset.title} ({dataset.digest[:12]})") for dataset in datasets),
            ),
            Field(
                "records",
                _("Records"),
                "long_text",
                _("One a line, by digest or id. Empty: the whole dataset."),
                required=False,
            ),
            Field("why", _("Why it is taken out"), "long_text", _("Name nobody: everybody can read this.")),
            Field(
                "action",
                _("What follows for models that learnt from it"),
                "choice",
                "",
                options=tuple((name, str(FOLLOW_UP_WORDS[name])) for name in FOLLOW_UPS),
            ),
            Field(
                "days",
                _("Within so many days"),
                "integer",
                _("Not needed where nothing follows."),
                required=False,
                initial=str(taking_back.DAYS),
            ),
            Field(
                "because",
                _("Why nothing follows"),
                "text",
                _("Only where nothing follows."),
                required=False,
                initial="",
            ),
            Field(
                "request", _("Request"), "text", _("The reference of the request that this answers."), required=False
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload; what is no number stays text and is refused by `clean`."""
        action, days = values.get("action", ""), str(values.get("days", "")).strip()
        return {
            "digest": values.get("digest", ""),
            "records": str(values.get("records", "")).split() or None,
            "why": values.get("why", ""),
            "follow_up": {
                "action": action,
                "days": None if action == "none" or not days else int(days) if _is_number(days) else days,
                "because": values.get("because", "") if action == "none" else "",
            },
            "request": str(values.get("request", "")).strip(),
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which data it is and what will be left of it; records may be named by id, the payload has digests."""
        optional = frozenset({"records", "request", "slug", "title", "successor"})
        require_keys(payload, {"digest", "why", "follow_up"}, optional)
        dataset = _dataset(community, payload["digest"])
        request = _request(community, dataset, payload.get("request", ""))
        records = _records(dataset, payload.get("records"), request)
        left = None if records is None else remainder.compute(dataset, records).to_payload()
        frozen = {
            "digest": dataset.digest,
            "slug": dataset.slug,
            "title": dataset.title,
            "records": records,
            "successor": left,
            "why": " ".join(clean_text(payload, "why", length_max=WHY_MAX).split()),
            "follow_up": _follow_up(payload["follow_up"]),
            "request": request.reference if request else "",
        }
        for name in ("slug", "title", "successor"):
            if name in payload and payload[name] != frozen[name]:
                raise Invalid(
                    "dataset_differs",
                    "the dataset says otherwise",
                    field=f"payload.{name}",
                    found=payload[name],
                    allowed=frozen[name],
                )
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        if payload["records"] is None:
            said = _("no new run learns from the dataset “%(title)s” any more.") % {"title": payload["title"]}
        else:
            said = ngettext(
                "%(n)d record is taken out of the dataset “%(title)s”; what is left takes its place.",
                "%(n)d records are taken out of the dataset “%(title)s”; what is left takes its place.",
                len(payload["records"]),
            ) % {"n": len(payload["records"]), "title": payload["title"]}
        return str(said)

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        follow_up = payload["follow_up"]
        follows = str(FOLLOW_UP_WORDS[follow_up["action"]])
        if follow_up["days"] is not None:
            within = ngettext("within %(n)d day", "within %(n)d days", follow_up["days"]) % {"n": follow_up["days"]}
            follows = f"{follows}, {within}"
        left = payload["successor"]
        return [
            Fact(_("Dataset"), payload["title"]),
            Fact(_("Digest"), payload["digest"]),
            Fact(_("Taken out"), _("everything") if left is None else str(len(payload["records"]))),
            *([Fact(_("What is left"), f"{left['records']} · {left['digest']}")] if left else []),
            Fact(_("Why it is taken out"), payload["why"]),
            Fact(_("What follows for models that learnt from it"), follows),
            *([Fact(_("Why nothing follows"), follow_up["because"])] if follow_up["because"] else []),
            *([Fact(_("Request"), payload["request"])] if payload["request"] else []),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Take it out."""
        services.carry_out(proposal, execution, now)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(DAYS_MAX)) + 1


def _dataset(community: Community, digest: object) -> Dataset:
    found = None
    if isinstance(digest, str) and "\x00" not in digest:
        datasets = Dataset.objects.included().filter(community=community, digest=digest, role="training")
        found = datasets.select_related("inclusion_record").first()
    if found is None:
        detail = "no vote has included a training dataset of this digest"
        raise Invalid("dataset_not_included", detail, field="payload.digest", found=digest)
    services.require_standing_dataset(found, "payload.digest")
    return found


def _request(community: Community, dataset: Dataset, reference: object) -> RemovalRequest | None:
    if reference == "":
        return None
    found = None
    if isinstance(reference, str) and "\x00" not in reference:
        found = RemovalRequest.objects.filter(community=community, reference=reference).first()
    if found is None or what_is_left(found.dataset).pk != dataset.pk:
        detail = "there is no such request about this dataset"
        raise Invalid("unknown_request", detail, field="payload.request", found=reference)
    if found.declined_at is not None:
        raise Conflict("request_answered", "this request was declined", field="payload.request", found=reference)
    return found


def _records(dataset: Dataset, listed: object, request: RemovalRequest | None) -> list[str] | None:
    """Return the digests of the records, sorted; those of the request where the payload names none."""
    if listed is None:
        return remainder.present(dataset, request.records) or None if request else None
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) and name for name in listed):
        detail = "a list of digests or ids, or null for the whole dataset"
        raise Malformed("malformed_field", detail, field="payload.records", found=listed)
    if len(listed) > services.RECORDS_MAX:
        detail = "so many records do not fit into one proposal"
        raise Invalid(
            "too_many_records", detail, field="payload.records", found=len(listed), allowed=services.RECORDS_MAX
        )
    return sorted(remainder.records_named(dataset, listed, field="payload.records"))


def _follow_up(said: object) -> dict[str, Any]:
    """Return what follows, with every key: how soon, or why nothing does."""
    place = "payload.follow_up"
    if not isinstance(said, dict) or set(said) - {"action", "days", "because"} or "action" not in said:
        raise Malformed("malformed_field", "an object of action, days and because", field=place, found=said)
    action, days, because = said["action"], said.get("days"), said.get("because", "")
    if action not in FOLLOW_UPS:
        detail = "this cannot follow"
        raise Invalid("unknown_follow_up", detail, field=f"{place}.action", found=action, allowed=FOLLOW_UPS)
    if not isinstance(because, str) or len(because) > BECAUSE_MAX:
        raise Malformed("malformed_field", f"text of at most {BECAUSE_MAX} characters", field=f"{place}.because")
    because = " ".join(because.split())
    if action == "none":
        if not because:
            raise Invalid("missing_field", "say why nothing follows", field=f"{place}.because")
        if days is not None:
            raise Invalid("malformed_field", "where nothing follows, nothing is due", field=f"{place}.days", found=days)
    elif type(days) is not int or not 1 <= days <= DAYS_MAX:
        detail = f"a whole number of days, 1 to {DAYS_MAX}"
        raise Invalid("value_out_of_range", detail, field=f"{place}.days", found=days)
    elif because:
        detail = "this is only said where nothing follows"
        raise Invalid("malformed_field", detail, field=f"{place}.because", found=because)
    return {"action": action, "days": days, "because": because}
