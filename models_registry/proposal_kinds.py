"""Kinds of proposals about what is handed out: withdrawal of a release."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Conflict, Invalid
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry import withdrawals
from models_registry.models import Version


class ReleaseWithdrawal(ForOrAgainst):
    """Stop handing out a released version, for good and with a reason. Nothing is deleted."""

    name = "release_withdrawal"
    label = gettext_lazy("Withdrawal of a release")
    description = gettext_lazy("Stop handing out a version of a model, with a reason that everybody can read.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which version, and why."""
        versions = Version.objects.filter(model__community=community, withdrawn_at__isnull=True).select_related("model")
        return [
            Field(
                "revision",
                _("Version"),
                "choice",
                _("Its files and records stay; the hub answers with the reason instead."),
                options=tuple((version.revision, str(version)) for version in versions),
            ),
            Field("reason", _("Reason"), "long_text", _("Whoever asks for the version reads this.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"revision": values.get("revision", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which version it is."""
        known = frozenset({"model", "version"})
        require_keys(payload, {"revision", "reason"}, known)
        found = payload["revision"]
        versions = Version.objects.filter(model__community=community).select_related("model")
        version = versions.filter(revision=found).first() if isinstance(found, str) and "\x00" not in found else None
        if version is None:
            detail = "no version of this community has this revision"
            raise Invalid("unknown_release", detail, field="payload.revision", found=found)
        if version.withdrawn_at is not None:
            detail = "this release is withdrawn already"
            raise Conflict("already_withdrawn", detail, field="payload.revision", found=found)
        reason = " ".join(clean_text(payload, "reason", length_max=withdrawals.REASON_MAX).split())
        frozen = {
            "model": str(version.model), "version": version.number, "revision": version.revision, "reason": reason,
        }  # fmt: skip
        for name in known & set(payload):
            if payload[name] != frozen[name]:
                detail = "the version says otherwise"
                raise Invalid(
                    "release_differs", detail, field=f"payload.{name}", found=payload[name], allowed=frozen[name]
                )
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("version %(version)d of %(model)s is no longer handed out, and no update can start from it.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [
            Fact(_("Version"), f"{payload['model']} v{payload['version']}"),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Revision"), payload["revision"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Withdraw it."""
        withdrawals.withdraw(proposal, now)
