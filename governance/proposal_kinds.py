"""Kinds of proposals about the community itself: a text that binds nobody but says what the community thinks."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Invalid
from governance.kinds import Fact, Field, clean_text, require_keys
from governance.models import Community, Proposal, Record


class TextSignal:
    """Ask the community a question."""

    name = "text_signal"
    label = gettext_lazy("Text signal")
    description = gettext_lazy("Ask the community for its opinion. Nothing is carried out.")
    scope = "opinions"

    def fields(self, community: Community) -> list[Field]:
        """Ask for the statement."""
        return [Field("statement", _("Statement"), "text", _("One sentence that members agree or disagree with."))]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"statement": values.get("statement", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the statement."""
        require_keys(payload, {"statement"})
        if "\n" in str(payload["statement"]):
            raise Invalid("malformed_field", "a statement is one line", field="payload.statement")
        return {"statement": clean_text(payload, "statement", length_max=300)}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the community has said: “%(statement)s” Nothing is carried out.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [Fact(_("Statement"), payload["statement"]), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Do nothing: the execution record is the whole effect."""
