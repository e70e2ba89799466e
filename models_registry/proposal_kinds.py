"""Kinds of proposals about what is handed out: withdrawal of a release, a pause that lasts, going back to a version."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry import rollbacks, withdrawals
from models_registry.models import Version

HOLD_DAYS_MAX = 730
_DIGITS_MAX = 3
_KNOWN = frozenset({"model", "version"})


class ReleaseWithdrawal(ForOrAgainst):
    """Stop handing out a released version, for good and with a reason. Nothing is deleted."""

    name = "release_withdrawal"
    label = gettext_lazy("Withdrawal of a release")
    description = gettext_lazy("Stop handing out a version of a model, with a reason that everybody can read.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which version, and why."""
        return [
            _version_field(community, _("Its files and records stay; the hub answers with the reason instead.")),
            Field("reason", _("Reason"), "long_text", _("Whoever asks for the version reads this.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"revision": values.get("revision", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which version it is."""
        require_keys(payload, {"revision", "reason"}, _KNOWN)
        return _frozen(payload, _version(community, payload))

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("version %(version)d of %(model)s is no longer handed out, and no update can start from it.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return _facts(payload)

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Withdraw it."""
        withdrawals.withdraw(proposal, now)


class ReleasePause(ForOrAgainst):
    """Keep a release paused longer than a guardian can, or end its pause."""

    name = "release_pause"
    label = gettext_lazy("Pause of a release")
    description = gettext_lazy("Keep a version from being handed out for some days or until another vote, or end that.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which version, how long, and why."""
        return [
            _version_field(community, _("Its files and records stay; the hub answers with the reason instead.")),
            Field(
                "days",
                _("Days"),
                "integer",
                _("From the execution on, at most 730. Empty: until another vote. 0 ends the pause at once."),
                required=False,
            ),
            Field("reason", _("Reason"), "long_text", _("Whoever asks for the version reads this.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload; what is not a number stays text and is refused by `clean`."""
        days = str(values.get("days", "")).strip()
        whole = days.isascii() and days.isdigit() and len(days) <= _DIGITS_MAX
        return {
            "revision": values.get("revision", ""),
            "days": None if not days else int(days) if whole else days,
            "reason": values.get("reason", ""),
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which version it is, and for how long."""
        require_keys(payload, {"revision", "reason", "days"}, _KNOWN)
        days = payload["days"]
        if days is not None and (type(days) is not int or not 0 <= days <= HOLD_DAYS_MAX):
            detail = "a number of days, or null for a pause until another vote"
            allowed = f"0 to {HOLD_DAYS_MAX}, or null"
            raise Invalid("malformed_field", detail, field="payload.days", found=days, allowed=allowed)
        return _frozen(payload, _version(community, payload)) | {"days": days}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        if payload["days"] is None:
            return _("version %(version)d of %(model)s is not handed out until another vote says otherwise.") % payload
        if payload["days"] == 0:
            return _("version %(version)d of %(model)s is handed out again.") % payload
        return (
            ngettext(
                "version %(version)d of %(model)s is not handed out for %(days)d day.",
                "version %(version)d of %(model)s is not handed out for %(days)d days.",
                payload["days"],
            )
            % payload
        )

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        days = payload["days"]
        said = _("until another vote") if days is None else str(days)
        return [*_facts(payload)[:1], Fact(_("Days"), said), *_facts(payload)[1:]]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Pause it, or end the pause."""
        withdrawals.hold(proposal, now)


class ReleaseRollback(ForOrAgainst):
    """Go back to an earlier version: it is the one that is handed out from then on."""

    name = "release_rollback"
    label = gettext_lazy("Return to an earlier version")
    description = gettext_lazy("Hand out an earlier version of a model instead of the newer ones, at once.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which version, and why."""
        return [
            _version_field(community, _("Later versions can still be had by their names; the next release is newest.")),
            Field("reason", _("Reason"), "long_text", _("Stands on the pages of the versions that are left.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"revision": values.get("revision", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which version it is; refuse one that is in use already, and one that is not published."""
        require_keys(payload, {"revision", "reason"}, _KNOWN)
        version = _version(community, payload)
        if version.published_at is None:
            detail = "this version is not published yet"
            raise Conflict("not_published", detail, field="payload.revision", found=version.revision)
        rollbacks.require_something_to_undo(version, "payload.revision")
        return _frozen(payload, version)

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("version %(version)d of %(model)s is handed out again as the current one.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return _facts(payload)

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Go back."""
        rollbacks.roll_back(proposal, now)


def _version_field(community: Community, help_text: str) -> Field:
    """Ask for a version that was not withdrawn."""
    versions = Version.objects.filter(model__community=community, withdrawn_at__isnull=True).select_related("model")
    options = tuple((version.revision, str(version)) for version in versions)
    return Field("revision", _("Version"), "choice", help_text, options=options)


def _version(community: Community, payload: dict[str, Any]) -> Version:
    """Return the version that a payload names; refuse a stranger's and a withdrawn one."""
    found = payload["revision"]
    versions = Version.objects.filter(model__community=community).select_related("model")
    version = versions.filter(revision=found).first() if isinstance(found, str) and "\x00" not in found else None
    if version is None:
        detail = "no version of this community has this revision"
        raise Invalid("unknown_release", detail, field="payload.revision", found=found)
    if version.withdrawn_at is not None:
        detail = "this release is withdrawn already"
        raise Conflict("already_withdrawn", detail, field="payload.revision", found=found)
    return version


def _frozen(payload: dict[str, Any], version: Version) -> dict[str, Any]:
    """Return what all these kinds freeze, and refuse a payload that says something else of the version."""
    reason = " ".join(clean_text(payload, "reason", length_max=withdrawals.REASON_MAX).split())
    frozen = {"model": str(version.model), "version": version.number, "revision": version.revision, "reason": reason}
    for name in sorted(_KNOWN & set(payload)):
        if payload[name] != frozen[name]:
            detail = "the version says otherwise"
            raise Invalid("release_differs", detail, field=f"payload.{name}", found=payload[name], allowed=frozen[name])
    return frozen


def _facts(payload: dict[str, Any]) -> list[Fact]:
    return [
        Fact(_("Version"), f"{payload['model']} v{payload['version']}"),
        Fact(_("Reason"), payload["reason"]),
        Fact(_("Revision"), payload["revision"]),
        Fact(_("Cost"), _("none")),
    ]
