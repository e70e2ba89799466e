"""The small link to the page where owners of a shared wallet sign together, wherever one person would sign."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from governance.models import Community
from governance.wallets.checking import asks_wallets_of

register = template.Library()


@register.inclusion_tag("parts/shared_signing_link.html")
def shared_signing_link(community: Community, doing: str, **fields: object) -> dict[str, Any]:
    """Return the link for one thing to do, with what is known of it; nothing where contract wallets cannot sign."""
    if not asks_wallets_of(community):
        return {"href": ""}
    labels = {
        "delegation": _("Lend the votes of a wallet that several people hold"),
        "revocation": _("Take back what a wallet lends that several people hold"),
        "sponsorship": _("Back it with a wallet that several people hold"),
        "attestation": _("Sign with a wallet that several people hold"),
        "": _("Let a shared wallet lend votes, back a draft or sign a review"),
    }
    asked = {"do": doing, **fields} if doing else {}
    where = reverse("site:shared_signing", args=[community.slug])
    return {"href": f"{where}?{urlencode(asked)}" if asked else where, "label": labels[doing]}
