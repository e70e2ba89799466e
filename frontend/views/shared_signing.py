"""Answers: what does a shared wallet sign, who are its owners, and how do I sign as one of them.

What the owners have signed so far is kept nowhere here: it stands after the # of a link that they give each other. This
page says in words what a message means, and whom the wallet names; the browser collects, joins and hands in
(`js/shared-signing.js`). Ballots have a page of their own, where they wait in the open (`shared_wallets.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontend.views.asked import plain
from governance import selectors
from governance.clock import now
from governance.eip712 import parse_address
from governance.errors import Invalid, Malformed, NotFound
from governance.kinds import all_kinds
from governance.models import Community
from governance.networks import network_of
from governance.wallets.checking import asks_wallets_of
from governance.wallets.holders import holders_of
from models_registry.duties import tasks
from training_jobs.reviews import selectors as reviews
from training_jobs.reviews.services import SIGN_SECONDS_MAX

NUMBER_DIGITS_MAX: Final = 12
MOMENT_MAX: Final = 253_000_000_000  # no calendar here goes further
SHARE_BPS_MAX: Final = 10_000
DOINGS: Final = ("delegation", "revocation", "sponsorship", "attestation")  # what the page has a form for


@dataclass(frozen=True)
class Meaning:
    """What a message says: the values of its words, the page where it shows once it counts, and whether it does."""

    said: dict[str, Any]
    result: str
    is_done: bool = False


@require_safe
def sign_together(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what shared wallets can sign here, and the form of what is asked for."""
    community = _community(slug)
    doing = plain(request, "do")
    prefilled = {name: plain(request, name) for name in ("delegate", "topic", "draft", "rule")}
    context = {
        "community": community,
        "tab": "delegates",
        "doings": DOINGS,
        "doing": doing if doing in DOINGS else "",
        "prefilled": prefilled,
        "run": plain(request, "run") if _is_number(plain(request, "run")) else "",
        "drafts": selectors.drafts_seeking_sponsors(community) if doing == "sponsorship" else [],
        "kinds": all_kinds(),
        "reason_max": tasks.REASON_MAX,
    }
    return render(request, "pages/shared_signing.html", context)


@require_safe
def meaning(request: HttpRequest, slug: str) -> HttpResponse:
    """Say in words what a message means, who the owners of the wallet are, and how many of them have to sign."""
    community, kind = _community(slug), plain(request, "kind")
    if kind not in KINDS:
        raise Invalid("unknown_message", "a shared wallet signs one of these", found=kind, allowed=list(KINDS))
    wallet = parse_address(request.GET.get("wallet", ""))
    found = KINDS[kind](community, wallet, request.GET)
    holders = holders_of(community, wallet, network_of(request, now()))
    names = selectors.member_names(community, {wallet, *holders.owners})
    context = {
        "community": community,
        "template": f"parts/signing_{kind}.html",
        "meaning": found,
        "said": found.said,
        "wallet": wallet,
        "wallet_name": names.get(wallet, ""),
        "owners": [(owner, names.get(owner, "")) for owner in sorted(holders.owners, key=str.lower)],
        "holders": holders,
    }
    return render(request, "parts/signing_meaning.html", context)


# --- kinds of messages --------------------------------------------------------------------------------------------


def _delegation(community: Community, wallet: str, asked: Mapping[str, str]) -> Meaning:
    delegate, topic = parse_address(asked.get("delegate", "")), asked.get("topic", "")
    if topic and topic not in all_kinds():
        raise Invalid("unknown_topic", "a topic is a kind of proposal, or all of them", field="topic", found=topic)
    said = {
        "delegate": delegate,
        "name": selectors.member_names(community, {delegate}).get(delegate, ""),
        "topic": topic,
        "share_bps": _number(asked, "share_bps", SHARE_BPS_MAX),
        "expires_at": _number(asked, "expires_at", MOMENT_MAX),
    }
    return Meaning(said, reverse("site:delegate", args=[community.slug, wallet]))


def _sponsorship(community: Community, wallet: str, asked: Mapping[str, str]) -> Meaning:
    shown = selectors.draft_to_sponsor(community.slug, _number(asked, "draft"), "")
    said = {"draft": shown.draft, "author_name": shown.author_name}
    is_done = wallet in {each.address for each in shown.sponsors}
    return Meaning(said, reverse("site:sponsor", args=[community.slug, shown.draft.pk]), is_done)


def _attestation(community: Community, wallet: str, asked: Mapping[str, str]) -> Meaning:
    found = reviews.review(_number(asked, "run"), now())
    if found.run.community.pk != community.pk:
        raise NotFound("no_review", "nobody in this community is asked to review this run", found=found.run.pk)
    duty = reviews.duty_named(found, asked.get("rule", ""))
    finding, reason = asked.get("finding", ""), asked.get("reason", "")
    if finding not in tasks.FINDINGS or len(reason) > tasks.REASON_MAX:
        raise Invalid("unknown_finding", "a reviewer finds one of these", found=finding, allowed=list(tasks.FINDINGS))
    said = {
        "run": found.run,
        "duty": duty,
        "finding": finding,
        "reason": reason,
        "until": _number(asked, "at", MOMENT_MAX) + SIGN_SECONDS_MAX,
    }
    is_done = wallet in {each.reviewer for each in duty.attested}
    return Meaning(said, reverse("site:run_review", args=[found.run.pk]), is_done)


KINDS: Final[Mapping[str, Callable[[Community, str, Mapping[str, str]], Meaning]]] = {
    "delegation": _delegation,
    "sponsorship": _sponsorship,
    "attestation": _attestation,
}


# --- helpers ------------------------------------------------------------------------------------------------------


def _community(slug: str) -> Community:
    community = selectors.community_named(slug)
    if not asks_wallets_of(community):
        raise Http404
    return community


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX


def _number(asked: Mapping[str, str], name: str, most: int = 10**NUMBER_DIGITS_MAX) -> int:
    text = asked.get(name, "")
    if not _is_number(text):
        raise Malformed("malformed_field", "this is a whole number", field=name, found=text)
    if int(text) > most:
        raise Invalid("value_out_of_range", "this is too much", field=name, found=int(text), allowed=f"0 – {most}")
    return int(text)
