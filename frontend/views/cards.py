"""Share cards as pictures: of a proposal, and of a release. In English or French, as the address says."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.utils.translation import get_language, gettext, ngettext, override

from frontend import cards, numbers, words
from frontend.flow import COLOURS
from frontend.templatetags.commonweights import localised
from frontend.views.asked import plain
from governance import selectors
from governance.clock import now
from governance.kinds import kind_named
from models_registry import selectors as registry

FRESH_SECONDS = 300


def proposal(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer with the card of a proposal: its title, its state and how it stands."""
    shown = selectors.proposal_detail(slug, number, now(), with_ballots=False)
    with override(_language(request)):
        return _answer(request, _of_proposal(shown))


def release(request: HttpRequest, revision: str) -> HttpResponse:
    """Answer with the card of a release: the model, its version, and what was measured."""
    shown = registry.release_detail(revision)
    version = shown.version
    community = version.model.community
    with override(_language(request)):
        headline = shown.row.headline
        measured = f"{words.word('metric', headline.metric).label}" if headline else ""
        line = (
            cards.Line(measured, numbers.ratio(headline.after, headline.unit), _share(headline.after), "c0")
            if headline and headline.after is not None
            else None
        )
        in_use = shown.row.in_use
        card = cards.Card(
            community=localised(community, "name"),
            kind=gettext("Model"),
            title=gettext("%(model)s, version %(number)s") % {"model": version.model, "number": version.number},
            state=gettext("Released by a vote") if in_use else gettext("Not in use"),
            tone="done" if in_use else "no",
            lines=(line,) if line else (),
            foot=gettext("From the weights back to the ballots: check it yourself"),
        )
        return _answer(request, card)


def _of_proposal(shown: selectors.ProposalDetail) -> cards.Card:
    state, found = words.word("proposal_state", shown.state), shown.results
    lines = tuple(
        cards.Line(
            str(words.choice(option.name, binary=found.binary).label),
            numbers.percent(option.share_bps),
            option.share_bps,
            option.name if found.binary else f"c{option.position % COLOURS}",
        )
        for option in found.options[:3]
    )
    voted = ngettext("%(n)s member voted", "%(n)s members voted", found.ballot_count)
    return cards.Card(
        community=localised(shown.community, "name"),
        kind=str(kind_named(shown.proposal.kind).label),
        title=shown.proposal.title,
        state=str(state.label),
        tone=state.tone,
        lines=lines if found.ballot_count else (),
        foot=voted % {"n": numbers.grouped(found.ballot_count)},
    )


def _answer(request: HttpRequest, card: cards.Card) -> HttpResponse:
    """Answer with the picture, or that the reader has it already."""
    etag = quote_etag(card.etag)
    response = get_conditional_response(request, etag=etag)
    if response is None or response.status_code == 200:  # noqa: PLR2004 - nothing is known there yet
        response = HttpResponse(cards.png(card), content_type="image/png")
    response["ETag"] = etag
    response["Content-Language"] = get_language() or settings.LANGUAGE_CODE
    patch_cache_control(response, public=True, max_age=FRESH_SECONDS)
    return response


def _language(request: HttpRequest) -> str:
    """Return the language of the address; without one, English: a picture cannot follow its reader's."""
    return "fr" if plain(request, "lang") == "fr" else "en"


def _share(value: object) -> int:
    """Return a measured share in basis points, for its bar."""
    return max(0, min(10_000, int(value * 10_000)))  # type: ignore[operator] - an exact fraction
