"""The kind of proposal that names who answers incidents."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.eip712 import AddressError, parse_address
from governance.errors import Invalid
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from models_registry.incidents import services

STEWARDS_MAX = 16
NAME_MAX = 80


class IncidentStewardsChange(ForOrAgainst):
    """Name the people who answer incidents; nobody named means the council in office."""

    name = "incident_stewards"
    label = gettext_lazy("Stewards of incidents")
    description = gettext_lazy("Name who looks into reported harm and answers in public; else the council does.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask for the people; the editor starts with those in office by vote."""
        named = community.incident_stewards.first()
        lines = [f"{each['address']} {each['name']}" for each in (named.members if named else [])]
        return [
            Field(
                "members",
                _("Stewards"),
                "long_text",
                _("One on each line: the address, then the name. At most 16; with nobody it is the council in office."),
                required=False,
                initial="\n".join(lines),
            )
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        lines = [line.split(None, 1) for line in str(values.get("members", "")).splitlines() if line.strip()]
        return {"members": [{"address": line[0], "name": line[1].strip() if line[1:] else ""} for line in lines]}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze who they are; an address stands for one person."""
        require_keys(payload, {"members"})
        members = payload["members"]
        if not isinstance(members, list) or not all(
            isinstance(member, dict) and set(member) == {"address", "name"} and isinstance(member["name"], str)
            for member in members
        ):
            raise Invalid("malformed_field", "a list of objects with address and name", field="payload.members")
        if len(members) > STEWARDS_MAX:
            detail = f"at most {STEWARDS_MAX} stewards"
            raise Invalid("malformed_field", detail, field="payload.members", found=len(members), allowed=STEWARDS_MAX)
        frozen = [{"address": _address(each["address"]), "name": _named(each["name"])} for each in members]
        if len({member["address"] for member in frozen}) != len(frozen):
            raise Invalid("malformed_field", "an address stands for one steward", field="payload.members")
        return {"members": frozen}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        people = len(payload["members"])
        if not people:
            return _("the council in office answers incidents.")
        return ngettext("%(n)d person answers incidents.", "%(n)d people answer incidents.", people) % {"n": people}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        people = [f"{member['name']} ({member['address']})" for member in payload["members"]]
        return [Fact(_("Stewards"), " · ".join(people) or "–"), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put them in office."""
        services.name_stewards(proposal, now)


def _address(text: object) -> str:
    try:
        return parse_address(text)  # type: ignore[arg-type]  # any JSON; refused there
    except AddressError as error:
        raise Invalid(error.code, error.detail, field="payload.members") from error


def _named(name: str) -> str:
    line = " ".join(name.split())
    if not 1 <= len(line) <= NAME_MAX or not line.isprintable():
        raise Invalid("length_out_of_range", f"a name has 1 to {NAME_MAX} characters", field="payload.members")
    return line
