"""Answers: who is a newcomer to computing here, until when, by whose word; and how do I vouch for somebody."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import page_number, viewer
from governance import selectors
from governance.clock import now
from governance.errors import Refusal
from governance.models import Community
from training_jobs.commons import newcomers, policies
from training_jobs.commons.policy_parameters import KIND_NAMES

PAGE_SIZE = 50


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the members of whom somebody vouches; who is signed in can vouch for one."""
    return _page(request, selectors.community_named(slug))


@login_required
@require_POST
def attest(request: HttpRequest, slug: str) -> HttpResponse:
    """Vouch for somebody; what is wrong comes back with the form."""
    community = selectors.community_named(slug)
    said = {name: request.POST.get(name, "").strip() for name in ("member", "kind", "reason")}
    try:
        newcomers.attest(community, viewer(request), said["member"], said["kind"], said["reason"], now())
    except Refusal as refusal:
        return _page(request, community, said, refusal)
    return redirect("site:newcomers", slug=slug)


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take one's word back, or one that somebody gave of oneself."""
    newcomers.withdraw(selectors.community_named(slug), number, viewer(request), now())
    return redirect("site:newcomers", slug=slug)


def _page(
    request: HttpRequest, community: Community, said: dict[str, str] | None = None, refusal: Refusal | None = None
) -> HttpResponse:
    moment, actor = now(), viewer(request)
    rule = policies.newcomer_rule_of(community)
    pages = Paginator(newcomers.members_vouched_for(community, moment), PAGE_SIZE)
    found = pages.get_page(page_number(request))
    rows = newcomers.vouched(community, list(found.object_list), moment)
    people = {row.member for row in rows} | {each.peer for row in rows for each in row.attestations}
    context = {
        "community": community,
        "tab": "runs",
        "found": found,
        "rows": rows,
        "names": selectors.member_names(community, people),
        "rule": rule,
        "policy": policies.in_force(community),
        "kinds": [(name, KIND_NAMES[name]) for name in rule.kinds],
        "by_council": rule.attesters == policies.COUNCIL,
        "may_attest": newcomers.may_attest(community, actor, moment),
        "said": said or {},
        "refusal": words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed) if refusal else "",
        "wrong": refusal.field if refusal else "",
    }
    return render(request, "pages/newcomers.html", context, status=refusal.status if refusal else 200)
