"""How do I propose something? Choose a kind, answer its questions, read it as voters will, submit."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import forms
from frontend.views.policy_replays import replay_section
from frontend.views.power import decimals_of
from frontend.views.previews import section
from frontend.views.told_before import told_before
from frontend.words.kind_groups import grouped
from governance import selectors, services
from governance.clock import now
from governance.deliberation import co_authors, reading
from governance.errors import NotFound, Refusal
from governance.kinds import ProposalKind, all_kinds, kind_named
from governance.models import Community, Proposal
from governance.onchain.shown import draft_shown
from governance.tally import method_named
from models_registry.constitution import selectors as constitution


def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the kinds of proposals, and the viewer's drafts."""
    community = selectors.community_named(slug)
    drafts = selectors.drafts(community, request.user.address) if request.user.is_authenticated else []
    context = {"community": community, "tab": "proposals", "groups": grouped(all_kinds()), "drafts": drafts}
    return render(request, "pages/propose.html", context)


@login_required
def create(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Show the form of a kind; a posted form becomes a draft, or comes back with what is wrong."""
    community = selectors.community_named(slug)
    chosen = _kind(kind)
    if request.method != "POST":
        return _form(request, community, forms.blank(chosen, community, request.GET))
    answers = forms.answers_of(chosen, community, request.POST)
    try:
        content = forms.draft_of(chosen, answers, {})
        made = services.create_draft(community, request.user.address, content, now())
    except Refusal as refusal:
        return _form(request, community, forms.build(chosen, community, answers, refusal), status=refusal.status)
    return redirect("site:draft", slug=slug, draft_id=made.pk)


@login_required
@require_POST
def check(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """Say of a form that is being written what is still missing, or what voters would read. Stores nothing."""
    community = selectors.community_named(slug)
    chosen = _kind(kind)
    answers = forms.answers_of(chosen, community, request.POST)
    try:
        content = forms.draft_of(chosen, answers, {})
        written = services.unsaved_draft(community, request.user.address, content)
    except Refusal as refusal:
        return render(request, "parts/lint.html", {"form": forms.build(chosen, community, answers, refusal)})
    context = {
        "community": community,
        "kind": chosen,
        "effect": chosen.describe(written.payload),
        "cost": chosen.cost(written.payload),
        "rules": services.charter_of(community).rules_of(written.kind),
        **told_before(written, now()),
        "outlook": constitution.outlook(written),
        "clashes": constitution.clashes_with(written),
        "similar": reading.similar_to(written),
    }
    return render(request, "parts/lint.html", context)


@login_required
def draft(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show a draft as voters will see it, to those who write it."""
    return _preview(request, selectors.draft_to_write(slug, draft_id, request.user.address))


@login_required
def edit(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show the form of a draft; a posted form replaces its content. Whoever asks for JSON (autosave) gets JSON."""
    stored = selectors.draft_to_write(slug, draft_id, request.user.address)
    community, chosen = stored.community, kind_named(stored.kind)
    if request.method != "POST":
        return _form(request, community, forms.filled(chosen, community, stored), stored)
    answers = forms.answers_of(chosen, community, request.POST)
    by_itself = request.headers.get("accept") == "application/json"
    try:
        services.edit_draft(stored.pk, request.user.address, forms.draft_of(chosen, answers, stored.timing), now())
    except Refusal as refusal:
        if by_itself:
            return JsonResponse({"problem": forms.sentence(refusal)}, status=refusal.status)
        return _form(request, community, forms.build(chosen, community, answers, refusal), stored, refusal.status)
    if by_itself:
        return JsonResponse({"saved": True})
    return redirect("site:draft", slug=slug, draft_id=draft_id)


@login_required
@require_POST
def submit(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Put a draft to the vote."""
    stored = selectors.draft(slug, draft_id, request.user.address)
    try:
        proposal = services.submit(stored.pk, request.user.address, now())
    except Refusal as refusal:
        return _preview(request, stored, refusal)
    return redirect("site:proposal", slug=slug, number=proposal.number)


@login_required
@require_POST
def discard(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Throw a draft away."""
    stored = selectors.draft(slug, draft_id, request.user.address)
    services.cancel(stored.pk, request.user.address, "discarded by its author", now())
    return redirect("site:propose", slug=slug)


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take one's own proposal back, with a reason that everybody can read."""
    shown = selectors.proposal_detail(slug, number, now(), request.user.address)
    services.cancel(shown.proposal.pk, request.user.address, request.POST.get("reason", ""), now())
    return redirect("site:proposal", slug=slug, number=number)


def _kind(name: str) -> ProposalKind:
    """Return the kind named in the address; an unknown one is an address that does not exist."""
    if name not in all_kinds():
        raise NotFound("unknown_kind", "there is no such kind of proposal", found=name, allowed=sorted(all_kinds()))
    return kind_named(name)


def _form(
    request: HttpRequest,
    community: Community,
    form: forms.ProposalForm,
    stored: Proposal | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"community": community, "tab": "proposals", "form": form, "draft": stored}
    return render(request, "pages/proposal_form.html", context, status=status)


def _preview(request: HttpRequest, stored: Proposal, refusal: Refusal | None = None) -> HttpResponse:
    kind = kind_named(stored.kind)
    decimals = decimals_of(stored.community)
    context = {
        "community": stored.community,
        "tab": "proposals",
        "draft": stored,
        "is_author": stored.author == request.user.address,
        "together": bool(co_authors.of(stored)),
        "similar": reading.similar_to(stored),
        "contract": draft_shown(stored),
        "kind": kind,
        "effect": kind.describe(stored.payload),
        "facts": kind.facts(stored.payload),
        **told_before(stored, now()),
        "outlook": constitution.outlook(stored),
        "clashes": constitution.clashes_with(stored),
        "rules": services.charter_of(stored.community).rules_of(stored.kind),
        "tier": services.charter_of(stored.community).tier_of(stored.kind),
        "method": method_named(stored.method),
        "decimals": decimals,
        "refusal": forms.sentence(refusal, decimals) if refusal else "",
        "missing": _missing(refusal) if refusal else 0,
        **section(request, stored),
        **replay_section(stored),
    }
    return render(request, "pages/draft.html", context, status=refusal.status if refusal else 200)


def _missing(refusal: Refusal) -> int:
    """Return the power that lacks to the threshold, in base units; 0 for any other refusal."""
    if refusal.code != "below_threshold":
        return 0
    return int(str(refusal.allowed)) - int(str(refusal.found))
