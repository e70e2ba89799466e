"""The feed of a model (Atom, RFC 4287): releases, pauses, withdrawals, returns and incidents, as the log has them."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from frontend import words
from frontend.templatetags.commonweights import localised
from models_registry import happenings, selectors


def model(_request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Answer with the newest happenings; an entry is named by its place in the community's log."""
    card = selectors.model_named(namespace, name)
    community = card.model.community
    feed = Atom1Feed(
        title=localised(card.model, "title"),
        link=_absolute(reverse("site:model", args=[namespace, name])),
        feed_url=_absolute(reverse("site:model_feed", args=[namespace, name])),
        description="",
        author_name=localised(community, "name"),
        language=get_language() or "en",
    )
    log = _absolute(reverse("site:log", args=[community.slug]))
    for each in happenings.of_model(card.model):
        place = reverse("site:release", args=[each.revision])
        if each.incident is not None and each.event.kind.startswith("incident_"):
            place = reverse("site:incident", args=[community.slug, each.incident])
        title = f"{words.word('event', each.event.kind).label} – {_('version %(number)d') % {'number': each.number}}"
        feed.add_item(
            title,
            _absolute(place),
            _broken(each.passed_over) or each.reason,
            unique_id=f"{log}#{each.event.position}",
            pubdate=each.event.at,
            updateddate=each.event.at,
        )
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


def _broken(rules: tuple[str, ...]) -> str:
    """Say which rules a vote passed over, in the words of the pages; nothing for nearly all releases."""
    said = _("It breaks %(rules)s, and was published all the same.") % {"rules": ", ".join(rules)}
    return f"{_('Overridden by a vote')}. {said}" if rules else ""


def _absolute(path: str) -> str:
    return f"{settings.ORIGIN}{path}"
