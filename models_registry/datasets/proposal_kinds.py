"""Kinds of proposals about what models learn from."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from models_registry.data_words import data_kind_names
from models_registry.datasets import registering
from models_registry.datasets.data_kinds import said
from models_registry.languages import language_names
from models_registry.models import Dataset
from models_registry.rights.sources import recorded
from models_registry.rights.words import CONSENT
from models_registry.row_words import KINDS

_CONTRIBUTORS_SHOWN = 5
_SAID = ("data_kinds", "country")
_RIGHTS = ("sources", "contributors", "contributions", "replaces")


class DatasetInclusion(ForOrAgainst):
    """Allow models of the community to learn from a registered dataset."""

    name = "dataset_inclusion"
    label = gettext_lazy("Dataset inclusion")
    description = gettext_lazy("Let the community's models learn from a dataset that intake has read and scanned.")
    scope = "datasets"

    def fields(self, community: Community) -> list[Field]:
        """Ask which dataset."""
        datasets = Dataset.objects.filter(community=community, role="training", included_at__isnull=True)
        options = tuple((dataset.digest, f"{dataset.title} ({dataset.digest[:12]})") for dataset in datasets)
        return [
            Field(
                "digest",
                _("Dataset"),
                "choice",
                _("Only datasets that intake has read and scanned are listed."),
                options=options,
            )
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"digest": values.get("digest", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze what voters must know of the dataset: its digest above all."""
        known = frozenset({"slug", "title", "license", "role", "kind", "records", "languages", *_RIGHTS, *_SAID})
        require_keys(payload, {"digest"}, known)
        dataset = Dataset.objects.filter(community=community, digest=str(payload["digest"])).first()
        if dataset is None:
            raise Invalid(
                "unknown_dataset",
                "register the dataset first; no dataset has this digest",
                field="payload.digest",
                found=payload["digest"],
            )
        if dataset.role != "training":
            raise Invalid(
                "wrong_role",
                "an evaluation suite is not trained on",
                field="payload.digest",
                found=dataset.role,
                allowed="training",
            )
        if dataset.included_at is not None:
            raise Conflict("already_included", "this dataset is included already", field="payload.digest")
        if not dataset.clean:
            failed = [scan["scan"] for scan in dataset.scans if scan["blocks"] and not scan["passed"]]
            detail = "a blocking scan found something, or was not finished"
            raise Invalid("scan_failed", detail, field="payload.digest", found=failed)
        frozen = {
            "digest": dataset.digest,
            "slug": dataset.slug,
            "title": dataset.title,
            "license": dataset.license,
            "role": dataset.role,
            "kind": dataset.kind,
            "records": dataset.records,
            "languages": dataset.languages,
            "sources": recorded(dataset.sources),
            "contributors": dataset.contributors,
            "contributions": dataset.contributions or None,
            "replaces": left_by.body["digest"] if (left_by := dataset.left_by) else None,
            **said(dataset.data_kinds, dataset.country),
        }
        for name in known & set(payload):
            if payload[name] != frozen.get(name):
                raise Invalid(
                    "dataset_differs",
                    "the dataset says otherwise",
                    field=f"payload.{name}",
                    found=payload[name],
                    allowed=frozen.get(name),
                )
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the dataset “%(title)s” may be used to train the community's models.") % {"title": payload["title"]}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        records = ngettext("%(n)d record", "%(n)d records", payload["records"]) % {"n": payload["records"]}
        return [
            Fact(_("Dataset"), payload["title"]),
            Fact(_("Rows"), str(KINDS[payload["kind"]])),
            Fact(_("Size"), records),
            Fact(_("Languages"), language_names(payload["languages"])),
            Fact(_("Licence"), payload["license"]),
            Fact(_("Kinds of data"), data_kind_names(payload.get("data_kinds", [])) or _("nobody has said it")),
            *([Fact(_("Kept in the country"), payload["country"])] if "country" in payload else []),
            Fact(_("Sources"), _sources(payload["sources"])),
            Fact(_("Contributors"), _contributors(payload["contributors"])),
            Fact(_("Digest"), payload["digest"]),
            *([Fact(_("What a contributor left of"), payload["replaces"])] if payload["replaces"] else []),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Include it."""
        registering.include_dataset(proposal, execution, now)


def _sources(sources: list[dict[str, str]]) -> str:
    """Return where the rows come from, on what ground, in one line."""
    said = "; ".join(f"{source['name']} ({source['license']}, {CONSENT[source['consent']]})" for source in sources)
    return said or _("nobody has said where the rows come from")


def _contributors(entries: list[dict[str, Any]]) -> str:
    """Return who gave how many rows, in one line; the largest first, not all of many."""
    named = [(sum(entry["records"].values()), entry["contributor"]) for entry in entries if entry["contributor"]]
    shown = [f"{address} ({records})" for records, address in sorted(named, reverse=True)[:_CONTRIBUTORS_SHOWN]]
    more = [f"… {len(named) - len(shown)}"] if len(named) > len(shown) else []
    return ", ".join([*shown, *more]) or _("nobody is named")
